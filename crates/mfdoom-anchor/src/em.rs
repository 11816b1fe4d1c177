//! One round of expectation and maximisation, on sums over cells.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::anchor::Anchor;
use crate::error::{Error, Result};
use crate::expert::{Expert, Speaker, Values, covariance, measured, rows_of};
use crate::fit::{Settings, Training};
use crate::square::{add_outer, add_scaled, inverse, row_times};

/// What stays the same over the rounds.
#[derive(Debug)]
pub(crate) struct Em {
    /// Row of each feature id, by modality.
    pub rows: Vec<Arc<[u32]>>,
    /// Which features a group measured, by group and modality; nothing where it lacks the modality.
    pub measured: Vec<Vec<Option<Vec<bool>>>>,
    /// Which modalities speak for a group's cells.
    speaking: Vec<Vec<bool>>,
    /// Cells of each group.
    cells: Vec<f64>,
    /// Variances of the scaled values by modality, `[f]`.
    pub variance: Vec<Vec<f64>>,
    /// Least noise of a feature, and its least variance.
    least: [f64; 2],
}

/// Sums over the cells of a group.
#[derive(Clone, Debug)]
struct GroupSums {
    /// `sum z z'`, with the covariances `sum E[z z']`, `[d, d]`.
    squares: Vec<f64>,
    /// `sum z`, `[d]`.
    means: Vec<f64>,
    /// `sum offset z` by modality, `[d]`.
    offsets: Vec<Vec<f64>>,
}

/// Sums over all cells of a part.
struct Sums {
    groups: Vec<GroupSums>,
    /// `sum value z` of each feature by modality, `[f, d]`.
    cross: Vec<Vec<f64>>,
}

/// What the cells of a group share in a round.
struct Posterior {
    covariance: Vec<f64>,
    experts: Vec<Option<Expert>>,
}

/// What all cells of a round share.
struct Round {
    speakers: Vec<Speaker>,
    posteriors: Vec<Posterior>,
}

impl Em {
    pub fn new(
        training: &Training<'_>,
        anchor: &Anchor,
        variance: Vec<Vec<f64>>,
        settings: &Settings,
    ) -> Self {
        let seen = |m: usize, panel: &Option<usize>| {
            panel.map(|panel| measured(&anchor.parts[m].features, training.panel_features(panel, m)))
        };
        let of_group =
            |group: &Vec<Option<usize>>| group.iter().enumerate().map(|(m, p)| seen(m, p)).collect();
        let speaking = |group: &Vec<Option<usize>>| {
            anchor.speaking(&group.iter().map(Option::is_some).collect::<Vec<_>>())
        };
        let mut cells = vec![0.0; training.groups.len()];
        training.group.iter().for_each(|group| cells[*group] += 1.0);
        Self {
            rows: anchor.parts.iter().map(|part| rows_of(&part.features)).collect(),
            measured: training.groups.iter().map(of_group).collect(),
            speaking: training.groups.iter().map(speaking).collect(),
            cells,
            variance,
            least: [settings.floor, settings.least_variance],
        }
    }

    /// Replaces loadings and noise by those that fit the cells' posteriors best.
    pub fn round(&self, training: &Training<'_>, anchor: &mut Anchor) -> Result<()> {
        let d = anchor.dim;
        let speaker = |(part, rows): (_, &Arc<[u32]>)| Speaker::new(part, rows.clone(), d);
        let speakers: Vec<Speaker> = anchor.parts.iter().zip(&self.rows).map(speaker).collect();
        let posteriors =
            (0..self.cells.len()).map(|group| self.posterior(group, &speakers, anchor)).collect();
        let round = Round { speakers, posteriors };
        let parts = training.parts();
        let sums: Vec<Sums> =
            parts.into_par_iter().map(|range| self.sums(training, range, &round, anchor)).collect();
        let mut sums = sums.into_iter().reduce(Sums::add).ok_or(Error::TooFewCells { found: 0 })?;
        for ((group, posterior), cells) in sums.groups.iter_mut().zip(&round.posteriors).zip(&self.cells) {
            add_scaled(&mut group.squares, &posterior.covariance, *cells);
        }
        (0..anchor.parts.len()).try_for_each(|m| self.maximise(m, &sums, anchor))
    }

    /// Returns the noise of a feature of which the factors explain some variance.
    pub fn noise(&self, m: usize, feature: usize, explained: f64) -> f64 {
        let [noise, variance] = self.least;
        (self.variance[m][feature].max(variance) - explained).max(noise)
    }

    fn posterior(&self, group: usize, speakers: &[Speaker], anchor: &Anchor) -> Posterior {
        let d = anchor.dim;
        let expert = |m: usize| {
            let measured = self.measured[group][m].as_ref()?;
            Some(speakers[m].expert(&anchor.parts[m], measured, d))
        };
        let experts: Vec<Option<Expert>> = (0..speakers.len()).map(expert).collect();
        let speaking = experts.iter().zip(&self.speaking[group]).filter(|(_, speaks)| **speaks);
        Posterior { covariance: covariance(speaking.filter_map(|(e, _)| e.as_ref()), d), experts }
    }

