//! Chunks of a dataset: handed out by HDF5 as they lie in the file, and unpacked here.

use std::cell::RefCell;

use hdf5::Dataset;
use hdf5::filters::Filter;
use hdf5_sys::LOCK;
use hdf5_sys::h5::{herr_t, hsize_t};
use hdf5_sys::h5d::H5Dread_chunk;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5P_DEFAULT;

use super::watch::watched;
use crate::codec::deflate;

/// The largest chunk that is unpacked here, in bytes.
pub(super) const LARGEST: usize = 64 << 20;

unsafe extern "C" {
    /// Part of the library since 1.10.2, which its bindings lack. What they have goes through all chunks to find one.
    fn H5Dget_chunk_storage_size(dataset: hid_t, offset: *const hsize_t, bytes: *mut hsize_t) -> herr_t;
}

/// How the chunks of a dataset are packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    deflated: bool,
    shuffled: bool,
}

impl Packing {
    /// Takes a dataset's filters; nothing where HDF5 has to undo them.
    pub(super) fn of(dataset: &Dataset) -> Option<Self> {
        let (shuffled, deflated) = match dataset.filters()[..] {
            [] => (false, false),
            [Filter::Shuffle] => (true, false),
            [Filter::Deflate(_)] => (false, true),
            [Filter::Shuffle, Filter::Deflate(_)] => (true, true),
            _ => return None,
        };
        Some(Self { deflated, shuffled })
    }

    /// Undoes the filters; nothing where the chunk is not `len` bytes then.
    pub(super) fn unpack(self, packed: Vec<u8>, len: usize, size: usize) -> Option<Vec<u8>> {
        let bytes = match (self.deflated, self.shuffled) {
            (true, true) => INFLATED.with_borrow_mut(|inflated| {
                inflated.resize(len, 0);
                deflate::fill(&packed, inflated)?;
                Some(unshuffle(inflated, size))
            })?,
            (true, false) => {
                let mut bytes = vec![0; len];
                deflate::fill(&packed, &mut bytes)?;
                bytes
            }
            (false, true) => unshuffle(&packed, size),
            (false, false) => packed,
        };
        (bytes.len() == len).then_some(bytes)
    }
}

/// Reads the chunk of `bytes` bytes that begins at `offset`, one number a dimension, as it is stored, whole and through
/// all filters.
pub(super) fn stored<const N: usize>(dataset: &Dataset, offset: [u64; N], bytes: usize) -> Option<Vec<u8>> {
    let most = 2 * bytes + 1024;
    if dataset.ndim() != N {
        return None;
    }
    watched(|| {
        let mut size = 0;
        let _guard = LOCK.lock();
        // SAFETY: the library is locked, the dataset is alive and has N dimensions, so that N offsets are read; the other
        // pointer is to a number that lives long enough.
        let found = unsafe { H5Dget_chunk_storage_size(dataset.id(), offset.as_ptr(), &raw mut size) };
        // A chunk that is not there has no size.
        let size = usize::try_from(size).ok().filter(|size| found >= 0 && (1..=most).contains(size))?;
        let mut bytes = vec![0_u8; size];
        let (mut filters, mut room) = (0, bytes.len());
        // SAFETY: as above; `room` tells the library how long the buffer is.
        let read = unsafe {
            H5Dread_chunk(
                dataset.id(),
                H5P_DEFAULT,
                offset.as_ptr(),
                &raw mut filters,
                bytes.as_mut_ptr().cast(),
                &raw mut room,
            )
        };
        (read >= 0 && filters == 0 && room == bytes.len()).then_some(bytes)
    })
}

thread_local! {
    /// What a thread inflates into before it puts numbers together.
    static INFLATED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Puts together numbers whose first bytes come first, then all second ones, and so on.
fn unshuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let n = bytes.len() / size.max(1);
    let plane = |at: usize| &bytes[at * n..(at + 1) * n];
    let mut to = vec![0; bytes.len()];
    // Plain loops, which the compiler turns into shuffles of whole vectors.
    match size {
        2 => {
            let (a, b) = (plane(0), plane(1));
            for (i, number) in to.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                *number = [a[i], b[i]];
            }
        }
        4 => {
            let (a, b, c, d) = (plane(0), plane(1), plane(2), plane(3));
            for (i, number) in to.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let low = u32::from(a[i]) | u32::from(b[i]) << 8;
                *number = (low | u32::from(c[i]) << 16 | u32::from(d[i]) << 24).to_le_bytes();
            }
        }
        8 => {
            let planes: [&[u8]; 8] = std::array::from_fn(plane);
            for (i, number) in to.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                for (byte, plane) in number.iter_mut().zip(planes) {
                    *byte = plane[i];
                }
            }
        }
        _ => return bytes.to_vec(),
    }
    // What does not fill a number stands behind them, as it is.
    to[n * size..].copy_from_slice(&bytes[n * size..]);
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_bytes_come_back() {
        assert_eq!(unshuffle(&[1, 3, 5, 2, 4, 6, 9], 2), [1, 2, 3, 4, 5, 6, 9]);
        assert_eq!(unshuffle(&[1, 5, 2, 6, 3, 7, 4, 8], 4), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(unshuffle(&[1, 2, 3], 1), [1, 2, 3]);
    }
}
