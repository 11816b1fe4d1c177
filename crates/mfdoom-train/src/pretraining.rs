//! Pre-training as a task: the objectives of a model on mixed modalities.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::{DType, IndexOp, Tensor};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Metric};
use mfdoom_metrics::{Retrieval, retrieval};
use mfdoom_model::{
    BatchViews, Labels, Model, Outputs, PackedBatch, Targets, TensorResult, loss_of, pairs, project,
};
use mfdoom_nn::ParameterStore;

use crate::altered::{masked, mixed};
use crate::answers::Answers;
use crate::coordinates::{Coordinates, ShownCells};
use crate::counts::all_counts;
use crate::data::TrainingCells;
use crate::memory::Memory;
use crate::nearness::Nearness;
use crate::trainer::{StepLoss, Task};
use crate::view::{Views, inference};

/// Cells at most that a retrieval score of the validation is computed on.
const RETRIEVAL_CELLS: usize = 2000;

/// A model, the cells it learns from and those it is judged on.
#[derive(Debug)]
pub struct Pretraining<'a> {
    /// The model, sharing its parameters with the store that is trained.
    pub model: Model,
    /// All cells.
    pub cells: &'a TrainingCells,
    /// Cells held back.
    pub held_back: Vec<usize>,
    /// Cells in the closed form, where the model looks at them.
    pub coordinates: Option<Coordinates>,
    /// What is known of the cells, where an objective learns from it.
    pub answers: Answers,
    /// What each modality said of the cells in the epochs before.
    pub memory: RefCell<Memory>,
    /// How training shows cells.
    pub views: Views,
    /// Cells of a validation batch.
    pub batch_cells: usize,
}

impl Pretraining<'_> {
    /// Returns what a step of `epoch` sees of cells.
    fn views(&self, cells: &[usize], epoch: u64) -> BatchViews {
        let needs = self.model.objectives().needs(self.model.scheme());
        let mut shown = self.views.training(self.cells, cells, epoch);
        self.add_profiles(&mut shown, cells, Some(epoch));
        let draw = (self.views.seed, epoch);
        BatchViews {
            subset: needs.subset.then(|| self.views.subset(&shown, cells, epoch)),
            targets: self.targets(cells),
            counts: needs.counts.then(|| all_counts(self.cells, cells)),
            masked: needs.masked.then(|| masked(&shown, cells, draw)),
            mixed: needs.mixed.then(|| mixed(&shown, cells, draw)),
            again: needs.again.then(|| self.again(cells, epoch)),
            labels: needs.labels.then(|| self.labels(cells)),
            shown,
        }
    }

    fn again(&self, cells: &[usize], epoch: u64) -> PackedBatch {
        let mut again = self.views.again(self.cells, cells, epoch);
        self.add_profiles(&mut again, cells, Some(epoch));
        again
    }

    fn labels(&self, cells: &[usize]) -> Labels {
        Labels { said: self.memory.borrow().said(cells), ..self.answers.of(cells) }
    }

    fn targets(&self, cells: &[usize]) -> Option<Targets> {
        let needs = self.model.objectives().needs(self.model.scheme());
        self.coordinates.as_ref().filter(|_| needs.targets).map(|coordinates| coordinates.targets(cells))
    }

    /// Adds profiles of the modalities that each cell shows in `epoch`, or of all it has.
    fn add_profiles(&self, packed: &mut PackedBatch, cells: &[usize], epoch: Option<u64>) {
        let Some(coordinates) = self.coordinates.as_ref().filter(|_| self.model.config().profile_tokens > 0)
        else {
            return;
        };
        let all = vec![true; self.cells.modalities.len()];
        let shown = |cell: &usize| match epoch {
            Some(epoch) => self.views.shown(self.cells, *cell, epoch, &all),
            None => all.clone(),
        };
        let shown: Vec<Vec<bool>> = cells.iter().map(shown).collect();
        let draw = epoch.map(|epoch| (self.views.seed, epoch));
        coordinates.profiles(self.cells, packed, &ShownCells { batch: cells, shown: &shown, draw });
    }

    /// Packs cells as inference sees them.
    pub(crate) fn inference(&self, cells: &[usize]) -> PackedBatch {
        let mut packed = inference(self.cells, cells, self.model.config().max_tokens);
        self.add_profiles(&mut packed, cells, None);
        packed
    }
}

