//! What can be wrong with the numbers that are handed in.

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal of an input; nothing was computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two sizes that must agree do not.
    #[error("{what}: {found} found, {wanted} wanted")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row} holds a value that is not finite")]
    NotFinite {
        /// First such row.
        row: usize,
    },
    /// There is too little of something.
    #[error("too few {what}: {found} found, at least {wanted} wanted")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        wanted: usize,
    },
    /// A compressed sparse matrix whose parts contradict each other.
    #[error("the sparse matrix is malformed: {0}")]
    Malformed(&'static str),
    /// The input cannot be analysed at all, for the reason given.
    #[error("{0}")]
    Unusable(String),
}

/// Returns an error unless `found` equals `wanted`; `what` names what was counted.
///
/// # Errors
/// [`Error::Shape`].
pub fn same(what: &'static str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(Error::Shape { what, found, wanted }) }
}

/// Returns an error unless there are at least `wanted`.
///
/// # Errors
/// [`Error::TooFew`].
pub fn at_least(what: &'static str, found: usize, wanted: usize) -> Result<()> {
    if found >= wanted { Ok(()) } else { Err(Error::TooFew { what, found, wanted }) }
}
