//! The stage as a process: pipes, closed pipes, signals, terminals, version.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the helpers serve two tests")]

mod make;

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mfdoom_artifact::Input;
use mfdoom_tokens::TokenReader;

use self::make::{Folder, Table, counts, spliced};

fn stage(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfdoom-preprocess"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn ended(arguments: &[&str]) -> Output {
    stage(arguments).output().unwrap()
}

#[test]
fn the_version_is_one_line() {
    let output = ended(&["--version"]);
    assert_eq!(output.stdout, b"mfdoom-preprocess 0.1.0\n");
    assert!(output.status.success());
}

#[test]
fn standard_output_is_a_stream_equal_to_the_file() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(600, 5));
    let file = folder.table(&[&input, "--top-genes", "4"]);
    for arguments in
        [vec!["-q", &input, "--top-genes", "4"], vec!["-q", &input, "--top-genes", "4", "-o", "-"]]
    {
        let output = ended(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(folder.path("stream.arrows"), output.stdout).unwrap();
        let stream = Table::of(TokenReader::open(&Input::Path(folder.path("stream.arrows"))).unwrap());
        assert_eq!(stream.schema, file.schema);
        assert_eq!(stream.batch, file.batch);
    }
    let output = ended(&[&input, "--vocab-only"]);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("{\"format\":"));
}

#[test]
fn the_report_says_what_was_taken_and_dropped() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(6, 5));
    let total =
        |i: usize| -> f32 { [1, 2].iter().map(|seed| counts(6, 5, *seed)[i].iter().sum::<f32>()).sum() };
    let totals: Vec<f32> = (0..6).map(total).collect();
    let enough = totals.iter().copied().fold(f32::MIN, f32::max);
    let kept = totals.iter().filter(|total| **total >= enough).count();
    assert!(kept < 6, "the test needs both kinds of cells");
    let output = ended(&[&input, "-v", "--min-counts", &enough.to_string(), "-o", &folder.text("t.parquet")]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains(&format!("a: {kept} of 6 cells kept, {} dropped: fewer counts", 6 - kept)), "{log}");
    assert!(log.contains("expression = layers/spliced + layers/unspliced"), "{log}");
    assert!(log.contains("configuration: ") && log.contains(&format!("min-counts={enough}")), "{log}");
    assert_eq!(Table::read(&folder.path("t.parquet")).batch.len(), kept);
    let output = ended(&[&input, "-qq", "--force", "-o", &folder.text("t.parquet")]);
    assert!(output.stderr.is_empty());
}

#[test]
fn a_matrix_without_counts_that_is_all_there_is_warns() {
    let folder = Folder::new();
    let input = folder.put("zero.h5ad", &make::File::new(4, 3).with("X", vec![vec![0.0; 3]; 4]));
    let output = ended(&[&input, "-q", "-o", &folder.text("t.parquet")]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && log.contains("X: no count at all, and no other matrix has one"),
        "{log}"
    );
}

#[test]
fn threads_and_memory_change_no_byte() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(900, 7));
    let bytes = |name: &str, flags: &[&str]| {
        let output = folder.text(name);
        let all: Vec<&str> = [input.as_str(), "-qq", "--top-genes", "5", "-o", &output]
            .into_iter()
            .chain(flags.iter().copied())
            .collect();
        assert!(ended(&all).status.success());
        std::fs::read(folder.path(name)).unwrap()
    };
    let one = bytes("1.parquet", &["--threads", "1"]);
    assert!(one == bytes("2.parquet", &["--threads", "2"]));
    assert!(one == bytes("3.parquet", &["--max-memory", "64KiB"]));
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(4000, 30));
    let mut child = stage(&[&input, "-q"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 10];
    let read = child.stdout.take().unwrap().read_exact(&mut some);
    let output = child.wait_with_output().unwrap();
    assert!(read.is_ok(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("error"));
}

#[test]
fn a_named_pipe_takes_the_stream() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(600, 5));
    let fifo = folder.text("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut child = stage(&[&input, "-q", "-o", &fifo]).spawn().unwrap();
    let read = Table::of(TokenReader::open(&Input::Path(folder.path("fifo"))).unwrap());
    assert!(child.wait().unwrap().success());
    assert_eq!(read.batch.len(), 600);
}

#[test]
fn signals_leave_nothing_behind() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(20_000, 40));
    for signal in [2, 15] {
        let mut child = stage(&[&input, "-q", "-o", &folder.text("t.parquet")]).spawn().unwrap();
        let started = Instant::now();
        while !folder.entries().iter().any(|name| name.contains(".tmp-")) {
            assert!(started.elapsed() < Duration::from_secs(60), "no partial file was seen");
            assert!(child.try_wait().unwrap().is_none(), "the run ended before the signal");
            std::thread::sleep(Duration::from_millis(1));
        }
        let kill =
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(child.wait().unwrap().signal(), Some(signal));
        assert_eq!(folder.entries(), ["a.h5ad"]);
    }
}

#[test]
fn errors_end_with_their_codes_on_standard_error_only() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(3, 4));
    let cases: [(&[&str], i32); 4] = [
        (&["/nowhere.h5ad"], 3),
        (&[&input, "--min-cells"], 2),
        (&[&input, "--vocab", "x.json", "--top-genes", "5"], 2),
        (&[], 2),
    ];
    for (arguments, code) in cases {
        let output = ended(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(output.stdout.is_empty() && text.contains("error: "), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn a_terminal_gets_help_instead_of_data() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(3, 4));
    let line = format!("{} -q {input}; echo code $?", env!("CARGO_BIN_EXE_mfdoom-preprocess"));
    let Ok(output) = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output()
    else {
        mfdoom_testing::skipped("no script(1) to make a terminal with");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Usage: mfdoom-preprocess") && text.contains("code 2"), "{text}");
}

#[test]
fn settings_come_from_a_file_too() {
    let folder = Folder::new();
    let input = folder.put("a.h5ad", &spliced(3, 4));
    let toml = format!(
        "inputs = ['{input}']\noutput = '{}'\n[preprocess]\ndataset = 'named'\n",
        folder.text("t.parquet")
    );
    std::fs::write(folder.path("run.toml"), toml).unwrap();
    let output = ended(&["--config", &folder.text("run.toml")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(Table::read(&folder.path("t.parquet")).batch.dataset, ["named"; 3]);
}
