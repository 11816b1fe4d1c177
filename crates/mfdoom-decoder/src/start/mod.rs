//! The start of a decoder: constants of the training data, and the closed form of the profile path.
//!
//! Every modality's map starts as a ridge regression of the targets on its random features, cut to the rank of
//! the decoder by the leading directions of the fitted values. For counts the targets of the regression are
//! log-normalised, and a factor for each gene makes the mean of the fitted shares that of the training cells; for labels
//! the bias starts at the logarithm of each label's share, and the map at zero.

mod landmarks;
mod regression;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Csr, Matrix, pca};
use mfdoom_model::{ModelConfig, TensorResult};
use mfdoom_nn::{ParameterBuilder, ParameterStore, Stream};
use mfdoom_train::TrainingCells;

use self::regression::{Choice, Fit, regress};
use crate::config::{DecoderConfig, ProfileConfig};
use crate::likelihood::{Target, add_shares, log_factors};
use crate::profile::log_normalised;
use crate::profile_path::ProfilePath;
use crate::target::Targets;
use crate::train::{DecoderViews, View};

/// Training cells at most that the closed form looks at, evenly spaced.
const MOST_ROWS: usize = 8192;
/// Target values at most that are looked at: fewer cells where there are many outputs.
const MOST_VALUES: usize = 1 << 27;
/// Share of the least error within which the larger penalty is taken for targets that are no counts.
const TOLERANCE: f64 = 0.01;
/// With more outputs than this, the map of the profile path starts at zero.
const MOST_OUTPUTS: usize = 1 << 14;
/// Inverse squared widths of the kernel that the random features stand for, half of them each, for profiles
/// with a mean square length of 1.
const WIDTHS: [f64; 2] = [0.5, 2.0];

/// What the start is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Starter<'a> {
    /// All cells.
    pub cells: &'a TrainingCells,
    /// Their targets.
    pub targets: &'a dyn Targets,
    /// Cells to learn from.
    pub training: &'a [usize],
    /// Seed of the random features.
    pub seed: u64,
    /// A penalty to use instead of the chosen one.
    pub penalty: Option<f64>,
}

/// What was chosen.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Penalties of each modality: one, or for counts one for each target.
    pub penalties: BTreeMap<String, Vec<f64>>,
}

