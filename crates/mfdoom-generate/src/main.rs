//! Generates cells along their velocity.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_generate::run)
}
