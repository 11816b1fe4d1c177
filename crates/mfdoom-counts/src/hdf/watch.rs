//! A limit on the time that HDF5 may compute over one call: on some damaged heaps it never returns.
//!
//! The limit is in processor time, so that a slow disk or a busy machine breaks no read, and grows with the file. Without
//! a fork no call of a library can be taken back, so the process ends with the error.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use mfdoom_error::{Error, give_up};

/// Processor time that a call may take, whatever the size of the file.
const LEAST: Duration = Duration::from_secs(10);

/// Bytes of a file for which a call may take one more second.
const BYTES_A_SECOND: u64 = 20_000_000;

/// How often the calls are looked at.
const EVERY: Duration = Duration::from_millis(500);

static CALLS: Mutex<Calls> = Mutex::new(Calls { file: None, limit: LEAST, running: Vec::new() });
static WATCHMAN: Once = Once::new();

struct Calls {
    /// The file that was opened last.
    file: Option<PathBuf>,
    limit: Duration,
    running: Vec<Call>,
}

/// A call in a thread, and the time that the thread had used before.
struct Call {
    clock: Clock,
    before: Duration,
}

/// Names the file that the next calls read.
pub(super) fn name_file(path: &Path) {
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    calls.limit = calls.limit.max(LEAST + Duration::from_secs(size / BYTES_A_SECOND));
    calls.file = Some(path.to_owned());
}

/// Calls HDF5, for a limited time.
pub(super) fn watched<T>(call: impl FnOnce() -> T) -> T {
    WATCHMAN.call_once(|| {
        // Without the thread calls are not limited, as before.
        let _ = std::thread::Builder::new().name("hdf5-watch".into()).spawn(watch);
    });
    let _running = Running::begin();
    call()
}

/// A call that is listed as long as this lives.
struct Running(Clock);

impl Running {
    fn begin() -> Self {
        let clock = Clock::of_this_thread();
        let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        calls.running.push(Call { clock, before: clock.time() });
        Self(clock)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = calls.running.iter().rposition(|call| call.clock == self.0) {
            calls.running.remove(last);
        }
    }
}

fn watch() {
    loop {
        std::thread::sleep(EVERY);
        let calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |call: &Call| call.clock.time().saturating_sub(call.before) > calls.limit;
        if calls.running.iter().any(over) {
            let file = calls.file.as_ref().map_or("an HDF5 file".into(), |file| file.display().to_string());
            let seconds = calls.limit.as_secs();
            give_up(
                &Error::contract(format!("{file}: is a damaged HDF5 file"))
                    .found(format!("HDF5 did not end reading a part of it in {seconds} s of computing"))
                    .wanted("a whole file")
                    .help("copy or download it again"),
            );
        }
    }
}

/// The clock of the processor time of a thread; a call's thread outlives the call.
#[derive(Clone, Copy, PartialEq)]
struct Clock(#[cfg(target_os = "linux")] libc::clockid_t);

#[cfg(target_os = "linux")]
impl Clock {
    fn of_this_thread() -> Self {
        let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
        // SAFETY: the thread is this one, and `clock` is there to be written; where it fails, `clock` stays as it is.
        unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        Self(clock)
    }

    fn time(self) -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is there to be written; a clock of a thread that has ended leaves it at zero.
        unsafe { libc::clock_gettime(self.0, &raw mut time) };
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

/// Other systems have no such clock: calls are not limited there.
#[cfg(not(target_os = "linux"))]
impl Clock {
    fn of_this_thread() -> Self {
        Self()
    }

    fn time(self) -> Duration {
        Duration::ZERO
    }
}
