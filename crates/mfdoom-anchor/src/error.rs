//! What can be wrong with the input of a fit or of an encoder.

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an anchor cannot be fitted, read or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are fewer cells than a fit needs.
    #[error("the anchor needs at least 2 cells that were measured in some modality, found {found}")]
    TooFewCells {
        /// Cells found.
        found: usize,
    },
    /// No modality has a feature that varies.
    #[error("no modality has a feature that varies between the cells")]
    NothingVaries,
    /// The numbers of a fit overflow or are not finite.
    #[error("the counts of '{modality}' are too large or not finite")]
    NotFinite {
        /// Modality at fault.
        modality: String,
    },
    /// The rank is outside of what can be fitted.
    #[error("an anchor of {found} dimensions cannot be fitted; give 1 to 512")]
    Rank {
        /// Rank asked for.
        found: usize,
    },
    /// A stored model lacks an array, or one has another shape.
    #[error("the array {name} of the anchor is missing or of another shape")]
    Damaged {
        /// Name of the array.
        name: String,
    },
    /// No transform is called so.
    #[error("no transform is called '{0}'; choose from log_normalized, log1p, clr, binary and tf_idf")]
    UnknownTransform(String),
    /// No choice of effects is called so.
    #[error("'{0}' is neither remove nor keep")]
    UnknownEffects(String),
}
