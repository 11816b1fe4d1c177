//! What the scores of velocities are called.

use crate::scores::Name;

const ACCURACY: &str = "Accuracy";
const UNCERTAINTY: &str = "Uncertainty and error of a cell";
const DIRECTION: &str = "Direction across the edges (CBDir)";
const COHERENCE: &str = "Coherence within clusters (ICCoh)";

/// Median over genes of Pearson's correlation over cells, and the quartiles.
pub(super) const PEARSON: [Name; 3] = [
    Name::high("pearson", ACCURACY, "Pearson, median"),
    Name::high("pearson_q25", ACCURACY, "first quartile"),
    Name::high("pearson_q75", ACCURACY, "third quartile"),
];
/// Genes with a correlation: three cells at least, and a truth that varies.
pub(super) const GENES: Name = Name::plain("genes", ACCURACY, "genes");
/// Share of cells x genes where both have a velocity.
pub(super) const COMPARED: Name = Name::plain("compared", ACCURACY, "share compared");
/// Cosine of a cell over genes: mean and median.
pub(super) const COSINE: [Name; 2] =
    [Name::high("cosine", ACCURACY, "cosine, mean"), Name::high("cosine_median", ACCURACY, "median")];
/// Spearman's correlation of uncertainty and error over cells.
pub(super) const SPEARMAN: Name = Name::high("uncertainty_spearman", UNCERTAINTY, "Spearman");
/// Root mean square error over that of the uncertainties: 1 of a standard deviation.
pub(super) const SCALE: Name = Name::plain("uncertainty_scale", UNCERTAINTY, "error over uncertainty");
/// Mean over edges of the cosine between velocity and the way to the next cluster.
pub(super) const CBDIR: Name = Name::high("cbdir", DIRECTION, "CBDir");
/// That above the field in which every cell has the mean velocity.
pub(super) const EXCESS: Name = Name::high("cbdir_excess", DIRECTION, "above the constant field");
/// Mean cosine of a cell's velocity with those of its neighbours of the same cluster.
pub(super) const ICCOH: Name = Name::high("iccoh", COHERENCE, "ICCoh");
