//! Cells to coordinates, for any subset of the modalities.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::anchor::Anchor;
use crate::cells::{AnchorCells, Panel, Panels};
use crate::expert::{Expert, Speaker, Values, covariance, measured, rows_of};
use crate::smooth::to_unit;
use crate::square::row_times;

/// An anchor, borrowed or owned, ready for the cells of some data sets.
#[derive(Debug)]
pub struct Encoder<A> {
    anchor: A,
    panels: Panels,
    speakers: Vec<Speaker>,
    /// By data set and modality.
    experts: HashMap<(u32, usize), Arc<Expert>>,
    /// By data set and the modalities that speak.
    covariances: HashMap<(u32, Vec<bool>), Arc<[f64]>>,
}

/// Posterior means of some cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Posterior means, `[n, d]`; zero for a cell that has none of the modalities.
    pub means: Vec<f64>,
    /// Whether a cell has one of the modalities and a measured feature in it, `[n]`.
    pub present: Vec<bool>,
}

/// What a cell's posterior takes from its data set and modalities.
struct Prepared {
    speaking: Vec<bool>,
    covariance: Arc<[f64]>,
}

impl<A: Borrow<Anchor> + Sync> Encoder<A> {
    /// Prepares an anchor; `panels` has a row per data set.
    pub fn new(anchor: A, panels: Panels) -> Self {
        let of = anchor.borrow();
        let speakers =
            of.parts.iter().map(|part| Speaker::new(part, rows_of(&part.features), of.dim)).collect();
        Self { anchor, panels, speakers, experts: HashMap::new(), covariances: HashMap::new() }
    }

    /// Adds a data set by the features that it measured in each modality and returns its number.
    pub fn add_dataset(&mut self, panel: Panel) -> u32 {
        self.panels.push(panel);
        self.panels.len() as u32 - 1
    }

    /// Returns the anchor.
    pub fn anchor(&self) -> &Anchor {
        self.anchor.borrow()
    }

    /// Returns the posterior means of some cells from the modalities in `using` that each of them has.
    pub fn scores(&mut self, cells: &AnchorCells<'_>, rows: &[usize], using: &[bool]) -> Scores {
        let d = self.anchor().dim;
        let prepared: Vec<Option<Prepared>> =
            rows.iter().map(|cell| self.prepare(cells, *cell, using)).collect();
        let mut means = vec![0.0; rows.len() * d];
        let this = &*self;
        means.par_chunks_exact_mut(d).zip(&prepared).zip(rows).for_each_init(
            Values::default,
            |values, ((mean, prepared), cell)| {
                if let Some(Prepared { speaking, covariance }) = prepared {
                    let h = this.sum(cells, *cell, speaking, values);
                    mean.copy_from_slice(&row_times(&h, covariance, d));
                }
            },
        );
        Scores { means, present: prepared.iter().map(Option::is_some).collect() }
    }

    /// Returns the coordinates of some cells before smoothing, at unit length: posterior means times the weights.
    pub(crate) fn unit(&mut self, cells: &AnchorCells<'_>, rows: &[usize], using: &[bool]) -> Scores {
        let mut scores = self.scores(cells, rows, using);
        for row in scores.means.chunks_exact_mut(self.anchor.borrow().dim) {
            row.iter_mut().zip(&self.anchor.borrow().weights).for_each(|(z, w)| *z *= w);
            to_unit(row);
        }
        scores
    }

    /// Returns the coordinates by which cells are compared, `[n, 2 d]` at unit length: posterior means times the
    /// weights next to what [`Smoother`](crate::Smoother) makes of them, both of equal length. A cell without any of
    /// the modalities has zeros.
    pub fn embed(&mut self, cells: &AnchorCells<'_>, rows: &[usize], using: &[bool]) -> Scores {
        let d = self.anchor().dim;
        let Scores { means, present } = self.unit(cells, rows, using);
        let smooth = self.anchor().smoother.smooth(&means);
        let mut both = Vec::with_capacity(2 * means.len());
        for ((own, smooth), present) in means.chunks_exact(d).zip(smooth.chunks_exact(d)).zip(&present) {
            let factor = if *present { std::f64::consts::FRAC_1_SQRT_2 } else { 0.0 };
            both.extend(own.iter().chain(smooth).map(|x| x * factor));
        }
        Scores { means: both, present }
    }

    /// Returns the number of factors.
    pub(crate) fn dim(&self) -> usize {
        self.anchor().dim
    }

    /// Returns which modalities speak for a cell and its covariance; nothing where none does.
    fn prepare(&mut self, cells: &AnchorCells<'_>, cell: usize, using: &[bool]) -> Option<Prepared> {
        let dataset = cells.dataset[cell];
        let has: Vec<bool> = (0..using.len())
            .map(|m| using[m] && cells.blocks[m].present[cell] && self.expert(dataset, m).measured > 0)
            .collect();
        let speaking = self.anchor().speaking(&has);
        if !speaking.contains(&true) {
            return None;
        }
        let key = (dataset, speaking.clone());
        let known = match self.covariances.get(&key) {
            Some(known) => known.clone(),
            None => {
                let experts: Vec<Arc<Expert>> =
                    (0..speaking.len()).filter(|m| speaking[*m]).map(|m| self.expert(dataset, m)).collect();
                let new: Arc<[f64]> = covariance(experts.iter().map(Arc::as_ref), self.dim()).into();
                self.covariances.insert(key, new.clone());
                new
            }
        };
        Some(Prepared { speaking, covariance: known })
    }

    fn expert(&mut self, dataset: u32, m: usize) -> Arc<Expert> {
        let (anchor, panels, speakers) = (self.anchor.borrow(), &self.panels, &self.speakers);
        let new = || {
            let part = &anchor.parts[m];
            let seen = measured(&part.features, panels[dataset as usize][m].as_deref());
            Arc::new(speakers[m].expert(part, &seen, anchor.dim))
        };
        self.experts.entry((dataset, m)).or_insert_with(new).clone()
    }

    fn sum(&self, cells: &AnchorCells<'_>, cell: usize, speaking: &[bool], values: &mut Values) -> Vec<f64> {
        let mut h = vec![0.0; self.anchor().dim];
        for (m, part) in self.anchor().parts.iter().enumerate().filter(|(m, _)| speaking[*m]) {
            let Some(expert) = self.experts.get(&(cells.dataset[cell], m)) else { continue };
            values.read(part, &self.speakers[m].rows, &cells.blocks[m], (cell, expert.measured));
            values.speak(&self.speakers[m], expert, &mut h);
        }
        h
    }
}
