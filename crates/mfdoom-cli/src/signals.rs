//! INT, TERM and what schedulers send (HUP, USR1, USR2, XCPU): partial outputs are removed and the process dies by the
//! signal.
//!
//! Training asks for a flag instead ([`stop_flag`]), writes its checkpoint, and then dies by the signal.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use mfdoom_artifact::remove_partials;
use mfdoom_error::{Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, exit};

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

/// What ends a run: the user (INT, TERM), a closed terminal (HUP), Slurm and SGE (USR1, USR2), PBS (XCPU).
const ENDING: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU];

/// Starts the thread that waits for signals.
pub(crate) fn watch() -> std::io::Result<()> {
    let heeded = ENDING.into_iter().filter(|signal| *signal != SIGHUP || !is_ignored(SIGHUP));
    let mut signals = Signals::new(heeded)?;
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

/// Returns whether the process was started with a signal ignored, as `nohup` does with HUP.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: with no new action sigaction only fills `action`, which is plain data and valid as zeroes.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Removes partial outputs and ends the process by `signal`, as if it had not been caught.
///
/// The kernel spares the first process of a container from signals without a handler: it exits with the code that a
/// shell gives to a process that a signal ended.
pub(crate) fn die(signal: i32) {
    crate::progress::clear();
    remove_partials();
    if std::process::id() == 1 || emulate_default_handler(signal).is_err() {
        exit(128 + signal);
    }
}
