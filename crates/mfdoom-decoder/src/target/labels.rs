//! Labels of cells, from an obs column.

use candle_core::{Device, Result};
use mfdoom_train::TrainingCells;

use super::Targets;
use crate::likelihood::Target;

/// A label of some of the cells.
#[derive(Clone, Debug)]
pub struct LabelTargets {
    /// Names of the labels.
    pub classes: Vec<String>,
    /// Number of each cell's label.
    pub label: Vec<Option<u32>>,
}

impl LabelTargets {
    /// Reads a kept obs column; cells without a label have no target.
    pub fn from_obs(cells: &TrainingCells, column: &str) -> Self {
        let of = |cell: usize| cells.obs(column, cell).filter(|label| !label.is_empty());
        let mut classes: Vec<String> = (0..cells.len()).filter_map(of).map(str::to_owned).collect();
        classes.sort_unstable();
        classes.dedup();
        let number = |label: &str| classes.binary_search_by(|known| known.as_str().cmp(label)).ok();
        let label = (0..cells.len()).map(|cell| Some(number(of(cell)?)? as u32)).collect();
        Self { classes, label }
    }
}

impl Targets for LabelTargets {
    fn has(&self, _: &TrainingCells, cell: usize) -> bool {
        self.label[cell].is_some()
    }

    fn of(&self, _: &TrainingCells, batch: &[usize], _: &Device) -> Result<Target> {
        Ok(Target::Labels(batch.iter().map(|cell| self.label[*cell].unwrap_or(0)).collect()))
    }

    fn dense(&self, _: &TrainingCells, _: &[usize]) -> Vec<f32> {
        Vec::new()
    }
}
