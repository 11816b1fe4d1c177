//! Puts the shards of a table or folder together.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_gather::run)
}
