//! Whether the entries of a file come cell by cell: what this process knows of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use mfdoom_error::{Error, Result};

use super::{CellAxis, Mtx};

static KNOWN: LazyLock<Mutex<HashMap<Key, bool>>> = LazyLock::new(Mutex::default);
static FOUND_LATE: AtomicUsize = AtomicUsize::new(0);

/// A file as it was when it was read, and which side the cells are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    path: PathBuf,
    changed: Option<SystemTime>,
    len: u64,
    cells: CellAxis,
}

impl Key {
    pub(super) fn of(mtx: &Mtx, cells: CellAxis) -> Result<Self> {
        let metadata = std::fs::metadata(&mtx.path).map_err(|error| Error::io(&mtx.path, error))?;
        Ok(Self { path: mtx.path.clone(), changed: metadata.modified().ok(), len: metadata.len(), cells })
    }

    /// What is known.
    pub(super) fn known(&self) -> Option<bool> {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(self).copied()
    }

    pub(super) fn remember(&self, ordered: bool) {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(self.clone(), ordered);
    }

    /// Remembers that entries go back to a cell that was handed out.
    pub(super) fn remember_too_late(&self) {
        self.remember(false);
        FOUND_LATE.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many files were found to be in no order of cells after rows of theirs were read
/// ([`Matrix::trust_order`](crate::Matrix::trust_order)). Where it grew during a run that failed, the same run again
/// reads these files in another way.
pub fn n_out_of_order() -> usize {
    FOUND_LATE.load(Ordering::Relaxed)
}
