//! Predictions as the columns of a table.

use mfdoom_artifact::{Column, ObsField};
use mfdoom_error::{Error, Result};
use mfdoom_model::TensorResult;
use mfdoom_nn::Stream;

use crate::config::DecoderConfig;
use crate::decoder::{Decoder, Outputs};
use crate::likelihood::library_size;

/// Counts to draw of each cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// How many times.
    pub count: u64,
    /// Seed of the draws; those of a cell depend on it, the cell's key and the number of the draw.
    pub seed: u64,
}

/// Columns of a table of predictions, besides those of the cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns with a number per gene.
    pub matrices: Vec<String>,
    /// Columns with a value per cell.
    pub obs: Vec<ObsField>,
}

/// Values of the columns of a [`Table`] for some cells.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// `[cells, genes]` row by row, for each matrix.
    pub matrices: Vec<Vec<f32>>,
    /// Values for each column.
    pub obs: Vec<Column>,
}

/// What is written of predictions.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Positions of the written genes among the decoder's.
    pub genes: &'a [usize],
    /// Draws instead of profiles.
    pub draws: Option<Draws>,
}

/// What a decoder says of some cells.
pub struct Prediction<'a> {
    /// The decoder.
    pub decoder: &'a Decoder,
    /// `[cells, outputs]` row by row, as [`Decoder::predict`] has them.
    pub values: &'a [f32],
    /// What they were made of.
    pub outputs: &'a Outputs,
    /// The cells.
    pub cells: &'a dyn DecodedCells,
}

/// What is known of the cells of a prediction.
pub trait DecodedCells {
    /// Number of cells.
    fn count(&self) -> usize;

    /// Returns a number of the cell's key, for its random numbers.
    fn key(&self, cell: usize) -> u64;

    /// Returns the library sizes above 0 that a cell has, by modality, in the order of the model's.
    fn library_sizes(&self, cell: usize) -> Vec<(&str, f64)>;
}

/// Checks that draws are of counts.
pub(super) fn check_draws(config: &DecoderConfig, draws: Option<Draws>) -> Result<()> {
    match draws.is_some() && !config.loss.is_of_counts() {
        true => Err(Error::usage(format!("--sample: the decoder was trained with loss {}", config.loss))
            .wanted("a decoder with a distribution of counts: nb or zinb")
            .help("train it with --task generative")),
        false => Ok(()),
    }
}

pub(super) fn of_targets(config: &DecoderConfig, draws: Option<Draws>) -> Result<Table> {
    check_draws(config, draws)?;
    let names = |target: &String| match draws {
        Some(Draws { count, .. }) if count > 1 => (1..=count).map(|n| format!("{target}_{n}")).collect(),
        _ => vec![target.clone()],
    };
    Ok(Table { matrices: config.targets.iter().flat_map(names).collect(), obs: Vec::new() })
}

pub(super) fn rows_of_targets(prediction: &Prediction<'_>, request: &Request<'_>) -> Result<Rows> {
    let config = prediction.decoder.config();
    let (n, targets) = (config.genes, config.targets.len());
    let matrices = match request.draws {
        Some(draws) => drawn(prediction, request.genes, draws)?,
        None => {
            let of = |target: usize| {
                let rows = prediction.values.chunks_exact(n * targets);
                rows.flat_map(|row| request.genes.iter().map(move |gene| row[target * n + gene])).collect()
            };
            (0..targets).map(of).collect()
        }
    };
    Ok(Rows { matrices, obs: Vec::new() })
}

/// Draws counts, a matrix for each target and draw.
fn drawn(prediction: &Prediction<'_>, genes: &[usize], draws: Draws) -> Result<Vec<Vec<f32>>> {
    let (config, cells) = (prediction.decoder.config(), prediction.cells);
    let Some(distributions) = prediction.decoder.distributions(prediction.outputs).or_failed()? else {
        return Err(Error::failed("the decoder has no distribution of counts"));
    };
    let mut matrices = Vec::new();
    for (t, target) in config.targets.iter().enumerate() {
        for draw in 0..draws.count {
            let mut values = Vec::with_capacity(cells.count() * genes.len());
            for cell in 0..cells.count() {
                let size = library_size(&config.libraries, &cells.library_sizes(cell), target);
                let mut stream = Stream::new(draws.seed, &format!("sample {target}"), draw, cells.key(cell));
                let of = |gene: &usize| distributions.of(cell, t * config.genes + gene, size);
                values.extend(genes.iter().map(|gene| of(gene).draw(&mut stream)));
            }
            matrices.push(values);
        }
    }
    Ok(matrices)
}
