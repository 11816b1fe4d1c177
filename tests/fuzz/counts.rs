//! Damaged files of counts through the programs that read them: HDF5 itself may fail in ways that a process must survive.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mfdoom_tests::{run, stage};

use crate::mutate::{Random, mutate};
use crate::{State, is_wanted, number, until};

/// Longest that a stage may take: it lets HDF5 compute for ten seconds, which on a busy machine is a minute.
const LIMIT: Duration = Duration::from_secs(120);

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

/// Damages files of a format and runs a stage on each; `whole` writes the file of a case.
fn fuzz(name: &str, n: u64, whole: impl Fn(u64) -> Vec<u8>) {
    if !is_wanted(name) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let state = State::open();
    let first = state.next(name);
    let (mut refused, mut read) = (0, 0);
    let (begin, until) = (Instant::now(), until());
    for case in (first..first + n).take_while(|_| Instant::now() < until) {
        let mut random = Random::new(number("MFDOOM_FUZZ_SEED", 1), name, case);
        let mut bytes = whole(case);
        let times = 1 + random.below(3);
        let what: Vec<String> = (0..times).map(|_| mutate(&mut bytes, &mut random)).collect();
        fs::write(folder.join("a"), bytes).unwrap();
        let told = format!("{name} case {case}: {}", what.join(", "));
        let status = outcome(folder, "mfdoom-preprocess", "a -o t.parquet --force -qq");
        let status = status.unwrap_or_else(|| panic!("{told}: no end after {LIMIT:?}"));
        match status.code() {
            Some(0) => read += 1,
            Some(3 | 4) => refused += 1,
            code => panic!("{told}: exit {code:?}, signal {:?}", status.signal()),
        }
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains(".tmp-")), "{told}: left {left:?}");
        state.set(name, case + 1);
    }
    let speed = f64::from(refused + read) / begin.elapsed().as_secs_f64();
    println!("{name}: from case {first}: {refused} refused, {read} read, {speed:.0} a second");
    assert!(refused > 0);
}

#[test]
fn damaged_counts_end_a_stage_with_a_message() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "mfdoom-simulate", "-o whole.h5ad --cells 40 --genes 50 --seed 1");
    let whole = fs::read(folder.path().join("whole.h5ad")).unwrap();
    fuzz("h5ad", number("MFDOOM_FUZZ_CASES", 200), |_| whole.clone());
}

#[test]
fn damaged_files_of_other_formats_end_a_stage_with_a_message() {
    for name in crate::inputs::OF_HDF5 {
        let folder = tempfile::tempdir().unwrap();
        let file = |case| crate::inputs::whole(name, case, folder.path());
        fuzz(&format!("input {name}"), number("MFDOOM_FUZZ_CASES", 200).min(100_000) / 4, file);
    }
}