impl Starter<'_> {
    /// Sets constants and start of a decoder in the store that it is in.
    ///
    /// # Errors
    /// Contract: a modality has too few cells. Failed where a regression does.
    pub fn apply(
        &self,
        store: &ParameterStore,
        config: &DecoderConfig,
        backbone: &ModelConfig,
    ) -> Result<Start> {
        let p = ParameterBuilder::over(store).pp("decoder");
        let likelihood = config.loss.build(&p, config).or_failed()?;
        let units = likelihood.start(self, config, store)?.filter(|_| config.outputs() <= MOST_OUTPUTS);
        let Some(profile) = &config.profile else { return Ok(Start::default()) };
        for name in &profile.modalities {
            self.constants(store, profile, name)?;
        }
        let path = ProfilePath::build(&p, profile, backbone, config.rank).or_failed()?;
        let mut start = Start::default();
        let mut fits = Vec::new();
        let mut shares = vec![[0.0; 2]; config.outputs()];
        for name in &profile.modalities {
            let rows = self.rows(name, config.outputs());
            let x = self.features(&path, name, &rows)?;
            let centre = means_of_columns(&x);
            set(store, &leaf(name, "centre"), centre.iter().map(|c| *c as f32).collect())?;
            if profile.landmarks > 0 {
                self.landmarks(store, &path, name, &rows)?;
            }
            let Some(units) = &units else { continue };
            let (x, wanted) = (less(&x, &centre), self.in_units(units, &rows)?);
            // Modalities that are counted have their own penalties; velocities are better the smoother they are.
            let sections = if units.as_shares { config.targets.len() } else { 1 };
            let tolerance = if units.as_shares { 0.0 } else { TOLERANCE };
            let fit = regress(&x, &wanted, &Choice { penalty: self.penalty, tolerance, sections })?;
            start.penalties.insert(name.clone(), fit.penalties.clone());
            if profile.landmarks > 0 {
                self.errors(store, name, &fit, units)?;
            }
            if units.as_shares {
                let fitted = fit.map().predict(&x).map_err(|e| Error::failed("a prediction").source(e))?;
                (0..x.n_rows())
                    .for_each(|row| add_shares(&mut shares, (fitted.row(row), wanted.row(row)), units));
            }
            fits.push((name.clone(), fit));
        }
        if let Some(units) = units.filter(|_| !fits.is_empty()) {
            self.cut(store, config, &fits, &units)?;
            if units.as_shares {
                let factors = log_factors(&shares).into_iter().map(|f| f as f32).collect();
                set(store, "decoder.log_factor", factors)?;
            }
        }
        Ok(start)
    }

    /// Shows the targets of all training cells to `each`, batch by batch.
    ///
    /// # Errors
    /// Where there is no memory left.
    pub(crate) fn each_target(&self, mut each: impl FnMut(&Target)) -> Result<()> {
        for batch in self.training.chunks(256) {
            each(&self.targets.of(self.cells, batch, &Device::Cpu).or_failed()?);
        }
        Ok(())
    }

    /// Returns number, sum and sum of squares of the training targets, by output.
    pub(crate) fn sums(&self, config: &DecoderConfig) -> Vec<[f64; 3]> {
        let n = config.outputs();
        let mut sums = vec![[0f64; 3]; n];
        for batch in self.training.chunks(256) {
            for row in self.targets.dense(self.cells, batch).chunks(n) {
                for (sums, value) in sums.iter_mut().zip(row).filter(|(_, v)| !v.is_nan()) {
                    let value = f64::from(*value);
                    *sums = [sums[0] + 1.0, sums[1] + value, sums[2] + value * value];
                }
            }
        }
        sums
    }

    /// Returns training cells that have a modality.
    fn rows(&self, modality: &str, outputs: usize) -> Vec<usize> {
        let most = MOST_ROWS.min(MOST_VALUES / outputs.max(1)).max(64);
        let number = self.cells.modalities.iter().position(|m| m == modality);
        let has = |cell: &&usize| number.is_some_and(|m| !self.cells.tokens(m).cell(**cell).0.is_empty());
        let training: Vec<usize> = self.training.iter().filter(has).copied().collect();
        spread_rows(training.len(), most).into_iter().map(|row| training[row]).collect()
    }

    /// Sets means, gene vectors and random layer of a modality.
    fn constants(&self, store: &ParameterStore, profile: &ProfileConfig, modality: &str) -> Result<()> {
        let training = self.rows(modality, 1);
        let (values, mean) = self.log_normalised(modality, &training)?;
        let k = profile.components;
        let found = pca(&values, k, self.seed).map_err(|e| {
            Error::contract(format!("too few cells with {modality} for {k} components"))
                .source(e)
                .help("--components, or more training cells; --profile off leaves this path out")
        })?;
        let square: f64 = found.scores.data().iter().map(|s| f64::from(*s).powi(2)).sum();
        let length = (square / training.len() as f64).sqrt().max(f64::MIN_POSITIVE);
        let genes: Vec<f32> = found.loadings.iter().map(|l| (l / length) as f32).collect();
        set(store, &leaf(modality, "genes"), genes)?;
        set(store, &leaf(modality, "mean"), mean)?;
        let mut stream = Stream::new(self.seed, "profile", 0, Stream::hash(modality));
        let n = profile.features;
        let deviation = |feature: usize| (2.0 * WIDTHS[usize::from(feature >= n / 2)]).sqrt();
        let frequency = (0..n * k).map(|i| (deviation(i / k) * stream.normal()) as f32).collect();
        set(store, &leaf(modality, "frequency"), frequency)?;
        let phase = (0..n).map(|_| (std::f64::consts::TAU * stream.uniform()) as f32).collect();
        set(store, &leaf(modality, "phase"), phase)
    }

    /// Returns log-normalised counts by cell and vocabulary id, and the mean of each gene over the cells whose
    /// data set measured it.
    fn log_normalised(&self, modality: &str, rows: &[usize]) -> Result<(Csr, Vec<f32>)> {
        let n = self.cells.vocabulary.len() + 1;
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        let (mut sums, mut seen) = (vec![0f64; n], vec![0f64; n]);
        let Some(m) = self.cells.modalities.iter().position(|known| known == modality) else {
            return Err(Error::failed(format!("no modality {modality}")));
        };
        for &cell in rows {
            let size = self.cells.tokens(m).library_size[cell] as f32;
            let (ids, counts) = self.cells.tokens(m).cell(cell);
            for (id, count) in ids.iter().zip(counts) {
                let value = log_normalised(*count, size);
                indices.push(*id);
                values.push(value);
                sums[*id as usize] += f64::from(value);
            }
            indptr.push(indices.len());
            let measured = self.cells.measured.get(self.cells.dataset(cell), modality);
            measured.into_iter().flat_map(|set| set.iter()).for_each(|gene| seen[*gene as usize] += 1.0);
        }
        let mean = sums.iter().zip(&seen).map(|(sum, seen)| (sum / seen.max(1.0)) as f32).collect();
        let matrix = Csr::new(n, indptr, indices, values)
            .map_err(|e| Error::failed("the counts of the cells").source(e))?;
        Ok((matrix, mean))
    }

    fn features(&self, path: &ProfilePath, modality: &str, rows: &[usize]) -> Result<Matrix> {
        let allowed: Vec<bool> = self.cells.modalities.iter().map(|m| m == modality).collect();
        let number = allowed.iter().position(|a| *a).unwrap_or_default();
        let views = DecoderViews::plain(allowed);
        let (mut data, mut width) = (Vec::new(), 0);
        for batch in rows.chunks(256) {
            let profile = views.profile(self.cells, path, batch, View::validation(None));
            if let Some(features) = path.features(&profile, number).or_failed()? {
                width = features.dim(1).or_failed()?;
                data.extend(features.flatten_all().and_then(|f| f.to_vec1::<f32>()).or_failed()?);
            }
        }
        matrix(data, rows.len(), width)
    }

    /// Returns targets in their units around the mean, NaN where there is none.
    fn in_units(&self, units: &Units, rows: &[usize]) -> Result<Matrix> {
        let n = units.mean.len();
        let mut values = Vec::with_capacity(rows.len() * n);
        for batch in rows.chunks(256) {
            values.extend(self.targets.dense(self.cells, batch));
        }
        for row in values.chunks_mut(n) {
            for (value, (mean, scale)) in row.iter_mut().zip(units.mean.iter().zip(&units.scale)) {
                *value = ((f64::from(*value) - mean) / scale) as f32;
            }
        }
        matrix(values, rows.len(), n)
    }

    /// Sets queries, maps and bias: the fitted values along their leading directions.
    fn cut(
        &self,
        store: &ParameterStore,
        config: &DecoderConfig,
        fits: &[(String, Fit)],
        units: &Units,
    ) -> Result<()> {
        let (n, k) = (config.outputs(), config.rank);
        let mut fitted = Vec::new();
        for (_, fit) in fits {
            fitted.extend_from_slice(fit.values()?.data());
        }
        let rows = fitted.len() / n.max(1);
        let directions = pca(&matrix(fitted, rows, n)?, k, self.seed)
            .map_err(|e| Error::contract("too few cells or genes for the rank").source(e).help("--rank"))?
            .loadings; // [n, k]
        let scaled = directions.chunks(k).zip(&units.factor);
        let mut queries: Vec<f32> =
            scaled.flat_map(|(row, factor)| row.iter().map(move |v| (v * factor) as f32)).collect();
        queries.resize(config.rows() * k, 0.0);
        set(store, "decoder.queries", queries)?;
        let bias = store.get("decoder.bias").and_then(|bias| bias.to_vec1::<f32>());
        let mut bias = bias.or_failed()?;
        for (name, fit) in fits {
            let features = fit.inputs.n_cols();
            let mut map = vec![0f64; k * features];
            for (feature, weights) in fit.weights.chunks(n).enumerate() {
                for (weight, direction) in weights.iter().zip(directions.chunks(k)) {
                    direction.iter().enumerate().for_each(|(i, d)| map[i * features + feature] += weight * d);
                }
            }
            set(store, &leaf(name, "map"), map.into_iter().map(|v| v as f32).collect())?;
            for (bias, (intercept, factor)) in bias.iter_mut().zip(fit.intercept.iter().zip(&units.factor)) {
                *bias += (intercept * factor / fits.len() as f64) as f32;
            }
        }
        set(store, "decoder.bias", bias)
    }
}

