//! Two-dimensional datasets of plain numbers, read as they are stored.
//!
//! As with those of one dimension, all threads unpack the chunks, and what is out of the ordinary is left to HDF5.

use std::ops::Range;

use hdf5::Dataset;
use hdf5::types::H5Type;
use ndarray::s;
use rayon::prelude::*;

use super::chunk::{LARGEST, Packing, stored};
use super::native::{Native, to_floats};
use super::watch::watched;

/// Chunks that are taken from the file before they are unpacked.
const AT_ONCE: usize = 64;

/// A dataset of two dimensions.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    dataset: Dataset,
    native: Native,
    chunks: Option<Chunks>,
}

#[derive(Clone, Copy, Debug)]
struct Chunks {
    height: usize,
    width: usize,
    packing: Packing,
}

/// Rows of the result that chunks next to each other hold.
struct Band<'a> {
    /// Number of these chunks, counted down.
    down: usize,
    to: &'a mut [f32],
}

impl Grid {
    /// Takes a dataset, unless its numbers are of another form or its filters are others.
    pub(crate) fn of(dataset: &Dataset) -> Option<Self> {
        if dataset.ndim() != 2 {
            return None;
        }
        let native = Native::of(&dataset.dtype().ok()?)?;
        let chunks = match dataset.chunk().as_deref() {
            None => None,
            Some(&[height, width]) => {
                let bytes = height.checked_mul(width)?.checked_mul(native.size())?;
                let packing = Packing::of(dataset).filter(|_| (1..=LARGEST).contains(&bytes))?;
                Some(Chunks { height, width, packing })
            }
            Some(_) => return None,
        };
        Some(Self { dataset: dataset.clone(), native, chunks })
    }

    /// Reads rows and columns, which lie within the dataset, row by row; nothing where HDF5 has to.
    pub(crate) fn read(&self, rows: Range<usize>, columns: Range<usize>) -> Option<Vec<f32>> {
        let Some(chunks) = self.chunks else { return self.in_one_piece(rows, columns) };
        let mut to = vec![0.0; rows.len() * columns.len()];
        let (mut at, mut rest, mut bands) = (rows.start, &mut to[..], Vec::new());
        while at < rows.end && !columns.is_empty() {
            let end = rows.end.min((at / chunks.height + 1) * chunks.height);
            let (part, more) = rest.split_at_mut((end - at) * columns.len());
            bands.push(Band { down: at / chunks.height, to: part });
            (at, rest) = (end, more);
        }
        let across = columns.start / chunks.width..columns.end.div_ceil(chunks.width);
        let n = AT_ONCE.div_ceil(across.len().max(1)).max(rayon::current_num_threads());
        for some in bands.chunks_mut(n) {
            let packed = some.iter().map(|band| self.packed(chunks, band.down, across.clone()));
            let packed = packed.collect::<Option<Vec<_>>>()?;
            let filled = some.par_iter_mut().zip(packed).map(|(band, packed)| {
                let first = rows.start.max(band.down * chunks.height) % chunks.height;
                self.fill(band, packed, first, columns.clone())
            });
            filled.collect::<Option<()>>()?;
        }
        Some(to)
    }

    /// Takes chunks next to each other from the file.
    fn packed(&self, chunks: Chunks, down: usize, across: Range<usize>) -> Option<Vec<Vec<u8>>> {
        let bytes = chunks.height * chunks.width * self.native.size();
        let offset = |across: usize| [(down * chunks.height) as u64, (across * chunks.width) as u64];
        across.map(|across| stored(&self.dataset, offset(across), bytes)).collect()
    }

    /// Unpacks chunks into rows of the result, of which the first is row `first` of the chunks.
    fn fill(
        &self,
        band: &mut Band<'_>,
        packed: Vec<Vec<u8>>,
        first: usize,
        columns: Range<usize>,
    ) -> Option<()> {
        let (Chunks { height, width, packing }, size) = (self.chunks?, self.native.size());
        let mut begin = columns.start / width * width;
        for packed in packed {
            let bytes = packing.unpack(packed, height * width * size, size)?;
            let here = columns.start.max(begin)..columns.end.min(begin + width);
            for (row, to) in band.to.chunks_exact_mut(columns.len()).enumerate() {
                let from = ((first + row) * width + here.start - begin) * size;
                let to = &mut to[here.start - columns.start..here.end - columns.start];
                if !to_floats(self.native, &bytes[from..from + to.len() * size], to) {
                    return None;
                }
            }
            begin += width;
        }
        Some(())
    }

    /// Reads numbers that are not in chunks in the type in which they are stored.
    fn in_one_piece(&self, rows: Range<usize>, columns: Range<usize>) -> Option<Vec<f32>> {
        macro_rules! narrowed {
            ($type:ty) => {
                Some(
                    read::<$type>(&self.dataset, rows, columns)?
                        .into_iter()
                        .map(|number| number as f32)
                        .collect(),
                )
            };
        }
        match self.native {
            Native::F32 => read(&self.dataset, rows, columns),
            Native::I8 => narrowed!(i8),
            Native::U8 => narrowed!(u8),
            Native::I16 => narrowed!(i16),
            Native::U16 => narrowed!(u16),
            Native::I32 => narrowed!(i32),
            Native::U32 => narrowed!(u32),
            // What may be rounded takes more care.
            Native::I64 | Native::U64 | Native::F64 => None,
        }
    }
}

fn read<T: H5Type>(dataset: &Dataset, rows: Range<usize>, columns: Range<usize>) -> Option<Vec<T>> {
    let found = watched(|| dataset.read_slice_2d::<T, _>(s![rows, columns]));
    Some(found.ok()?.into_raw_vec_and_offset().0)
}
