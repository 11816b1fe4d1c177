//! Trains the multimodal model on token tables.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main_with(mfdoom_pretrain::run, Some(&mfdoom_pretrain::FAMILY))
}
