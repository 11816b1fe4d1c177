//! A file that lists cells (`--cells`).

use std::collections::HashSet;
use std::path::Path;

use mfdoom_artifact::sha256_bytes;
use mfdoom_error::{Error, Result};

/// The cells of `--cells`.
#[derive(Clone, Debug)]
pub struct CellList {
    ids: HashSet<String>,
    /// SHA-256 of the file, for the manifest.
    pub content_id: String,
    name: String,
}

impl CellList {
    /// Reads one id a line, in one go: a pipe is a file too. Empty lines, blanks at the end of a line and a byte order
    /// mark are passed over, as spreadsheets leave them.
    ///
    /// # Errors
    /// Contract: no such file, not text, or no id in it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let content_id = sha256_bytes(&bytes);
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(Error::contract(format!("{}: not text", path.display()))
                .wanted("one cell id a line")
                .help("save the list as UTF-8"));
        };
        let ids: HashSet<String> = text
            .trim_start_matches('\u{feff}')
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        let name = path.display().to_string();
        if ids.is_empty() {
            return Err(Error::contract(format!("{name}: no cell id")).wanted("one cell id a line"));
        }
        Ok(Self { ids, content_id, name })
    }

    /// Returns whether a cell is listed.
    pub fn contains(&self, cell_id: &str) -> bool {
        self.ids.contains(cell_id)
    }

    /// Warns of listed cells that no input has.
    ///
    /// # Errors
    /// Contract: none of them is among `found`.
    pub fn check_found(&self, found: &HashSet<String>) -> Result<()> {
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
