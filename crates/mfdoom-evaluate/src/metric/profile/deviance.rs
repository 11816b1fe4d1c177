//! Negative-binomial deviance of the counts given the predicted shares.

use mfdoom_matrix::Matrix;
use mfdoom_metrics::cell_nb_deviances;

use super::super::{Metric, Times, estimate, none};
use super::Profile;
use crate::scores::{Name, Outcome, Place, Scores};

/// Weight of the mean-gene share that is mixed into every method's: one count would refute a share of 0.
const MEAN_WEIGHT: f64 = 0.01;

const NAMES: &[Name] =
    &[Name::low("deviance", "Counts", "deviance"), Name::high("explained", "Counts", "explained")];

/// Mean over cells and genes, and the share of that of the mean-gene model that is explained.
pub(super) struct Deviance;

impl Metric<Profile<'_>> for Deviance {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Profile<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let mean = |_: f64, gene: usize| view.model.shares[gene];
        let mixed =
            |share: f64, gene: usize| (1.0 - MEAN_WEIGHT) * share + MEAN_WEIGHT * view.model.shares[gene];
        let (own, of_mean) = match deviances(view, mixed).and_then(|own| Ok((own, deviances(view, mean)?))) {
            Ok(found) => found,
            Err(reason) => return none(NAMES, reason),
        };
        let over = |cells: &[f64], times: Times<'_>| {
            cells.iter().enumerate().map(|(cell, value)| times(cell) * value).sum::<f64>()
                / cells.len() as f64
        };
        let explained = |times: Times<'_>| 1.0 - over(&own, times) / over(&of_mean, times);
        let (n, seed) = (own.len(), view.seed);
        let share = match over(&of_mean, &|_| 1.0) > 0.0 {
            true => Ok(estimate(n, seed, explained)),
            false => Err("the mean-gene model has no deviance".to_owned()),
        };
        vec![Ok(estimate(n, seed, |times| over(&own, times))), share]
    }
}

/// Returns the mean deviance of each cell over genes, of shares changed by a function of share and gene.
fn deviances(view: &Profile<'_>, of: impl Fn(f64, usize) -> f64) -> Result<Vec<f64>, String> {
    let (n, genes) = (view.shares.n_rows(), view.shares.n_cols());
    let values = view.shares.data().iter().enumerate();
    let shares = values.map(|(at, &share)| of(f64::from(share), at % genes.max(1)) as f32).collect();
    let shares = Matrix::new(shares, n, genes).map_err(|error| error.to_string())?;
    cell_nb_deviances(view.counts, view.sizes, &shares, &view.model.dispersion)
        .map_err(|error| error.to_string())
}
