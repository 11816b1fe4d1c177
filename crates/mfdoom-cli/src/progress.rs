//! Progress with rate and time left: a bar on a terminal, one log line every 30 seconds elsewhere.

use std::io::IsTerminal;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two lines of a log.
const INTERVAL: Duration = Duration::from_secs(30);

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// How far a piece of work has come.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    unit: &'static str,
    bar: ProgressBar,
    started: Instant,
    interval: Duration,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// Starts `what` ("reading"), of `total` things of the plural name `unit` ("cells") if that is known.
    ///
    /// On a terminal a bar is drawn unless `--quiet`; elsewhere lines are logged at level info.
    pub fn new(what: &'static str, total: Option<u64>, unit: &'static str) -> Self {
        let drawn = std::io::stderr().is_terminal() && tracing::enabled!(tracing::Level::INFO);
        let bar = if drawn {
            BARS.add(ProgressBar::no_length())
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        };
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_message(what);
        bar.set_style(style(total.is_some(), unit));
        let now = Instant::now();
        Self { what, unit, bar, started: now, interval: INTERVAL, last_line: Mutex::new(now) }
    }

    /// Sets the time between two lines of a log.
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Adds `n` to what is done.
    pub fn inc(&self, n: u64) {
        self.bar.inc(n);
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bar.is_hidden() && last.elapsed() >= self.interval {
            *last = Instant::now();
            tracing::info!("{}", self.line());
        }
    }

    /// Shows `note` (a loss, a file name) behind the numbers.
    pub fn note(&self, note: impl Into<String>) {
        self.bar.set_prefix(note.into());
    }

    /// Returns the present state as one line.
    pub fn line(&self) -> String {
        let done = self.bar.position();
        let rate = done as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let counts = match self.bar.length() {
            Some(total) => format!("{} of {}", HumanCount(done), HumanCount(total)),
            None => HumanCount(done).to_string(),
        };
        let left = match self.bar.length() {
            Some(total) if rate > 0.0 => {
                let seconds = (total.saturating_sub(done) as f64 / rate).min(1e9);
                format!(", {} left", HumanDuration(Duration::from_secs_f64(seconds)))
            }
            _ => String::new(),
        };
        let note = Some(self.bar.prefix()).filter(|note| !note.is_empty());
        let note = note.map(|note| format!(", {note}")).unwrap_or_default();
        format!("{}: {counts} {}, {} {}/s{left}{note}", self.what, self.unit, speed(rate), self.unit)
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn speed(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { HumanCount(rate as u64).to_string() }
}

fn style(sized: bool, unit: &str) -> ProgressStyle {
    let template = if sized {
        format!("{{msg}} [{{bar:30}}] {{human_pos}}/{{human_len}} {unit} {{per_sec}} {{eta}} left {{prefix}}")
    } else {
        format!("{{msg}} {{spinner}} {{human_pos}} {unit} {{per_sec}} {{prefix}}")
    };
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// Runs `write` while the bars are hidden.
pub(crate) fn suspended<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

/// Takes the bars off the terminal.
pub(crate) fn clear() {
    // A terminal that cannot be written to has nothing to clear.
    let _ = BARS.clear();
}
