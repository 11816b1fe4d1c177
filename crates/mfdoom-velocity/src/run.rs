//! What `mfdoom-velocity` does: one module per subcommand.

use mfdoom_error::Result;

use crate::args::{Args, Command};
use crate::{fit, graph, predict};

/// Fits velocities, predicts them or draws their graph.
///
/// # Errors
/// Usage, contract or incompatible, as each subcommand lists them. Nothing partial stays.
pub fn run(args: Args) -> Result<()> {
    mfdoom_cli::keep_freed_pages();
    match args.command {
        Command::Fit(args) => fit::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Graph(args) => graph::run(&args),
    }
}
