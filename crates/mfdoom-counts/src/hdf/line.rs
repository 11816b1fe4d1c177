//! One-dimensional arrays: a dataset, or one field of a record array.

use std::ops::Range;

use hdf5::types::{H5Type, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Dataset, Result};

use super::class::{Class, Number};
use super::filter::missing_filter;
use super::native::{to_floats, to_indices};
use super::plain::Plain;
use super::raw::{read_bytes, read_field};
use super::size::plausible;
use super::watch::watched;
use crate::rounded::Rounded;

/// Bytes of decoded chunks that HDF5 keeps for each open dataset.
const CHUNK_CACHE: usize = 1 << 20;

/// A one-dimensional array in a file.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    dataset: Dataset,
    field: Option<String>,
    class: Class,
    len: usize,
    /// The same numbers, read faster; not for fields of records, nor for numbers of another form.
    plain: Option<Plain>,
}

impl Line {
    /// Takes a whole dataset, which must have one dimension, or a second one of length 1.
    pub(crate) fn new(dataset: Dataset) -> Result<Self> {
        let class = Class::of(&dataset.dtype()?);
        let len = length(&dataset)?;
        plausible(&dataset)?;
        let plain = Plain::of(&dataset);
        Ok(Self { dataset, field: None, class, len, plain })
    }

    /// Takes one field of a record array.
    pub(crate) fn of_field(dataset: Dataset, name: &str) -> Result<Self> {
        let TypeDescriptor::Compound(record) = dataset.dtype()?.to_descriptor()? else {
            return Err("not a record array".into());
        };
        let field = record.fields.into_iter().find(|field| field.name == name);
        let class = Class::of_descriptor(field.ok_or("no such field")?.ty);
        let len = length(&dataset)?;
        plausible(&dataset)?;
        Ok(Self { dataset, field: Some(name.to_owned()), class, len, plain: None })
    }

    /// A filter that is needed to read the elements and is not there.
    pub(crate) fn missing_filter(&self) -> Option<String> {
        missing_filter(&self.dataset)
    }

    /// What the elements are.
    pub(crate) fn class(&self) -> &Class {
        &self.class
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Elements that HDF5 decodes at once, where these exceed what it keeps decoded from read to read.
    pub(crate) fn big_chunk(&self) -> Option<usize> {
        if self.plain.as_ref().is_some_and(Plain::keeps_chunks) {
            return None;
        }
        let bytes = self.dataset.dtype().ok()?.size();
        let chunk = *self.dataset.chunk()?.first()?;
        (chunk.saturating_mul(bytes) > CHUNK_CACHE).then_some(chunk)
    }

    /// Reads elements as `T`, converted by HDF5.
    pub(crate) fn read<T: H5Type>(&self, rows: Range<usize>) -> Result<Vec<T>> {
        if rows.end > self.len {
            return Err(format!("elements {rows:?} of an array of {}", self.len).into());
        }
        match &self.field {
            Some(field) => watched(|| read_field(&self.dataset, field, rows)),
            None if self.dataset.ndim() == 2 => watched(|| {
                Ok(self.dataset.read_slice_2d(ndarray::s![rows, 0..1])?.into_raw_vec_and_offset().0)
            }),
            None => watched(|| Ok(self.dataset.read_slice_1d(rows)?.into_raw_vec_and_offset().0)),
        }
    }

    /// Reads elements as text; bytes that are not UTF-8 are replaced.
    pub(crate) fn texts(&self, rows: Range<usize>) -> Result<Vec<String>> {
        Ok(match &self.class {
            Class::Text => self.read::<VarLenUnicode>(rows)?.iter().map(|t| lossy(t.as_bytes())).collect(),
            Class::AsciiText => self.read::<VarLenAscii>(rows)?.iter().map(|t| lossy(t.as_bytes())).collect(),
            Class::FixedText(ty) => {
                let bytes = read_bytes(&self.dataset, self.field.as_deref(), ty.clone(), rows)?;
                fixed_texts(&bytes, ty.size())
            }
            other => return Err(format!("{} where text was expected", other.describe()).into()),
        })
    }

    /// Reads integers from 0 up to `limit`; nothing where one is not, or where HDF5 has to read them.
    pub(crate) fn indices(&self, rows: Range<usize>, limit: usize) -> Option<Vec<u32>> {
        let numbers = self.plain.as_ref().filter(|_| rows.end <= self.len)?;
        numbers.read(rows, &to_indices(u32::try_from(limit).ok()?))
    }

    /// Reads numbers as `f32`; `rounded` gets values that only rounding made integers.
    pub(crate) fn floats(&self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Vec<f32>> {
        let numbers = matches!(self.class, Class::Number(_)).then_some(self.plain.as_ref()).flatten();
        let numbers = numbers.filter(|_| rows.end <= self.len);
        if let Some(found) = numbers.and_then(|numbers| numbers.read(rows.clone(), &to_floats)) {
            return Ok(found);
        }
        Ok(match self.class {
            Class::Bool | Class::Number(Number::Float32 | Number::SmallInt) => self.read(rows)?,
            Class::Number(Number::Float64) => from_f64(&self.read(rows)?, rounded),
            Class::Number(Number::Int) => from_i64(&self.read(rows)?, rounded),
            Class::Number(Number::Unsigned) => from_u64(&self.read(rows)?, rounded),
            _ => return Err(format!("{} where numbers were expected", self.class.describe()).into()),
        })
    }
}

fn length(dataset: &Dataset) -> Result<usize> {
    match dataset.shape()[..] {
        [len] | [len, 1] => Ok(len),
        ref shape => Err(format!("an array of shape {shape:?} where one dimension was expected").into()),
    }
}

/// Rounds to `f32`, as [`narrow`] does.
pub(crate) fn from_f64(values: &[f64], rounded: &mut Rounded) -> Vec<f32> {
    values.iter().map(|value| rounded.narrow(*value)).collect()
}

/// Rounds to `f32`, noting integers that are beyond what counts may be.
pub(crate) fn from_i64(values: &[i64], rounded: &mut Rounded) -> Vec<f32> {
    values.iter().map(|value| rounded.narrow_integer(i128::from(*value))).collect()
}

/// Rounds to `f32`, noting integers that are beyond what counts may be.
pub(crate) fn from_u64(values: &[u64], rounded: &mut Rounded) -> Vec<f32> {
    values.iter().map(|value| rounded.narrow_integer(i128::from(*value))).collect()
}

/// Text of bytes that should be UTF-8.
pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Splits texts of fixed length, padded with zeros.
pub(super) fn fixed_texts(bytes: &[u8], size: usize) -> Vec<String> {
    let until_zero = |text: &[u8]| lossy(text.split(|byte| *byte == 0).next().unwrap_or_default());
    bytes.chunks_exact(size.max(1)).map(until_zero).collect()
}
