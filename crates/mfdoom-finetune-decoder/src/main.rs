//! Trains a decoder on the embeddings of a model.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfdoom_cli::main(mfdoom_finetune_decoder::run)
}
