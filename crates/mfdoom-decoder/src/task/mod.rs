//! What a decoder can be made for. A task is one file here, and its line in [`TASKS`].

mod classification;
mod expression;
mod generative;
mod next_state;
mod table;
mod velocity;

use std::fmt;

use mfdoom_artifact::{Gene, InputId};
use mfdoom_error::Result;
use mfdoom_train::TrainingCells;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::table::{DecodedCells, Draws, Prediction, Request, Rows, Table};
use crate::config::{DecoderConfig, PathUse};
use crate::likelihood::DecoderLoss;
use crate::target::{CountTargets, Targets};

/// Every task.
pub const TASKS: &[&dyn Task] = &[
    &expression::Expression,
    &velocity::Velocity,
    &generative::Generative,
    &next_state::NextState,
    &classification::Classification,
];

/// What a decoder predicts: how its targets are read, what it is trained with, and what is written of its predictions.
pub trait Task: Sync {
    /// Its name in `config.json` and on the command line.
    fn name(&self) -> &'static str;

    /// The losses that it can be trained with, the default first.
    fn losses(&self) -> &'static [DecoderLoss];

    /// What becomes of the profile path, unless another use is asked for.
    fn path(&self) -> PathUse;

    /// Probability that a gene of a cell is hidden in training, unless another is asked for.
    fn hidden_genes(&self) -> f64 {
        0.0
    }

    /// Whether states are compared by the cosine of a cell's values and not by the loss.
    fn is_of_directions(&self) -> bool {
        false
    }

    /// Whether chains of cells are learned, of a length that is a setting.
    fn is_of_chains(&self) -> bool {
        false
    }

    /// Whether the profile path has the components themselves besides its random features.
    fn is_linear(&self) -> bool {
        false
    }

    /// Training cells of each modality that are kept, where the decoder says how far off a prediction may be.
    fn landmarks(&self) -> usize {
        0
    }

    /// Returns what of the cells the targets need, which are named on the command line.
    ///
    /// # Errors
    /// Usage, where they are not named as the task wants it.
    fn needs(&self, _names: &[String]) -> Result<Needs> {
        Ok(Needs::default())
    }

    /// Reads the targets of the cells.
    ///
    /// # Errors
    /// Usage: none were named, or a modality that the model does not have. Contract: they do not fit the cells.
    fn read(&self, names: &[String], loss: DecoderLoss, cells: &TrainingCells) -> Result<Chosen>;

    /// Reads the targets of chains of `length` cells; as [`read`](Self::read) where no chains are learned.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    fn read_chains(
        &self,
        names: &[String],
        loss: DecoderLoss,
        cells: &TrainingCells,
        _length: usize,
    ) -> Result<Chosen> {
        self.read(names, loss, cells)
    }

    /// Returns the columns of a table of predictions: a matrix for each target, or each target and draw.
    ///
    /// # Errors
    /// Incompatible: another stage writes the predictions. Usage: draws of what is no count.
    fn table(&self, config: &DecoderConfig, draws: Option<Draws>) -> Result<Table> {
        table::of_targets(config, draws)
    }

    /// Returns the rows of that table.
    ///
    /// # Errors
    /// Where the device fails.
    fn rows(&self, prediction: &Prediction<'_>, request: &Request<'_>) -> Result<Rows> {
        table::rows_of_targets(prediction, request)
    }
}

/// What of the cells is kept in memory for the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Obs columns.
    pub obs: Vec<String>,
    /// Whether the cells' ids are kept, to join tables.
    pub ids: bool,
}

/// Targets, and what of them goes into the configuration.
#[derive(Debug)]
pub struct Chosen {
    /// The targets.
    pub targets: Box<dyn Targets>,
    /// What is predicted: modalities, `velocity` or a column.
    pub names: Vec<String>,
    /// Genes of the outputs; none for labels.
    pub genes: Vec<Gene>,
    /// The labels.
    pub classes: Vec<String>,
    /// Modalities whose library sizes are kept, by number.
    pub libraries: Vec<usize>,
    /// Tables of targets, for the manifest.
    pub inputs: Vec<InputId>,
}

impl Chosen {
    /// Drops the genes that no training cell has a value of; returns how many.
    pub fn drop_unknown(&mut self, training: &[usize]) -> usize {
        let Some(kept) = self.targets.keep_known(training) else { return 0 };
        let dropped = self.genes.len() - kept.len();
        self.genes = kept.into_iter().map(|gene| self.genes[gene].clone()).collect();
        dropped
    }
}

/// One of [`TASKS`], known by its name.
#[derive(Clone, Copy)]
pub struct DecoderTask(&'static dyn Task);

impl DecoderTask {
    /// Counts, as a profile.
    pub const EXPRESSION: Self = Self(&expression::Expression);
    /// Velocity per gene.
    pub const VELOCITY: Self = Self(&velocity::Velocity);
    /// Counts, as a distribution to draw from.
    pub const GENERATIVE: Self = Self(&generative::Generative);
    /// Counts of the cell that follows a chain of cells.
    pub const NEXT_STATE: Self = Self(&next_state::NextState);
    /// A label per cell.
    pub const CLASSIFICATION: Self = Self(&classification::Classification);

    /// Wraps a task, perhaps one that is not in the list.
    pub const fn of(task: &'static dyn Task) -> Self {
        Self(task)
    }

    /// Returns the names of all tasks.
    pub fn names() -> Vec<&'static str> {
        TASKS.iter().map(|task| task.name()).collect()
    }
}

impl std::ops::Deref for DecoderTask {
    type Target = dyn Task;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for DecoderTask {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for DecoderTask {}

impl fmt::Debug for DecoderTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DecoderTask").field(&self.name()).finish()
    }
}

impl fmt::Display for DecoderTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for DecoderTask {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = TASKS.iter().find(|task| task.name() == name);
        known
            .map(|task| Self(*task))
            .ok_or_else(|| format!("no task '{name}', wanted {}", Self::names().join(", ")))
    }
}

impl Serialize for DecoderTask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for DecoderTask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads counts of modalities as targets, of all those of the model where none is named.
fn counts(names: &[String], loss: DecoderLoss, cells: &TrainingCells) -> Result<Chosen> {
    let names = if names.is_empty() { cells.modalities.clone() } else { names.to_vec() };
    let modalities = names.iter().map(|name| modality(name, cells)).collect::<Result<Vec<_>>>()?;
    Ok(Chosen {
        libraries: modalities.clone(),
        targets: Box::new(CountTargets { modalities, as_logs: !loss.is_of_counts() }),
        names,
        genes: cells.vocabulary.genes().to_vec(),
        classes: Vec::new(),
        inputs: Vec::new(),
    })
}

/// Returns the number of a modality that some cell has.
fn modality(name: &str, cells: &TrainingCells) -> Result<usize> {
    let Some(m) = cells.modalities.iter().position(|m| m == name) else {
        return Err(mfdoom_error::Error::usage(format!("--targets: the model knows no modality '{name}'"))
            .wanted(cells.modalities.join(", ")));
    };
    match (0..cells.len()).any(|cell| cells.tokens(m).library_size[cell] > 0.0) {
        true => Ok(m),
        false => Err(mfdoom_error::Error::contract(format!("--targets: no cell has counts of '{name}'"))
            .help("name the modalities that some of the tokens have")),
    }
}
