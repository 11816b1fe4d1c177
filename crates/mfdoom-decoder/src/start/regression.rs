//! The closed form: ridge regressions of all outputs on the features of one modality.

use std::collections::BTreeMap;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{LeaveOneOut, Matrix, Ridge};

use super::{matrix, spread_rows};

/// Penalties that are tried.
const PENALTIES: [f64; 9] = [0.3, 1.0, 3.0, 10.0, 20.0, 30.0, 60.0, 100.0, 300.0];
/// Outputs at most of a group that the penalty is chosen by, evenly spaced.
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
    /// The penalty of each section of outputs.
    pub penalties: Vec<f64>,
    /// What it was fitted to, `[cells, features]`.
    pub inputs: Matrix,
    /// Root mean square residual of each cell when it takes no part, over the outputs that are judged; NaN of a cell
    /// without targets.
    pub errors: Vec<f64>,
}

impl Fit {
    /// Returns the regression.
    pub(super) fn map(&self) -> Ridge {
        Ridge { weights: self.weights.clone(), intercept: self.intercept.clone(), penalty: 0.0 }
    }

    /// Returns the fitted values of some cells without the intercept, `[cells, outputs]`.
    pub(super) fn values(&self) -> Result<Matrix> {
        let outputs = self.intercept.len();
        let rows = spread_rows(self.inputs.n_rows(), DIRECTIONS[0].min(DIRECTIONS[1] / outputs.max(1)));
        let map = Ridge { intercept: vec![0.0; outputs], ..self.map() };
        map.predict(&self.inputs.select_rows(&rows)).map_err(|e| Error::failed("a prediction").source(e))
    }
}

/// Outputs with values in the same rows.
struct Group {
    genes: Vec<usize>,
    rows: Vec<usize>,
}

/// How penalties are chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// The penalty; otherwise the one that every cell is predicted best with by the others.
    pub penalty: Option<f64>,
    /// Of the penalties whose error on cells left out is within this share of the least, the largest is taken.
    pub tolerance: f64,
    /// Sections of outputs, of equal size, that have a penalty each.
    pub sections: usize,
}

/// Fits targets `t` to features `x`, where NaN is no target.
pub(super) fn regress(x: &Matrix, t: &Matrix, choice: &Choice) -> Result<Fit> {
    let (features, outputs) = (x.n_cols(), t.n_cols());
    let penalties = choice.penalty.map_or(PENALTIES.to_vec(), |penalty| vec![penalty]);
    let size = outputs.div_ceil(choice.sections.max(1)).max(1);
    let all = groups(t, &(0..outputs).collect::<Vec<_>>());
    let keep = all.len() <= 2; // each decomposition takes as much memory as the features in f64
    let judge = |group| Judged::new([x, t], group, (&penalties, size), keep);
    let judged = all.iter().map(judge).collect::<Result<Vec<_>>>()?;
    let best = |section: usize| {
        let total = |k: usize| judged.iter().map(|judged| judged.total(k, section)).sum::<f64>();
        let errors: Vec<f64> = (0..penalties.len()).map(total).collect();
        let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
        errors.iter().rposition(|error| *error <= least * (1.0 + choice.tolerance)).unwrap_or(0)
    };
    let chosen: Vec<usize> = (0..outputs.div_ceil(size)).map(best).collect();
    let mut fit = Fit {
        weights: vec![0.0; features * outputs],
        intercept: vec![0.0; outputs],
        penalties: chosen.iter().map(|k| penalties[*k]).collect(),
        inputs: x.clone(),
        errors: root_mean_squares(&judged, &chosen, x.n_rows()),
    };
    for judged in judged {
        judged.fit(x, t, (&mut fit, size))?;
    }
    Ok(fit)
}

/// Regressions of a group of outputs, and how far they are off the cells that take no part.
struct Judged<'a> {
    group: &'a Group,
    /// The decomposition of all outputs of the group, where there are few groups and few outputs.
    solved: Option<LeaveOneOut>,
    /// Outputs that are judged.
    outputs: usize,
    /// Sum of the squared residuals of each row, for each penalty and section.
    squares: Vec<BTreeMap<usize, Vec<f64>>>,
}

impl<'a> Judged<'a> {
    fn new(
        [x, t]: [&Matrix; 2],
        group: &'a Group,
        (penalties, size): (&[f64], usize),
        keep: bool,
    ) -> Result<Self> {
        let genes: Vec<usize> =
            spread_rows(group.genes.len(), JUDGED).into_iter().map(|i| group.genes[i]).collect();
        let solved =
            LeaveOneOut::new(&x.select_rows(&group.rows), &known(t, &group.rows, &genes)?, PENALTIES[0])
                .map_err(unfit)?;
        let of = |penalty: &f64| {
            let residuals = solved.residuals(*penalty).map_err(unfit)?;
            let mut squares = BTreeMap::<usize, Vec<f64>>::new();
            for row in 0..residuals.n_rows() {
                for (gene, r) in genes.iter().zip(residuals.row(row)) {
                    let of = squares.entry(gene / size).or_insert_with(|| vec![0.0; residuals.n_rows()]);
                    of[row] += f64::from(*r).powi(2);
                }
            }
            Ok(squares)
        };
        let squares = penalties.iter().map(of).collect::<Result<_>>()?;
        let solved = (keep && genes.len() == group.genes.len()).then_some(solved);
        Ok(Self { squares, outputs: genes.len(), solved, group })
    }

