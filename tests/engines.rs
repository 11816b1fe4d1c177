//! Helpers of the workflow tests: a sheet, the three ways to run it, and what came of it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::stage;

/// The three ways.
pub const WAYS: [Way; 3] = [Way::Shell, Way::Snakemake, Way::Nextflow];

/// A way to run the workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `workflows/chain.sh`.
    Shell,
    /// `snakemake/workflow/Snakefile`.
    Snakemake,
    /// `nextflow/`.
    Nextflow,
}

/// Where the engines are.
#[derive(Debug)]
pub struct Engines {
    /// `nextflow`.
    pub nextflow: String,
    /// `snakemake`.
    pub snakemake: String,
    /// A Python with jsonschema and yaml.
    pub python: String,
}

/// Returns the engines, fetched into the user's cache where they are not on the PATH; nothing, with a line that
/// says so, where they cannot be had.
///
/// # Panics
/// Where they cannot be had and MFDOOM_REQUIRE_ENGINES is set.
pub fn engines() -> Option<&'static Engines> {
    static FOUND: OnceLock<Option<Engines>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let script = ". workflows/engines.sh && find_snakemake && find_nextflow && \
                          printf '%s\\n' \"$NEXTFLOW\" \"$SNAKEMAKE\" \"$ENGINE_PYTHON\"";
            let output = Command::new("bash").current_dir(root()).args(["-c", script]).output();
            let output = output.expect("bash starts");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut lines = text.lines().map(str::to_owned);
            match (output.status.success(), lines.next(), lines.next(), lines.next()) {
                (true, Some(nextflow), Some(snakemake), Some(python)) => {
                    Some(Engines { nextflow, snakemake, python })
                }
                _ => {
                    let why = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert!(std::env::var_os("MFDOOM_REQUIRE_ENGINES").is_none(), "{why}");
                    mfdoom_testing::skipped(format_args!("no workflow engine: {why}"));
                    None
                }
            }
        })
        .as_ref()
}

/// Returns the folder of the checkout.
///
/// # Panics
/// Never, as the tests lie in it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout")
}

/// A folder with a sheet of three small samples, one of them expression-only.
#[derive(Debug)]
pub struct Place(TempDir);

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// Simulates the samples.
    ///
    /// # Panics
    /// Where that fails.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let script = root().join("workflows/test-sheet.sh");
        let made = Command::new("bash").arg(script).arg(folder.path()).env("PATH", path(&[])).output();
        let made = made.expect("bash starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self(folder)
    }

    /// Returns a path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the bytes of a file.
    ///
    /// # Panics
    /// Where it is not there.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        crate::bytes(self.0.path(), name)
    }

    /// Puts a script of bash into the folder `bin`, for [`path`] to find it before the stage or tool of that name.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn script(&self, name: &str, lines: &str) {
        std::fs::create_dir_all(self.path("bin")).expect("a folder can be made");
        let file = self.path("bin").join(name);
        std::fs::write(&file, format!("#!/bin/bash\n{lines}\n")).expect("a script can be written");
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&file, all).expect("a script can be made executable");
    }

    /// Returns the command of a run of `sheet` into `outdir` with tiny settings and more parameters in snake case.
    ///
    /// # Panics
    /// Where the engines are not there.
    pub fn command(&self, way: Way, sheet: &str, outdir: &str, more: &[(&str, &str)]) -> Command {
        let engines = engines().expect("asked for before");
        let all =
            [("input", sheet), ("outdir", outdir), ("preset", "tiny"), ("epochs", "1"), ("max_tokens", "32")];
        let all = all.iter().chain(more);
        let mut command = match way {
            Way::Shell => {
                let mut command = Command::new("bash");
                command.arg(root().join("workflows/chain.sh"));
                all.for_each(|(key, value)| {
                    command.arg(format!("--{}", key.replace('_', "-"))).arg(value);
                });
                command
            }
            Way::Snakemake => {
                let mut command = Command::new(&engines.snakemake);
                command.arg("-s").arg(root().join("snakemake/workflow/Snakefile"));
                command.args(["--cores", "2", "--keep-going", "--config"]);
                all.for_each(|(key, value)| {
                    command.arg(format!("{key}={value}"));
                });
                command
            }
            Way::Nextflow => {
                let mut command = Command::new(&engines.nextflow);
                command.arg("run").arg(root().join("nextflow")).args([
                    "-profile",
                    "local,test",
                    "-ansi-log",
                    "false",
                ]);
                all.for_each(|(key, value)| {
                    command.arg(format!("--{key}")).arg(value);
                });
                command.env("NXF_HOME", self.path(".nxf"));
                command
            }
        };
        command.current_dir(self.0.path()).env("PATH", path(&[]));
        command
    }
}

/// Returns a PATH with `first`, then the built stages, then what was there.
///
/// # Panics
/// Where the PATH cannot be put together.
pub fn path(first: &[&Path]) -> std::ffi::OsString {
    let built = stage("mfdoom-preprocess").parent().expect("a file has a folder").to_owned();
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = first.iter().map(|path| path.to_path_buf()).chain([built]).chain(std::env::split_paths(&old));
    std::env::join_paths(all).expect("no folder has a colon")
}

/// Returns standard output and error of a run, which must have ended well or not.
///
/// # Panics
/// Where it ended otherwise.
pub fn text(mut command: Command, well: bool) -> String {
    let output: Output = command.output().expect("the engine starts");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), well, "{command:?}: {}\n{text}", output.status);
    text
}

/// Returns every file below a folder by its path from there.
///
/// # Panics
/// Where a folder cannot be read.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("it lies below").display().to_string();
            files.insert(name, std::fs::read(&path).expect("a file can be read"));
        }
    }
    files
}

/// Returns how many tasks of a Nextflow run had each status.
///
/// # Panics
/// Where the trace is not there.
pub fn statuses(trace: &Path) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(trace).unwrap_or_else(|error| panic!("{}: {error}", trace.display()));
    let mut lines = text.lines();
    let column = lines.next().and_then(|header| header.split('\t').position(|name| name == "status"));
    let column = column.expect("the trace has a status");
    let mut counts = BTreeMap::new();
    for line in lines {
        let status = line.split('\t').nth(column).unwrap_or_default();
        *counts.entry(status.to_owned()).or_insert(0) += 1;
    }
    counts
}
