//! The closed form: ridge regressions of all outputs on the features of one modality.

use std::collections::BTreeMap;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Ridge};

use super::{matrix, spread_rows};

/// Penalties that are tried.
const PENALTIES: [f64; 6] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0];
/// Of the penalties whose error on cells not fitted is within this share of the least, the largest is taken.
const TOLERANCE: f64 = 0.01;
/// Outputs at most that the penalty is chosen by, evenly spaced.
const JUDGED: usize = 2048;
/// Rows that the directions of the fitted values are taken from, and values at most.
const DIRECTIONS: [usize; 2] = [2048, 1 << 23];
/// Groups beyond this number are merged into one, whose missing values count as the mean, in the start only.
const MOST_GROUPS: usize = 16;

/// A fitted map of one modality.
pub(super) struct Fit {
    /// `[features, outputs]` row by row.
    pub weights: Vec<f64>,
    /// `[outputs]`
    pub intercept: Vec<f64>,
    /// Features of some training cells, for the directions of the fitted values.
    pub features: Matrix,
}

impl Fit {
    /// Returns the fitted values of the kept cells without the intercept, `[cells, outputs]`.
    pub(super) fn values(&self) -> Result<Matrix> {
        let intercept = vec![0.0; self.intercept.len()];
        let map = Ridge { weights: self.weights.clone(), intercept, penalty: 0.0 };
        map.predict(&self.features).map_err(|e| Error::failed("a prediction").source(e))
    }
}

/// Outputs with values in the same rows.
struct Group {
    genes: Vec<usize>,
    rows: Vec<usize>,
}

/// Fits targets `t` to features `x`, where NaN is no target, and returns the map with its penalty: the one given,
/// or the one chosen on the features `y` and targets `u` of other cells. Where there are none, every fifth row
/// is held back for the choice.
pub(super) fn regress(
    [x, y]: [&Matrix; 2],
    [t, u]: [&Matrix; 2],
    penalty: Option<f64>,
) -> Result<(Fit, f64)> {
    let penalty = match penalty {
        Some(penalty) => penalty,
        None => choose([x, y], [t, u])?,
    };
    let (features, outputs) = (x.n_cols(), t.n_cols());
    let mut fit = Fit {
        weights: vec![0.0; features * outputs],
        intercept: vec![0.0; outputs],
        features: x.select_rows(&spread_rows(x.n_rows(), DIRECTIONS[0].min(DIRECTIONS[1] / outputs.max(1)))),
    };
    for group in groups(t, &(0..outputs).collect::<Vec<_>>()) {
        let Some(map) = ridges(x, t, &group, &[penalty])?.pop() else { continue };
        let n = group.genes.len();
        for (i, &gene) in group.genes.iter().enumerate() {
            fit.intercept[gene] = map.intercept[i];
            (0..features).for_each(|row| fit.weights[row * outputs + gene] = map.weights[row * n + i]);
        }
    }
    Ok((fit, penalty))
}

/// Returns the largest penalty whose error on other cells is nearly the least.
fn choose([x, y]: [&Matrix; 2], [t, u]: [&Matrix; 2]) -> Result<f64> {
    let (inner, held): (Vec<usize>, Vec<usize>) = (0..x.n_rows()).partition(|row| row % 5 != 0);
    let parts = (y.n_rows() == 0)
        .then(|| [x.select_rows(&inner), t.select_rows(&inner), x.select_rows(&held), t.select_rows(&held)]);
    let [x, t, y, u] = match &parts {
        Some([x, t, y, u]) => [x, t, y, u],
        None => [x, t, y, u],
    };
    let mut errors = vec![0.0; PENALTIES.len()];
    for group in groups(t, &spread_rows(t.n_cols(), JUDGED)) {
        for (map, error) in ridges(x, t, &group, &PENALTIES)?.iter().zip(&mut errors) {
            *error += square_error(map, y, u, &group.genes)?;
        }
    }
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let chosen = errors.iter().rposition(|error| *error <= least * (1.0 + TOLERANCE));
    Ok(PENALTIES[chosen.unwrap_or(0)])
}

