//! One-dimensional datasets of plain numbers, read as they are stored.
//!
//! HDF5 unpacks one chunk after the other in one thread, and converts every number through its widest form. Here it
//! hands out the chunks as they lie in the file, and all threads unpack them. Whatever is out of the ordinary is left
//! to HDF5: nothing is returned then, and its own read says what is wrong, if anything is.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::{Decompress, FlushDecompress, Status};
use hdf5::Dataset;
use hdf5::filters::Filter;
use hdf5_sys::LOCK;
use hdf5_sys::h5::{herr_t, hsize_t};
use hdf5_sys::h5d::H5Dread_chunk;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5P_DEFAULT;
use rayon::prelude::*;

use super::native::{Convert, Native};
use super::raw::read_bytes;
use super::watch::watched;

/// The largest chunk that is unpacked here, in bytes.
const LARGEST: usize = 64 << 20;

unsafe extern "C" {
    /// Part of the library since 1.10.2, which its bindings lack. What they have goes through all chunks to find one.
    fn H5Dget_chunk_storage_size(dataset: hid_t, offset: *const hsize_t, bytes: *mut hsize_t) -> herr_t;
}

/// A dataset of plain numbers.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    dataset: Dataset,
    native: Native,
    chunks: Option<Chunks>,
}

/// Number and bytes of a chunk.
type Unpacked = (usize, Arc<Vec<u8>>);

/// How its chunks are packed.
#[derive(Clone, Debug)]
struct Chunks {
    /// Numbers of a chunk.
    len: usize,
    deflated: bool,
    shuffled: bool,
    /// The chunk that was unpacked last, by its number: the next read often begins in it.
    last: Arc<Mutex<Option<Unpacked>>>,
}

impl Plain {
    /// Takes a dataset, unless its numbers are of another form.
    pub(super) fn of(dataset: &Dataset) -> Option<Self> {
        if dataset.ndim() != 1 {
            return None;
        }
        let native = Native::of(&dataset.dtype().ok()?)?;
        Some(Self { dataset: dataset.clone(), native, chunks: Chunks::of(dataset, native) })
    }

    /// Reads numbers; nothing where HDF5 has to.
    pub(super) fn read<T: Copy + Default + Send>(
        &self,
        rows: Range<usize>,
        convert: &Convert<T>,
    ) -> Option<Vec<T>> {
        let mut to = vec![T::default(); rows.len()];
        let Some(chunks) = &self.chunks else {
            let bytes = read_bytes(&self.dataset, None, self.native.descriptor(), rows).ok()?;
            return convert(self.native, &bytes, &mut to).then_some(to);
        };
        let mut parts = Vec::new();
        let (mut at, mut rest) = (rows.start, &mut to[..]);
        while at < rows.end {
            let number = at / chunks.len;
            let end = rows.end.min((number + 1) * chunks.len);
            let (part, more) = rest.split_at_mut(end - at);
            parts.push((number, at % chunks.len, part, chunks.stored(&self.dataset, number, self.native)?));
            (at, rest) = (end, more);
        }
        let last = parts.len().wrapping_sub(1);
        let size = self.native.size();
        let done = parts.into_par_iter().enumerate().map(|(i, (number, offset, part, stored))| {
            let unpacked = match stored {
                Stored::Known(bytes) => bytes,
                Stored::Packed(bytes) => Arc::new(chunks.unpack(bytes, chunks.len * size, size)?),
            };
            let wanted = offset * size..(offset + part.len()) * size;
            let fine = convert(self.native, &unpacked[wanted.clone()], part);
            if i == last && wanted.end < unpacked.len() {
                *chunks.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, unpacked));
            }
            fine.then_some(())
        });
        done.collect::<Option<()>>()?;
        Some(to)
    }
}

/// A chunk as it lies in the file, or unpacked.
enum Stored {
    Packed(Vec<u8>),
    Known(Arc<Vec<u8>>),
}

impl Chunks {
    fn of(dataset: &Dataset, native: Native) -> Option<Self> {
        let len = *dataset.chunk()?.first().filter(|len| **len > 0)?;
        len.checked_mul(native.size()).filter(|bytes| *bytes <= LARGEST)?;
        let (shuffled, deflated) = match dataset.filters()[..] {
            [] => (false, false),
            [Filter::Shuffle] => (true, false),
            [Filter::Deflate(_)] => (false, true),
            [Filter::Shuffle, Filter::Deflate(_)] => (true, true),
            _ => return None,
        };
        Some(Self { len, deflated, shuffled, last: Arc::default() })
    }

    /// Reads a chunk as it is stored, whole and through all filters.
    fn stored(&self, dataset: &Dataset, number: usize, native: Native) -> Option<Stored> {
        let known = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, bytes)) = known.filter(|(known, _)| *known == number) {
            return Some(Stored::Known(bytes));
        }
        let offset = number as u64 * self.len as u64;
        let most = 2 * self.len * native.size() + 1024;
        watched(|| {
            let mut size = 0;
            let _guard = LOCK.lock();
            // SAFETY: the library is locked, the dataset is alive and has one dimension, so that one offset is read;
            // the other pointer is to a number that lives long enough.
            let found = unsafe { H5Dget_chunk_storage_size(dataset.id(), &raw const offset, &raw mut size) };
            // A chunk that is not there has no size.
            let size = usize::try_from(size).ok().filter(|size| found >= 0 && (1..=most).contains(size))?;
            let mut bytes = vec![0_u8; size];
            let (mut filters, mut room) = (0, bytes.len());
            // SAFETY: as above; `room` tells the library how long the buffer is.
            let read = unsafe {
                H5Dread_chunk(
                    dataset.id(),
                    H5P_DEFAULT,
                    &raw const offset,
                    &raw mut filters,
                    bytes.as_mut_ptr().cast(),
                    &raw mut room,
                )
            };
            (read >= 0 && filters == 0 && room == bytes.len()).then_some(Stored::Packed(bytes))
        })
    }

    /// Undoes the filters; nothing where the chunk is not `len` bytes then.
    fn unpack(&self, packed: Vec<u8>, len: usize, size: usize) -> Option<Vec<u8>> {
        let bytes = match (self.deflated, self.shuffled) {
            (true, true) => INFLATED.with_borrow_mut(|inflated| {
                inflated.resize(len, 0);
                inflate(&packed, inflated)?;
                Some(unshuffle(inflated, size))
            })?,
            (true, false) => {
                let mut bytes = vec![0; len];
                inflate(&packed, &mut bytes)?;
                bytes
            }
            (false, true) => unshuffle(&packed, size),
            (false, false) => packed,
        };
        (bytes.len() == len).then_some(bytes)
    }
}

thread_local! {
    /// What a thread inflates into before it puts numbers together.
    static INFLATED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Fills `bytes`; nothing where there are more or fewer.
fn inflate(packed: &[u8], bytes: &mut [u8]) -> Option<()> {
    let mut stream = Decompress::new(true);
    let status = stream.decompress(packed, bytes, FlushDecompress::Finish).ok()?;
    (status == Status::StreamEnd && stream.total_out() == bytes.len() as u64).then_some(())
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
