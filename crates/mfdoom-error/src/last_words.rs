//! The end of a process that waits for a library which does not return.

use std::sync::OnceLock;

use crate::Error;

type LastWords = Box<dyn Fn(&Error) + Send + Sync>;

static LAST_WORDS: OnceLock<LastWords> = OnceLock::new();

/// Sets how the process ends in [`give_up`]: it reports the error, removes partial outputs and exits with the error's code.
pub fn set_last_words(words: impl Fn(&Error) + Send + Sync + 'static) {
    // The first one stays: a process has one command line.
    let _ = LAST_WORDS.set(Box::new(words));
}

/// Ends the process with an error that no caller can be given.
pub fn give_up(error: &Error) -> ! {
    match LAST_WORDS.get() {
        Some(words) => words(error),
        None => eprintln!("error: {error}"),
    }
    std::process::abort()
}
