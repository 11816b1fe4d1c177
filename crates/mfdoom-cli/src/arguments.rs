//! Groups of arguments that stages flatten into their own.
//!
//! Every argument names its help heading: a heading set on a flattened struct would leak to its neighbours.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::{Device, Generate, MemorySize};

/// How log lines and errors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What every stage has: configuration, threads, memory, logs.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Read settings from a TOML file, keys named as the flags
    ///
    /// Flags win over MFDOOM_* variables, and variables over the file. A table holds the settings of one stage,
    /// e.g. [preprocess], or of one subcommand, e.g. [velocity.fit].
    #[arg(long, value_name = "FILE.toml", help_heading = "Running")]
    pub config: Option<PathBuf>,

    /// Threads to use [default: what the machine or its cgroup grants]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,

    /// Memory to stay within, e.g. 4GiB
    ///
    /// Simulate, preprocess and velocity fit cut their work into pieces that fit. A stage that takes more all the same
    /// ends with an error (on Linux, and from 256 MiB on, as the program itself takes some of it).
    #[arg(long, value_name = "SIZE", help_heading = "Running")]
    pub max_memory: Option<MemorySize>,

    /// Validate the inputs and print what would run, writing nothing
    #[arg(long, help_heading = "Running")]
    pub check: bool,

    /// Say less: warnings only; -qq: errors only
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Logs")]
    pub quiet: u8,

    /// Say more: -v debug, -vv trace
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Logs")]
    pub verbose: u8,

    /// Form of log lines and errors
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, help_heading = "Logs")]
    pub log_format: LogFormat,

    /// Print a completion script or the manual page
    #[arg(long, value_enum, value_name = "WHAT", hide = true)]
    pub generate: Option<Generate>,
}

/// Most threads that can be meant.
const MOST_THREADS: usize = 4096;

/// Reads a number of threads.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads: Option<NonZeroUsize> = text.parse().ok();
    threads
        .filter(|threads| threads.get() <= MOST_THREADS)
        .ok_or_else(|| format!("'{text}' is not a whole number from 1 to {MOST_THREADS}"))
}

/// `--seed`, for stages that draw random numbers.
#[derive(Args, Clone, Copy, Debug, Default, Serialize)]
pub struct SeedArgs {
    /// Seed of every random stream; equal seeds give equal bytes
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Running")]
    pub seed: u64,
}

/// `--force`, for stages that write something.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ForceArgs {
    /// Overwrite the output if it exists
    #[arg(long, help_heading = "Output")]
    pub force: bool,
}

/// `-o` and `--force`.
#[derive(Args, Clone, Debug, Default)]
pub struct OutputArgs {
    /// Where to write; - is standard output
    #[arg(short, long, value_name = "PATH", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Overwrite the output if it exists
    #[arg(long, help_heading = "Output")]
    pub force: bool,
}

/// `--device`, for stages that run a model.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct DeviceArgs {
    /// Where tensors live: auto, cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value_t, help_heading = "Running")]
    pub device: Device,
}
