//! How counts become the values that the model is linear in.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// How the counts of a modality become values. Every transform keeps zero at zero, but for an offset per cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// `log(1 + count x scale / library size)`; the scale is the median library size of the cells of the fit.
    LogNormalized,
    /// `log(1 + count)`.
    Log1p,
    /// `log(1 + count)` less its mean over the features that the cell's data set measured.
    Clr,
    /// 1 where there is a count.
    Binary,
    /// `log(1 + count x scale / library size x rarity)`, as peaks are weighed: the rarity of a feature is the logarithm of 1
    /// and the cells of the fit that measured it over those that have a count of it.
    TfIdf,
}

impl Transform {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::LogNormalized, Self::Log1p, Self::Clr, Self::Binary, Self::TfIdf];

    /// Returns the transform for a kind of data: proteins are centred per cell, peaks are weighed by their rarity, all else
    /// is normalised by depth.
    pub fn for_modality(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if is(&["protein", "adt", "antibod", "cite"]) => Self::Clr,
            () if is(&["atac", "peak", "chromatin", "accessib"]) => Self::TfIdf,
            () => Self::LogNormalized,
        }
    }

    /// Puts the values of a cell's counts, times their rarity where the transform has one, into `values` and returns the
    /// offset to subtract from all features, those without a count included.
    pub(crate) fn apply(self, cell: Depth, counts: impl Iterator<Item = f64>, values: &mut Vec<f64>) -> f64 {
        values.clear();
        let factor = cell.scale / cell.total.max(1.0);
        match self {
            Self::LogNormalized | Self::TfIdf => values.extend(counts.map(|c| (c * factor).ln_1p())),
            Self::Log1p | Self::Clr => values.extend(counts.map(f64::ln_1p)),
            Self::Binary => values.extend(counts.map(|c| if c > 0.0 { 1.0 } else { 0.0 })),
        }
        match self {
            Self::Clr => values.iter().sum::<f64>() / cell.measured.max(1) as f64,
            _ => 0.0,
        }
    }
}

/// What a transform needs to know of a cell besides its counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Library size.
    pub total: f64,
    /// Library size of a typical cell.
    pub scale: f64,
    /// Features of the model that its data set measured.
    pub measured: usize,
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogNormalized => "log_normalized",
            Self::Log1p => "log1p",
            Self::Clr => "clr",
            Self::Binary => "binary",
            Self::TfIdf => "tf_idf",
        })
    }
}

impl FromStr for Transform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|transform| transform.to_string() == text);
        found.ok_or_else(|| Error::UnknownTransform(text.into()))
    }
}
