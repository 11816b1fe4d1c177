//! Generated and real cells side by side in the plane.

use mfdoom_error::Result;
use mfdoom_matrix::subsample;

use super::cells::{LabelledCounts, common_genes};
use super::{Comparison, LEAST};
use crate::layout::laid_out;
use crate::report::{Cloud, Colouring, Layout};

/// Most cells of either sample that are laid out.
const MOST: usize = 5_000;

/// Lays out the cells of each modality on joint components, coloured by origin and label; nothing of few cells.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn plots(comparison: &Comparison<'_>, modalities: &[String]) -> Result<Vec<Cloud>> {
    modalities.iter().filter_map(|modality| cloud(comparison, modality).transpose()).collect()
}

fn cloud(comparison: &Comparison<'_>, modality: &str) -> Result<Option<Cloud>> {
    let all = [Some(comparison.real), Some(comparison.generated), comparison.train];
    let genes = common_genes(all.into_iter().flatten(), modality);
    let seed = comparison.args.run.seed.seed;
    let drawn = |cells: &super::CountedCells| -> LabelledCounts {
        let counts = cells.counts(modality, &genes);
        counts.select(&subsample(counts.counts.n_rows(), MOST.min(comparison.args.max_cells), seed))
    };
    let (real, generated) = (drawn(comparison.real), drawn(comparison.generated));
    let (n, m) = (real.counts.n_rows(), generated.counts.n_rows());
    if genes.is_empty() || n < LEAST || m < LEAST {
        return Ok(None);
    }
    let (x, is_generated) = comparison.samples(real.counts, generated.counts)?.stacked();
    let points: Vec<Option<[f64; 2]>> = laid_out(&x, seed)?.into_iter().map(Some).collect();
    let origin = is_generated.iter().map(|&generated| Some(if generated { "generated" } else { "real" }));
    let mut colourings = vec![Colouring::new("origin", origin)];
    let labels = || real.labels.iter().chain(&generated.labels).map(Option::as_deref);
    if let (Some(column), true) = (&comparison.args.label, labels().any(|label| label.is_some())) {
        colourings.push(Colouring::new(column, labels()));
    }
    let layout = Layout::new(format!("UMAP of {n} real and {m} generated cells"), &points);
    Ok(Some(Cloud { title: modality.to_owned(), colourings, layouts: vec![layout] }))
}
