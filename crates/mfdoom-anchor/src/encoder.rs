//! Cells to coordinates, for any subset of the modalities.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::anchor::Anchor;
use crate::cells::{Cells, Panels};
use crate::expert::{Expert, Speaker, Values, covariance, measured, rows_of};
use crate::square::row_times;

/// An anchor ready for the cells of some data sets.
#[derive(Debug)]
pub struct Encoder<'a> {
    anchor: &'a Anchor,
    panels: &'a Panels,
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

impl<'a> Encoder<'a> {
    /// Prepares an anchor; `panels` has a row per data set.
    pub fn new(anchor: &'a Anchor, panels: &'a Panels) -> Self {
        let speaker = |part| Speaker::new(part, rows_of(&part.features), anchor.dim);
        let speakers = anchor.parts.iter().map(speaker).collect();
        Self { anchor, panels, speakers, experts: HashMap::new(), covariances: HashMap::new() }
    }

    /// Returns the posterior means of all cells from the modalities in `using` that each of them has.
    pub fn scores(&mut self, cells: &Cells<'_>, using: &[bool]) -> Scores {
        let d = self.anchor.dim;
        let prepared: Vec<Option<Prepared>> =
            (0..cells.len()).map(|cell| self.prepare(cells, cell, using)).collect();
        let mut means = vec![0.0; cells.len() * d];
        let this = &*self;
        means.par_chunks_exact_mut(d).zip(&prepared).enumerate().for_each_init(
            Values::default,
            |values, (cell, (mean, prepared))| {
                if let Some(Prepared { speaking, covariance }) = prepared {
                    let h = this.sum(cells, cell, speaking, values);
                    mean.copy_from_slice(&row_times(&h, covariance, d));
                }
            },
        );
        Scores { means, present: prepared.iter().map(Option::is_some).collect() }
    }

    /// Returns the coordinates of all cells by which they are compared, `[n, d]`: posterior means times the weights.
    pub fn embed(&mut self, cells: &Cells<'_>, using: &[bool]) -> Scores {
        let mut scores = self.scores(cells, using);
        for row in scores.means.chunks_exact_mut(self.anchor.dim) {
            row.iter_mut().zip(&self.anchor.weights).for_each(|(z, w)| *z *= w);
        }
        scores
    }

    /// Returns which modalities speak for a cell and its covariance; nothing where none does.
    fn prepare(&mut self, cells: &Cells<'_>, cell: usize, using: &[bool]) -> Option<Prepared> {
        let dataset = cells.dataset[cell];
        let has: Vec<bool> = (0..using.len())
            .map(|m| using[m] && cells.blocks[m].present[cell] && self.expert(dataset, m).measured > 0)
            .collect();
        let speaking = self.anchor.speaking(&has);
        if !speaking.contains(&true) {
            return None;
        }
        let key = (dataset, speaking.clone());
        let known = match self.covariances.get(&key) {
            Some(known) => known.clone(),
            None => {
                let experts: Vec<Arc<Expert>> =
                    (0..speaking.len()).filter(|m| speaking[*m]).map(|m| self.expert(dataset, m)).collect();
                let new: Arc<[f64]> = covariance(experts.iter().map(Arc::as_ref), self.anchor.dim).into();
                self.covariances.insert(key, new.clone());
                new
            }
        };
        Some(Prepared { speaking, covariance: known })
    }

    fn expert(&mut self, dataset: u32, m: usize) -> Arc<Expert> {
        let (anchor, panels, speakers) = (self.anchor, self.panels, &self.speakers);
        let new = || {
            let part = &anchor.parts[m];
            let seen = measured(&part.features, panels[dataset as usize][m].as_deref());
            Arc::new(speakers[m].expert(part, &seen, anchor.dim))
        };
        self.experts.entry((dataset, m)).or_insert_with(new).clone()
    }

    fn sum(&self, cells: &Cells<'_>, cell: usize, speaking: &[bool], values: &mut Values) -> Vec<f64> {
        let mut h = vec![0.0; self.anchor.dim];
        for (m, part) in self.anchor.parts.iter().enumerate().filter(|(m, _)| speaking[*m]) {
            let Some(expert) = self.experts.get(&(cells.dataset[cell], m)) else { continue };
            values.read(part, &self.speakers[m].rows, &cells.blocks[m], (cell, expert.measured));
            values.speak(&self.speakers[m], expert, &mut h);
        }
        h
    }
}
