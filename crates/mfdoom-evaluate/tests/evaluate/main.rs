//! The stage from files to files, in this process.

mod errors;
mod pancreas;
mod scores;
mod world;
