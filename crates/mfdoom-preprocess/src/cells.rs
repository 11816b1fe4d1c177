//! Which cells there are, which are asked for, and the report of those that went.

use std::collections::HashSet;

use mfdoom_artifact::KeySet;
use mfdoom_cli::CellList;
use mfdoom_error::Result;
use mfdoom_tokens::FilterReport;

use crate::inputs::{CountsInput, Named};

/// Names that are read at once.
const NAMES: usize = 4096;

/// The names of all cells: no key may come twice, and the inputs must have the listed cells.
pub struct CellNames<'a> {
    list: Option<&'a CellList>,
    keys: KeySet,
    found: HashSet<String>,
    files: usize,
}

impl<'a> CellNames<'a> {
    /// Begins with no name.
    pub fn new(list: Option<&'a CellList>) -> Self {
        Self { list, keys: KeySet::default(), found: HashSet::new(), files: 0 }
    }

    /// Reads the names of a file.
    ///
    /// # Errors
    /// Contract: a name twice, in the file or in another one of its data set.
    pub fn read(&mut self, named: &Named, file: &CountsInput) -> Result<()> {
        self.files += 1;
        // Files without a given data set become data sets of their own.
        let dataset = named.dataset.clone().unwrap_or_else(|| format!("{} {}", named.dataset(), self.files));
        for start in (0..file.n_obs()).step_by(NAMES) {
            for name in file.obs_names_in(start..(start + NAMES).min(file.n_obs()))? {
                if !self.keys.insert(&dataset, &name) {
                    return Err(KeySet::twice(&named.dataset(), &name, &file.name));
                }
                if self.list.is_some_and(|list| list.contains(&name)) {
                    self.found.insert(name);
                }
            }
        }
        Ok(())
    }

    /// Checks that the listed cells are there.
    ///
    /// # Errors
    /// Contract: none of them is.
    pub fn finish(&self) -> Result<()> {
        self.list.map_or(Ok(()), |list| list.check_found(&self.found))
    }
}

/// What became of the cells of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellReport {
    /// Cells looked at.
    pub seen: usize,
    /// Cells that `--cells` does not list.
    pub not_listed: usize,
    /// What the filters did with the others.
    pub filter: FilterReport,
    /// Cells without a single count that stayed.
    pub empty: usize,
}

impl CellReport {
    /// Adds the report of another file.
    pub fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.not_listed += other.not_listed;
        self.filter.kept += other.filter.kept;
        self.filter.few_counts += other.filter.few_counts;
        self.filter.few_genes += other.filter.few_genes;
        self.empty += other.empty;
    }

    /// Returns the cells that are in the table.
    pub fn kept(&self) -> usize {
        self.filter.kept
    }

    /// Logs what was kept, what was dropped and why.
    pub fn log(&self, name: &str) {
        let Self { seen, not_listed, filter, empty } = self;
        let mut line = format!("{name}: {} of {seen} cells kept", filter.kept);
        let reasons = [
            (*not_listed, "not listed in --cells"),
            (filter.few_counts, "fewer counts than --min-counts"),
            (filter.few_genes, "fewer genes than --min-genes"),
        ];
        for (n, reason) in reasons.iter().filter(|(n, _)| *n > 0) {
            line.push_str(&format!(", {n} dropped: {reason}"));
        }
        if *empty > 0 {
            line.push_str(&format!("; {empty} of those kept have no counts"));
        }
        tracing::info!("{line}");
    }
}