    fn total(&self, penalty: usize, section: usize) -> f64 {
        self.squares[penalty].get(&section).map_or(0.0, |squares| squares.iter().sum())
    }

    /// Writes the maps of the group's outputs into a fit.
    fn fit(&self, x: &Matrix, t: &Matrix, (fit, size): (&mut Fit, usize)) -> Result<()> {
        let (outputs, group) = (fit.intercept.len(), self.group);
        let mut penalties = fit.penalties.clone();
        penalties.sort_by(f64::total_cmp);
        penalties.dedup();
        for penalty in penalties {
            let here = |gene: &&usize| fit.penalties[**gene / size] == penalty;
            let genes: Vec<usize> = group.genes.iter().filter(here).copied().collect();
            if genes.is_empty() {
                continue;
            }
            let map = match &self.solved {
                Some(solved) => solved.ridge(penalty),
                None => {
                    let wanted = known(t, &group.rows, &genes)?;
                    Ridge::fit(&x.select_rows(&group.rows), &wanted, penalty).map_err(unfit)?
                }
            };
            let n = map.intercept.len();
            // The decomposition has all genes of the group.
            let place = |gene: usize, i: usize| match n == group.genes.len() {
                true => group.genes.partition_point(|other| *other < gene),
                false => i,
            };
            for (i, &gene) in genes.iter().enumerate() {
                let i = place(gene, i);
                fit.intercept[gene] = map.intercept[i];
                (0..x.n_cols()).for_each(|row| fit.weights[row * outputs + gene] = map.weights[row * n + i]);
            }
        }
        Ok(())
    }
}

/// Returns the root mean square residual of each row, by the chosen penalty of each section.
fn root_mean_squares(judged: &[Judged<'_>], chosen: &[usize], rows: usize) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0f64; rows], vec![0usize; rows]);
    for judged in judged {
        for (section, penalty) in chosen.iter().enumerate() {
            let squares = judged.squares[*penalty].get(&section).into_iter().flatten();
            judged.group.rows.iter().zip(squares).for_each(|(row, square)| sums[*row] += square);
        }
        judged.group.rows.iter().for_each(|row| counts[*row] += judged.outputs);
    }
    sums.iter().zip(counts).map(|(sum, n)| (sum / n as f64).sqrt()).collect()
}

fn unfit(error: mfdoom_matrix::Error) -> Error {
    Error::failed("the regression that training starts from").source(error)
}

/// Returns targets; one that is missing counts as the mean, in standard deviations.
fn known(t: &Matrix, rows: &[usize], genes: &[usize]) -> Result<Matrix> {
    let value = |row: &usize, gene: &usize| Some(t.row(*row)[*gene]).filter(|v| !v.is_nan()).unwrap_or(0.0);
    let values = rows.iter().flat_map(|row| genes.iter().map(move |gene| value(row, gene))).collect();
    matrix(values, rows.len(), genes.len())
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

    fn choice(penalty: Option<f64>, sections: usize) -> Choice {
        Choice { penalty, tolerance: 0.01, sections }
    }

    #[test]
    fn sections_have_penalties_of_their_own() {
        let ([x, clear], [_, noisy]) = (data(0.01), data(20.0));
        let both = (0..N).flat_map(|row| [clear.row(row), noisy.row(row)].concat()).collect();
        let both = Matrix::new(both, N, 4).unwrap();
        let fit = regress(&x, &both, &choice(None, 2)).unwrap();
        for (section, alone) in [clear, noisy].iter().enumerate() {
            let alone = regress(&x, alone, &choice(None, 1)).unwrap();
            assert_eq!(fit.penalties[section], alone.penalties[0]);
            for (row, weights) in fit.weights.chunks(4).zip(alone.weights.chunks(2)) {
                let off =
                    row[2 * section..].iter().zip(weights).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 1e-9, "section {section}: {off:e}");
            }
        }
        assert!(fit.penalties[1] > fit.penalties[0], "{:?}", fit.penalties);
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
        let fit = regress(&x, &holes, &choice(Some(1e-6), 1)).unwrap();
        assert_eq!(fit.penalties, [1e-6]);
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
            regress(&x, &t, &choice(None, 1)).unwrap().penalties[0]
        };
        let (low, high) = (penalty(0.01), penalty(20.0));
        assert!(low <= 1.0 && high >= 100.0 * low, "{low} {high}");
    }
}
