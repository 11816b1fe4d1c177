//! The stage as a process: equal bytes, exit codes, signals, memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn command(folder: &Path, flags: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfdoom-simulate"));
    command.current_dir(folder).args(flags.split_whitespace());
    command
}

fn simulate(folder: &Path, flags: &str) -> Output {
    command(folder, flags).output().unwrap()
}

fn bytes(flags: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let output =
        simulate(folder.path(), &format!("-o sim.h5ad --cells 700 --genes 300 --truth full {flags}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    fs::read(folder.path().join("sim.h5ad")).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let one = bytes("--seed 3 --threads 1");
    assert!(one == bytes("--seed 3 --threads 1"), "a repeat differs");
    assert!(one == bytes("--seed 3 --threads 2"), "two threads differ from one");
    assert!(one == bytes("--seed 3 --max-memory 6MiB"), "smaller blocks differ");
    assert!(one != bytes("--seed 4 --threads 1"), "another seed changes nothing");
}

#[test]
fn mistakes_end_with_exit_code_2_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for flags in ["", "-o sim.h5ad --genes 0", "-o sim.h5ad --truth some", "-o none/sim.h5ad"] {
        let output = simulate(folder.path(), flags);
        assert_eq!(output.status.code(), Some(2), "{flags}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_terminated_run_leaves_nothing() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    let mut run = command(folder.path(), "-o sim.h5ad --cells 2000000 --genes 2000");
    let mut child = run.stderr(Stdio::null()).spawn().unwrap();
    while fs::read_dir(folder.path()).unwrap().count() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