impl Task for Pretraining<'_> {
    fn loss(&self, store: &ParameterStore, cells: &[usize], epoch: u64) -> candle_core::Result<StepLoss> {
        let views = self.views(cells, epoch);
        project(store, &self.model, &views.shown)?;
        let pooled = self.model.forward_for_objectives(&views.shown)?;
        let loss = loss_of(&self.model, &pooled, &views)?;
        let said = self.model.objectives().said(&Outputs::new(&self.model, &pooled, &views))?;
        self.memory.borrow_mut().add(cells, &said);
        let named = |t: mfdoom_model::Term| Some((format!("{}/{}", t.objective, t.name), t.value?));
        Ok(StepLoss { total: loss.total, terms: loss.terms.into_iter().filter_map(named).collect() })
    }

    fn memory(&self) -> Option<Vec<u8>> {
        self.memory.borrow().bytes()
    }

    fn recall(&self, bytes: &[u8]) -> Result<()> {
        self.memory.borrow_mut().restore(bytes)
    }

    fn validate(&self, _: &ParameterStore) -> Result<Vec<(String, f64)>> {
        let mut sums = Sums::default();
        let mut heads = Heads::new(&self.model);
        let mut nearness = Nearness::default();
        for batch in self.held_back.chunks(self.batch_cells) {
            let packed = self.inference(batch);
            let pooled = self.model.forward_for_objectives(&packed).or_failed()?;
            if let Some(coordinates) = &self.coordinates {
                nearness.add(&self.model, coordinates, batch, &packed).or_failed()?;
            }
            let labels =
                self.model.objectives().needs(self.model.scheme()).labels.then(|| self.labels(batch));
            let views = BatchViews { targets: self.targets(batch), labels, ..packed.into() };
            let loss = loss_of(&self.model, &pooled, &views).or_failed()?;
            sums.add("loss/total".into(), number(&loss.total)?);
            for term in loss.terms {
                if let Some(value) = &term.value {
                    sums.add(format!("loss/{}/{}", term.objective, term.name), number(value)?);
                }
            }
            heads.add(&pooled, &views.shown).or_failed()?;
        }
        let mut scores = sums.means();
        scores.extend(heads.scores()?);
        scores.extend(nearness.scores());
        Ok(scores)
    }
}

fn number(value: &Tensor) -> Result<f64> {
    value.to_dtype(DType::F64).and_then(|v| v.to_scalar()).or_failed()
}

/// Means by name, in the order of the first value of each name.
#[derive(Default)]
struct Sums {
    order: Vec<String>,
    sums: HashMap<String, (f64, usize)>,
}

impl Sums {
    fn add(&mut self, name: String, value: f64) {
        let order = &mut self.order;
        let sum = self.sums.entry(name).or_insert_with_key(|name| {
            order.push(name.clone());
            (0.0, 0)
        });
        *sum = (sum.0 + value, sum.1 + 1);
    }

    fn means(self) -> Vec<(String, f64)> {
        let mean = |name: String| {
            let (sum, n) = self.sums[&name];
            (name, sum / n as f64)
        };
        self.order.into_iter().map(mean).collect()
    }
}

/// Pooled vectors of the held-back cells that have both sides of a pair of modalities.
struct Heads {
    pairs: Vec<Pair>,
}

struct Pair {
    name: String,
    sides: [usize; 2],
    vectors: [Vec<f32>; 2],
    cells: usize,
}

impl Pair {
    fn retrieval(&self) -> mfdoom_metrics::Result<Retrieval> {
        let dim = self.vectors[0].len() / self.cells;
        let [a, b] = self.vectors.clone().map(|v| Matrix::new(v, self.cells, dim));
        retrieval(&a?, &b?, Metric::Cosine)
    }
}

impl Heads {
    fn new(model: &Model) -> Self {
        let row = |name: &str| model.config().modalities.iter().position(|m| m == name);
        let pair = |(a, b): (String, String)| {
            let sides = [row(&a)?, row(&b)?];
            Some(Pair { name: format!("{a}|{b}"), sides, vectors: Default::default(), cells: 0 })
        };
        Self { pairs: pairs(model.config()).into_iter().filter_map(pair).collect() }
    }

    fn add(&mut self, pooled: &Tensor, batch: &PackedBatch) -> candle_core::Result<()> {
        let pooled = pooled.to_dtype(DType::F32)?;
        let present = batch.present();
        for pair in &mut self.pairs {
            let both = |cell: &usize| pair.sides.iter().all(|m| present[*m][*cell]);
            for cell in (0..batch.cells).filter(both).collect::<Vec<_>>() {
                if pair.cells < RETRIEVAL_CELLS {
                    for (side, to) in pair.sides.iter().zip(&mut pair.vectors) {
                        to.extend(pooled.i((cell, *side))?.to_vec1::<f32>()?);
                    }
                    pair.cells += 1;
                }
            }
        }
        Ok(())
    }

    fn scores(&self) -> Result<Vec<(String, f64)>> {
        let mut scores = Vec::new();
        for pair in self.pairs.iter().filter(|p| p.cells > 1) {
            let found = pair.retrieval().map_err(|e| Error::failed("retrieval").source(e))?;
            for (name, value) in
                [("recall_at_1", found.mean_recall(1)), ("recall_at_10", found.mean_recall(10))]
            {
                scores.push((format!("retrieval/{}/{name}", pair.name), value));
            }
            scores.push((format!("retrieval/{}/median_rank", pair.name), found.median_rank()));
        }
        Ok(scores)
    }
}
