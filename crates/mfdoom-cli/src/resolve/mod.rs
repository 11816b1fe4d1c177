//! Defaults < presets < `--config` < `MFDOOM_<FLAG>` < flags, merged once for every stage over clap's own description.
//!
//! The command line is parsed twice. The first time says which arguments the user gave; every other one that
//! the environment or the file sets is then added as if it had been typed, so that clap checks them all alike.

mod list;
mod merge;
mod sources;
mod spelling;

use std::ffi::OsString;
use std::fmt;

use clap::error::{ContextKind, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use mfdoom_error::Error;

pub use self::list::split as split_list;
use self::merge::Merge;
use self::sources::{chosen_preset, from_environment, read_config, setting_name, variable};
use self::spelling::{relax, spell, undelimited};
use crate::{Generate, Presets};

/// Arguments that say how to read the others, or that only make sense when typed.
const TYPED_ONLY: [&str; 4] = ["config", "generate", "help", "version"];

/// Where a setting came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// Built in under the name that was chosen.
    Preset,
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
            Origin::Preset => f.write_str(" (preset)"),
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
    resolve_with(command, argv, environment, None)
}

/// As [`resolve`], with what a preset sets below all of them.
pub fn resolve_with(
    command: &Command,
    argv: &[OsString],
    environment: impl Fn(&str) -> Option<OsString>,
    presets: Option<&Presets>,
) -> Result<Resolved, Stop> {
    let spelled = spell(command, argv);
    let argv = spelled.argv;
    let command = &undelimited(command.clone());
    let relaxed = relax(command.clone());
    let given = match relaxed.clone().try_get_matches_from(&argv) {
        Ok(given) => given,
        Err(error) => return Err(command.clone().try_get_matches_from(&argv).err().unwrap_or(error).into()),
    };
    let Leaf { names, command: leaf, matches: given } = Leaf::of(command, &given);
    if let Ok(Some(what)) = given.try_get_one::<Generate>("generate") {
        return Err(Stop::Generate(*what, names[1..].iter().map(ToString::to_string).collect()));
    }
    if leaf.has_subcommands()
        && let Err(error) = command.clone().try_get_matches_from(&argv)
    {
        return Err(error.into());
    }
    let config = read_config(command, &names, given, &environment)?;

    let preset = presets.map(|presets| chosen_preset(presets, leaf, given, &environment, &config));
    let preset = preset.transpose()?.unwrap_or_default();

    let mut merge = Merge::new(&relaxed, &names[1..]);
    let mut origins = Vec::new();
    for arg in leaf.get_arguments().filter(|arg| !TYPED_ONLY.contains(&arg.get_id().as_str())) {
        let name = setting_name(arg);
        let typed = given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
            || spelled.switched_off.contains(&name);
        let built_in = preset.values(&name, spelled.lists.contains(&name));
        let whence = format!("the preset: {name}");
        if let Some(values) = built_in.as_ref().filter(|_| matches!(arg.get_action(), ArgAction::Append)) {
            merge.add(arg, values.clone(), &whence)?;
        }
        let origin = if typed {
            Origin::Flag
        } else if let Some(values) = from_environment(arg, &spelled.lists, &environment) {
            merge.add(arg, values?, &format!("the variable {}", variable(arg)))?;
            Origin::Environment
        } else if let Some(values) = config.values(&name, spelled.lists.contains(&name)) {
            merge.add(arg, values, &format!("--config: {name}"))?;
            Origin::Config
        } else if let Some(values) = built_in {
            if !matches!(arg.get_action(), ArgAction::Append) {
                merge.add(arg, values, &whence)?;
            }
            Origin::Preset
        } else {
            Origin::Default
        };
        origins.push((arg, origin));
    }
    let merged = command.clone().try_get_matches_from(merge.argv(&argv));
    let matches = merged.map_err(|error| blamed(error, &origins))?;
    let mut resolved = Resolved { matches, settings: Vec::new() };
    resolved.settings =
        origins.iter().filter_map(|(arg, origin)| setting(arg, *origin, resolved.leaf())).collect();
    Ok(resolved)
}

/// Says which settings from outside the command line are among those that need or exclude each other.
fn blamed(error: clap::Error, origins: &[(&Arg, Origin)]) -> Stop {
    if !matches!(error.kind(), ErrorKind::ArgumentConflict | ErrorKind::MissingRequiredArgument) {
        return error.into();
    }
    let named: Vec<String> = [ContextKind::InvalidArg, ContextKind::PriorArg]
        .into_iter()
        .filter_map(|kind| error.get(kind))
        .map(ToString::to_string)
        .collect();
    let outside = origins.iter().filter_map(|(arg, origin)| {
        let flag = format!("--{}", arg.get_long()?);
        let among = named.iter().any(|text| text.split([' ', ',', '=']).any(|word| word == flag));
        match origin {
            Origin::Preset if among => Some(format!("{flag} is set by the preset")),
            Origin::Config if among => Some(format!("{flag} is set in the file of --config")),
            Origin::Environment if among => Some(format!("{flag} is set by {}", variable(arg))),
            _ => None,
        }
    });
    let outside: Vec<String> = outside.collect();
    if outside.is_empty() {
        return error.into();
    }
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Error::usage(message).help(outside.join("; ")).into()
}

/// The subcommand in use, or the root where there is none.
struct Leaf<'a> {
    /// Names from the root down.
    names: Vec<&'a str>,
    command: &'a Command,
    matches: &'a ArgMatches,
}

impl<'a> Leaf<'a> {
    fn of(root: &'a Command, matches: &'a ArgMatches) -> Self {
        let mut leaf = Self { names: vec![root.get_name()], command: root, matches };
        while let Some((name, inner)) = leaf.matches.subcommand() {
            let Some(found) = leaf.command.find_subcommand(name) else { break };
            leaf.names.push(found.get_name());
            (leaf.command, leaf.matches) = (found, inner);
        }
        leaf
    }
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
