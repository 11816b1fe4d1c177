//! Publishing: what exists under its final name is whole.
//!
//! A file or folder is written next to its target as `NAME.tmp-HOST-RANDOM`, synced and renamed by `commit`.
//! Dropped without a commit it is removed, and [`remove_partials`] removes all of this process when a signal ends
//! it. What a killed process left is removed by the next one that writes the same target: a partial output is
//! locked as long as its process lives.
//!
//! | file | for |
//! |---|---|
//! | `file`, `dir`, `output` | [`AtomicFile`], [`AtomicDir`], [`OutputFile`] |
//! | `partial` | names of partial outputs, the list of those of this process, left-overs |
//! | `target` | what may be written where |
//! | `exchange` | renames that replace in one step, or nothing |
//! | `lock` | locks of files and folders; [`FileLock`] for a file that is changed through a copy |

mod dir;
mod exchange;
mod file;
mod lock;
mod output;
mod partial;
mod target;

pub use dir::AtomicDir;
pub use exchange::recover;
pub use file::AtomicFile;
pub use lock::FileLock;
pub use output::OutputFile;
pub use partial::{name_targets, remove_leftovers, remove_partials};
