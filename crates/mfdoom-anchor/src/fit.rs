//! Fits an anchor.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::anchor::{Anchor, Part};
use crate::cells::{AnchorCells, Panels};
use crate::effects;
use crate::em::Em;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::moments;
use crate::smooth::{Smoother, drawn};
use crate::start;
use crate::transform::Transform;

/// A modality to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modality {
    /// Its name.
    pub name: String,
    /// How its counts become values.
    pub transform: Transform,
    /// Numbers of the modalities that it is a function of, as expression is of spliced and unspliced.
    pub derived_from: Vec<usize>,
}

/// What becomes of the directions in which alike cells of different batches lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effects {
    /// They are no part of the coordinates.
    Remove,
    /// They are part of them as any other.
    Keep,
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remove => "remove",
            Self::Keep => "keep",
        })
    }
}

impl FromStr for Effects {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Remove, Self::Keep].into_iter().find(|effects| effects.to_string() == text);
        found.ok_or_else(|| Error::UnknownEffects(text.into()))
    }
}

/// How an anchor is fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Number of factors.
    pub dim: usize,
    /// Rounds of expectation and maximisation.
    pub iterations: usize,
    /// The noise of a feature is at least this share of its scaled variance.
    pub floor: f64,
    /// Scaled variance that each feature counts as having at least, the rest of it noise: one that hardly varies in the
    /// cells of the fit says little of the factors, also in cells where it suddenly does. 1 is the median feature's.
    pub least_variance: f64,
    /// What becomes of directions in which alike cells of different batches lie apart.
    pub effects: Effects,
    /// Root of the predicted variance by which axes are weighed: 0 not at all, 1 as principal components.
    pub power: f64,
    /// Most features of a modality, those whose values vary most.
    pub features: usize,
    /// Most cells that the start takes its principal components from.
    pub start_cells: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dim: 32,
            iterations: 30,
            floor: 0.05,
            least_variance: 1.0,
            effects: Effects::Remove,
            power: 0.5,
            features: 2000,
            start_cells: 1024,
        }
    }
}

/// Fits an anchor to some of the cells; `panels` has a row per data set.
///
/// # Errors
/// Where there are under two cells with a modality, nothing varies or the numbers overflow.
pub fn fit(
    cells: &AnchorCells<'_>,
    panels: &Panels,
    rows: &[usize],
    modalities: &[Modality],
    settings: &Settings,
) -> Result<Anchor> {
    if !(1..=512).contains(&settings.dim) {
        return Err(Error::Rank { found: settings.dim });
    }
    let training = Training::new(cells, panels, rows);
    if training.rows.len() < 2 {
        return Err(Error::TooFewCells { found: training.rows.len() });
    }
    let part = |(m, modality)| moments::part(&training, m, modality, settings);
    let (parts, variance): (Vec<Part>, Vec<_>) = modalities.iter().enumerate().map(part).unzip();
    if let Some(part) = parts.iter().find(|p| !p.mean.iter().chain(&p.deviation).all(|v| v.is_finite())) {
        return Err(Error::NotFinite { modality: part.name.clone() });
    }
    if parts.iter().all(|part| part.features.is_empty()) {
        return Err(Error::NothingVaries);
    }
    let nothing =
        Smoother { landmarks: Vec::new(), coefficients: Vec::new(), centre: vec![0.0; settings.dim] };
    let mut anchor = Anchor { dim: settings.dim, parts, weights: vec![1.0; settings.dim], smoother: nothing };
    let em = Em::new(&training, &anchor, variance, settings);
    start::start(&training, &em, &mut anchor, settings)?;
    for _ in 0..settings.iterations {
        em.round(&training, &mut anchor)?;
    }
    anchor.turn(settings.power)?;
    if settings.effects == Effects::Remove {
        effects::remove(&mut anchor, (cells, panels), &drawn(&training.rows))?;
    }
    anchor.smoother =
        Smoother::fit(&mut Encoder::new(&anchor, panels.clone()), cells, &drawn(&training.rows))?;
    Ok(anchor)
}

/// The cells of a fit, grouped by what they have.
#[derive(Debug)]
pub(crate) struct Training<'a> {
    pub cells: &'a AnchorCells<'a>,
    /// Cells that have some modality.
    pub rows: Vec<usize>,
    /// Group of each of `rows`.
    pub group: Vec<usize>,
    /// Panel of each modality that the cells of a group have.
    pub groups: Vec<Vec<Option<usize>>>,
    panels: &'a Panels,
    /// For each data set and modality the first data set with the same panel.
    same: Vec<Vec<usize>>,
}

impl<'a> Training<'a> {
    fn new(cells: &'a AnchorCells<'a>, panels: &'a Panels, rows: &[usize]) -> Self {
        let first = |m: usize, dataset: usize| {
            (0..dataset).find(|other| panels[*other][m] == panels[dataset][m]).unwrap_or(dataset)
        };
        let modalities = cells.blocks.len();
        let same = (0..panels.len()).map(|d| (0..modalities).map(|m| first(m, d)).collect()).collect();
        let mut training =
            Self { cells, rows: Vec::new(), group: Vec::new(), groups: Vec::new(), panels, same };
        let mut known = BTreeMap::new();
        for cell in rows {
            let has: Vec<Option<usize>> = (0..modalities)
                .map(|m| cells.blocks[m].present[*cell].then(|| training.panel(*cell, m)))
                .collect();
            if has.iter().any(Option::is_some) {
                let number = *known.entry(has).or_insert_with_key(|has| {
                    training.groups.push(has.clone());
                    training.groups.len() - 1
                });
                training.rows.push(*cell);
                training.group.push(number);
            }
        }
        training
    }

    /// Returns the panel of a cell in a modality.
    pub fn panel(&self, cell: usize, m: usize) -> usize {
        self.same[self.cells.dataset[cell] as usize][m]
    }

    /// Returns the features of a panel, nothing where all were measured.
    pub fn panel_features(&self, panel: usize, m: usize) -> Option<&[u32]> {
        self.panels[panel][m].as_deref()
    }

    /// Returns the cells that have a modality.
    pub fn cells_of(&self, m: usize) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter().copied().filter(move |cell| self.cells.blocks[m].present[*cell])
    }

    /// Returns the ids that some cell has a count of, ascending.
    pub fn features(&self, m: usize) -> Vec<u32> {
        let block = &self.cells.blocks[m];
        let mut seen: Vec<bool> = Vec::new();
        for cell in self.cells_of(m) {
            for id in block.cell(cell).0 {
                let id = *id as usize;
                if id >= seen.len() {
                    seen.resize(id + 1, false);
                }
                seen[id] = true;
            }
        }
        (0u32..).zip(seen).filter(|(_, seen)| *seen).map(|(id, _)| id).collect()
    }

    /// Cuts the cells into parts by their number alone.
    pub fn parts(&self) -> Vec<Range<usize>> {
        let n = self.rows.len();
        let parts = n.div_ceil(256).clamp(1, 16);
        (0..parts).map(|k| k * n / parts..(k + 1) * n / parts).collect()
    }
}
