//! Fits the closed-form model to the training cells, and says whether the network adds to it.

use std::collections::BTreeMap;

use candle_core::DType;
use mfdoom_anchor::{Anchor, Block, Encoder, Modality, Panels, Transform};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Metric};
use mfdoom_metrics::retrieval;
use mfdoom_model::{Reads, TensorResult, modalities_read, pairs, push_head};

use crate::data::TrainingCells;
use crate::pretraining::Pretraining;

/// Cells at most that the network is judged on.
const JUDGED: usize = 2000;
/// Cells at least that both sides of a pair must have.
const FEWEST: usize = 20;

/// How an anchor is fitted to training cells.
#[derive(Clone, Debug)]
pub struct AnchorOptions {
    /// Sizes of the fit.
    pub settings: mfdoom_anchor::Settings,
    /// Most cells that take part, drawn evenly over data sets.
    pub cells: usize,
    /// How counts become values, where it is not the default of the modality's name.
    pub transforms: BTreeMap<String, Transform>,
}

/// Fits the anchor to cells of training; no other cell takes part.
///
/// # Errors
/// Usage: a transform of a modality that the cells do not have. Contract: the cells say nothing that can be fitted.
pub fn fit_anchor(cells: &TrainingCells, training: &[usize], options: &AnchorOptions) -> Result<Anchor> {
    if let Some(name) = options.transforms.keys().find(|name| !cells.modalities.contains(name)) {
        return Err(Error::usage(format!("--anchor-transform: the cells have no modality '{name}'"))
            .wanted(cells.modalities.join(", ")));
    }
    let modality = |name: &String| Modality {
        name: name.clone(),
        transform: options.transforms.get(name).copied().unwrap_or_else(|| Transform::for_modality(name)),
        derived_from: derived_from(name, &cells.modalities),
    };
    let modalities: Vec<Modality> = cells.modalities.iter().map(modality).collect();
    let rows = fitted_rows(cells, training, options);
    if rows.len() < training.len() {
        tracing::info!("the anchor is fitted to {} of the {} training cells", rows.len(), training.len());
    }
    mfdoom_anchor::fit(&counts(cells), &panels(cells), &rows, &modalities, &options.settings).map_err(
        |error| match error {
            mfdoom_anchor::Error::Rank { .. } => Error::usage(format!("--anchor-dim: {error}")),
            _ => Error::contract(error.to_string()).help("--anchor none trains the network alone"),
        },
    )
}

/// Returns the modalities that one is the sum of.
fn derived_from(name: &str, modalities: &[String]) -> Vec<usize> {
    let position = |part: &str| modalities.iter().position(|m| m == part);
    match (name, position("spliced"), position("unspliced")) {
        ("expression", Some(spliced), Some(unspliced)) => vec![spliced, unspliced],
        _ => Vec::new(),
    }
}

/// Returns the training cells that an anchor is fitted to.
pub(crate) fn fitted_rows(cells: &TrainingCells, training: &[usize], options: &AnchorOptions) -> Vec<usize> {
    mfdoom_anchor::evenly(training, cells.dataset_numbers(), options.cells)
}

/// Returns the counts as the anchor takes them.
pub fn counts(cells: &TrainingCells) -> mfdoom_anchor::AnchorCells<'_> {
    let block = |m: usize| {
        let tokens = cells.tokens(m);
        Block {
            present: &tokens.present,
            total: &tokens.library_size,
            offsets: &tokens.offsets,
            feature: &tokens.index,
            count: &tokens.count,
        }
    };
    let blocks = (0..cells.modalities.len()).map(block).collect();
    mfdoom_anchor::AnchorCells { blocks, dataset: cells.dataset_numbers(), batch: cells.batch_numbers() }
}

/// Returns what each data set measured.
pub fn panels(cells: &TrainingCells) -> Panels {
    let of = |dataset: &String| {
        cells.modalities.iter().map(|m| cells.measured.get(dataset, m).cloned()).collect::<Vec<_>>()
    };
    cells.datasets().iter().map(of).collect()
}

/// How well cells that were held back find themselves across modalities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// Share found among the first ten by the anchor alone, mean over pairs of modalities.
    pub anchor: f64,
    /// The same by anchor and network side by side.
    pub blend: f64,
}

/// Compares the anchor with the blend of anchor and network on cells that neither was fitted to; nothing where too few
/// of them have two modalities.
///
/// # Errors
/// Where the device fails.
pub fn judge(task: &Pretraining<'_>, anchor: &Anchor) -> Result<Option<Judgement>> {
    let (model, cells) = (&task.model, task.cells);
    let names = &model.config().modalities;
    let row = |name: &str| names.iter().position(|m| m == name);
    let mut encoder = Encoder::new(anchor, panels(cells));
    let (mut scores, mut n) = (Judgement { anchor: 0.0, blend: 0.0 }, 0.0);
    for (a, b) in pairs(model.config()) {
        let (Some(a), Some(b)) = (row(&a), row(&b)) else { continue };
        let both = |cell: &&usize| [a, b].iter().all(|m| cells.tokens(*m).present[**cell]);
        let judged: Vec<usize> = task.held_back.iter().filter(both).take(JUDGED).copied().collect();
        if judged.len() < FEWEST {
            continue;
        }
        let [x, y] = [side(task, &mut encoder, (&judged, a))?, side(task, &mut encoder, (&judged, b))?];
        for (k, score) in [&mut scores.anchor, &mut scores.blend].into_iter().enumerate() {
            let found = retrieval(&x[k], &y[k], Metric::Cosine)
                .map_err(|error| Error::failed("retrieval").source(error))?;
            *score += found.mean_recall(10);
        }
        n += 1.0;
    }
    scores = Judgement { anchor: scores.anchor / n, blend: scores.blend / n };
    Ok((n > 0.0).then_some(scores))
}

/// Returns one modality's head of some cells, of the anchor and of both.
fn side(
    task: &Pretraining<'_>,
    encoder: &mut Encoder<&Anchor>,
    (judged, m): (&[usize], usize),
) -> Result<[Matrix; 2]> {
    let (model, cells) = (&task.model, task.cells);
    let modalities = model.config().modalities.len();
    let using = modalities_read(model.scheme(), Reads::Modality(m), modalities);
    let coordinates = encoder.embed(&counts(cells), judged, &using).means;
    let width = coordinates.len() / judged.len();
    let (mut alone, mut both) = (Vec::new(), Vec::new());
    for (batch, coordinates) in judged.chunks(64).zip(coordinates.chunks(64 * width)) {
        let of = || -> candle_core::Result<Vec<f32>> {
            let read = model.readouts(&model.forward(&task.inference(batch))?)?;
            read.narrow(1, m, 1)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
        };
        let readout = of().or_failed()?;
        let dim = readout.len() / batch.len();
        for (coordinates, readout) in coordinates.chunks_exact(width).zip(readout.chunks_exact(dim)) {
            push_head(coordinates, None, &mut alone);
            push_head(coordinates, Some(readout), &mut both);
        }
    }
    let matrix = |data: Vec<f32>| {
        let columns = data.len() / judged.len();
        Matrix::new(data, judged.len(), columns).map_err(|error| Error::failed("retrieval").source(error))
    };
    Ok([matrix(alone)?, matrix(both)?])
}
