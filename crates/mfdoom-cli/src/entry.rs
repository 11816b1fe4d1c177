//! The life of a stage's process: settings, logs, threads, signals, the run, the exit code.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;

use clap::{Command, FromArgMatches, Parser};
use mfdoom_artifact::publish::{name_targets, remove_partials};
use mfdoom_error::{Error, Kind, Result};

use crate::resolve::{Resolved, Stop, resolve_with};
use crate::{CommonArgs, LogFormat, Presets, generate, limit, logging, report, signals};

const AFTER_HELP: &str =
    "Every option can also be set in the file of --config or as MFDOOM_<OPTION>; flags win.";
const AFTER_LONG_HELP: &str = "\
Every option can also be set in the file of --config (min-counts = 100) or as a variable \
(MFDOOM_MIN_COUNTS=100); flags win over variables, variables over the file. A list is a TOML array, or \
separated by commas in a variable; double quotes protect commas.

Exit codes: 0 done; 1 failed while running; 2 wrong usage; 3 an input breaks its contract; 4 an incompatible \
model, vocabulary or format. A signal (INT, TERM, HUP, USR1, USR2, XCPU) ends the run and leaves no partial output.";

/// Runs a stage: parses its `Args`, calls `run`, reports the error, returns the exit code.
///
/// `A` (or each of its leaf subcommands) must flatten [`CommonArgs`].
pub fn main<A: Parser>(run: impl FnOnce(A) -> Result<()>) -> ExitCode {
    main_with(run, None)
}

/// As [`main`], for a stage whose settings may also come from presets.
pub fn main_with<A: Parser>(run: impl FnOnce(A) -> Result<()>, presets: Option<&Presets>) -> ExitCode {
    let command = describe(A::command());
    report_panics(command.get_name());
    let argv: Vec<OsString> = std::env::args_os().collect();
    let resolved = match resolve_with(&command, &argv, |name| std::env::var_os(name), presets) {
        Ok(resolved) => resolved,
        Err(Stop::Clap(error)) => {
            // Help into a closed pipe is still help.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(Stop::Generate(what, names)) => {
            return end(print(what, &command, &names), &command, LogFormat::Text);
        }
        Err(Stop::Error(error)) => return end(Err(error), &command, LogFormat::Text),
    };
    let common = match CommonArgs::from_arg_matches(resolved.leaf()) {
        Ok(common) => common,
        Err(error) => error.exit(),
    };
    end_by_itself(command.clone(), common.log_format);
    let outcome = match A::from_arg_matches(&resolved.matches) {
        Ok(args) => start(&common, &resolved).and_then(|()| guarded(|| run(args))),
        Err(error) => error.format(&mut command.clone()).exit(),
    };
    end(outcome, &command, common.log_format)
}

fn print(what: generate::Generate, command: &Command, names: &[String]) -> Result<()> {
    Ok(what.write(command, names, &mut std::io::stdout().lock())?)
}

/// Adds to the command and its subcommands what holds for every stage.
fn describe(command: Command) -> Command {
    let described = command.after_help(AFTER_HELP).after_long_help(AFTER_LONG_HELP).max_term_width(110);
    described.mut_subcommands(describe)
}

/// Starts logs, threads and signals, and logs the configuration.
fn start(common: &CommonArgs, resolved: &Resolved) -> Result<()> {
    logging::start(common);
    start_threads(common.threads)?;
    signals::watch().map_err(|error| Error::failed("signals cannot be caught").source(error))?;
    if let Some(memory) = common.max_memory {
        limit::watch(memory).map_err(|error| Error::failed("memory cannot be watched").source(error))?;
    }
    let settings: Vec<String> = resolved.settings.iter().map(ToString::to_string).collect();
    tracing::debug!("configuration: {}", settings.join(" "));
    Ok(())
}

fn start_threads(wanted: Option<NonZeroUsize>) -> Result<()> {
    let threads = wanted.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    // SAFETY: no other thread has been started yet, so nobody reads the environment meanwhile. candle takes its
    // thread count from this variable and from nowhere else.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| {
        Error::failed(format!("{threads} threads cannot be started"))
            .source(error)
            .help("allow more memory or processes (ulimit -v, ulimit -u), or fewer --threads")
    })
}

/// Makes panics short and clear; only `RUST_BACKTRACE` brings the long form.
fn report_panics(name: &str) {
    let name = name.to_owned();
    let long = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic");
        if text == "capacity overflow" {
            eprintln!("error: more memory was asked for than a machine can have");
            eprintln!("    help: look for a number that is too large, on the command line or in an input");
            return;
        }
        eprintln!("error: this is a bug in {name}: {text}{}", place.unwrap_or_default());
        eprintln!("    help: please report it with the command and its input; RUST_BACKTRACE=1 tells more");
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            long(panic);
        }
    }));
}

/// Runs the stage; a panic becomes an error that was already told.
fn guarded(run: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        remove_partials();
        Err(Error::failed(TOLD))
    })
}

/// The message of an error that the panic hook has already shown.
const TOLD: &str = "";

/// Says what a process does that has to end where no error can be returned: report, clean up, exit at once. Handlers of
/// libraries at exit may wait for what does not return.
fn end_by_itself(command: Command, format: LogFormat) {
    mfdoom_error::set_last_words(move |error| {
        report::report(error, &command, format);
        remove_partials();
        signal_hook::low_level::exit(error.exit_code());
    });
}

/// Reports the outcome and returns its exit code, or dies by the signal that ended the run.
fn end(outcome: Result<()>, command: &Command, format: LogFormat) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if let Kind::Interrupted(signal) = error.kind() {
        signals::die(signal);
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(1);
    if error.message() != TOLD {
        report::report(&error.map_texts(name_targets), command, format);
    }
    remove_partials();
    ExitCode::from(code)
}
