//! Publishing: what exists under its final name is whole.
//!
//! A file or folder is written beside its target as `NAME.tmp-PID-N`, synced and renamed by `commit`.
//! Dropped without a commit it is removed, and [`remove_partials`] removes all of them when a signal ends
//! the process.

mod dir;
mod file;
mod output;
mod partial;

pub use dir::AtomicDir;
pub use file::AtomicFile;
pub use output::OutputFile;
pub use partial::remove_partials;
