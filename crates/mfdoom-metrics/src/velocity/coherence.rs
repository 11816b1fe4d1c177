//! ICCoh: do cells of a cluster move like their neighbours?

use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;
use mfdoom_matrix::error::{Result, same};
use rayon::prelude::*;

use super::{Pairs, mean};

/// Coherence within clusters.
#[derive(Clone, Debug, PartialEq)]
pub struct Coherence {
    /// Mean over the clusters that have cells with a velocity.
    pub mean: Option<f64>,
    /// Mean over the cells of each cluster.
    pub clusters: Vec<Option<f64>>,
}

/// Returns the mean cosine of a cell's velocity with those of its neighbours of the same cluster and its own,
/// averaged over the cells of a cluster, then over clusters.
///
/// `velocity` [n_cells, n_genes] holds velocity genes only, `labels` [n_cells] are clusters, `neighbours` those of
/// each cell, with or without itself. A constant field has coherence 1.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), when the parts differ in cells.
pub fn in_cluster_coherence(velocity: &Matrix, labels: &[u32], neighbours: &Neighbors) -> Result<Coherence> {
    let n = velocity.n_rows();
    same("labels", labels.len(), n)?;
    same("cells of the neighbours", neighbours.n_rows(), n)?;
    let of_cell = |cell: usize| {
        let cosine = |other: usize| {
            let pairs = velocity.row(cell).iter().copied().zip(velocity.row(other).iter().copied());
            Pairs::of(pairs).cosine()
        };
        let own = cosine(cell)?;
        let others = neighbours.indices(cell).iter().map(|&other| other as usize);
        let alike = others.filter(|&other| other != cell && labels[other] == labels[cell]);
        mean(std::iter::once(own).chain(alike.filter_map(cosine)))
    };
    let cells: Vec<Option<f64>> = (0..n).into_par_iter().map(of_cell).collect();
    let n_clusters = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut sums = vec![(0.0, 0.0); n_clusters];
    for (coherence, &label) in cells.into_iter().zip(labels) {
        if let Some(coherence) = coherence {
            let (sum, n) = &mut sums[label as usize];
            *sum += coherence;
            *n += 1.0;
        }
    }
    let clusters: Vec<Option<f64>> = sums.into_iter().map(|(sum, n)| (n > 0.0).then(|| sum / n)).collect();
    Ok(Coherence { mean: mean(clusters.iter().flatten().copied()), clusters })
}
