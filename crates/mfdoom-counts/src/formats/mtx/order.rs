//! Whether the entries of a file come cell by cell: what this process knows of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use mfdoom_error::{Error, Result};

use super::{CellAxis, Mtx};

static KNOWN: LazyLock<Mutex<HashMap<Key, Order>>> = LazyLock::new(Mutex::default);
static FOUND_LATE: AtomicUsize = AtomicUsize::new(0);

/// Whether entries come cell by cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// All of them do.
    Cells,
    /// The first ones do, more than one feature can have.
    Begins,
    /// Some go back to an earlier cell.
    None,
}

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
    pub(super) fn known(&self) -> Option<Order> {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(self).copied()
    }

    pub(super) fn remember(&self, order: Order) {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(self.clone(), order);
    }

    /// Remembers that entries go back to a cell that was handed out.
    pub(super) fn remember_too_late(&self) {
        self.remember(Order::None);
        FOUND_LATE.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads what may be read in one pass ([`Matrix::trust_order`](crate::Matrix::trust_order)), and once more from its begin
/// where a file was found to be in no order of cells after rows of it were read: its entries are set aside then.
///
/// # Errors
/// Those of `read`.
pub fn in_one_pass<T>(mut read: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        let before = FOUND_LATE.load(Ordering::Relaxed);
        match read() {
            Err(_) if FOUND_LATE.load(Ordering::Relaxed) > before => {}
            done => return done,
        }
    }
}
