//! Helpers of the chain tests: where the binaries are, how they are run.

pub mod engines;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Returns the path of a stage's binary, built next to this test.
///
/// # Panics
/// Where it is not there: build with `--workspace`.
pub fn stage(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in target/release/deps");
    let path = folder.join(name);
    assert!(path.is_file(), "{} is not there: cargo build --release --workspace", path.display());
    path
}

/// Runs a stage in a folder and returns what it printed.
///
/// # Panics
/// Where it fails, with its messages.
pub fn run(folder: &Path, name: &str, arguments: &str) -> Output {
    let output = attempt(folder, name, arguments);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments}: {}\n{messages}", output.status);
    output
}

/// Runs a stage in a folder, whatever comes of it.
///
/// # Panics
/// Where it cannot be started.
pub fn attempt(folder: &Path, name: &str, arguments: &str) -> Output {
    let mut command = Command::new(stage(name));
    command.current_dir(folder).args(arguments.split_whitespace());
    command.output().expect("the stage starts")
}

/// Runs a stage that writes `killed` with checkpoints, and kills it at its first one.
///
/// # Panics
/// Where it ends before.
pub fn killed_at_a_checkpoint(folder: &Path, name: &str, arguments: &str) {
    let mut command = Command::new(stage(name));
    command.current_dir(folder).args(arguments.split_whitespace()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the stage starts");
    let ended = |child: &mut std::process::Child| child.try_wait().expect("the stage can be asked").is_some();
    while !folder.join("killed.checkpoint/state.json").is_file() && !ended(&mut child) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("the stage can be killed");
    child.wait().expect("the stage has ended");
    assert!(!folder.join("killed").exists(), "{name} {arguments}: it ended before it was killed");
}

/// Returns the bytes of a file.
///
/// # Panics
/// Where it is not there.
pub fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
