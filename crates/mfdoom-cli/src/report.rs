//! How errors reach the user: on standard error, as text or as one line of JSON.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Command;
use mfdoom_error::{Error, Kind};

use crate::{LogFormat, progress};

static HELP: AtomicBool = AtomicBool::new(false);

/// Asks for the stage's short help with the next error.
pub(crate) fn with_help(error: Error) -> Error {
    HELP.store(true, Ordering::SeqCst);
    error
}

/// Writes `error` to standard error; a closed pipe is no error and says nothing.
pub(crate) fn report(error: &Error, command: &Command, format: LogFormat) {
    if matches!(error.kind(), Kind::ClosedPipe | Kind::Interrupted(_)) {
        return;
    }
    let text = match format {
        LogFormat::Json => json(error),
        LogFormat::Text => text(error, command),
    };
    // Nobody is left to tell when standard error is closed.
    progress::suspended(|| drop(writeln!(std::io::stderr(), "{text}")));
}

fn text(error: &Error, command: &Command) -> String {
    let mut command = command.clone();
    if HELP.load(Ordering::SeqCst) {
        return format!("{}\nerror: {error}", command.render_help());
    }
    match error.kind() {
        Kind::Usage => {
            format!("error: {error}\n\nFor more information, try '{} --help'.", command.get_name())
        }
        _ => format!("error: {error}"),
    }
}

fn json(error: &Error) -> String {
    let fields =
        [("found", error.found_text()), ("wanted", error.wanted_text()), ("help", error.help_text())];
    let mut line = serde_json::json!({
        "level": "ERROR",
        "message": error.summary(),
        "exit_code": error.exit_code(),
    });
    for (name, value) in fields {
        if let Some(value) = value {
            line[name] = value.into();
        }
    }
    line.to_string()
}
