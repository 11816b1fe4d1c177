//! Names of a decoder's tensors.

/// Beginning of the name of every tensor of a decoder.
pub const PREFIX: &str = "decoder.";

/// Whether a tensor is a constant of the training data, saved with a decoder and never trained: all of the
/// profile path but its map, and the mean and scale of the target.
pub fn is_constant(name: &str) -> bool {
    name.starts_with("decoder.target.")
        || (name.starts_with("decoder.profile.") && (!name.ends_with(".map") || name.ends_with(".error.map")))
}

/// Returns whether a tensor is one that the regression a decoder starts from fits: maps, gene vectors and bias.
pub fn is_fitted(name: &str) -> bool {
    name.starts_with("decoder.profile.") || name == "decoder.queries" || name == "decoder.bias"
}
