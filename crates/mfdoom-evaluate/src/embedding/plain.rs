//! Plain embeddings of the counts: variable genes, principal components, and the components of several modalities joined.

use mfdoom_matrix::variable_genes::{GeneSums, highly_variable};
use mfdoom_matrix::{Csr, Matrix, SizeTarget, divide_rows, log_normalise, pca};

use super::baseline::BaselineCounts;
use super::reduced::TARGET;
use crate::args::EmbeddingArgs;
use crate::counts::{is_protein, log_ratios};

/// Genes of the plainest embedding.
const GENES: usize = 2_000;
/// Most cells that are embedded in so many genes: each distance costs as much as forty on components.
const MOST: usize = 10_000;

/// A plain embedding of some modalities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// The most variable genes of a modality.
    Genes(usize),
    /// Principal components of a modality.
    Components(usize),
    /// Components of all modalities side by side, each of unit length.
    Joined,
}

impl Plain {
    /// Returns all that can be made of the counts.
    pub(super) fn all(counts: &BaselineCounts) -> Vec<Self> {
        let n = counts.n_modalities();
        let single = (0..n).flat_map(|modality| [Self::Components(modality), Self::Genes(modality)]);
        single.chain((n > 1).then_some(Self::Joined)).collect()
    }

    /// Returns the modalities that it is made from.
    pub(super) fn modalities(self, counts: &BaselineCounts) -> Vec<usize> {
        match self {
            Self::Genes(modality) | Self::Components(modality) => vec![modality],
            Self::Joined => (0..counts.n_modalities()).collect(),
        }
    }

    /// Returns its name in results.
    pub(super) fn name(self, counts: &BaselineCounts, args: &EmbeddingArgs) -> String {
        match self {
            Self::Genes(modality) => format!("hvg{GENES}_{}", counts.name(modality)),
            Self::Components(modality) => format!("pca{}_{}", args.scores.components, counts.name(modality)),
            Self::Joined => format!("pca{}_joined", args.scores.components),
        }
    }

    /// Returns the vectors [rows, d] of cells that have the modalities, or why there are none.
    pub(super) fn vectors(
        self,
        counts: &BaselineCounts,
        rows: &[usize],
        args: &EmbeddingArgs,
    ) -> Result<Matrix, String> {
        match self {
            Self::Genes(_) if rows.len() > MOST => Err(format!("{} cells: at most {MOST}", rows.len())),
            Self::Genes(modality) => variable(counts, modality, rows),
            Self::Components(modality) => components(counts, modality, rows, args),
            Self::Joined => {
                let parts =
                    (0..counts.n_modalities()).map(|modality| components(counts, modality, rows, args));
                joined(&parts.collect::<Result<Vec<_>, _>>()?)
            }
        }
    }
}

/// Counts of the genes that every data set measured, with library sizes.
fn counted(counts: &BaselineCounts, modality: usize, rows: &[usize]) -> Result<(Csr, Vec<f64>), String> {
    let genes = counts.common_genes(modality, rows);
    match genes.is_empty() {
        true => Err("the data sets share no gene".to_owned()),
        false => Ok(counts.matrix(modality, rows, &genes)),
    }
}

/// Returns principal components [rows, d] of the counts of cells that have a modality, or why there are none.
pub(super) fn components(
    counts: &BaselineCounts,
    modality: usize,
    rows: &[usize],
    args: &EmbeddingArgs,
) -> Result<Matrix, String> {
    let (mut matrix, sizes) = counted(counts, modality, rows)?;
    let k = args.scores.components.min(matrix.n_cols()).min(matrix.n_rows().saturating_sub(1));
    let found = if is_protein(counts.name(modality)) {
        pca(&log_ratios(matrix.to_dense()), k, args.run.seed.seed)
    } else {
        log_normalise(&mut matrix, Some(&sizes), SizeTarget::Total(TARGET))
            .and_then(|()| pca(&matrix, k, args.run.seed.seed))
    };
    Ok(found.map_err(|error| error.to_string())?.scores)
}

fn variable(counts: &BaselineCounts, modality: usize, rows: &[usize]) -> Result<Matrix, String> {
    let (mut matrix, sizes) = counted(counts, modality, rows)?;
    let failed = |error: mfdoom_matrix::Error| error.to_string();
    let mut normalised = matrix.clone();
    let factors: Vec<f64> = sizes.iter().map(|size| (size / TARGET).max(f64::MIN_POSITIVE)).collect();
    divide_rows(&mut normalised, &factors).map_err(failed)?;
    let keep = highly_variable(&GeneSums::of(&normalised), GENES.min(matrix.n_cols()));
    log_normalise(&mut matrix, Some(&sizes), SizeTarget::Total(TARGET)).map_err(failed)?;
    Ok(matrix.select_columns(&keep).to_dense())
}

/// Returns parts [n, d] side by side, each row of a part of unit length.
fn joined(parts: &[Matrix]) -> Result<Matrix, String> {
    let n = parts.first().map_or(0, Matrix::n_rows);
    let mut data = Vec::new();
    for row in 0..n {
        for part in parts {
            let row = part.row(row);
            let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            data.extend(row.iter().map(|value| value / length));
        }
    }
    let d = parts.iter().map(Matrix::n_cols).sum();
    Matrix::new(data, n, d).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_alike_and_log_ratios_sum_to_nothing() {
        let parts = [vec![3.0, 4.0], vec![0.5]].map(|row| Matrix::new(row.clone(), 1, row.len()).unwrap());
        assert_eq!(joined(&parts).unwrap().data(), [0.6, 0.8, 1.0]);
        let counts = Csr::new(2, vec![0, 1], vec![0], vec![std::f32::consts::E - 1.0]).unwrap();
        let found = log_ratios(counts.to_dense());
        assert!((found.data()[0] - 0.5).abs() < 1e-6 && (found.data()[1] + 0.5).abs() < 1e-6);
    }
}
