//! Errors of tensors as errors of a stage.

use std::path::Path;

use mfdoom_error::{Error, Result};

/// Turns a failed tensor operation into an error that a user can act on.
pub trait TensorResult<T> {
    /// Returns the value, or an error of kind failed with candle's reason.
    ///
    /// # Errors
    /// Where the operation failed.
    fn or_failed(self) -> Result<T>;

    /// Returns the value, or an error of kind incompatible which says that the weights at `path` do not fit
    /// their `config.json`, with the reason.
    ///
    /// # Errors
    /// Where the operation failed.
    fn or_unfit(self, path: &Path) -> Result<T>;
}

impl<T> TensorResult<T> for candle_core::Result<T> {
    fn or_failed(self) -> Result<T> {
        self.map_err(|error| {
            let error = plain(error);
            let text = error.to_string().to_lowercase();
            let failed = Error::failed("a tensor operation failed").source(error);
            match text.contains("out of memory") || text.contains("out_of_memory") {
                true => failed.help("lower --batch-cells or --max-tokens, or use --device cpu"),
                false => failed,
            }
        })
    }

    fn or_unfit(self, path: &Path) -> Result<T> {
        self.map_err(|error| {
            Error::incompatible(format!("{}: not the weights of its config.json", path.display()))
                .source(plain(error))
                .help("the folder was damaged or put together by hand: copy it again, or train anew")
        })
    }
}

/// Returns an error without its backtrace, which candle shows to users where one is taken.
fn plain(error: candle_core::Error) -> candle_core::Error {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => plain(*inner),
        other => other,
    }
}
