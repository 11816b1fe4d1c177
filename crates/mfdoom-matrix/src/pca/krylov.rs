//! Leading eigenvectors of the scatter matrix by a restarted block Krylov iteration.

use faer::{Mat, MatRef};
use rand::Rng;

use super::scatter::Scatter;
use crate::eigen::symmetric;
use crate::panel::Panel;
use crate::random::{Purpose, generator};
use crate::rows::Rows;

/// Vectors carried beyond those asked for, so that the last of them converge.
const SPARE: usize = 10;
/// Blocks that a basis holds before it is restarted.
const BLOCKS: usize = 6;
const RESTARTS: usize = 40;
/// Residual, relative to the eigenvalue, of a component that is done.
const TOLERANCE: f64 = 3e-6;
/// Share of its length that a vector must keep outside the basis to add a direction.
const NEW: f64 = 1e-10;

/// Leading eigenvectors of C.
pub(super) struct Leading {
    /// Eigenvalues, descending, [k].
    pub(super) values: Vec<f64>,
    /// Eigenvectors, [p, k].
    pub(super) vectors: Panel,
    /// Largest relative residual.
    pub(super) residual: f64,
}

/// Returns the `k` leading eigenvectors.
pub(super) fn leading<X: Rows>(scatter: &Scatter<'_, X>, k: usize, seed: u64) -> Leading {
    let (p, block) = (scatter.dim(), k + SPARE);
    if BLOCKS * block >= p {
        let all = Panel::identity(p);
        let images = scatter.times(&all);
        return ritz(&all, &images, k).cut(k);
    }
    let mut random = generator(seed, Purpose::Pca);
    let start = (0..p * block).map(|_| random.random_range(-1.0..1.0)).collect();
    let mut basis = orthonormal(Panel::new(start, p, block));
    let mut images = scatter.times(&basis);
    let mut newest = images.clone();
    for _ in 1..RESTARTS {
        while basis.width() + block <= BLOCKS * block {
            let next = beside_basis(&basis, newest.clone());
            if next.width() == 0 {
                break;
            }
            newest = scatter.times(&next);
            basis = basis.beside(&next);
            images = images.beside(&newest);
        }
        let found = ritz(&basis, &images, block);
        if found.residual_of(k) <= TOLERANCE {
            return found.cut(k);
        }
        newest = found.images.clone();
        (basis, images) = (found.vectors, found.images);
    }
    ritz(&basis, &images, k).cut(k)
}

/// Ritz vectors with their images under C.
struct Ritz {
    values: Vec<f64>,
    vectors: Panel,
    images: Panel,
}

/// Returns the `wanted` leading Ritz vectors of a basis.
fn ritz(basis: &Panel, images: &Panel, wanted: usize) -> Ritz {
    let projected = basis.inner(images);
    let symmetrised = Mat::from_fn(projected.nrows(), projected.ncols(), |row, column| {
        (projected[(row, column)] + projected[(column, row)]) / 2.0
    });
    let n = basis.width();
    let (mut values, turn) = symmetric(&symmetrised).unwrap_or_else(|| (vec![0.0; n], Mat::identity(n, n)));
    values.truncate(wanted);
    let turn = turn.subcols(0, values.len());
    Ritz { values, vectors: basis.times(turn), images: images.times(turn) }
}

impl Ritz {
    /// Returns the largest of the first `k` residuals |C v - l v|, relative to l or to what matters of it.
    fn residual_of(&self, k: usize) -> f64 {
        let mut squares = vec![0.0; k.min(self.values.len())];
        for row in 0..self.vectors.n_rows() {
            let pairs = self.vectors.row(row).iter().zip(self.images.row(row));
            for ((square, value), (vector, image)) in squares.iter_mut().zip(&self.values).zip(pairs) {
                *square += (image - value * vector).powi(2);
            }
        }
        // Components that carry nothing cannot be resolved beyond rounding and need not be.
        let floor = self.values.first().map_or(0.0, |first| first.abs() * 1e-9).max(f64::MIN_POSITIVE);
        let relative =
            squares.iter().zip(&self.values).map(|(square, value)| square.sqrt() / value.abs().max(floor));
        relative.fold(0.0, f64::max)
    }

    fn cut(self, k: usize) -> Leading {
        let residual = self.residual_of(k);
        let Self { mut values, vectors, .. } = self;
        values.truncate(k);
        let width = vectors.width();
        let vectors = vectors.times(Mat::<f64>::identity(width, width).subcols(0, k.min(width)));
        Leading { values, vectors, residual }
    }
}

/// Returns an orthonormal basis of what `panel` adds to `basis`.
fn beside_basis(basis: &Panel, mut panel: Panel) -> Panel {
    let before = lengths(&panel);
    for _ in 0..2 {
        panel.add_times(basis, basis.inner(&panel).as_ref(), -1.0);
    }
    let panel = orthonormal(keep_new(panel, &before));
    // Scaling up what is small scales up what rounding left of the basis in it: once more.
    let mut panel = panel;
    panel.add_times(basis, basis.inner(&panel).as_ref(), -1.0);
    orthonormal(panel)
}

/// Returns the columns that kept enough of their length.
fn keep_new(panel: Panel, before: &[f64]) -> Panel {
    let after = lengths(&panel);
    let kept: Vec<usize> =
        (0..panel.width()).filter(|&column| after[column] > NEW * before[column]).collect();
    let choice =
        Mat::from_fn(panel.width(), kept.len(), |row, column| f64::from(u8::from(kept[column] == row)));
    panel.times(choice.as_ref())
}

fn lengths(panel: &Panel) -> Vec<f64> {
    let mut squares = vec![0.0; panel.width()];
    for row in 0..panel.n_rows() {
        squares.iter_mut().zip(panel.row(row)).for_each(|(square, value)| *square += value * value);
    }
    squares.into_iter().map(f64::sqrt).collect()
}

/// Returns orthonormal columns of the same span, leaving out dependent ones.
fn orthonormal(panel: Panel) -> Panel {
    whiten(&whiten(&panel))
}

/// Multiplies by the inverse root of the Gram matrix of the columns, scaled to unit length first.
fn whiten(panel: &Panel) -> Panel {
    let scale: Vec<f64> =
        lengths(panel).into_iter().map(|length| if length > 0.0 { length.recip() } else { 0.0 }).collect();
    let gram = panel.inner(panel);
    let n = panel.width();
    let scaled = Mat::from_fn(n, n, |row, column| gram[(row, column)] * scale[row] * scale[column]);
    let Some((values, vectors)) = symmetric(&scaled) else { return panel.clone() };
    let kept = values.iter().take_while(|&&value| value > 1e-12).count();
    let turn =
        Mat::from_fn(n, kept, |row, column| scale[row] * vectors[(row, column)] / values[column].sqrt());
    panel.times(MatRef::from(turn.as_ref()))
}
