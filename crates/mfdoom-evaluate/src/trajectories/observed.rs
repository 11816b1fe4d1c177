//! The observed cells with their labels, their pseudotime and what leads from one to another.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use mfdoom_artifact::velocity::names::{PSEUDOTIME, SELF_TRANSITION};
use mfdoom_artifact::velocity::{CellTable, EMBEDDING_HEAD};
use mfdoom_artifact::{Column, VelocityDir, obs};
use mfdoom_error::{Error, Result, missing};
use mfdoom_kinetics::graph::{VelocityGraph, transitions};
use mfdoom_matrix::Csr;
use mfdoom_matrix::random::stream;
use rand::Rng;

use crate::scores::ScoredInput;

const DOMAIN: &[u8; 16] = b"mfdoom walks    ";

/// Cells of a graph.
pub(super) struct Observed {
    pub(super) source: ScoredInput,
    place: HashMap<(String, String), usize>,
    /// Label of each cell.
    pub(super) labels: Vec<Option<String>>,
    /// Pseudotime of each cell; NaN where there is none.
    pub(super) time: Vec<f64>,
    /// Position of each cell on the projection, where it is there.
    pub(super) positions: Option<Vec<[f64; 2]>>,
    graph: VelocityGraph,
}

impl Observed {
    /// Reads a folder of `mfdoom-velocity graph`.
    ///
    /// # Errors
    /// Contract: no such folder, no graph in it, no such column.
    pub(super) fn read(path: &Path, label: &str, basis: &str) -> Result<Self> {
        let folder = VelocityDir::open(path)?;
        let name = path.display().to_string();
        let (Some(cells), Some(pairs)) = (folder.cells()?, folder.graph()?) else {
            return Err(Error::contract(format!("{name}: no graph of cells"))
                .wanted("a folder of mfdoom-velocity graph")
                .help(format!("mfdoom-velocity graph {name} -o graph/")));
        };
        let n = cells.cell_id.len();
        let there = || cells.columns.iter().map(|(name, _)| name.as_str());
        let labels = obs::position(there(), label).map(|at| &cells.columns[at].1).ok_or_else(|| {
            missing(&name, "column", label, there(), "--label ")
                .or_help("carry it along: mfdoom-velocity fit --obs, or clusters of mfdoom-velocity graph")
        })?;
        let numbers = |column: &str| cells.column(column).and_then(Column::to_numbers);
        let pairs = pairs.read_all()?;
        let starts = pairs.row_starts(n, &name)?;
        let cosines = Csr::new(n, starts, pairs.cols, pairs.values).map_err(Error::refusal)?;
        let stay = numbers(SELF_TRANSITION).unwrap_or_else(|| vec![0.0; n]);
        let projection = folder.projection(basis)?;
        let positions = projection.map(|projection| positions(projection, &cells, &name)).transpose()?;
        let keys = cells.dataset.iter().cloned().zip(cells.cell_id.iter().cloned());
        Ok(Self {
            source: ScoredInput::new(&base_name(path), Some(folder.manifest().content_id.clone())),
            labels: labels.to_strings(),
            time: numbers(PSEUDOTIME).unwrap_or_else(|| vec![f64::NAN; n]),
            positions,
            graph: VelocityGraph { cosines, self_transition: stay },
            place: keys.zip(0..).collect(),
        })
    }

    /// Returns the number of a cell.
    pub(super) fn place(&self, dataset: &str, cell_id: &str) -> Option<usize> {
        self.place.get(&(dataset.to_owned(), cell_id.to_owned())).copied()
    }

    /// Returns the share of each label among the cells that have one of some labels.
    pub(super) fn shares(&self, labels: &[String]) -> BTreeMap<String, f64> {
        super::fates::shares(self.labels.iter().flatten().map(String::as_str), labels)
    }

    /// Walks at random from a cell, the start included: steps against the velocity are not taken, a cell without a step
    /// is the end.
    pub(super) fn walk(&self, from: usize, steps: usize, (seed, walk): (u64, usize)) -> Vec<usize> {
        let mut random = stream(DOMAIN, seed, from as u64, walk);
        let mut path = vec![from];
        for _ in 0..steps {
            let here = path[path.len() - 1];
            let (to, weights) = transitions(&self.graph, here);
            let total: f64 = weights.iter().map(|w| f64::from(w.max(0.0))).sum();
            let mut left = random.random::<f64>() * total;
            let next = to.iter().zip(&weights).filter(|(_, w)| **w > 0.0).find(|(_, w)| {
                left -= f64::from(**w);
                left < 0.0
            });
            path.push(next.map_or(here, |(to, _)| *to as usize));
        }
        path
    }
}

fn base_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Reads where each cell is, by its key.
fn positions(
    reader: mfdoom_artifact::EmbeddingReader,
    cells: &CellTable,
    name: &str,
) -> Result<Vec<[f64; 2]>> {
    let head = reader.schema().head(EMBEDDING_HEAD)?;
    let dim = reader.schema().heads[head].dim;
    let mut all = HashMap::new();
    for batch in reader {
        let batch = batch?;
        let keys = batch.dataset.into_iter().zip(batch.cell_id);
        let rows = batch.heads[head].chunks_exact(dim.max(1));
        all.extend(keys.zip(rows.map(|row| [0, 1].map(|axis| row.get(axis).map_or(0.0, |x| f64::from(*x))))));
    }
    let keys = cells.dataset.iter().cloned().zip(cells.cell_id.iter().cloned());
    let found: Option<Vec<[f64; 2]>> = keys.map(|key| all.get(&key).copied()).collect();
    found.ok_or_else(|| {
        Error::contract(format!("{name}: its tables do not belong together"))
            .found(format!("a projection of {} cells, and {} cells", all.len(), cells.cell_id.len()))
            .wanted("the same cells in every table")
            .help("make the folder again, or copy it whole")
    })
}
