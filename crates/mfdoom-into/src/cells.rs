//! The cells of a file, by name.

use std::collections::HashMap;
use std::path::Path;

use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};

/// Names of the cells of a file, each once, and their rows.
#[derive(Clone, Debug)]
pub(crate) struct FileCells {
    /// The name of the file without its ending, as which data sets are named.
    stem: String,
    names: Vec<String>,
    rows: HashMap<String, usize>,
}

impl FileCells {
    /// Reads the names.
    ///
    /// # Errors
    /// Contract: the file cannot be read or names a cell twice.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let names = H5ad::open(path)?.obs_names()?;
        let mut rows = HashMap::with_capacity(names.len());
        for (row, name) in names.iter().enumerate() {
            if let Some(first) = rows.insert(name.clone(), row) {
                return Err(Error::contract(format!("{}: two cells have the same name", path.display()))
                    .found(format!("'{name}' in rows {first} and {row}"))
                    .help("make them unique: adata.obs_names_make_unique()"));
            }
        }
        let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { stem, names, rows })
    }

    /// Returns the number of cells.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether a data set is that of the file, to go by its name: barcodes alone tell cells of two samples apart only
    /// by chance.
    pub(crate) fn is_own(&self, dataset: &str) -> bool {
        self.stem == dataset
    }

    /// Says that cells of other data sets are left out.
    pub(crate) fn say_left_out(&self, others: usize) {
        if others > 0 {
            tracing::info!(
                "only the cells of data set '{}' are added, as the file is named; {others} cells are of others",
                self.stem
            );
        }
    }

    /// Returns the row of a cell.
    pub(crate) fn row(&self, name: &str) -> Option<usize> {
        self.rows.get(name).copied()
    }

    /// Returns whether another file has the same cells in the same order.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.names == other.names
    }
}
