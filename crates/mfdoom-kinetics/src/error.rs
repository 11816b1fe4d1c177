//! What can be wrong with the arrays that a caller hands in.

/// A refusal of an input; nothing was computed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Two arrays that must describe the same cells or genes do not.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which length is meant, in words.
        what: &'static str,
        /// The length the other arrays ask for.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// The input cannot be analysed at all, for the reason given.
    #[error("{0}")]
    Unusable(String),
}

/// Result of this crate's velocity functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Refuses unless `found == expected`; `what` names the length.
pub(crate) fn expect_len(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
}
