//! Which cells there are, which are asked for, and the report of those that went.

use std::collections::HashSet;

use mfdoom_artifact::KeySet;
use mfdoom_cli::CellList;
use mfdoom_error::Result;
use mfdoom_tokens::FilterReport;

use crate::inputs::InputFile;

/// Names that are read at once.
const NAMES: usize = 4096;

/// Reads the names of all cells once: no key may come twice, and every file must have the listed cells.
///
/// # Errors
/// Contract: a duplicate key, or no listed cell at all.
pub fn check(files: &[InputFile], list: Option<&CellList>) -> Result<()> {
    let mut keys = KeySet::default();
    let mut found = HashSet::new();
    for input in files {
        let file = input.open()?;
        for start in (0..file.n_obs()).step_by(NAMES) {
            for name in file.obs_names_in(start..(start + NAMES).min(file.n_obs()))? {
                keys.add(&input.dataset, &name, &file.name)?;
                if list.is_some_and(|list| list.contains(&name)) {
                    found.insert(name);
                }
            }
        }
    }
    list.map_or(Ok(()), |list| list.check_found(&found))
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
