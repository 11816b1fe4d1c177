//! Damaged files of counts through the programs that read them: HDF5 itself may fail in ways that a process must survive.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mfdoom_tests::{run, stage};

use crate::mutate::{Random, mutate};
use crate::{LIMIT, State, number};

/// Runs a stage, and ends it when it takes too long.
fn outcome(folder: &Path, name: &str, arguments: &str) -> Option<std::process::ExitStatus> {
    let mut command = Command::new(stage(name));
    command.current_dir(folder).args(arguments.split_whitespace());
    let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[test]
fn damaged_counts_end_a_stage_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "mfdoom-simulate", "-o whole.h5ad --cells 40 --genes 50 --seed 1");
    let whole = fs::read(folder.join("whole.h5ad")).unwrap();
    let state = State::open();
    let first = state.next("h5ad");
    let n = number("MFDOOM_FUZZ_CASES", 200);
    let (mut refused, mut read) = (0, 0);
    for case in first..first + n {
        let mut random = Random::new(number("MFDOOM_FUZZ_SEED", 1), "h5ad", case);
        let mut bytes = whole.clone();
        let times = 1 + random.below(3);
        let what: Vec<String> = (0..times).map(|_| mutate(&mut bytes, &mut random)).collect();
        fs::write(folder.join("a.h5ad"), bytes).unwrap();
        let told = format!("h5ad case {case}: {}", what.join(", "));
        let status = outcome(folder, "mfdoom-preprocess", "a.h5ad -o t.parquet --force -qq");
        let status = status.unwrap_or_else(|| panic!("{told}: no end after {LIMIT:?}"));
        match status.code() {
            Some(0) => read += 1,
            Some(3 | 4) => refused += 1,
            code => panic!("{told}: exit {code:?}, signal {:?}", status.signal()),
        }
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains(".tmp-")), "{told}: left {left:?}");
    }
    state.set("h5ad", first + n);
    println!("h5ad: from case {first}: {refused} refused, {read} read");
    assert!(refused > 0);
}
