//! Columns of `cells.parquet` that MFDOOM computes; all others are carried along from `obs`.

/// Column of the share of unspliced counts.
pub const UNSPLICED_FRACTION: &str = "unspliced_fraction";
/// Mean correlation of a cell's velocity with its neighbours'.
pub const CONFIDENCE: &str = "confidence";
/// Euclidean norm of the centred velocity.
pub const LENGTH: &str = "length";
/// Chance to stay.
pub const SELF_TRANSITION: &str = "self_transition";
/// Diffusion distance from the root, in [0, 1].
pub const PSEUDOTIME: &str = "pseudotime";
/// Probability to be a start, scaled to [0, 1].
pub const ROOT: &str = "root";
/// Probability to be an end, scaled to [0, 1].
pub const END: &str = "end";
/// Latent time shared by all genes of a dynamical fit, in [0, 1].
pub const LATENT: &str = "latent_time";

/// All of them.
pub const CELL_RESULTS: [&str; 8] =
    [UNSPLICED_FRACTION, CONFIDENCE, LENGTH, SELF_TRANSITION, PSEUDOTIME, ROOT, END, LATENT];
