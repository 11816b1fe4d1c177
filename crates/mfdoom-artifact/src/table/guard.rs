//! Turns a panic of a decoding library into an error.
//!
//! The parquet and IPC decoders check structure, not every length inside a page: some damaged files make
//! them panic. A user's damaged file is an error with a name, and no backtrace.

use std::cell::Cell;
use std::error::Error;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Runs `decode`, whose state must not be used again after an error.
pub(super) fn guarded<T, E>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, BoxError>
where
    E: Error + Send + Sync + 'static,
{
    silence();
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    QUIET.set(false);
    match result {
        Ok(decoded) => decoded.map_err(Box::from),
        Err(_) => Err("the bytes inside do not fit together".into()),
    }
}

/// Keeps the panic hook from printing what [`guarded`] reports.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                hook(info);
            }
        }));
    });
}
