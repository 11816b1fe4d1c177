//! A new h5ad file, its matrices appended row block by row block.

use std::path::Path;

use anndata::AnnData;
use anndata::backend::{Backend, GroupOp, StoreOp};
use anndata_hdf5::{H5, H5File};
use mfdoom_artifact::AtomicFile;
use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::sink::{NewMatrix, Sinks};
use super::{Value, attribute, frame, times, use_gzip, value};
use crate::frame::Frame;
use crate::hdf;
use crate::keys;
use crate::place::Place;
use crate::source::Source;

/// What a new file will hold, besides its cells.
#[derive(Clone, Debug, Default)]
pub struct NewFile {
    /// The genes.
    pub var: Frame,
    /// The matrices, all to be appended before the file is finished.
    pub matrices: Vec<NewMatrix>,
    /// Entries of `uns`; keys may be paths such as `simulation/seed`.
    pub uns: Vec<(String, Value)>,
}

/// Writes a new h5ad file in memory that does not grow with the number of cells, 8 bytes each apart.
///
/// The file appears under its name when it is whole; dropped before [`finish`](Self::finish), nothing is left.
///
/// ```
/// use mfdoom_matrix::Csr;
/// use mfdoom_counts::{Frame, H5ad, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
///
/// # fn main() -> mfdoom_error::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("new.h5ad");
/// let genes = Frame::new(vec!["A".into(), "B".into()]);
/// let spliced = Source::Layer("spliced".into());
/// let matrices = vec![NewMatrix::new(&spliced, MatrixKind::Counts, 2)];
/// let mut writer = H5adWriter::create(&path, false, &NewFile { var: genes, matrices, uns: vec![] })?;
/// writer.append(&spliced, &Csr::from_rows(2, &[(vec![1], vec![3.0]), (vec![], vec![])]))?;
/// writer.finish(&Frame::new(vec!["cell_1".into(), "cell_2".into()]))?;
///
/// let file = H5ad::open(&path)?;
/// assert_eq!(file.matrix(&spliced)?.read_rows(0..1)?.row(0), (&[1][..], &[3.0][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct H5adWriter {
    // Dropped in this order: HDF5 lets go of the file before the partial file is removed.
    sinks: Sinks,
    store: Store,
    place: Place,
    file: AtomicFile,
}

/// A file of the `anndata` crate, which does not show itself.
pub(super) struct Store(pub(super) H5File);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("H5File")
    }
}

impl Store {
    /// Opens a file to write into.
    pub(super) fn open(path: &Path, place: &Place) -> Result<Self> {
        H5::open_rw(path).map(Self).map_err(|error| place.unwritable(error))
    }

    /// Writes everything out to `path` and clears the times of all objects; errors show here rather than get
    /// lost when the file is dropped.
    pub(super) fn close(self, path: &Path, place: &Place) -> Result<()> {
        self.0.flush().map_err(|error| place.unwritable(error))?;
        let headers = hdf::header_offsets(&self.0).map_err(|error| place.unwritable(error))?;
        StoreOp::close(self.0).map_err(|error| place.unwritable(error))?;
        times::clear(path, &headers).map_err(|error| place.unwritable(error))
    }
}

impl H5adWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// Usage: the file exists and `force` is not given, or a key is not a name. Failed: it cannot be written.
    pub fn create(path: impl AsRef<Path>, force: bool, new: &NewFile) -> Result<Self> {
        let place = Place::root(path.as_ref());
        let file = AtomicFile::create(path, force)?;
        use_gzip();
        let empty = AnnData::<H5>::new(file.path()).and_then(AnnData::close);
        empty.map_err(|error| place.unwritable(error))?;
        let store = Store::open(file.path(), &place)?;
        let mut sinks = Sinks::new(place.clone());
        let encoding = attribute::set_encoding(&store.0, "anndata", "0.1.0");
        encoding.map_err(|error| place.unwritable(error))?;
        frame::write(&store.0, keys::VAR, &new.var, &place)?;
        for matrix in &new.matrices {
            super::check_path(&matrix.path)?;
            sinks.begin(&store.0, matrix)?;
        }
        let mut writer = Self { sinks, store, place, file };
        for (path, value) in &new.uns {
            writer.set_uns(path, value)?;
        }
        Ok(writer)
    }

    /// Appends rows to a sparse matrix.
    pub fn append(&mut self, source: &Source, block: &Csr) -> Result<()> {
        self.sinks.append(&source.to_string(), block)
    }

    /// Appends whole rows, one behind the other, to a dense matrix.
    pub fn append_dense(&mut self, source: &Source, rows: &[f32]) -> Result<()> {
        self.sinks.append_dense(&source.to_string(), rows)
    }

    /// Sets an entry of `uns`; the key may be a path such as `simulation/seed`.
    pub fn set_uns(&mut self, path: &str, value: &Value) -> Result<()> {
        let place = self.place.at(keys::UNS);
        let group = GroupOp::open_group(&self.store.0, keys::UNS);
        value::set(&group.map_err(|error| place.unwritable(error))?, path, value, &place)
    }

    /// Writes the cells (every matrix must have a row for each) and publishes the file.
    pub fn finish(self, obs: &Frame) -> Result<()> {
        let Self { sinks, store, place, file } = self;
        sinks.finish(obs.n_rows())?;
        frame::write(&store.0, keys::OBS, obs, &place)?;
        store.close(file.path(), &place)?;
        file.commit()
    }
}
