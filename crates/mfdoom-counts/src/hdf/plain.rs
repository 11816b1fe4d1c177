//! One-dimensional datasets of plain numbers, read as they are stored.
//!
//! HDF5 unpacks one chunk after the other in one thread, and converts every number through its widest form. Here it
//! hands out the chunks as they lie in the file, and all threads unpack them. Whatever is out of the ordinary is left
//! to HDF5: nothing is returned then, and its own read says what is wrong, if anything is.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use hdf5::Dataset;
use rayon::prelude::*;

use super::chunk::{self, LARGEST, Packing};
use super::native::{Convert, Native};
use super::raw::read_bytes;

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
    packing: Packing,
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

    /// Whether its chunks are unpacked here, and the last one is kept.
    pub(super) fn keeps_chunks(&self) -> bool {
        self.chunks.is_some()
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
                Stored::Packed(bytes) => Arc::new(chunks.packing.unpack(bytes, chunks.len * size, size)?),
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
        Some(Self { len, packing: Packing::of(dataset)?, last: Arc::default() })
    }

    /// Takes the chunk from where it is.
    fn stored(&self, dataset: &Dataset, number: usize, native: Native) -> Option<Stored> {
        let known = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, bytes)) = known.filter(|(known, _)| *known == number) {
            return Some(Stored::Known(bytes));
        }
        let offset = number as u64 * self.len as u64;
        chunk::stored(dataset, [offset], self.len * native.size()).map(Stored::Packed)
    }
}
