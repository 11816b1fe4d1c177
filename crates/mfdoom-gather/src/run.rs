//! What `mfdoom-gather` does.

use mfdoom_error::{Error, Result};

use crate::args::Args;
use crate::{folder, table};

/// Puts the shards of a table or folder together.
///
/// # Errors
/// Contract: a shard is missing, there twice or not a shard; other columns or settings. Incompatible: shards of
/// another model, vocabulary or version. Nothing partial stays.
pub fn run(args: Args) -> Result<()> {
    let folders = args.parts.iter().filter(|part| part.is_dir()).count();
    match folders {
        0 => table::gather(&args),
        n if n == args.parts.len() => folder::gather(&args),
        _ => Err(Error::usage("some parts are files and some are folders")
            .wanted("the shards of one output")
            .help("gather tables and folders one after the other")),
    }
}
