//! Settings from outside the command line, added to it as if they had been typed.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgAction, Command};
use mfdoom_error::{Error, Result};

use super::sources::is_list;

/// Collects the settings from outside the command line.
pub(super) struct Merge<'a> {
    commands: &'a [&'a str],
    relaxed: &'a Command,
    options: Vec<OsString>,
    positional: Vec<OsString>,
}

impl<'a> Merge<'a> {
    /// Begins with the command, nothing of which is required, and the names of the subcommands in use.
    pub(super) fn new(relaxed: &'a Command, commands: &'a [&'a str]) -> Self {
        Self { commands, relaxed, options: Vec::new(), positional: Vec::new() }
    }

    /// Adds `values` of `arg`, after clap has found them good; `whence` names their source in an error.
    pub(super) fn add(&mut self, arg: &Arg, values: Vec<String>, whence: &str) -> Result<()> {
        let wrong = |message: String| Error::usage(format!("{whence}: {message}"));
        let switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count);
        if values.len() > 1 && !is_list(arg) {
            return Err(wrong(format!("takes one value, not {}", values.len())));
        }
        let name = arg.get_long().unwrap_or_default();
        let tokens: Vec<OsString> = match (switch, arg.is_positional()) {
            (true, _) => {
                let times = times(&values)
                    .ok_or_else(|| wrong(format!("'{}' is not true or false", values.join(","))))?;
                vec![format!("--{name}").into(); times]
            }
            (false, true) => values.iter().map(OsString::from).collect(),
            (false, false) => values.iter().map(|value| format!("--{name}={value}").into()).collect(),
        };
        let target = if arg.is_positional() { &mut self.positional } else { &mut self.options };
        target.extend(tokens.iter().cloned());
        self.probe(arg, tokens).map_err(|error| wrong(first_line(&error)))
    }

    /// Parses the tokens alone, so that a mistake is blamed on its source.
    fn probe(&self, arg: &Arg, tokens: Vec<OsString>) -> Result<(), clap::Error> {
        let dashes = arg.is_positional().then(|| OsString::from("--"));
        let start = std::iter::once(self.relaxed.get_name()).chain(self.commands.iter().copied());
        let argv = start.map(OsString::from).chain(dashes).chain(tokens);
        self.relaxed.clone().try_get_matches_from(argv).map(drop)
    }

    /// Returns `argv` with options inserted after the subcommand and positional values at the end.
    pub(super) fn argv(self, argv: &[OsString]) -> Vec<OsString> {
        let mut at = 1.min(argv.len());
        for name in self.commands {
            let found = argv[at..].iter().position(|token| token == OsStr::new(name));
            at = found.map_or(at, |offset| at + offset + 1);
        }
        let mut all = argv[..at].to_vec();
        all.extend(self.options);
        all.extend_from_slice(&argv[at..]);
        if !self.positional.is_empty() && !argv.iter().any(|token| token == "--") {
            all.push("--".into());
        }
        all.extend(self.positional);
        all
    }
}

/// Returns how often a switch is to be typed.
fn times(values: &[String]) -> Option<usize> {
    match values.first()?.to_lowercase().as_str() {
        "true" | "yes" | "on" => Some(1),
        "false" | "no" | "off" => Some(0),
        number => number.parse().ok().filter(|times| *times <= 4),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
