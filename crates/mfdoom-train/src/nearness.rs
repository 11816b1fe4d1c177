//! How near fusion comes to the mean of a cell's nearest training cells, by the network and by the closed form.

use std::collections::BTreeMap;

use candle_core::{DType, Result};
use mfdoom_model::{Model, PackedBatch};

use crate::coordinates::Coordinates;

/// Sums of cosines by subset of modalities and by who predicts.
#[derive(Debug, Default)]
pub(crate) struct Nearness {
    sums: BTreeMap<(String, &'static str), (f64, usize)>,
}

impl Nearness {
    /// Adds cells that took no part in any fit, seen from all modalities and from each alone.
    pub fn add(
        &mut self,
        model: &Model,
        coordinates: &Coordinates,
        batch: &[usize],
        packed: &PackedBatch,
    ) -> Result<()> {
        let Some(row) = model.scheme().output("fusion").filter(|_| model.objectives().readout().is_some())
        else {
            return Ok(());
        };
        let names = &model.config().modalities;
        let targets = coordinates.targets(batch);
        let d = coordinates.dim();
        for from in [None].into_iter().chain((0..names.len()).map(Some)) {
            let seen = packed.restrict(|m, _| from.is_none_or(|from| from == m));
            let read = model.readouts(&model.forward(&seen)?)?.narrow(1, row, 1)?;
            let read: Vec<f32> = read.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            let name = from.map_or("all", |m| names[m].as_str());
            let present = seen.present();
            let there = |i: usize| targets.known[i] && present.iter().any(|m| m[i]);
            for i in (0..batch.len()).filter(|i| there(*i)) {
                let (wanted, ours) = (&targets.directions[i * d..][..d], &read[i * d..][..d]);
                let closed = coordinates.smooth(batch[i], from);
                let both: Vec<f32> = ours.iter().zip(closed).map(|(a, b)| a + b).collect();
                for (who, vector) in [("network", ours), ("closed_form", closed), ("both", &both)] {
                    let sum = self.sums.entry((name.to_owned(), who)).or_default();
                    *sum = (sum.0 + cosine(vector, wanted), sum.1 + 1);
                }
            }
        }
        Ok(())
    }

    /// Returns mean cosines by name.
    pub fn scores(self) -> Vec<(String, f64)> {
        let mean = |((from, who), (sum, n)): ((String, &str), (f64, usize))| {
            (format!("neighbours/{from}/{who}"), sum / n as f64)
        };
        self.sums.into_iter().map(mean).collect()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE)
}
