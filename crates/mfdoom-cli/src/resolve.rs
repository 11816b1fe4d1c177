//! Defaults < `--config` < `MFDOOM_<FLAG>` < flags, merged once for every stage over clap's own description.
//!
//! The command line is parsed twice. The first time says which arguments the user gave; every other one that
//! the environment or the file sets is then added as if it had been typed, so that clap checks them all alike.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource};
use mfdoom_error::{Error, Result};

use crate::config::Config;
use crate::{Generate, nearest};

/// Arguments that say how to read the others, or that only make sense when typed.
const TYPED_ONLY: [&str; 4] = ["config", "generate", "help", "version"];

/// Where a setting came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The file of `--config`.
    Config,
    /// A variable `MFDOOM_<FLAG>`.
    Environment,
    /// The command line.
    Flag,
}

/// One argument, its values as text, and where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The flag without dashes, or the name of the positional argument.
    pub name: String,
    /// The values; none for an option that is not set.
    pub values: Vec<String>,
    /// Where the values came from.
    pub origin: Origin,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.values.join(","))?;
        match self.origin {
            Origin::Default | Origin::Flag => Ok(()),
            Origin::Config => f.write_str(" (config)"),
            Origin::Environment => f.write_str(" (environment)"),
        }
    }
}

/// The outcome of merging all sources.
#[derive(Debug)]
pub struct Resolved {
    /// What clap parsed, from the root command down.
    pub matches: ArgMatches,
    /// Every argument of the leaf command that has a value.
    pub settings: Vec<Setting>,
}

impl Resolved {
    /// Returns the matches of the subcommand in use, or the root's where there is none.
    pub fn leaf(&self) -> &ArgMatches {
        let mut matches = &self.matches;
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        matches
    }
}

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Stop {
    /// clap has something to print: help, the version, or a mistake on the command line.
    Clap(clap::Error),
    /// A completion script or the manual page is wanted, of the subcommand of these names if there are any.
    Generate(Generate, Vec<String>),
    /// A setting outside the command line is wrong.
    Error(Error),
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Merges the command line `argv`, the variables that `environment` returns and the file of `--config`.
pub fn resolve(
    command: &Command,
    argv: &[OsString],
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Resolved, Stop> {
    let relaxed = relax(command.clone());
    let (argv, switched_off) = spell_switches(&relaxed, argv);
    let given = match relaxed.clone().try_get_matches_from(&argv) {
        Ok(given) => given,
        Err(error) => return Err(command.clone().try_get_matches_from(&argv).err().unwrap_or(error).into()),
    };
    let (names, leaf, given) = leaf(command, &given);
    if let Ok(Some(what)) = given.try_get_one::<Generate>("generate") {
        return Err(Stop::Generate(*what, names[1..].iter().map(ToString::to_string).collect()));
    }
    if leaf.has_subcommands()
        && let Err(error) = command.clone().try_get_matches_from(&argv)
    {
        return Err(error.into());
    }
    let config = read_config(given, &names, leaf, &environment)?;

    let mut merge = Merge { commands: &names[1..], relaxed: &relaxed, ..Merge::default_for(&relaxed) };
    let mut origins = Vec::new();
    for arg in leaf.get_arguments().filter(|arg| !TYPED_ONLY.contains(&arg.get_id().as_str())) {
        let typed = given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
            || switched_off.iter().any(|name| *name == setting_name(arg));
        let origin = if typed {
            Origin::Flag
        } else if let Some(values) = from_environment(arg, &environment) {
            merge.add(arg, values?, &format!("the variable {}", variable(arg)))?;
            Origin::Environment
        } else if let Some(values) = config.values(&setting_name(arg)) {
            merge.add(arg, values, &format!("--config: {}", setting_name(arg)))?;
            Origin::Config
        } else {
            Origin::Default
        };
        origins.push((arg, origin));
    }
    let matches = command.clone().try_get_matches_from(merge.argv(&argv))?;
    let mut resolved = Resolved { matches, settings: Vec::new() };
    resolved.settings =
        origins.iter().filter_map(|(arg, origin)| setting(arg, *origin, resolved.leaf())).collect();
    Ok(resolved)
}

/// Returns the command with nothing required, for finding out what was typed.
///
/// A command with subcommands has none of the shared arguments, yet completions and a manual page as any other.
fn relax(command: Command) -> Command {
    let command = command.mut_args(|arg| arg.required(false)).mut_subcommands(relax);
    if !command.has_subcommands() {
        return command;
    }
    let generate = Arg::new("generate").long("generate").value_parser(clap::value_parser!(Generate));
    command.subcommand_required(false).arg_required_else_help(false).arg(generate)
}

/// Rewrites `--flag=true|false` of switches, which clap takes without a value; returns those switched off.
fn spell_switches(command: &Command, argv: &[OsString]) -> (Vec<OsString>, Vec<String>) {
    let mut switches = Vec::new();
    let mut pending = vec![command];
    while let Some(command) = pending.pop() {
        let is_switch = |arg: &&Arg| matches!(arg.get_action(), ArgAction::SetTrue);
        switches.extend(command.get_arguments().filter(is_switch).filter_map(Arg::get_long));
        pending.extend(command.get_subcommands());
    }
    let mut off = Vec::new();
    let mut spelled = Vec::with_capacity(argv.len());
    let mut options = true;
    for token in argv {
        options &= token != "--";
        let pair = token.to_str().and_then(|text| text.strip_prefix("--")?.split_once('='));
        match pair {
            Some((name, "true")) if options && switches.contains(&name) => {
                spelled.push(format!("--{name}").into())
            }
            Some((name, "false")) if options && switches.contains(&name) => off.push(name.to_owned()),
            _ => spelled.push(token.clone()),
        }
    }
    (spelled, off)
}

/// Returns the names down to the subcommand in use, that command and its matches.
fn leaf<'a>(root: &'a Command, matches: &'a ArgMatches) -> (Vec<&'a str>, &'a Command, &'a ArgMatches) {
    let (mut names, mut command, mut matches) = (vec![root.get_name()], root, matches);
    while let Some((name, inner)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name) else { break };
        names.push(found.get_name());
        (command, matches) = (found, inner);
    }
    (names, command, matches)
}

