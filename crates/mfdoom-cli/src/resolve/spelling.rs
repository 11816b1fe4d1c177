//! What clap does not read as it is typed: switches with a value, and lists whose parts hold commas.

use std::ffi::OsString;

use clap::builder::Resettable::Reset;
use clap::{Arg, ArgAction, Command, Id};

use super::list;
use super::sources::setting_name;
use crate::Generate;

/// A command line as clap is to read it.
pub(super) struct Spelled {
    pub(super) argv: Vec<OsString>,
    /// Names of the switches that were switched off.
    pub(super) switched_off: Vec<String>,
    /// Names of the options whose one value may be a list.
    pub(super) lists: Vec<String>,
}

/// Rewrites `--flag=true|false` of switches, and `--list a,b` as one option for each part.
pub(super) fn spell(command: &Command, argv: &[OsString]) -> Spelled {
    let switches = names(command, |arg| matches!(arg.get_action(), ArgAction::SetTrue));
    let lists = names(command, |arg| arg.get_value_delimiter().is_some());
    let mut spelled = Spelled { argv: Vec::with_capacity(argv.len()), switched_off: Vec::new(), lists };
    let mut tokens = argv.iter();
    while let Some(token) = tokens.next() {
        let Some(option) = token.to_str().and_then(|text| text.strip_prefix("--")) else {
            spelled.argv.push(token.clone());
            continue;
        };
        if option.is_empty() {
            spelled.argv.push(token.clone());
            break;
        }
        let (name, value) =
            option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let is = |names: &[String]| names.iter().any(|known| known == name);
        match value {
            Some("true") if is(&switches) => spelled.argv.push(format!("--{name}").into()),
            Some("false") if is(&switches) => spelled.switched_off.push(name.to_owned()),
            Some(value) if is(&spelled.lists) => spelled.push_parts(name, value),
            None if is(&spelled.lists) => match tokens.as_slice().first().and_then(|next| next.to_str()) {
                Some(value) if !value.starts_with('-') => {
                    tokens.next();
                    spelled.push_parts(name, value);
                }
                _ => spelled.argv.push(token.clone()),
            },
            _ => spelled.argv.push(token.clone()),
        }
    }
    spelled.argv.extend(tokens.cloned());
    spelled
}

impl Spelled {
    fn push_parts(&mut self, name: &str, value: &str) {
        self.argv.extend(list::split(value).iter().map(|part| OsString::from(format!("--{name}={part}"))));
    }
}

/// Returns the names of the options of a command and its subcommands that are of a kind.
fn names(command: &Command, kind: impl Fn(&Arg) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut pending = vec![command];
    while let Some(command) = pending.pop() {
        let options = command.get_arguments().filter(|arg| arg.get_long().is_some() && kind(arg));
        names.extend(options.map(setting_name));
        pending.extend(command.get_subcommands());
    }
    names
}

/// Returns the command whose lists are split by [`spell`] alone, which knows quotes.
pub(super) fn undelimited(command: Command) -> Command {
    command.mut_args(|arg| arg.value_delimiter(None)).mut_subcommands(undelimited)
}

/// Returns the command with nothing required, needed or excluded, for finding out what was typed.
///
/// A command with subcommands has none of the shared arguments, yet completions and a manual page as any other.
pub(super) fn relax(command: Command) -> Command {
    let free = |arg: Arg| {
        let arg = arg.required(false).required_unless_present(Reset::<Id>);
        arg.requires(Reset::<Id>).conflicts_with(Reset::<Id>)
    };
    let command = command.mut_args(free).mut_subcommands(relax);
    if !command.has_subcommands() {
        return command;
    }
    let generate = Arg::new("generate").long("generate").value_parser(clap::value_parser!(Generate));
    command.subcommand_required(false).arg_required_else_help(false).arg(generate)
}
