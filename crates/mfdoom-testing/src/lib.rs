//! What tests share: where reference data lie, how a test says that it did not run, and numpy's archives.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod npz;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

pub use npz::{Array, Npz};

/// Says that nothing was checked, and why: straight to the stream, as the harness hides what a passing test prints.
pub fn skipped(why: impl Display) {
    let test = std::thread::current();
    // Without a standard error nobody listens.
    let _ = writeln!(std::io::stderr(), "SKIPPED {}: {why}", test.name().unwrap_or("a test"));
}

/// Returns a path below the folder of shared data (`MFDOOM_SHARED`, else `shared` next to the checkout), or says that
/// the test is skipped where it is not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let found = std::env::var_os("MFDOOM_SHARED").map_or_else(beside, PathBuf::from).join(path);
    if !found.exists() {
        skipped(format_args!("{} is not there (set MFDOOM_SHARED)", found.display()));
        return None;
    }
    Some(found)
}

/// Returns a Python that has a module (`MFDOOM_PYTHON`, else `python3`), or says that the test is skipped.
pub fn python(module: &str) -> Option<String> {
    let named = std::env::var("MFDOOM_PYTHON").ok();
    let found = named.into_iter().chain(["python3".to_owned()]).find(|python| {
        let imported = Command::new(python).args(["-c", &format!("import {module}")]).output();
        imported.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        skipped(format_args!("no Python with {module} (MFDOOM_PYTHON or python3)"));
    }
    found
}