/// Reads the file of `--config` or `MFDOOM_CONFIG` and refuses keys that the command does not know.
fn read_config(
    given: &ArgMatches,
    names: &[&str],
    leaf: &Command,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Config> {
    let known: Vec<String> = leaf
        .get_arguments()
        .filter(|arg| !TYPED_ONLY.contains(&arg.get_id().as_str()))
        .map(setting_name)
        .collect();
    if !leaf.get_arguments().any(|arg| arg.get_id() == "config") {
        return Ok(Config::default());
    }
    let typed = given.get_one::<PathBuf>("config").cloned();
    let path = typed.or_else(|| environment("MFDOOM_CONFIG").filter(|v| !v.is_empty()).map(PathBuf::from));
    let Some(path) = path else { return Ok(Config::default()) };
    let config = Config::read(&path, names)?;
    for name in config.names() {
        if !known.iter().any(|known| known == name) {
            let error = Error::usage(format!("{}: unknown setting '{name}'", path.display()));
            return Err(match nearest(name, known.iter().map(String::as_str)) {
                Some(nearest) => error.help(format!("did you mean '{nearest}'?")),
                None => error.help("keys are named as the flags in --help, without dashes in front"),
            });
        }
    }
    Ok(config)
}

/// Returns the name of an argument in a file: the flag, or the id of a positional argument.
fn setting_name(arg: &Arg) -> String {
    arg.get_long().unwrap_or(arg.get_id().as_str()).replace('_', "-")
}

fn variable(arg: &Arg) -> String {
    format!("MFDOOM_{}", setting_name(arg).to_uppercase().replace('-', "_"))
}

/// Returns the values of an argument's variable, a list split at commas; an empty variable is not set.
fn from_environment(
    arg: &Arg,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Option<Result<Vec<String>>> {
    let name = variable(arg);
    let value = environment(&name).filter(|value| !value.is_empty())?;
    Some(match value.into_string() {
        Ok(text) if is_list(arg) => Ok(text.split(',').map(|part| part.trim().to_owned()).collect()),
        Ok(text) => Ok(vec![text]),
        Err(_) => Err(Error::usage(format!("the variable {name} is not valid UTF-8"))),
    })
}

fn is_list(arg: &Arg) -> bool {
    let several = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
    several || matches!(arg.get_action(), ArgAction::Append)
}

/// Collects the settings from outside the command line as if they had been typed.
struct Merge<'a> {
    commands: &'a [&'a str],
    relaxed: &'a Command,
    options: Vec<OsString>,
    positional: Vec<OsString>,
}

impl<'a> Merge<'a> {
    fn default_for(relaxed: &'a Command) -> Self {
        Self { commands: &[], relaxed, options: Vec::new(), positional: Vec::new() }
    }

    /// Adds `values` of `arg`, after clap has found them good; `whence` names their source in an error.
    fn add(&mut self, arg: &Arg, values: Vec<String>, whence: &str) -> Result<()> {
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
    fn argv(self, argv: &[OsString]) -> Vec<OsString> {
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

/// Returns what became of an argument, unless it has no value.
fn setting(arg: &Arg, origin: Origin, matches: &ArgMatches) -> Option<Setting> {
    let id = arg.get_id().as_str();
    let values = match arg.get_action() {
        ArgAction::SetTrue => vec![matches.get_flag(id).to_string()],
        ArgAction::Count => vec![matches.get_count(id).to_string()],
        _ => matches.get_raw(id)?.map(|value| value.to_string_lossy().into_owned()).collect(),
    };
    Some(Setting { name: setting_name(arg), values, origin })
}
