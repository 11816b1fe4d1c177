//! Trains the multimodal model on token tables.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_pretrain::run)
}
