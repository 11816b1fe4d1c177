//! Puts the shards of a table or folder together.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | the command line |
//! | [`table`] | tables of cells: opened, compared, copied |
//! | [`folder`] | velocity folders: their tables of cells, and what all shards share |
//! | [`agree`] | what must be equal between shards, and that each is there once |

pub mod agree;
pub mod args;
pub mod folder;
pub mod table;

pub use args::Args;
use mfdoom_error::{Error, Result};

/// Runs the stage.
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
