//! Two runs with one output, what killed runs left, and files that several runs change.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use mfdoom_artifact::publish::{FileLock, name_targets};
use mfdoom_artifact::{AtomicDir, AtomicFile};
use mfdoom_error::Kind;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the name that a killed run on this machine would have left for `target`.
fn left_by_a_kill(target: &Path) -> PathBuf {
    let made = AtomicFile::create(target, false).unwrap();
    let name = made.path().file_name().unwrap().to_str().unwrap().to_owned();
    let (machine, _) = name.rsplit_once('-').unwrap();
    target.with_file_name(format!("{machine}-{:016x}", 7))
}

fn lay_untouched_for_two_days(path: &Path) {
    let before = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    File::open(path).unwrap().set_modified(before).unwrap();
}

#[test]
fn what_a_killed_run_left_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("t.parquet");
    let left = left_by_a_kill(&target);
    let others = ["t.parquet.tmp-1-0", "t.parquet.tmp-notes", "s.parquet.tmp-0000-0000000000000000"];
    fs::write(&left, "half").unwrap();
    others.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
    let alive = AtomicFile::create(&target, false).unwrap();
    assert!(!left.exists());
    let second = AtomicFile::create(&target, false).unwrap();
    assert!(alive.path().exists() && second.path().exists());
    alive.commit().unwrap();
    assert_eq!(second.commit().unwrap_err().kind(), Kind::Usage);
    let mut wanted = others.map(str::to_owned).to_vec();
    wanted.push("t.parquet".into());
    wanted.sort();
    assert_eq!(names(folder.path()), wanted);
}

#[test]
fn what_a_run_on_another_machine_left_must_be_old() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let left = folder.path().join("model.tmp-0000-0000000000000007");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("a"), "half").unwrap();
    drop(AtomicDir::create(&target, false).unwrap());
    assert!(left.exists());
    lay_untouched_for_two_days(&left.join("a"));
    lay_untouched_for_two_days(&left);
    drop(AtomicDir::create(&target, false).unwrap());
    assert!(!left.exists());
}

#[test]
fn two_runs_replace_one_folder_and_neither_loses_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let write = |text: &str| {
        let dir = AtomicDir::create(&target, true).unwrap();
        fs::write(dir.path().join("a"), text).unwrap();
        fs::write(dir.path().join("manifest.json"), "{}").unwrap();
        dir
    };
    let (first, second) = (write("1"), write("2"));
    first.commit().unwrap();
    assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "1");
    second.commit().unwrap();
    assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "2");
    assert_eq!(names(folder.path()), ["model"]);
}

#[test]
fn force_removes_no_folder_that_is_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("thesis");
    fs::create_dir(&target).unwrap();
    fs::write(target.join(".nextflow.log"), "").unwrap();
    AtomicDir::check(&target, true).unwrap();
    fs::write(target.join("chapter.tex"), "years").unwrap();
    let error = AtomicDir::create(&target, true).unwrap_err();
    assert!(error.kind() == Kind::Usage && error.to_string().contains("chapter.tex"), "{error}");
    // Also where it fills while a run works.
    fs::remove_file(target.join("chapter.tex")).unwrap();
    let dir = AtomicDir::create(&target, true).unwrap();
    fs::write(target.join("chapter.tex"), "years").unwrap();
    assert_eq!(dir.commit().unwrap_err().kind(), Kind::Usage);
    assert_eq!(fs::read_to_string(target.join("chapter.tex")).unwrap(), "years");
    assert_eq!(names(folder.path()), ["thesis"]);
}

#[test]
fn a_message_names_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("t.parquet");
    let file = AtomicFile::create(&target, false).unwrap();
    let text = format!("{}: no space left", file.path().display());
    assert_eq!(name_targets(&text), format!("{}: no space left", target.display()));
}

#[test]
fn a_file_that_changed_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5ad");
    fs::write(&path, "one").unwrap();
    let lock = FileLock::wait(&path).unwrap();
    lock.check().unwrap();
    fs::write(&path, "two!").unwrap();
    assert_eq!(lock.check().unwrap_err().kind(), Kind::Failed);
    assert_eq!(FileLock::wait(&folder.path().join("none")).unwrap_err().kind(), Kind::Contract);
}

#[test]
#[cfg(target_os = "linux")]
fn the_second_run_waits_and_sees_the_file_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5ad");
    fs::write(&path, "one").unwrap();
    let first = FileLock::wait(&path).unwrap();
    let (send, receive) = mpsc::channel();
    let theirs = path.clone();
    let second = std::thread::spawn(move || {
        let lock = FileLock::wait(&theirs).unwrap();
        send.send(()).unwrap();
        lock.check().unwrap();
        fs::read_to_string(theirs).unwrap()
    });
    assert!(receive.recv_timeout(Duration::from_millis(200)).is_err());
    fs::write(folder.path().join("new"), "two").unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    drop(first);
    assert_eq!(second.join().unwrap(), "two");
}
