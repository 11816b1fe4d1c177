//! Log lines on standard error, around the progress bar.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, format::Writer, time::FormatTime};
use tracing_subscriber::prelude::*;

use crate::{CommonArgs, LogFormat, progress};

/// Starts logging as the arguments ask; libraries outside the project only warn.
pub(crate) fn start(common: &CommonArgs) {
    let level = level(common);
    let filter = Targets::new().with_target("mfdoom", level).with_default(level.min(LevelFilter::WARN));
    let lines = fmt::layer().with_target(false).with_writer(|| Stderr);
    let subscriber = tracing_subscriber::registry().with(filter);
    // A second call in the same process (in tests) keeps the first subscriber.
    let _ = match common.log_format {
        LogFormat::Text => subscriber.with(lines.with_ansi(false).with_timer(Clock)).try_init(),
        LogFormat::Json => subscriber.with(lines.json().flatten_event(true)).try_init(),
    };
}

fn level(common: &CommonArgs) -> LevelFilter {
    match i16::from(common.verbose) - i16::from(common.quiet) {
        ..=-2 => LevelFilter::ERROR,
        -1 => LevelFilter::WARN,
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        2.. => LevelFilter::TRACE,
    }
}

/// The time of day, in UTC: short, and enough for a log that a scheduler dates.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()) % 86_400;
        write!(w, "{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// Standard error with the progress bar out of the way.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::suspended(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
