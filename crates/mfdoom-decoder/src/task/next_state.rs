//! Counts of the cell that follows a chain of cells, as a distribution to draw from.

use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};
use mfdoom_train::TrainingCells;

use super::{Chosen, Needs, Task, counts};
use crate::config::PathUse;
use crate::likelihood::DecoderLoss;
use crate::target::{CountTargets, NextCounts, read_transitions, transitions_by_time};

/// Modalities that are predicted where none is named, the first that the model has.
const SOURCES: [&str; 2] = ["spliced", "expression"];

/// The task `next-state`.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextState;

/// Beginning of the name of an obs column of times.
const COLUMN: &str = "obs:";

/// What the names of targets say.
#[derive(Debug, Default)]
struct Named {
    /// Velocity folders with a graph.
    folders: Vec<PathBuf>,
    /// Obs column of the times at which cells were taken.
    time: Option<String>,
    /// Modalities to predict.
    modalities: Vec<String>,
}

impl Named {
    fn new(names: &[String]) -> Result<Self> {
        let mut named = Self::default();
        for name in names {
            match name.strip_prefix(COLUMN) {
                Some(column) if named.time.as_deref().is_none_or(|known| known == column) => {
                    named.time = Some(column.to_owned());
                }
                Some(_) => {
                    return Err(Error::usage("--targets: two columns of times").found(names.join(", ")));
                }
                None if Path::new(name).is_dir() || name.contains('/') => named.folders.push(name.into()),
                None => named.modalities.push(name.clone()),
            }
        }
        match named.folders.is_empty() == named.time.is_none() {
            true => Err(Error::usage("--targets: one thing is to say which cell follows which")
                .found(names.join(", "))
                .wanted("velocity folders of mfdoom-velocity graph or obs:COLUMN of times, and perhaps modalities to predict")
                .help("--task next-state --targets graph/,spliced")),
            false => Ok(named),
        }
    }
}

impl Task for NextState {
    fn name(&self) -> &'static str {
        "next-state"
    }

    fn losses(&self) -> &'static [DecoderLoss] {
        &[DecoderLoss::Nb]
    }

    fn path(&self) -> PathUse {
        PathUse::Trained
    }

    fn is_linear(&self) -> bool {
        true
    }

    fn is_of_chains(&self) -> bool {
        true
    }

    fn needs(&self, names: &[String]) -> Result<Needs> {
        Ok(Needs { ids: true, obs: Named::new(names)?.time.into_iter().collect() })
    }

    fn read(&self, names: &[String], loss: DecoderLoss, cells: &TrainingCells) -> Result<Chosen> {
        self.read_chains(names, loss, cells, 1)
    }

    fn read_chains(
        &self,
        names: &[String],
        loss: DecoderLoss,
        cells: &TrainingCells,
        length: usize,
    ) -> Result<Chosen> {
        let Named { folders, time, mut modalities } = Named::new(names)?;
        if modalities.is_empty() {
            let known = |name: &&str| cells.modalities.iter().any(|m| m == name);
            modalities.extend(SOURCES.into_iter().find(known).map(str::to_owned));
        }
        let chosen = counts(&modalities, loss, cells)?;
        let place = |name: &String| cells.modalities.iter().position(|m| m == name);
        let modalities: Vec<usize> = chosen.names.iter().filter_map(place).collect();
        let (transitions, inputs) = match time {
            Some(column) => (transitions_by_time(&column, modalities[0], cells)?, Vec::new()),
            None => read_transitions(&folders, cells)?,
        };
        let of_counts = CountTargets { modalities, as_logs: false };
        let targets = NextCounts { counts: of_counts, transitions, length, training: Vec::new() };
        Ok(Chosen { targets: Box::new(targets), inputs, ..chosen })
    }
}
