//! `--max-memory` for the process as a whole.
//!
//! Stages that can cut their work into pieces that fit do so. Whatever the stage, a process that holds more than the limit
//! ends with an error, before the machine or a scheduler kills it without one.

use std::time::{Duration, Instant};

use mfdoom_error::{Error, give_up};

use crate::MemorySize;

/// Below it a limit only sets the size of the pieces: the program itself and its threads take about as much.
const LEAST: u64 = 256 << 20;

/// How often the memory of the process is looked at. What is taken and given back in between goes unseen.
const PERIOD: Duration = Duration::from_millis(50);

/// Starts the thread that looks at the memory of the process; where the system does not tell (all but Linux), none.
///
/// # Errors
/// The thread cannot be started.
pub(crate) fn watch(limit: MemorySize) -> std::io::Result<()> {
    if limit.bytes() < LEAST || held().is_none() {
        return Ok(());
    }
    let started = Instant::now();
    let look = move || {
        while let Some(held) = held() {
            if held > limit.bytes() {
                give_up(&exceeded(limit, held, started.elapsed()));
            }
            std::thread::sleep(PERIOD);
        }
    };
    std::thread::Builder::new().name("memory".into()).spawn(look).map(drop)
}

fn exceeded(limit: MemorySize, held: u64, after: Duration) -> Error {
    Error::failed(format!("this run takes more than --max-memory {limit}"))
        .found(format!("{} after {:.1} s", MemorySize::new(held), after.as_secs_f64()))
        .help("allow more, or take fewer cells (--shard, where the stage has it), genes or threads")
}

/// Returns the bytes of memory that the process holds and that no file on disk backs.
fn held() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = pages.split(' ').skip(1).map_while(|number| number.parse::<u64>().ok());
    let (resident, shared) = (pages.next()?, pages.next()?);
    // SAFETY: the function only reads a constant of the system.
    let size = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    Some(resident.saturating_sub(shared) * size)
}
