//! Matrices written block by block: CSR groups and dense arrays that grow by rows.

use std::collections::BTreeMap;

use hdf5::types::H5Type;
use hdf5::{Dataset, Group, SimpleExtents};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;
use ndarray::{ArrayView1, ArrayView2, s};

use super::{GZIP, attribute};
use crate::keys;
use crate::place::Place;
use crate::rounded::{Rounded, not_counts};

/// Elements of a chunk.
const CHUNK: usize = 1 << 16;

/// How a new matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixKind {
    /// CSR of uint32.
    Counts,
    /// CSR of float32.
    Sparse,
    /// Array of float32.
    Dense,
}

/// A matrix to be appended row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMatrix {
    /// Where it goes, as [`Source`](crate::Source) writes it, or any other path such as `obsp/distances`.
    pub path: String,
    /// How it is stored.
    pub kind: MatrixKind,
    /// Number of columns.
    pub n_cols: usize,
}

impl NewMatrix {
    /// A matrix at `path`.
    pub fn new(path: impl ToString, kind: MatrixKind, n_cols: usize) -> Self {
        Self { path: path.to_string(), kind, n_cols }
    }
}

/// The matrices of a file that are being written.
#[derive(Debug)]
pub(super) struct Sinks {
    sinks: BTreeMap<String, Sink>,
    place: Place,
}

impl Sinks {
    pub(super) fn new(place: Place) -> Self {
        Self { sinks: BTreeMap::new(), place }
    }

    /// Begins a matrix where nothing is yet.
    pub(super) fn begin(&mut self, root: &Group, new: &NewMatrix) -> Result<()> {
        let begun = Sink::new(root, new).map_err(|error| self.place.at(&new.path).unwritable(error))?;
        self.sinks.insert(new.path.clone(), begun);
        Ok(())
    }

    /// Appends rows to a sparse matrix.
    pub(super) fn append(&mut self, path: &str, block: &Csr) -> Result<()> {
        let place = self.place.at(path);
        let sink = self.get(path)?;
        if block.n_cols() != sink.n_cols {
            return Err(misfit(&place, block.n_cols(), sink.n_cols));
        }
        sink.append(block, &place)
    }

    /// Appends rows to a dense matrix.
    pub(super) fn append_dense(&mut self, path: &str, rows: &[f32]) -> Result<()> {
        let place = self.place.at(path);
        let sink = self.get(path)?;
        if sink.n_cols == 0 || !rows.len().is_multiple_of(sink.n_cols) {
            return Err(misfit(&place, rows.len(), sink.n_cols));
        }
        sink.append_dense(rows, &place)
    }

    /// Ends every matrix, each of which must have `n_rows` rows.
    pub(super) fn finish(self, n_rows: usize) -> Result<()> {
        for (path, sink) in self.sinks {
            let place = self.place.at(&path);
            if sink.n_rows != n_rows {
                return Err(Error::failed(place.broken("is incomplete").message().to_owned())
                    .found(format!("{} rows", sink.n_rows))
                    .wanted(format!("{n_rows} rows")));
            }
            sink.finish().map_err(|error| place.unwritable(error))?;
        }
        Ok(())
    }

    fn get(&mut self, path: &str) -> Result<&mut Sink> {
        self.sinks.get_mut(path).ok_or_else(|| Error::failed(format!("{path} was not begun")))
    }
}

fn misfit(place: &Place, found: usize, wanted: usize) -> Error {
    Error::failed(place.broken("cannot take these rows").message().to_owned())
        .found(format!("{found} values"))
        .wanted(format!("rows of {wanted} columns"))
}

#[derive(Debug)]
struct Sink {
    n_rows: usize,
    n_cols: usize,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Sparse { group: Group, data: Dataset, indices: Dataset, indptr: Vec<i64>, counts: bool },
    Dense(Dataset),
}

