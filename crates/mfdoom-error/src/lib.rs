//! One error type for every crate: what went wrong, what was found, what was wanted and the way out.
//!
//! A message names the file and, where there is one, the group or column. The kind decides the exit code
//! of a stage, so that scripts and workflow engines can tell a bad input from a failed run.
//!
//! ```
//! use mfdoom_error::{Error, Kind};
//!
//! let error = Error::contract("cells.h5ad: layers/spliced holds values that are not counts")
//!     .found("0.6931, 1.0986, 2.3025")
//!     .wanted("non-negative integers")
//!     .help("give the raw counts, or pass --allow-non-integer");
//! assert_eq!(error.kind(), Kind::Contract);
//! assert_eq!(error.exit_code(), 3);
//! ```

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod last_words;
mod nearest;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;

pub use last_words::{give_up, set_last_words};
pub use nearest::{missing, nearest};

/// Result with the project's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something failed while running: a full disk, a device, a bug.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// An input breaks its contract: not raw counts, no such column, a duplicate key.
    Contract,
    /// A model, vocabulary or format does not fit the input.
    Incompatible,
    /// The reader of our output went away, which is not an error for a program in a pipe.
    ClosedPipe,
    /// A signal asked the process to end.
    Interrupted(i32),
}

/// An error that a user can act on.
#[derive(Debug)]
pub struct Error(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    message: String,
    found: Option<String>,
    wanted: Option<String>,
    help: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            message: message.into(),
            found: None,
            wanted: None,
            help: None,
            source: None,
        }))
    }

    /// An error of [`Kind::Failed`], exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// An error of [`Kind::Usage`], exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// An error of [`Kind::Contract`], exit code 3.
    pub fn contract(message: impl Into<String>) -> Self {
        Self::new(Kind::Contract, message)
    }

    /// An error of [`Kind::Incompatible`], exit code 4.
    pub fn incompatible(message: impl Into<String>) -> Self {
        Self::new(Kind::Incompatible, message)
    }

    /// A refusal by a crate of numbers, which knows neither files nor flags: the input breaks its contract.
    pub fn refusal(error: impl fmt::Display) -> Self {
        Self::contract(error.to_string())
    }

    /// The reader of our output went away, exit code 0.
    pub fn closed_pipe() -> Self {
        Self::new(Kind::ClosedPipe, "the reader of the output closed the pipe")
    }

    /// A signal ended the run; the process then ends by that signal.
    pub fn interrupted(signal: i32) -> Self {
        Self::new(Kind::Interrupted(signal), format!("interrupted by signal {signal}"))
    }

    /// Reports a failed file operation; a closed pipe becomes [`Kind::ClosedPipe`].
    pub fn io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::closed_pipe(),
            io::ErrorKind::NotFound => Self::dangling(path).unwrap_or_else(|| {
                Self::contract(format!("{}: no such file or directory", path.display()))
                    .help("check the path")
            }),
            _ => Self::failed(path.display().to_string()).source(error),
        }
    }

    /// Returns the error of a symbolic link that leads nowhere, if the path is one.
    pub fn dangling(path: &Path) -> Option<Self> {
        let target = std::fs::read_link(path).ok().filter(|_| !path.exists())?;
        let error = Self::contract(format!("{}: leads nowhere", path.display()))
            .found(format!("a link to {}, which is not there", target.display()))
            .help("mend the link, or name the file itself");
        Some(error)
    }

    /// Adds what was found.
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.0.found = Some(found.into());
        self
    }

    /// Adds what was wanted.
    pub fn wanted(mut self, wanted: impl Into<String>) -> Self {
        self.0.wanted = Some(wanted.into());
        self
    }

    /// Adds the way out: the flag or step that mends it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds the way out where none is known yet.
    pub fn or_help(self, help: impl Into<String>) -> Self {
        if self.0.help.is_some() { self } else { self.help(help) }
    }

    /// Adds the error that caused this one.
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts `context` and a colon before the message, for callers that know the file's name.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Makes the error one of another kind: what is broken decides, and only the caller may know it.
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Passes every text of the error through `map`, the causes joined to the message.
    pub fn map_texts(mut self, map: impl Fn(&str) -> String) -> Self {
        self.0.message = map(&self.summary());
        self.0.source = None;
        for text in [&mut self.0.found, &mut self.0.wanted, &mut self.0.help].into_iter().flatten() {
            *text = map(text);
        }
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the message without found, wanted and help.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the message and the errors that caused it, without found, wanted and help.
    pub fn summary(&self) -> String {
        let mut text = self.0.message.clone();
        let mut cause: Option<&dyn StdError> = self.0.source.as_deref().map(|s| s as _);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }

    /// Returns what was found, where that is said.
    pub fn found_text(&self) -> Option<&str> {
        self.0.found.as_deref()
    }

    /// Returns what was wanted, where that is said.
    pub fn wanted_text(&self) -> Option<&str> {
        self.0.wanted.as_deref()
    }

    /// Returns the way out, where one is known.
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Returns the exit code that a stage ends with; a signal is 128 plus its number.
    pub fn exit_code(&self) -> i32 {
        match self.0.kind {
            Kind::ClosedPipe => 0,
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Contract => 3,
            Kind::Incompatible => 4,
            Kind::Interrupted(signal) => 128 + signal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { found, wanted, help, .. } = &*self.0;
        f.write_str(&self.summary())?;
        for (name, text) in [("found", found), ("wanted", wanted), ("help", help)] {
            if let Some(text) = text {
                write!(f, "\n  {name:>6}: {text}")?;
            }
        }
        Ok(())
    }
}

impl StdError for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::closed_pipe(),
            _ => Self::failed("input or output failed").source(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_every_part_on_its_own_line() {
        let error = Error::contract("x.h5ad: no layer 'spliced'")
            .found("layers: mature, nascent")
            .wanted("a layer with spliced counts")
            .help("--modality spliced=layers/mature");
        assert_eq!(
            error.to_string(),
            "x.h5ad: no layer 'spliced'\n   found: layers: mature, nascent\n  wanted: a layer with spliced counts\n    help: --modality spliced=layers/mature"
        );
    }

    #[test]
    fn kinds_have_the_exit_codes_of_the_contract() {
        let codes = [
            (Error::closed_pipe(), 0),
            (Error::failed("x"), 1),
            (Error::usage("x"), 2),
            (Error::contract("x"), 3),
            (Error::incompatible("x"), 4),
            (Error::interrupted(2), 130),
        ];
        for (error, code) in codes {
            assert_eq!(error.exit_code(), code);
        }
    }

    #[test]
    fn a_broken_pipe_is_not_a_failure() {
        let error = Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind(), Kind::ClosedPipe);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_called_so() {
        let link = std::env::temp_dir().join(format!("mfdoom-error-{}", std::process::id()));
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let error = Error::io(&link, io::Error::from(io::ErrorKind::NotFound)).to_string();
        std::fs::remove_file(&link).unwrap();
        assert!(error.contains("leads nowhere") && error.contains("a link to nowhere"), "{error}");
    }

    #[test]
    fn a_missing_file_breaks_the_contract() {
        let error = Error::io(Path::new("x.h5ad"), io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(error.kind(), Kind::Contract);
        assert!(error.to_string().starts_with("x.h5ad: no such file"));
    }
}