fn groups(t: &Matrix, genes: &[usize]) -> Vec<Group> {
    let mut by_rows: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for &gene in genes {
        let rows = (0..t.n_rows()).filter(|row| !t.row(*row)[gene].is_nan()).collect();
        by_rows.entry(rows).or_default().push(gene);
    }
    by_rows.retain(|rows, _| rows.len() > 1);
    if by_rows.len() > MOST_GROUPS {
        let mut genes: Vec<usize> = by_rows.into_values().flatten().collect();
        genes.sort_unstable();
        return vec![Group { genes, rows: (0..t.n_rows()).collect() }];
    }
    by_rows.into_iter().map(|(rows, genes)| Group { genes, rows }).collect()
}

fn ridges(x: &Matrix, t: &Matrix, group: &Group, penalties: &[f64]) -> Result<Vec<Ridge>> {
    let known = |row: &usize, gene: &usize| {
        let value = t.row(*row)[*gene];
        if value.is_nan() { 0.0 } else { value } // the mean, in standard deviations
    };
    let rows = &group.rows;
    let wanted = rows.iter().flat_map(|row| group.genes.iter().map(move |gene| known(row, gene))).collect();
    let wanted = matrix(wanted, rows.len(), group.genes.len())?;
    Ridge::fit_each(&x.select_rows(rows), &wanted, penalties)
        .map_err(|e| Error::failed("the regression that training starts from").source(e))
}

fn square_error(map: &Ridge, x: &Matrix, t: &Matrix, genes: &[usize]) -> Result<f64> {
    let predicted = map.predict(x).map_err(|e| Error::failed("a prediction").source(e))?;
    let mut sum = 0.0;
    for row in 0..x.n_rows() {
        for (gene, p) in genes.iter().zip(predicted.row(row)) {
            let wanted = t.row(row)[*gene];
            if !wanted.is_nan() {
                sum += f64::from(p - wanted).powi(2);
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use mfdoom_nn::Stream;

    use super::*;

    const N: usize = 200;

    /// Features, and targets 2 a - b and a + 1 of the first two, with noise.
    fn data(noise: f64) -> [Matrix; 2] {
        let mut stream = Stream::new(3, "regression", 0, 0);
        let x: Vec<f32> = (0..N * 4).map(|_| stream.normal() as f32).collect();
        let mut of = |row: usize, weights: [f32; 3]| {
            x[4 * row] * weights[0]
                + x[4 * row + 1] * weights[1]
                + weights[2]
                + (noise * stream.normal()) as f32
        };
        let t = (0..N).flat_map(|row| [of(row, [2.0, -1.0, 0.0]), of(row, [1.0, 0.0, 1.0])]).collect();
        [Matrix::new(x, N, 4).unwrap(), Matrix::new(t, N, 2).unwrap()]
    }

    fn none(n: usize) -> Matrix {
        Matrix::new(Vec::new(), 0, n).unwrap()
    }

    #[test]
    fn maps_are_found_and_a_missing_target_is_never_zero() {
        let [x, t] = data(0.0);
        let holes: Vec<f32> = t
            .data()
            .iter()
            .enumerate()
            .map(|(i, v)| if i % 2 == 1 && i % 3 == 0 { f32::NAN } else { *v })
            .collect();
        let holes = Matrix::new(holes, N, 2).unwrap();
        let (fit, penalty) = regress([&x, &none(4)], [&holes, &none(2)], Some(1e-6)).unwrap();
        assert_eq!(penalty, 1e-6);
        let wanted = [[2.0, 1.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]].concat();
        for (found, wanted) in fit.weights.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-4, "{:?}", fit.weights);
        }
        assert!((fit.intercept[1] - 1.0).abs() < 1e-4 && fit.intercept[0].abs() < 1e-4);
    }

    #[test]
    fn noise_asks_for_a_larger_penalty() {
        let penalty = |noise: f64| {
            let [x, t] = data(noise);
            regress([&x, &none(4)], [&t, &none(2)], None).unwrap().1
        };
        assert!(penalty(0.01) == 1.0 && penalty(20.0) > 1.0, "{} {}", penalty(0.01), penalty(20.0));
    }
}
