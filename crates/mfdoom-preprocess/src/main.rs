//! Turns raw counts into one table of tokens.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_preprocess::run)
}