impl Sink {
    fn new(root: &Group, new: &NewMatrix) -> hdf5::Result<Self> {
        let form = match new.kind {
            MatrixKind::Dense => {
                let rows = (CHUNK / new.n_cols.max(1)).max(1);
                let extents = SimpleExtents::resizable([0, new.n_cols]);
                let builder = root.new_dataset::<f32>().chunk([rows, new.n_cols.max(1)]);
                let array = builder.shuffle().deflate(GZIP).shape(extents).create(new.path.as_str())?;
                attribute::set_encoding(&array, keys::ARRAY, "0.2.0")?;
                Form::Dense(array)
            }
            kind => {
                let group = root.create_group(&new.path)?;
                attribute::set_encoding(&group, keys::CSR_MATRIX, "0.1.0")?;
                let counts = kind == MatrixKind::Counts;
                let data = match counts {
                    true => line::<u32>(&group, keys::DATA)?,
                    false => line::<f32>(&group, keys::DATA)?,
                };
                let indices = line::<i32>(&group, keys::INDICES)?;
                Form::Sparse { group, data, indices, indptr: vec![0], counts }
            }
        };
        Ok(Self { n_rows: 0, n_cols: new.n_cols, form })
    }

    fn append(&mut self, block: &Csr, place: &Place) -> Result<()> {
        let Form::Sparse { data, indices, indptr, counts, .. } = &mut self.form else {
            return Err(Error::failed(place.broken("is dense, sparse rows came").message().to_owned()));
        };
        let failed = |error: hdf5::Error| place.unwritable(error);
        let columns: Option<Vec<i32>> = block.indices().iter().map(|i| i32::try_from(*i).ok()).collect();
        let columns = columns.ok_or_else(|| misfit(place, block.n_cols(), i32::MAX as usize))?;
        extend(indices, &columns).map_err(failed)?;
        if *counts {
            if let Some(value) = not_counts(block, &Rounded::default()).first() {
                return Err(Error::failed(place.broken("holds counts").message().to_owned())
                    .found(value.to_string())
                    .wanted("non-negative integers"));
            }
            let values: Vec<_> = block.values().iter().map(|value| *value as u32).collect();
            extend(data, &values).map_err(failed)?;
        } else {
            extend(data, block.values()).map_err(failed)?;
        }
        let shift = indptr[indptr.len() - 1];
        indptr.extend(block.indptr()[1..].iter().map(|end| shift + *end as i64));
        self.n_rows += block.n_rows();
        Ok(())
    }

    fn append_dense(&mut self, rows: &[f32], place: &Place) -> Result<()> {
        let Form::Dense(array) = &self.form else {
            return Err(Error::failed(place.broken("is sparse, dense rows came").message().to_owned()));
        };
        let n = rows.len() / self.n_cols;
        let begin = self.n_rows;
        let write = || -> hdf5::Result<()> {
            array.resize((begin + n, self.n_cols))?;
            let view = ArrayView2::from_shape((n, self.n_cols), rows).map_err(|error| error.to_string())?;
            array.write_slice(view, s![begin..begin + n, ..])
        };
        write().map_err(|error| place.unwritable(error))?;
        self.n_rows += n;
        Ok(())
    }

    fn finish(self) -> hdf5::Result<()> {
        let Form::Sparse { group, indptr, .. } = self.form else { return Ok(()) };
        attribute::set_shape(&group, (self.n_rows, self.n_cols))?;
        // scipy keeps both arrays in one type: int32 as long as it suffices.
        match indptr.iter().map(|pointer| i32::try_from(*pointer)).collect::<Result<Vec<_>, _>>() {
            Ok(indptr) => extend(&line::<i32>(&group, keys::INDPTR)?, &indptr),
            Err(_) => extend(&line::<i64>(&group, keys::INDPTR)?, &indptr),
        }
    }
}

fn line<T: H5Type>(group: &Group, name: &str) -> hdf5::Result<Dataset> {
    let extents = SimpleExtents::resizable([0]);
    group.new_dataset::<T>().chunk(CHUNK).shuffle().deflate(GZIP).shape(extents).create(name)
}

fn extend<T: H5Type>(line: &Dataset, values: &[T]) -> hdf5::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let begin = line.size();
    line.resize(begin + values.len())?;
    line.write_slice(ArrayView1::from(values), begin..begin + values.len())
}
