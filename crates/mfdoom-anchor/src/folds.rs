//! Cells as an anchor sees them that was not fitted to them.
//!
//! A fit explains its own cells better than new ones, so a network trained on such coordinates learns to trust them too
//! much. Here each cell is embedded by the fit to the folds that it is not in, and the axes of that fit are turned to
//! those of the fit to all cells (orthogonal Procrustes on the cells of the fit).

use crate::anchor::Anchor;
use crate::cells::{AnchorCells, Panels};
use crate::encoder::{Encoder, Scores};
use crate::error::{Error, Result};
use crate::fit::{Modality, Settings, fit};
use crate::square::{eigen, row_times};

/// The cells of a fit in folds, and how it was made.
#[derive(Clone, Copy, Debug)]
pub struct CrossFit<'a> {
    /// All cells.
    pub cells: &'a AnchorCells<'a>,
    /// What their data sets measured.
    pub panels: &'a Panels,
    /// The cells of the fit.
    pub rows: &'a [usize],
    /// The fold of each.
    pub fold: &'a [usize],
    /// Settings of the fit.
    pub settings: &'a Settings,
}

/// Returns, for each subset of the modalities, the coordinates of the rows in the space of `whole`, `[rows, 2 d]` as
/// [`Encoder::embed`] has them. `whole` was fitted to the same rows with the same settings.
///
/// # Errors
/// Those of [`fit`].
pub fn cross_fit(to: &CrossFit<'_>, whole: &Anchor, subsets: &[Vec<bool>]) -> Result<Vec<Scores>> {
    let CrossFit { cells, panels, rows, fold, settings } = *to;
    let d = whole.dim;
    let modality = |part: &crate::Part| Modality {
        name: part.name.clone(),
        transform: part.transform,
        derived_from: part.derived_from.clone(),
    };
    let modalities: Vec<Modality> = whole.parts.iter().map(modality).collect();
    let blank = || Scores { means: vec![0.0; rows.len() * 2 * d], present: vec![false; rows.len()] };
    let mut crossed: Vec<Scores> = subsets.iter().map(|_| blank()).collect();
    let mut of_whole = Encoder::new(whole, panels.clone());
    for number in 0..fold.iter().max().map_or(0, |last| last + 1) {
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|i| fold[*i] == number);
        let seen: Vec<usize> = outside.iter().map(|i| rows[*i]).collect();
        let left_out: Vec<usize> = inside.iter().map(|i| rows[*i]).collect();
        let anchor = fit(cells, panels, &seen, &modalities, settings)?;
        let mut encoder = Encoder::new(&anchor, panels.clone());
        let everything = vec![true; modalities.len()];
        let from = encoder.unit(cells, &seen, &everything).means;
        let turn = procrustes(&from, &of_whole.unit(cells, &seen, &everything).means, d)?;
        for (using, to) in subsets.iter().zip(&mut crossed) {
            let scores = encoder.embed(cells, &left_out, using);
            for (k, i) in inside.iter().enumerate() {
                to.present[*i] = scores.present[k];
                for half in 0..2 {
                    let row = row_times(&scores.means[(2 * k + half) * d..][..d], &turn, d);
                    to.means[(2 * i + half) * d..][..d].copy_from_slice(&row);
                }
            }
        }
    }
    Ok(crossed)
}

/// Returns the orthogonal `[d, d]` by which rows of `from` are closest to those of `to`: the polar factor of `from' to`.
fn procrustes(from: &[f64], to: &[f64], d: usize) -> Result<Vec<f64>> {
    let mut product = vec![0.0; d * d];
    for (a, b) in from.chunks_exact(d).zip(to.chunks_exact(d)) {
        for (row, x) in product.chunks_exact_mut(d).zip(a) {
            row.iter_mut().zip(b).for_each(|(p, y)| *p += x * y);
        }
    }
    // M (M'M)^(-1/2), the root from the eigenvectors of M'M.
    let mut square = vec![0.0; d * d];
    for row in product.chunks_exact(d) {
        crate::square::add_outer(&mut square, row, 1.0);
    }
    let (values, axes) = eigen(&square, d).ok_or(Error::NothingVaries)?;
    let floor = 1e-12 * values.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let mut root = vec![0.0; d * d];
    for k in 0..d {
        let axis: Vec<f64> = (0..d).map(|row| axes[row * d + k]).collect();
        crate::square::add_outer(&mut root, &axis, 1.0 / values[k].max(floor).sqrt());
    }
    Ok(product.chunks_exact(d).flat_map(|row| row_times(row, &root, d)).collect())
}
