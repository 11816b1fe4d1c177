//! Which cells there are, which are asked for, and the report of those that went.

use crate::inputs::InputFile;
use mfdoom_artifact::{KeySet, sha256_file};
use mfdoom_error::{Error, Result};
use mfdoom_tokens::FilterReport;
use std::collections::HashSet;
use std::path::Path;

/// Names that are read at once.
const NAMES: usize = 4096;

/// The cells of `--cells`.
#[derive(Clone, Debug)]
pub struct CellList {
    ids: HashSet<String>,
    /// SHA-256 of the file, for the manifest.
    pub content_id: String,
    name: String,
}

impl CellList {
    /// Reads one id a line; empty lines are skipped.
    ///
    /// # Errors
    /// Contract: no such file, not text, or no id in it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::contract(format!("{}: not text", path.display())).wanted("one cell id a line")
            }
            _ => Error::io(path, error),
        })?;
        let ids: HashSet<String> = text
            .lines()
            .map(|line| line.trim_end_matches('\r'))
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        let name = path.display().to_string();
        if ids.is_empty() {
            return Err(Error::contract(format!("{name}: no cell id")).wanted("one cell id a line"));
        }
        Ok(Self { ids, content_id: sha256_file(path)?, name })
    }

    /// Returns whether a cell is listed.
    pub fn contains(&self, cell_id: &str) -> bool {
        self.ids.contains(cell_id)
    }

    /// Reports listed cells that no input has.
    fn report(&self, found: &HashSet<String>) -> Result<()> {
        let mut lacking: Vec<&str> =
            self.ids.iter().filter(|id| !found.contains(*id)).map(String::as_str).collect();
        lacking.sort_unstable();
        let some = lacking.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        if lacking.len() == self.ids.len() {
            return Err(Error::contract(format!("{}: none of its cells is in the inputs", self.name))
                .found(some)
                .wanted("names of cells as in obs, one a line"));
        }
        if !lacking.is_empty() {
            tracing::warn!(
                "{}: {} of {} listed cells are in no input ({some})",
                self.name,
                lacking.len(),
                self.ids.len()
            );
        }
        Ok(())
    }
}

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
    list.map_or(Ok(()), |list| list.report(&found))
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
