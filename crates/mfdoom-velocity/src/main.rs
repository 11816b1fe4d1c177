//! RNA velocity from counts, and what follows from it.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_velocity::run)
}
