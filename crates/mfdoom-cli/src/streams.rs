//! Which stream or file a stage reads and writes, with the rules for terminals.
//!
//! `-` is the standard stream. Without an argument the standard stream is taken where it is no terminal: a
//! stage in a pipe needs no `-`. A terminal is refused, with help.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use mfdoom_artifact::{Input, Output, OutputFile};
use mfdoom_error::{Error, Result};

use crate::report::with_help;

/// Returns whether `path` names a standard stream.
pub fn is_stream(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/stdout"].iter().any(|name| path == Path::new(name))
}

/// Returns the input that `path` names; none is standard input, unless that is a terminal.
pub fn input(path: Option<&Path>) -> Result<Input> {
    match path {
        Some(path) if !is_stream(path) => Ok(Input::Path(path.to_owned())),
        Some(_) => Ok(Input::Stdin),
        None if std::io::stdin().is_terminal() => Err(with_help(
            Error::usage("no input: standard input is a terminal")
                .help("name a file, or pipe the output of another stage into this one"),
        )),
        None => Ok(Input::Stdin),
    }
}

/// Returns the inputs that `paths` name; none is standard input, which can be named once.
pub fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>> {
    if paths.is_empty() {
        return Ok(vec![input(None)?]);
    }
    if paths.iter().filter(|path| is_stream(path)).count() > 1 {
        return Err(Error::usage("standard input is named twice").help("name - once"));
    }
    paths.iter().map(|path| input(Some(path))).collect()
}

/// Returns the output that `path` names; none is standard output, unless that is a terminal.
///
/// What cannot be written there, such as a file that is there already without `force`, is refused now, and not after the
/// work is done.
pub fn output(path: Option<&Path>, force: bool) -> Result<Output> {
    match path {
        Some(path) if !is_stream(path) => {
            let output = Output::file(path, force);
            OutputFile::check(&output)?;
            Ok(output)
        }
        _ if std::io::stdout().is_terminal() => Err(with_help(
            Error::usage("the output is binary and standard output is a terminal")
                .help("give -o PATH, or send standard output to a file or another stage"),
        )),
        _ => Ok(Output::Stdout),
    }
}
