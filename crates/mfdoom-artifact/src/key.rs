//! The key of every per-cell table: `dataset` and `cell_id`, no pair twice.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

use mfdoom_error::{Error, Result};

/// Name of the first key column.
pub const DATASET: &str = "dataset";
/// Name of the second key column.
pub const CELL_ID: &str = "cell_id";

/// Finds duplicate keys in about 16 bytes per cell.
///
/// Only a 64-bit hash of each key is kept: among ten million different keys, a false duplicate has a
/// probability of three in a million.
#[derive(Default)]
pub struct KeySet(HashSet<u64, BuildHasherDefault<Identity>>);

impl KeySet {
    /// Adds a key and returns whether it is new.
    pub fn insert(&mut self, dataset: &str, cell_id: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (dataset, cell_id).hash(&mut hasher);
        self.0.insert(hasher.finish())
    }

    /// Adds a key.
    ///
    /// # Errors
    /// Contract, when the key is there already.
    pub fn add(&mut self, dataset: &str, cell_id: &str, source: &str) -> Result<()> {
        if self.insert(dataset, cell_id) {
            return Ok(());
        }
        Err(Self::twice(dataset, cell_id, source))
    }

    /// The error for a key that is there already.
    pub fn twice(dataset: &str, cell_id: &str, source: &str) -> Error {
        Error::contract(format!("{source}: a cell is there twice"))
            .found(format!("dataset {dataset:?}, cell {cell_id:?}"))
            .wanted("each pair of dataset and cell_id once")
            .help("rename the cells, or give the inputs different dataset names")
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns what each cell has, by data set (empty in a file that names none) and id.
///
/// # Errors
/// Contract: a cell is there twice; which of its values is meant cannot be known.
pub fn by_key<V>(
    source: &str,
    cells: impl IntoIterator<Item = ((String, String), V)>,
) -> Result<HashMap<(String, String), V>> {
    let mut all = HashMap::new();
    for (key, value) in cells {
        if all.contains_key(&key) {
            return Err(KeySet::twice(&key.0, &key.1, source));
        }
        all.insert(key, value);
    }
    Ok(all)
}

/// Passes a value that is a hash already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
