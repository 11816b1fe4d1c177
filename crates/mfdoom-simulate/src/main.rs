//! Simulates single-cell counts with splicing kinetics, and their truth.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_simulate::run)
}
