//! The generated states: which trajectory and step each is of, where it is, and the expression of chosen genes.

use std::path::Path;

use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::trajectories::{
    DRIFT, NEAREST, NEAREST_DATASET, PSEUDO_TIME, START, STATES_FILE, STEP, TRAJECTORY,
};
use mfdoom_artifact::{Column, Folder, GeneTableReader, Input};
use mfdoom_error::{Error, Result, missing};

use super::observed::Observed;
use crate::scores::ScoredInput;

/// Total that counts are scaled to before the logarithm.
const TOTAL: f32 = 1e4;

/// A generated state.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) step: usize,
    pub(super) time: f64,
    pub(super) drift: f64,
    /// Number of the observed cell nearest to it, where the graph has it.
    pub(super) nearest: Option<usize>,
    /// Log-normalised counts of the chosen genes.
    pub(super) genes: Vec<f32>,
}

/// A trajectory.
#[derive(Clone, Debug, Default)]
pub(super) struct Trajectory {
    /// Number of the observed cell that it began at, where the graph has it.
    pub(super) start: Option<usize>,
    /// Its states by step.
    pub(super) states: Vec<State>,
}

/// All trajectories of a folder.
pub(super) struct Trajectories {
    pub(super) source: ScoredInput,
    pub(super) all: Vec<Trajectory>,
    /// Symbols of the chosen genes.
    pub(super) genes: Vec<String>,
}

impl Trajectories {
    /// Reads a folder of `mfdoom-generate`.
    ///
    /// # Errors
    /// Contract: no such folder, a gene that it lacks, no state near a cell of the graph.
    pub(super) fn read(path: &Path, genes: &[String], observed: &Observed) -> Result<Self> {
        let folder = Folder::open(path, "trajectories", "a folder of mfdoom-generate")?;
        let table = folder.file(STATES_FILE)?;
        let reader = GeneTableReader::open(&Input::Path(table), PREDICTIONS_FORMAT)?;
        let (schema, name) = (reader.schema().clone(), reader.name().to_owned());
        let column = |wanted: &str| {
            let names = || schema.obs.iter().map(|field| field.name.as_str());
            names()
                .position(|found| found == wanted)
                .ok_or_else(|| missing(&name, "column", wanted, names(), ""))
        };
        let places = [TRAJECTORY, STEP, PSEUDO_TIME, DRIFT].map(column);
        let [trajectory, step, time, drift] = places;
        let (trajectory, step, time, drift) = (trajectory?, step?, time?, drift?);
        let (start, nearest, of) = (column(START)?, column(NEAREST)?, column(NEAREST_DATASET)?);
        let chosen =
            genes.iter().map(|gene| position(&schema.genes, gene, &name)).collect::<Result<Vec<_>>>()?;
        let (mut all, mut last) = (Vec::<Trajectory>::new(), None);
        if schema.matrices.is_empty() {
            return Err(Error::contract(format!("{name}: no counts")).wanted("a folder of mfdoom-generate"));
        }
        for batch in reader {
            let batch = batch?;
            let numbers = |column: usize| {
                batch.obs[column].to_numbers().ok_or_else(|| {
                    Error::contract(format!("{name}: column {:?} holds no numbers", schema.obs[column].name))
                        .wanted("a folder of mfdoom-generate")
                })
            };
            let (trajectory, step) = (numbers(trajectory)?, numbers(step)?);
            let (time, drift) = (numbers(time)?, numbers(drift)?);
            let [start, nearest, of] =
                [start, nearest, of].map(|column| Column::to_strings(&batch.obs[column]));
            let counts = batch.matrices[0].chunks_exact(schema.genes.len().max(1));
            for (row, counts) in counts.enumerate() {
                if last != Some(trajectory[row]) {
                    last = Some(trajectory[row]);
                    let start =
                        observed.place(&batch.dataset[row], start[row].as_deref().unwrap_or_default());
                    all.push(Trajectory { start, states: Vec::new() });
                }
                let nearest = of[row].as_deref().zip(nearest[row].as_deref());
                let state = State {
                    step: step[row] as usize,
                    time: time[row],
                    drift: drift[row],
                    nearest: nearest.and_then(|(dataset, id)| observed.place(dataset, id)),
                    genes: logs(counts, &chosen),
                };
                all.last_mut().into_iter().for_each(|of| of.states.push(state.clone()));
            }
        }
        if all.iter().flat_map(|of| &of.states).all(|state| state.nearest.is_none()) {
            return Err(Error::contract("none of the cells that the trajectories pass is in the graph")
                .found(format!("{}, {}", name, observed.source.name))
                .wanted("a graph of the observed cells, with the same dataset and cell_id")
                .help("name the data set alike: mfdoom-preprocess --dataset NAME"));
        }
        let source = ScoredInput::new(&folder_name(path), Some(folder.manifest().content_id.clone()));
        Ok(Self { source, all, genes: chosen.iter().map(|at| schema.genes[*at].symbol.clone()).collect() })
    }

    /// Returns the number of the last step of any trajectory.
    pub(super) fn steps(&self) -> usize {
        self.all.iter().filter_map(|of| of.states.last()).map(|state| state.step).max().unwrap_or(0)
    }
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn position(genes: &[mfdoom_artifact::Gene], wanted: &str, name: &str) -> Result<usize> {
    genes.iter().position(|gene| gene.id == wanted || gene.symbol == wanted).ok_or_else(|| {
        let some = genes.iter().map(|gene| gene.symbol.as_str());
        missing(name, "gene", wanted, some, "--genes ")
    })
}

fn logs(counts: &[f32], genes: &[usize]) -> Vec<f32> {
    let total: f32 = counts.iter().sum::<f32>().max(1.0);
    genes.iter().map(|at| (counts[*at] / total * TOTAL).ln_1p()).collect()
}