/// The units in which the closed form is fitted, by output.
#[derive(Clone, Debug)]
pub struct Units {
    /// What a value is a deviation from.
    pub mean: Vec<f64>,
    /// What a deviation is divided by.
    pub scale: Vec<f64>,
    /// What a fitted value is multiplied with to become an output.
    pub factor: Vec<f64>,
    /// Whether the values are log-normalised counts that stand for shares.
    pub as_shares: bool,
}

/// Returns the means of sums as [`Starter::sums`] has them.
pub(crate) fn means(sums: &[[f64; 3]]) -> Vec<f64> {
    sums.iter().map(|[n, x, _]| x / n.max(1.0)).collect()
}

fn leaf(modality: &str, name: &str) -> String {
    format!("decoder.profile.{modality}.{name}")
}

/// Sets a parameter.
pub(crate) fn set(store: &ParameterStore, name: &str, values: Vec<f32>) -> Result<()> {
    let var = store.get(name).or_failed()?;
    let values = Tensor::from_vec(values, var.shape(), &Device::Cpu).or_failed()?;
    let values = values.to_device(store.device()).and_then(|v| v.to_dtype(store.dtype())).or_failed()?;
    var.set(&values).or_failed()
}

fn matrix(values: Vec<f32>, rows: usize, columns: usize) -> Result<Matrix> {
    Matrix::new(values, rows, columns).map_err(|e| Error::failed("a matrix").source(e))
}

fn means_of_columns(x: &Matrix) -> Vec<f64> {
    let mut sums = vec![0.0; x.n_cols()];
    (0..x.n_rows())
        .for_each(|row| sums.iter_mut().zip(x.row(row)).for_each(|(sum, v)| *sum += f64::from(*v)));
    sums.iter().map(|sum| sum / x.n_rows().max(1) as f64).collect()
}

fn less(x: &Matrix, centre: &[f64]) -> Matrix {
    let values = x.data().iter().enumerate();
    let values = values.map(|(i, v)| (f64::from(*v) - centre[i % centre.len()]) as f32).collect();
    Matrix::new(values, x.n_rows(), x.n_cols()).unwrap_or_default()
}

/// Returns at most `most` of the numbers below n, evenly spaced.
fn spread_rows(n: usize, most: usize) -> Vec<usize> {
    let kept = n.min(most);
    (0..kept).map(|i| i * n / kept).collect()
}
