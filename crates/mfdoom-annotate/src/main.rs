//! Adds embeddings and velocities to a copy of an AnnData file.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_annotate::run)
}
