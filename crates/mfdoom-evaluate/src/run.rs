//! What `mfdoom-evaluate` does: one module per subcommand.

use mfdoom_error::Result;

use crate::args::{Args, Command};
use crate::{embedding, expression, generated, trajectories, velocity};

/// Scores one kind of result.
///
/// # Errors
/// Usage: a head or an output that cannot be. Contract: no such label column, too few cells, NaN.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Embedding(args) => embedding::run(&args),
        Command::Retention(args) => embedding::retention::run(&args),
        Command::Velocity(args) => velocity::run(&args),
        Command::Expression(args) => expression::run(&args),
        Command::Generated(args) => generated::run(&args),
        Command::Trajectories(args) => trajectories::run(&args),
    }
}
