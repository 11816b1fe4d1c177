//! Real cells whose time is known: what the cells that trajectories begin at have become.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use mfdoom_artifact::{Column, Gene, Input};
use mfdoom_error::{Error, Result, missing};
use mfdoom_matrix::{Csr, median};
use mfdoom_tokens::{TokenBatch, TokenReader};
use rand::{Rng, RngCore};

use super::args::TrajectoriesArgs;
use crate::counts;
use crate::scores::ScoredInput;

/// Real cells around a time that one is drawn of.
const AROUND: usize = 10;

/// Real cells with their time.
pub(super) struct Truth {
    pub(super) source: ScoredInput,
    place: HashMap<(String, String), usize>,
    time: Vec<f64>,
    lineage: Vec<Option<String>>,
    /// Cells of each lineage by time.
    by_time: BTreeMap<Option<String>, Vec<usize>>,
    /// Ids of the genes that states and cells have, ascending.
    pub(super) genes: Vec<String>,
    /// Counts, `[cells, genes]`.
    pub(super) counts: Csr,
    /// Library size of each cell over the median one.
    pub(super) depth: Vec<f64>,
}

impl Truth {
    /// Reads a token table; `modality` and `genes` are those of the generated states.
    ///
    /// # Errors
    /// Contract: no such column, a time that is no number, no counts of the modality or none of the genes.
    pub(super) fn read(args: &TrajectoriesArgs, modality: &str, genes: &[Gene]) -> Result<Self> {
        let input = Input::parse(args.truth.as_deref().unwrap_or(Path::new("-")));
        let reader = TokenReader::open(&input)?;
        let (schema, name) = (reader.schema().clone(), input.base_name());
        let column =
            |wanted: &Option<String>| wanted.as_ref().map(|name| schema.obs_column(name)).transpose();
        let (time, lineage) = (column(&args.time)?, column(&args.lineage)?);
        let at = schema.modalities.iter().position(|found| found == modality).ok_or_else(|| {
            let there = schema.modalities.iter().map(String::as_str);
            missing(&name, "modality", modality, there, "")
        })?;
        let (mut all, mut times, mut lineages) = (TokenBatch::default(), Vec::new(), Vec::new());
        for batch in reader {
            let mut batch = batch?;
            let numbers = time.and_then(|at| batch.obs[at].to_numbers());
            times.extend(numbers.ok_or_else(|| no_time(&name, args.time.as_deref()))?);
            lineages.extend(match lineage {
                Some(at) => Column::to_strings(&batch.obs[at]),
                None => vec![None; batch.len()],
            });
            batch.obs.clear();
            all.append(&batch, 0..batch.len())?;
        }
        let has: Vec<usize> = (0..all.len())
            .filter(|cell| all.modalities[at].library_size[*cell] > 0.0 && times[*cell].is_finite())
            .collect();
        let datasets = has.iter().map(|cell| all.dataset[*cell].as_str());
        let measured = counts::common_genes(&schema.measured, modality, datasets);
        let mut common: Vec<(String, u32)> = genes
            .iter()
            .filter_map(|gene| Some((gene.id.clone(), schema.vocabulary.lookup(&gene.id)?)))
            .collect();
        common.retain(|(_, id)| measured.binary_search(id).is_ok());
        common.sort_unstable();
        if common.is_empty() {
            return Err(Error::contract(format!(
                "{name}: no cell has a time and counts of the genes of the states"
            ))
            .found(format!("{} cells with a time and counts of {modality}", has.len()))
            .wanted("the cells that the trajectories were generated from"));
        }
        let ids: Vec<u32> = common.iter().map(|(_, id)| *id).collect();
        let (counts, mut depth) = counts::matrix(&all.modalities[at], &has, &ids);
        let middle = median(&mut depth.clone()).unwrap_or(1.0);
        depth.iter_mut().for_each(|size| *size /= middle);
        let mut truth = Self {
            source: ScoredInput::new(&name, Some(schema.manifest.content_id.clone())),
            place: has
                .iter()
                .map(|cell| (all.dataset[*cell].clone(), all.cell_id[*cell].clone()))
                .zip(0..)
                .collect(),
            time: has.iter().map(|cell| times[*cell]).collect(),
            lineage: has.iter().map(|cell| lineages[*cell].clone()).collect(),
            by_time: BTreeMap::new(),
            genes: common.into_iter().map(|(id, _)| id).collect(),
            counts,
            depth,
        };
        truth.sort();
        Ok(truth)
    }

    fn sort(&mut self) {
        for (cell, lineage) in self.lineage.iter().enumerate() {
            self.by_time.entry(lineage.clone()).or_default().push(cell);
        }
        let time = &self.time;
        self.by_time.values_mut().for_each(|cells| cells.sort_by(|a, b| time[*a].total_cmp(&time[*b])));
    }

    /// Returns the number of a cell.
    pub(super) fn place(&self, dataset: &str, cell_id: &str) -> Option<usize> {
        self.place.get(&(dataset.to_owned(), cell_id.to_owned())).copied()
    }

    /// Draws a cell of the same lineage that is so much later than a cell; none where that is beyond the cells of the lineage.
    pub(super) fn later(&self, cell: usize, by: f64, random: &mut impl RngCore) -> Option<usize> {
        let cells = &self.by_time[&self.lineage[cell]];
        let wanted = self.time[cell] + by;
        let at = cells.partition_point(|other| self.time[*other] < wanted);
        if at == cells.len() || (at == 0 && self.time[cells[0]] > wanted) {
            return None;
        }
        let first = at.saturating_sub(AROUND / 2);
        let around: Vec<usize> = cells[first..(first + AROUND).min(cells.len())]
            .iter()
            .copied()
            .filter(|other| *other != cell)
            .collect();
        (!around.is_empty()).then(|| around[random.random_range(0..around.len())])
    }
}

fn no_time(name: &str, column: Option<&str>) -> Error {
    Error::contract(format!("{name}: --time {} holds no numbers", column.unwrap_or_default()))
        .wanted("the time of each cell, such as true_t of mfdoom-simulate")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfdoom_matrix::random::stream;

    /// Cells 0 to 99 of two lineages in turn; the time of a cell is its number.
    fn truth() -> Truth {
        let lineage = |cell: usize| Some(["a", "b"][cell % 2].to_owned());
        let mut truth = Truth {
            source: ScoredInput::new("test", None),
            place: HashMap::new(),
            time: (0..100).map(|cell| cell as f64).collect(),
            lineage: (0..100).map(lineage).collect(),
            by_time: BTreeMap::new(),
            genes: Vec::new(),
            counts: Csr::empty(0),
            depth: Vec::new(),
        };
        truth.sort();
        truth
    }

    #[test]
    fn later_cells_are_of_the_lineage_and_near_the_time() {
        let (truth, mut random) = (truth(), stream(b"mfdoom test     ", 0, 0, 0));
        for cell in 0..40 {
            let found = truth.later(cell, 30.0, &mut random).unwrap();
            assert!(found % 2 == cell % 2 && found.abs_diff(cell + 30) <= AROUND, "{cell}: {found}");
            assert_ne!(truth.later(cell, 0.0, &mut random), Some(cell), "another cell");
        }
        assert_eq!(truth.later(80, 30.0, &mut random), None, "nobody knows what comes after the last cell");
        assert_eq!(truth.later(20, -30.0, &mut random), None);
    }
}
