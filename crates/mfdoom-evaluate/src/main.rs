//! Scores embeddings, velocities and expression profiles and draws them.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_evaluate::run)
}
