//! What a file declares against what it holds: a header of a few bytes can promise any size.

use hdf5::{Dataset, Result};

/// Bytes that a dataset may declare whatever the file holds.
const FREE: u64 = 64 << 20;
/// Most bytes that one stored byte can stand for: gzip reaches a thousand.
const MOST: u64 = 4096;

/// Checks that what a dataset declares can be in the file; `free` is what it may declare at any rate.
///
/// # Errors
/// When it cannot: reading it would take memory and time for nothing.
pub(super) fn plausible(dataset: &Dataset) -> Result<()> {
    plausible_beyond(dataset, FREE)
}

/// As [`plausible`], with another size that is declared freely.
pub(crate) fn plausible_beyond(dataset: &Dataset, free: u64) -> Result<()> {
    let elements = dataset.shape().iter().try_fold(1_u64, |n, len| n.checked_mul(*len as u64));
    let declared = elements.and_then(|n| n.checked_mul(dataset.dtype().ok()?.size() as u64));
    let stored = dataset.storage_size();
    match declared {
        Some(declared) if declared <= free || declared / MOST <= stored => Ok(()),
        _ => Err(format!("it declares shape {:?}, and the file holds {stored} bytes of it", dataset.shape())
            .into()),
    }
}
