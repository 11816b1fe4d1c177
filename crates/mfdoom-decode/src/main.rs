//! Applies decoders: expression, sampled counts, labels.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_decode::run)
}
