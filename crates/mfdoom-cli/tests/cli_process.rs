//! A whole stage as a process: exit codes, panics, signals, streams, help.
//!
//! This executable is both the test and, when [`AS_STAGE`] is set, the stage that it starts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::Duration;

use clap::Parser;
use mfdoom_artifact::AtomicFile;
use mfdoom_cli::{CommonArgs, OutputArgs, Progress};
use mfdoom_error::{Error, Result};

const AS_STAGE: &str = "CLI_PROCESS_AS_STAGE";

/// Does as it is told.
#[derive(Parser)]
#[command(name = "mfdoom-example", version)]
struct Args {
    /// How to end
    #[arg(value_name = "END")]
    end: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    common: CommonArgs,
}

fn stage(args: Args) -> Result<()> {
    let partial = || AtomicFile::create(args.output.output.as_deref().unwrap(), false);
    match args.end.as_str() {
        "well" => Ok(()),
        "failed" => Err(Error::failed("the disk is full")),
        "usage" => Err(Error::usage("no")),
        "contract" => Err(Error::contract("x.h5ad: not counts").found("0.5").wanted("1").help("raw counts")),
        "incompatible" => Err(Error::incompatible("another vocabulary")),
        "pipe" => {
            let bytes = [0; 4096];
            loop {
                std::io::stdout().lock().write_all(&bytes)?;
            }
        }
        "panic" => {
            let _partial = partial()?;
            panic!("index out of range")
        }
        "sleep" => {
            let _partial = partial()?;
            println_ready();
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        "memory" => {
            let _partial = partial()?;
            let blocks: Vec<Vec<u8>> = (0..4096).map(|_| vec![1; 1 << 20]).collect();
            Err(Error::failed(format!("{} MiB were had", blocks.len())))
        }
        "overflow" => {
            let sizes: Vec<u64> = Vec::with_capacity(std::hint::black_box(usize::MAX));
            Err(Error::failed(format!("{} numbers were had", sizes.capacity())))
        }
        "checkpoint" => {
            let flag = mfdoom_cli::stop_flag();
            println_ready();
            while flag.requested().is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::fs::write(args.output.output.as_deref().unwrap(), "checkpoint")?;
            flag.check()
        }
        "threads" => Err(Error::failed(format!(
            "{} {}",
            rayon::current_num_threads(),
            std::env::var("RAYON_NUM_THREADS").unwrap()
        ))),
        "progress" => {
            let progress = Progress::new("reading", Some(10), "cells").every(Duration::ZERO);
            progress.inc(5);
            Ok(())
        }
        "stdout" => mfdoom_cli::output(args.output.output.as_deref(), false).map(drop),
        other => Err(Error::usage(format!("unknown end {other}"))),
    }
}

/// Tells the test that the stage has come this far.
fn println_ready() {
    std::io::stdout().write_all(b"ready\n").unwrap();
    std::io::stdout().flush().unwrap();
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(AS_STAGE, "1").args(arguments).stdin(Stdio::null());
    command
}

fn ended(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn exit_codes_follow_the_kind_of_error() {
    let codes = [("well", 0), ("failed", 1), ("usage", 2), ("contract", 3), ("incompatible", 4)];
    for (end, code) in codes {
        let output = ended(&[end, "-q"]);
        assert_eq!(output.status.code(), Some(code), "{end}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    let output = ended(&["contract", "-q"]);
    assert_eq!(
        stderr(&output),
        "error: x.h5ad: not counts\n   found: 0.5\n  wanted: 1\n    help: raw counts\n"
    );
    assert_eq!(ended(&["well", "--nonsense"]).status.code(), Some(2));
    assert_eq!(ended(&[]).status.code(), Some(2));
}

fn errors_and_logs_can_be_json_lines() {
    let output = ended(&["contract", "-v", "--log-format", "json"]);
    let text = stderr(&output);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2, "{text}");
    let last = lines.last().unwrap();
    assert_eq!(last["exit_code"], 3);
    assert_eq!(last["message"], "x.h5ad: not counts");
    assert_eq!(last["found"], "0.5");
    assert!(lines[0]["message"].as_str().unwrap().starts_with("configuration: end=contract"), "{text}");
    assert!(!stderr(&ended(&["well"])).contains("configuration"), "the log of a run begins with the run");
}

fn help_and_version_go_to_standard_output() {
    let output = ended(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "mfdoom-example 0.1.0\n");
    let output = ended(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(help.contains("Exit codes:") && help.contains("MFDOOM_MIN_COUNTS"), "{help}");
}

fn completions_and_the_manual_are_generated() {
    let beginnings = [
        ("bash", "complete -F"),
        ("zsh", "#compdef mfdoom-example"),
        ("fish", "complete -c mfdoom-example"),
        ("man", ".TH mfdoom-example 1"),
    ];
    for (what, beginning) in beginnings {
        let output = ended(&["--generate", what]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(text.contains(beginning), "{what}: {text}");
    }
}

fn a_closed_pipe_is_success() {
    let mut child = command(&["pipe", "-q"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

fn a_panic_is_one_short_message_and_leaves_nothing() {
    let folder = Folder::new("panic");
    let output = folder.path("out");
    let output = command(&["panic", "-q", "-o", output.to_str().unwrap()])
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.starts_with("error: this is a bug in mfdoom-example: index out of range"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(folder.is_empty());
}

fn signals_end_by_the_signal_and_leave_nothing() {
    for name in ["INT", "TERM", "HUP", "USR1", "USR2", "XCPU"] {
        let signal = number_of(name);
        if is_ignored(signal) {
            mfdoom_testing::skipped(format!("the tests were started with {name} ignored"));
            continue;
        }
        let folder = Folder::new("signal");
        let mut child = waiting(&["sleep", "-q", "-o", folder.path("out").to_str().unwrap()]);
        assert!(!folder.is_empty(), "the partial file is there while the stage runs");
        send(&child, signal);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal));
        assert!(folder.is_empty());
    }
}

/// Says whether this process, and so what it starts, ignores a signal, as `nohup` makes it do.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored & (1 << (signal - 1)) != 0
}

fn a_signal_that_nohup_ignores_stays_ignored() {
    let folder = Folder::new("nohup");
    let out = folder.path("out");
    let mut stage = Command::new("nohup");
    stage.arg(std::env::current_exe().unwrap()).args(["sleep", "-q", "-o", out.to_str().unwrap()]);
    stage.env(AS_STAGE, "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = stage.spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
    send(&child, number_of("HUP"));
    send(&child, number_of("TERM"));
    assert_eq!(child.wait().unwrap().signal(), Some(number_of("TERM")));
}

/// The kernel keeps signals without a handler from the first process of a container.
fn the_first_process_of_a_container_ends_with_the_code_of_a_shell() {
    let folder = Folder::new("container");
    let exe = std::env::current_exe().unwrap();
    let mut stage = Command::new("unshare");
    stage.args(["--map-root-user", "--pid", "--fork", "--kill-child", "bash", "-c"]);
    stage.arg("exec \"$0\" sleep -q -o \"$1\"").arg(&exe).arg(folder.path("out"));
    stage.env(AS_STAGE, "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = stage.spawn() else {
        mfdoom_testing::skipped("no unshare(1) to make a container with");
        return;
    };
    if child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).is_err() {
        mfdoom_testing::skipped("no container may be made here");
        return;
    }
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let inner = std::fs::read_to_string(children).unwrap_or_default();
    let Some(inner) = inner.split_whitespace().next() else {
        mfdoom_testing::skipped("the kernel does not list the children of a process");
        return;
    };
    assert!(Command::new("kill").args(["-TERM", inner]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(128 + number_of("TERM")));
    assert!(folder.is_empty());
}

fn too_little_memory_is_an_error_and_leaves_nothing() {
    let folder = Folder::new("memory");
    let out = folder.path("out");
    let mut tried = 0;
    for kib in [60_000, 200_000, 1_000_000] {
        let mut shell = Command::new("bash");
        shell.args(["-c", "ulimit -v \"$2\" || exit 99; exec \"$0\" memory -q --threads 2 -o \"$1\""]);
        shell.arg(std::env::current_exe().unwrap()).arg(&out).arg(kib.to_string());
        let output = shell.env(AS_STAGE, "1").stdin(Stdio::null()).output().unwrap();
        if output.status.code() == Some(99) {
            mfdoom_testing::skipped("no limit can be set here");
            return;
        }
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{kib} KiB: {:?} {text}", output.status);
        assert!(text.starts_with("error: ") && !text.contains("bug"), "{kib} KiB: {text}");
        assert!(folder.is_empty(), "{kib} KiB");
        tried += 1;
    }
    assert_eq!(tried, 3);
}

fn more_than_max_memory_is_an_error_and_leaves_nothing() {
    let folder = Folder::new("limit");
    let out = folder.path("out");
    let arguments = ["memory", "-q", "--max-memory", "300MiB", "-o", out.to_str().unwrap()];
    let output = ended(&arguments);
    let text = stderr(&output);
    if cfg!(not(target_os = "linux")) {
        mfdoom_testing::skipped("only Linux tells what a process holds");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: this run takes more than --max-memory 300.0 MiB"), "{text}");
    assert!(folder.is_empty());
    let output = ended(&["memory", "-q", "--max-memory", "16GiB", "-o", out.to_str().unwrap()]);
    assert_eq!(stderr(&output), "error: 4096 MiB were had\n");
}

fn a_number_beyond_all_memory_is_no_bug() {
    let output = ended(&["overflow", "-q"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("error: more memory was asked for") && !text.contains("bug"), "{text}");
}

fn a_stage_may_write_a_checkpoint_before_it_dies() {
    let folder = Folder::new("checkpoint");
    let mut child = waiting(&["checkpoint", "-q", "-o", folder.path("out").to_str().unwrap()]);
    send(&child, 15);
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!(std::fs::read_to_string(folder.path("out")).unwrap(), "checkpoint");
}

fn threads_reach_rayon_and_candle() {
    let output = ended(&["threads", "-q", "--threads", "3"]);
    assert_eq!(stderr(&output), "error: 3 3\n");
    assert_eq!(ended(&["threads", "-q", "--threads", "9999999"]).status.code(), Some(2));
    let output = command(&["threads", "-q"]).env("MFDOOM_THREADS", "1").output().unwrap();
    assert_eq!(stderr(&output), "error: 1 1\n");
}

fn progress_is_a_log_line_where_no_terminal_is() {
    let output = ended(&["progress"]);
    let text = stderr(&output);
    assert!(
        text.contains("reading: 5 of 10 cells, ") && text.contains("cells/s, ") && text.contains("left"),
        "{text}"
    );
    assert!(!stderr(&ended(&["progress", "-q"])).contains("reading"));
}

fn a_terminal_gets_help_instead_of_data() {
    let Some(output) = on_a_terminal("stdout") else {
        mfdoom_testing::skipped("no script(1) to make a terminal with");
        return;
    };
    assert!(
        output.contains("Usage: mfdoom-example") && output.contains("standard output is a terminal"),
        "{output}"
    );
    assert!(output.contains("code 2"), "{output}");
    assert_eq!(ended(&["stdout", "-q"]).status.code(), Some(0));
}

/// Runs the stage on a pseudo-terminal and returns what it showed, with its exit code at the end.
fn on_a_terminal(end: &str) -> Option<String> {
    let exe = std::env::current_exe().unwrap();
    let line = format!("'{}' {end} -q; echo code $?", exe.display());
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env(AS_STAGE, "1")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Starts a stage and waits until it says that it is ready.
fn waiting(arguments: &[&str]) -> Child {
    let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    child
}

/// Returns the number that this system gives to a signal.
fn number_of(name: &str) -> i32 {
    let output = Command::new("bash").args(["-c", &format!("kill -l {name}")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn send(child: &Child, signal: i32) {
    let status = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// A folder of one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mfdoom-cli-process-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn is_empty(&self) -> bool {
        entries(&self.0) == 0
    }
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn main() -> ExitCode {
    if std::env::var_os(AS_STAGE).is_some() {
        return mfdoom_cli::main(stage);
    }
    let tests: [(&str, fn()); 16] = [
        ("exit_codes_follow_the_kind_of_error", exit_codes_follow_the_kind_of_error),
        ("errors_and_logs_can_be_json_lines", errors_and_logs_can_be_json_lines),
        ("help_and_version_go_to_standard_output", help_and_version_go_to_standard_output),
        ("completions_and_the_manual_are_generated", completions_and_the_manual_are_generated),
        ("a_closed_pipe_is_success", a_closed_pipe_is_success),
        ("a_panic_is_one_short_message_and_leaves_nothing", a_panic_is_one_short_message_and_leaves_nothing),
        ("signals_end_by_the_signal_and_leave_nothing", signals_end_by_the_signal_and_leave_nothing),
        ("a_signal_that_nohup_ignores_stays_ignored", a_signal_that_nohup_ignores_stays_ignored),
        (
            "the_first_process_of_a_container_ends_with_the_code_of_a_shell",
            the_first_process_of_a_container_ends_with_the_code_of_a_shell,
        ),
        (
            "more_than_max_memory_is_an_error_and_leaves_nothing",
            more_than_max_memory_is_an_error_and_leaves_nothing,
        ),
        (
            "too_little_memory_is_an_error_and_leaves_nothing",
            too_little_memory_is_an_error_and_leaves_nothing,
        ),
        ("a_number_beyond_all_memory_is_no_bug", a_number_beyond_all_memory_is_no_bug),
        ("a_stage_may_write_a_checkpoint_before_it_dies", a_stage_may_write_a_checkpoint_before_it_dies),
        ("threads_reach_rayon_and_candle", threads_reach_rayon_and_candle),
        ("progress_is_a_log_line_where_no_terminal_is", progress_is_a_log_line_where_no_terminal_is),
        ("a_terminal_gets_help_instead_of_data", a_terminal_gets_help_instead_of_data),
    ];
    for (name, test) in tests {
        test();
        eprintln!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}
