//! The cells that are read: those observed, and those that trajectories begin at.

use std::collections::{BTreeSet, HashSet};

use mfdoom_artifact::Column;
use mfdoom_cli::CellList;
use mfdoom_error::{Error, Result};
use mfdoom_infer::{CellBlock, Inference};

use crate::args::{Args, WalkArgs};
use crate::counts::Sparse;
use crate::lowest::Lowest;

/// Values of a column that messages show.
const SHOWN: usize = 10;

/// A cell of the token table.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Data set.
    pub dataset: String,
    /// Id within the data set.
    pub cell_id: String,
    /// Counts of the modality that states are in.
    pub counts: Sparse,
    /// Their total, also over genes that the model does not know.
    pub library: f64,
    /// Values of the obs columns that states take.
    pub obs: Vec<Value>,
}

/// A value of an obs column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text, or a truth value as one.
    Text(Option<String>),
    /// A number; NaN where there is none.
    Number(f64),
}

/// What of the token table is kept.
#[derive(Debug)]
pub struct Kept {
    /// Cells that states are held against.
    pub observed: Vec<Cell>,
    /// Cells that trajectories begin at, in the order of the trajectories.
    pub starts: Vec<Cell>,
}

/// Which cells trajectories begin at.
enum Wanted {
    Any,
    Listed(CellList),
    Value(usize, String),
}

impl Wanted {
    fn new(args: &Args, listed: Option<CellList>, inference: &Inference) -> Result<Self> {
        match (listed, &args.walk.start) {
            (Some(list), _) => Ok(Self::Listed(list)),
            (None, Some(start)) => {
                Ok(Self::Value(inference.tokens().obs_column(&start.name)?, start.value.clone()))
            }
            (None, None) => Ok(Self::Any),
        }
    }

    fn has(&self, cell_id: &str, label: impl Fn(usize) -> Option<String>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(list) => list.contains(cell_id),
            Self::Value(column, value) => label(*column).as_deref() == Some(value),
        }
    }
}

/// Returns the positions of the obs columns that states take, each once.
///
/// # Errors
/// Contract: a column that the tokens lack.
pub fn columns(walk: &WalkArgs, inference: &Inference) -> Result<Vec<usize>> {
    let mut columns: Vec<usize> = Vec::with_capacity(walk.obs.len());
    for name in &walk.obs {
        let column = inference.tokens().obs_column(name)?;
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    Ok(columns)
}

/// Reads the tokens once and keeps what trajectories need, drawn by the seed where it is too much; `listed` are the cells of
/// `--cells`.
///
/// # Errors
/// Those of reading. Contract: no cell has counts of the modality, or none of those has what was asked for as a start.
pub fn read(args: &Args, listed: Option<CellList>, inference: Inference, modality: usize) -> Result<Kept> {
    let columns = columns(&args.walk, &inference)?;
    let wanted = Wanted::new(args, listed, &inference)?;
    let seed = args.seed.seed;
    let mut observed = Lowest::new(args.walk.observed, seed, "observed cells");
    let mut starts = Lowest::new(args.walk.n_trajectories, seed, "starts");
    let mut without = 0;
    let (mut listed, mut labels) = (HashSet::new(), BTreeSet::new());
    inference.run("reading", None, |block| {
        let labelled = match &wanted {
            Wanted::Value(column, _) => block.obs[*column].to_strings(),
            _ => Vec::new(),
        };
        if labels.len() <= SHOWN {
            labels.extend(labelled.iter().flatten().cloned());
        }
        for cell in block.batches().flatten() {
            let here = wanted.has(&block.cell_id[cell], |_| labelled[cell].clone());
            if matches!(&wanted, Wanted::Listed(_)) && here {
                listed.insert(block.cell_id[cell].clone());
            }
            if block.tokens[modality].library_size[cell] <= 0.0 {
                without += 1;
                continue;
            }
            let make = || keep(&block, cell, modality, &columns);
            observed.offer(block.key(cell), make);
            if here {
                starts.offer(block.key(cell), make);
            }
        }
        Ok(())
    })?;
    if without > 0 {
        tracing::info!("{without} cells have no counts of the modality that trajectories run in: left out");
    }
    if let Wanted::Listed(list) = &wanted {
        list.check_found(&listed)?;
    }
    tracing::info!("{} observed cells, {} of them to begin at", observed.offered, starts.offered);
    if starts.offered == 0 {
        return Err(no_start(&wanted, args, labels));
    }
    Ok(Kept { observed: observed.into_items(), starts: starts.into_items() })
}

fn no_start(wanted: &Wanted, args: &Args, labels: BTreeSet<String>) -> Error {
    let labels: Vec<String> = labels.into_iter().take(SHOWN).collect();
    match (wanted, &args.walk.start) {
        (Wanted::Value(..), Some(start)) => {
            Error::contract(format!("--start {start}: no cell to begin at has counts and this value"))
                .found(format!("values of {}: {}", start.name, labels.join(", ")))
                .wanted("a value that some cell with counts has")
        }
        _ => Error::contract("no cell to begin at has counts")
            .wanted("cells with counts of the modality that trajectories run in")
            .help("other --cells, --start or --use-modalities"),
    }
}

fn keep(block: &CellBlock<'_>, cell: usize, modality: usize, columns: &[usize]) -> Cell {
    let (ids, counts) = block.tokens[modality].cell(cell);
    Cell {
        dataset: block.dataset[cell].clone(),
        cell_id: block.cell_id[cell].clone(),
        counts: (ids.iter().map(|id| id - 1).collect(), counts.to_vec()),
        library: block.tokens[modality].library_size[cell],
        obs: columns.iter().map(|column| value(&block.obs[*column], cell)).collect(),
    }
}

fn value(column: &Column, cell: usize) -> Value {
    let one = column.take(&[cell]);
    match one.to_numbers() {
        Some(numbers) => Value::Number(numbers[0]),
        None => Value::Text(one.to_strings().remove(0)),
    }
}
