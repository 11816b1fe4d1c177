//! Settings from outside the command line: the file of `--config` and variables.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};
use mfdoom_error::{Error, Result};

use super::{TYPED_ONLY, list};
use crate::config::Config;
use crate::{Presets, nearest};

/// Reads the file of `--config` or `MFDOOM_CONFIG` for the command of these `names`, and refuses keys that it does not
/// know.
pub(super) fn read_config(
    root: &Command,
    names: &[&str],
    given: &ArgMatches,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Config> {
    let mut leaf = root;
    let mut levels = Vec::new();
    for name in &names[1..] {
        levels.push((*name, leaf.get_subcommands().map(Command::get_name).collect::<Vec<_>>()));
        leaf = leaf.find_subcommand(name).unwrap_or(leaf);
    }
    if !leaf.get_arguments().any(|arg| arg.get_id() == "config") {
        return Ok(Config::default());
    }
    let typed = given.get_one::<PathBuf>("config").cloned();
    let path = typed.or_else(|| environment("MFDOOM_CONFIG").filter(|v| !v.is_empty()).map(PathBuf::from));
    let Some(path) = path else { return Ok(Config::default()) };
    let config = Config::read(&path, names[0], &levels)?;
    let arguments = leaf.get_arguments().filter(|arg| !TYPED_ONLY.contains(&arg.get_id().as_str()));
    let known: Vec<String> = arguments.map(setting_name).collect();
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

/// Returns the settings of the preset that flag, variable or file choose, or none; a name that there is not is left to
/// clap.
pub(super) fn chosen_preset(
    presets: &Presets,
    leaf: &Command,
    given: &ArgMatches,
    environment: impl Fn(&str) -> Option<OsString>,
    config: &Config,
) -> Result<Config> {
    let Some(arg) = leaf.get_arguments().find(|arg| arg.get_long() == Some(presets.option)) else {
        return Ok(Config::default());
    };
    let typed = given.try_get_raw(arg.get_id().as_str()).ok().flatten().and_then(|mut values| values.next());
    let typed = typed.map(|value| value.to_string_lossy().into_owned());
    let variable = || from_environment(arg, &[], &environment).and_then(|values| values.ok()?.pop());
    let name = typed.or_else(variable).or_else(|| config.values(presets.option, false)?.pop());
    let Some((name, text)) = name.and_then(|name| presets.files.iter().find(|(known, _)| *known == name))
    else {
        return Ok(Config::default());
    };
    let place = format!("--{} {name}", presets.option);
    let preset = Config::parse(text, &place, &[])?;
    let known: Vec<String> = leaf.get_arguments().map(setting_name).collect();
    let unknown = preset.names().find(|name| !known.iter().any(|known| known == name)).map(str::to_owned);
    match unknown {
        Some(unknown) => Err(Error::failed(format!("{place}: unknown setting '{unknown}'"))),
        None => Ok(preset),
    }
}

/// Returns the name of an argument in a file: the flag, or the id of a positional argument.
pub(super) fn setting_name(arg: &Arg) -> String {
    arg.get_long().unwrap_or(arg.get_id().as_str()).replace('_', "-")
}

pub(super) fn variable(arg: &Arg) -> String {
    format!("MFDOOM_{}", setting_name(arg).to_uppercase().replace('-', "_"))
}

/// Returns the values of an argument's variable, a list split at commas; an empty variable is not set.
pub(super) fn from_environment(
    arg: &Arg,
    lists: &[String],
    environment: impl Fn(&str) -> Option<OsString>,
) -> Option<Result<Vec<String>>> {
    let name = variable(arg);
    let value = environment(&name).filter(|value| !value.is_empty())?;
    let several = is_list(arg) || lists.contains(&setting_name(arg));
    Some(match value.into_string() {
        Ok(text) if several => Ok(list::split(&text)),
        Ok(text) => Ok(vec![text]),
        Err(_) => Err(Error::usage(format!("the variable {name} is not valid UTF-8"))),
    })
}

/// Returns whether an argument takes several values.
pub(super) fn is_list(arg: &Arg) -> bool {
    let several = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
    several || matches!(arg.get_action(), ArgAction::Append)
}
