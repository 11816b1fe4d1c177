//! INT and TERM: partial outputs are removed and the process dies by the signal.
//!
//! Training asks for a flag instead ([`stop_flag`]), writes its checkpoint, and then dies by the signal.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use mfdoom_artifact::remove_partials;
use mfdoom_error::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

static FLAG_WANTED: AtomicBool = AtomicBool::new(false);
static PENDING: AtomicI32 = AtomicI32::new(0);

/// Tells a stage that wants to end in its own way that a signal has come.
#[derive(Clone, Copy, Debug)]
pub struct StopFlag(());

/// Asks for a flag: the first signal then only sets it, a second one ends the process at once.
pub fn stop_flag() -> StopFlag {
    FLAG_WANTED.store(true, Ordering::SeqCst);
    StopFlag(())
}

impl StopFlag {
    /// Returns the signal that asked the process to stop.
    pub fn requested(self) -> Option<i32> {
        Some(PENDING.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Returns [`mfdoom_error::Kind::Interrupted`] once a signal has come.
    pub fn check(self) -> Result<()> {
        self.requested().map_or(Ok(()), |signal| Err(Error::interrupted(signal)))
    }
}

/// Starts the thread that waits for signals.
pub(crate) fn watch() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let wait = move || {
        for signal in signals.forever() {
            let first = PENDING.swap(signal, Ordering::SeqCst) == 0;
            if first && FLAG_WANTED.load(Ordering::SeqCst) {
                tracing::warn!("stopping after a checkpoint; once more to stop at once");
            } else {
                die(signal);
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}

/// Removes partial outputs and ends the process by `signal`, as if it had not been caught.
pub(crate) fn die(signal: i32) {
    crate::progress::clear();
    remove_partials();
    if emulate_default_handler(signal).is_err() {
        std::process::exit(128 + signal);
    }
}
