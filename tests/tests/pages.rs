//! One page per stage, `crates/<stage>/README.md`, equal to what `--help` prints.
//!
//! `MFDOOM_WRITE_PAGES=1 cargo test --release --workspace --test pages` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use mfdoom_tests::engines::root;
use mfdoom_tests::stage;

/// Returns the names of all stages: crates with a `main.rs`.
fn stages() -> Vec<String> {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = crates
        .filter(|path| path.join("src/main.rs").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Returns what a stage prints, at a fixed width.
fn help(name: &str, subcommand: Option<&str>) -> String {
    let mut command = Command::new(stage(name));
    command.args(subcommand).arg("--help").env("COLUMNS", "100");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name} {subcommand:?} --help: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Returns the names listed under `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

fn page(name: &str) -> String {
    let main = help(name, None);
    let mut page = format!("# {name}\n\n```text\n{main}\n```\n");
    for subcommand in subcommands(&main) {
        page += &format!("\n## {name} {subcommand}\n\n```text\n{}\n```\n", help(name, Some(&subcommand)));
    }
    page
}

#[test]
fn every_stage_has_a_page_equal_to_its_help() {
    let names = stages();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        let path = root().join("crates").join(&name).join("README.md");
        let wanted = page(&name);
        if std::env::var_os("MFDOOM_WRITE_PAGES").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "{}: not what --help prints; write it with MFDOOM_WRITE_PAGES=1",
            path.display()
        );
    }
}

#[test]
fn versions_are_told_at_once_on_one_line() {
    for name in stages() {
        let output = Command::new(stage(&name)).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.starts_with(&format!("{name} ")), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
