//! Embeds cells with a trained model.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_embed::run)
}