    fn sums(
        &self,
        training: &Training<'_>,
        range: std::ops::Range<usize>,
        round: &Round,
        anchor: &Anchor,
    ) -> Sums {
        let d = anchor.dim;
        let mut sums = Sums::zero(anchor, self.cells.len());
        let mut values: Vec<Values> = vec![Values::default(); anchor.parts.len()];
        for i in range {
            let (cell, group) = (training.rows[i], training.group[i]);
            let posterior = &round.posteriors[group];
            let mut h = vec![0.0; d];
            for (m, part) in anchor.parts.iter().enumerate() {
                let Some(expert) = &posterior.experts[m] else { continue };
                values[m].read(part, &self.rows[m], &training.cells.blocks[m], (cell, expert.measured));
                if self.speaking[group][m] {
                    values[m].speak(&round.speakers[m], expert, &mut h);
                }
            }
            let z = row_times(&h, &posterior.covariance, d);
            let of_group = &mut sums.groups[group];
            add_outer(&mut of_group.squares, &z, 1.0);
            add_scaled(&mut of_group.means, &z, 1.0);
            for m in (0..values.len()).filter(|m| posterior.experts[*m].is_some()) {
                add_scaled(&mut of_group.offsets[m], &z, values[m].offset);
                for (row, value) in values[m].rows.iter().zip(&values[m].values) {
                    add_scaled(&mut sums.cross[m][row * d..(row + 1) * d], &z, *value);
                }
            }
        }
        sums
    }

    /// Regresses every feature of a modality on the factors, over the groups that measured it.
    fn maximise(&self, m: usize, sums: &Sums, anchor: &mut Anchor) -> Result<()> {
        let d = anchor.dim;
        let part = &mut anchor.parts[m];
        let mut known: HashMap<Vec<usize>, Regression> = HashMap::new();
        for g in 0..part.features.len() {
            let has = |group: &usize| self.measured[*group][m].as_ref().is_some_and(|seen| seen[g]);
            let groups: Vec<usize> = (0..self.cells.len()).filter(has).collect();
            let regression = match known.entry(groups) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    let regression = Regression::new(entry.key(), &self.cells, sums, m, d);
                    let regression = regression.ok_or(Error::NotFinite { modality: part.name.clone() })?;
                    entry.insert(regression)
                }
            };
            let mut cross = sums.cross[m][g * d..(g + 1) * d].to_vec();
            add_scaled(&mut cross, &regression.offsets, -1.0);
            add_scaled(&mut cross, &regression.means, -part.mean[g]);
            cross.iter_mut().for_each(|c| *c /= part.deviation[g]);
            let w = row_times(&cross, &regression.inverse, d);
            let explained: f64 = w.iter().zip(&cross).map(|(w, c)| w * c).sum::<f64>() / regression.cells;
            part.noise[g] = self.noise(m, g, explained);
            part.loadings[g * d..(g + 1) * d].copy_from_slice(&w);
        }
        Ok(())
    }
}

/// The normal equations of the features that the same groups measured.
struct Regression {
    /// `(sum E[z z'])^-1`, `[d, d]`.
    inverse: Vec<f64>,
    means: Vec<f64>,
    offsets: Vec<f64>,
    cells: f64,
}

impl Regression {
    fn new(groups: &[usize], cells: &[f64], sums: &Sums, m: usize, d: usize) -> Option<Self> {
        let mut squares = vec![0.0; d * d];
        (0..d).for_each(|k| squares[k * d + k] = 1e-6);
        let mut regression =
            Self { inverse: Vec::new(), means: vec![0.0; d], offsets: vec![0.0; d], cells: 0.0 };
        for group in groups {
            let of = &sums.groups[*group];
            add_scaled(&mut squares, &of.squares, 1.0);
            add_scaled(&mut regression.means, &of.means, 1.0);
            add_scaled(&mut regression.offsets, &of.offsets[m], 1.0);
            regression.cells += cells[*group];
        }
        regression.inverse = inverse(&squares, d)?;
        Some(regression)
    }
}

impl Sums {
    fn zero(anchor: &Anchor, groups: usize) -> Self {
        let d = anchor.dim;
        let group = GroupSums {
            squares: vec![0.0; d * d],
            means: vec![0.0; d],
            offsets: vec![vec![0.0; d]; anchor.parts.len()],
        };
        let cross = anchor.parts.iter().map(|part| vec![0.0; part.features.len() * d]).collect();
        Self { groups: vec![group; groups], cross }
    }

    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.groups.iter_mut().zip(&other.groups) {
            add_scaled(&mut a.squares, &b.squares, 1.0);
            add_scaled(&mut a.means, &b.means, 1.0);
            a.offsets.iter_mut().zip(&b.offsets).for_each(|(a, b)| add_scaled(a, b, 1.0));
        }
        self.cross.iter_mut().zip(&other.cross).for_each(|(a, b)| add_scaled(a, b, 1.0));
        self
    }
}
