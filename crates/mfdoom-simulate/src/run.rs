//! What `mfdoom-simulate` does.

use mfdoom_error::Result;

use crate::args::Args;
use crate::plan::Plan;
use crate::write;

/// Simulates cells and writes their files.
///
/// # Errors
/// Usage: an impossible setting, or an output that exists without `--force`. Failed: the disk is full.
pub fn run(args: Args) -> Result<()> {
    let plan = Plan::new(&args)?;
    plan.log();
    write::run(&plan, &args)
}
