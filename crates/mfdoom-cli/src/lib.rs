//! What every stage shares at the command line: arguments, configuration, progress, logs, exit codes.
//!
//! A stage is a library with `Args` and `run`; its `main.rs` is one line of [`main()`]:
//!
//! ```no_run
//! use clap::Parser;
//! use mfdoom_cli::{CommonArgs, OutputArgs};
//! use serde::Serialize;
//! use std::process::ExitCode;
//!
//! /// Does one thing well.
//! #[derive(Parser, Serialize)]
//! #[command(name = "mfdoom-example", version)]
//! struct Args {
//!     /// Fewest counts of a cell that stays.
//!     #[arg(long, value_name = "N", default_value_t = 0)]
//!     min_counts: u64,
//!     #[command(flatten)]
//!     #[serde(skip)]
//!     output: OutputArgs,
//!     #[command(flatten)]
//!     #[serde(skip)]
//!     common: CommonArgs,
//! }
//!
//! fn run(args: Args) -> mfdoom_error::Result<()> {
//!     let deciding = mfdoom_cli::settings(&args)?; // for the manifest: {"min_counts": 0}
//!     tracing::info!("{deciding}");
//!     Ok(())
//! }
//!
//! fn main() -> ExitCode {
//!     mfdoom_cli::main(run)
//! }
//! ```
//!
//! Every stage (or, with subcommands, every leaf command) flattens [`CommonArgs`]. Settings come from
//! defaults, then [`Presets`] where a stage has some, then `--config FILE.toml`, then `MFDOOM_<FLAG>`, then flags; the merge is written once, in
//! [`resolve`]. What a stage serialises is what decides its numbers: paths, threads, memory and logs are
//! `#[serde(skip)]`.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod allocator;
mod arguments;
mod assignment;
mod cell_list;
mod config;
mod console;
mod device;
mod entry;
mod generate;
mod limit;
mod logging;
mod memory;
mod numbers;
mod presets;
mod progress;
mod report;
pub mod resolve;
mod settings;
mod shard;
mod signals;
mod streams;

pub use allocator::{keep_freed_pages, small_pages};
pub use arguments::{CommonArgs, DeviceArgs, ForceArgs, LogFormat, OutputArgs, SeedArgs};
pub use assignment::Assignment;
pub use cell_list::CellList;
pub use console::Console;
pub use device::Device;
pub use entry::{main, main_with};
pub use generate::Generate;
pub use memory::MemorySize;
pub use mfdoom_error::nearest;
pub use numbers::{above_zero, count, finite, fraction, not_negative, positive, share};
pub use presets::Presets;
pub use progress::Progress;
pub use resolve::split_list;
pub use settings::{as_text, base_name, base_names, option_as_text, settings, to_json};
pub use shard::Shard;
pub use signals::{StopFlag, stop_flag};
pub use streams::{input, inputs, is_stream, output};
