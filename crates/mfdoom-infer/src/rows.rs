//! The rows of a token table that `--shard` asks for.

use std::ops::Range;

use mfdoom_cli::Shard;
use mfdoom_error::{Error, Result};
use mfdoom_tokens::TokenReader;

/// Returns the rows of a shard; none is the whole table.
///
/// # Errors
/// Usage: a shard of a stream, which does not tell how many cells it has.
pub fn shard_rows(reader: &TokenReader, shard: Option<Shard>) -> Result<Option<Range<usize>>> {
    let Some(shard) = shard else { return Ok(None) };
    let Some(n) = reader.n_cells() else {
        return Err(Error::usage("--shard needs to know the number of cells, which a stream does not tell")
            .help("give the tokens as a parquet file"));
    };
    let cells = shard.rows(n as u64);
    Ok(Some(cells.start as usize..cells.end as usize))
}
