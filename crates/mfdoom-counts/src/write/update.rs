//! Additions to an existing h5ad file: a copy is changed and replaces the file in one rename.

use std::fs::{self, Permissions};
use std::path::{Path, PathBuf};

use anndata::backend::GroupOp;
use anndata_hdf5::H5Group;
use mfdoom_artifact::AtomicFile;
use mfdoom_artifact::publish::FileLock;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use super::sink::{MatrixKind, NewMatrix, Sinks};
use super::writer::Store;
use super::{Value, attribute, check_key, frame, records, value};
use crate::frame::Column;
use crate::hdf::{Node, refused};
use crate::keys;
use crate::place::Place;
use crate::read::H5ad;
use crate::source::Source;

/// Adds to a copy of an h5ad file, which replaces the file in one rename, or becomes another one.
///
/// What is not set is kept bit for bit, but for the times of objects, which are cleared. Rows are those of the file:
/// match cells by [`H5ad::obs_names`]. Columns go into frames of every anndata version; record arrays (0.6 and older)
/// that have to take something are turned into the groups that anndata writes since 0.7. What is set gets the
/// attribute `mfdoom`, by which the next run knows it for ours.
/// Dropped before [`commit`](Self::commit), the file is as it was and nothing is left next to it.
#[derive(Debug)]
pub struct H5adUpdate {
    // Dropped in this order: HDF5 lets go of the file before the partial file is removed.
    sinks: Sinks,
    store: Store,
    place: Place,
    file: AtomicFile,
    target: PathBuf,
    permissions: Permissions,
    /// Held where the file itself is replaced.
    lock: Option<FileLock>,
    /// What others had written and is replaced.
    replaced: Vec<String>,
    n_obs: usize,
    n_vars: usize,
}

impl H5adUpdate {
    /// Copies a file to change the copy, which will replace it. Waits for another run that does the same.
    ///
    /// # Errors
    /// As [`H5ad::open`]; failed: the copy cannot be written next to the file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        drop(H5ad::open(path)?);
        let lock = FileLock::wait(path)?;
        Ok(Self { lock: Some(lock), ..Self::copy(path, path, true)? })
    }

    /// Copies a file to change the copy, which will be at `to`.
    ///
    /// # Errors
    /// As [`open`](Self::open). Usage: `to` exists and `force` is not given.
    pub fn copy(path: impl AsRef<Path>, to: impl AsRef<Path>, force: bool) -> Result<Self> {
        let (path, target) = (path.as_ref(), to.as_ref().to_owned());
        let found = H5ad::open(path)?;
        let (n_obs, n_vars) = (found.n_obs(), found.n_vars());
        drop(found);
        let place = Place::root(path);
        let file = AtomicFile::create(&target, force)?;
        let failed = |error| Error::io(path, error);
        let permissions = fs::metadata(path).map_err(failed)?.permissions();
        let writable = fs::metadata(file.path()).map_err(failed)?.permissions();
        fs::copy(path, file.path()).map_err(failed)?;
        fs::set_permissions(file.path(), writable).map_err(failed)?;
        let store = Store::open(file.path(), &place)?;
        let sinks = Sinks::new(place.clone());
        let (lock, replaced) = (None, Vec::new());
        Ok(Self { sinks, store, place, file, target, permissions, lock, replaced, n_obs, n_vars })
    }

    /// Number of cells.
    pub fn n_obs(&self) -> usize {
        self.n_obs
    }

    /// Number of genes.
    pub fn n_vars(&self) -> usize {
        self.n_vars
    }

    /// Returns whether there is something at a path such as `obsm/X_umap`.
    pub fn has(&self, path: &str) -> bool {
        Node::find(&self.store.0, path).is_some()
    }

    /// Returns whether there is nothing at a path, or only what an earlier run of MFDOOM has set there.
    pub fn is_free(&self, path: &str) -> bool {
        match Node::find(&self.store.0, path) {
            None => true,
            Some(Node::Group(group)) => attribute::is_marked(&group),
            Some(Node::Dataset(dataset)) => attribute::is_marked(&dataset),
            Some(Node::Outside(_)) => false,
        }
    }

    /// Returns the numbers of a dense array, row by row; nothing where there is none, or something else.
    pub fn dense(&self, path: &str) -> Option<Vec<f32>> {
        match Node::find(&self.store.0, path)? {
            Node::Dataset(dataset) => dataset.read_raw().ok(),
            _ => None,
        }
    }

    /// Adds or replaces a column of `obs`.
    pub fn set_obs(&mut self, name: &str, column: &Column) -> Result<()> {
        self.set_column(keys::OBS, name, column)
    }

    /// Adds or replaces a column of `var`.
    pub fn set_var(&mut self, name: &str, column: &Column) -> Result<()> {
        self.set_column(keys::VAR, name, column)
    }

    /// Begins a matrix with a row for each cell, to be appended; one of that name is replaced.
    ///
    /// `n_cols` counts for `obsm` only: layers have a column for each gene.
    pub fn begin(&mut self, source: &Source, kind: MatrixKind, n_cols: usize) -> Result<()> {
        let (group, key, n_cols) = match source {
            Source::X => ("", keys::X, self.n_vars),
            Source::Layer(key) => (keys::LAYERS, key.as_str(), self.n_vars),
            Source::Obsm(key) => (keys::OBSM, key.as_str(), n_cols),
            other => return Err(Error::usage(format!("{other} is not written"))),
        };
        self.make_room(group, key)?;
        self.sinks.begin(&self.store.0, &NewMatrix::new(source, kind, n_cols))?;
        self.mark(&source.to_string())
    }

    /// Appends rows to a sparse matrix.
    pub fn append(&mut self, source: &Source, block: &Csr) -> Result<()> {
        self.sinks.append(&source.to_string(), block)
    }

    /// Appends whole rows, one behind the other, to a dense matrix.
    pub fn append_dense(&mut self, source: &Source, rows: &[f32]) -> Result<()> {
        self.sinks.append_dense(&source.to_string(), rows)
    }

    /// Sets `obsm/KEY`: [n_obs, n_cols], row by row.
    pub fn set_obsm(&mut self, key: &str, n_cols: usize, rows: &[f32]) -> Result<()> {
        let source = Source::Obsm(key.to_owned());
        self.begin(&source, MatrixKind::Dense, n_cols)?;
        self.append_dense(&source, rows)
    }

    /// Sets `varm/KEY`: [n_vars, n_cols], row by row.
    pub fn set_varm(&mut self, key: &str, n_cols: usize, rows: &[f32]) -> Result<()> {
        self.make_room(keys::VARM, key)?;
        let path = format!("{}/{key}", keys::VARM);
        let mut sinks = Sinks::new(self.place.clone());
        sinks.begin(&self.store.0, &NewMatrix::new(&path, MatrixKind::Dense, n_cols))?;
        sinks.append_dense(&path, rows)?;
        sinks.finish(self.n_vars)?;
        self.mark(&path)
    }

    /// Sets `obsp/KEY`: cells by cells.
    pub fn set_obsp(&mut self, key: &str, block: &Csr) -> Result<()> {
        if block.n_rows() != self.n_obs || block.n_cols() != self.n_obs {
            let place = self.place.at(keys::OBSP).at(key);
            return Err(Error::failed(place.broken("is no matrix of cells by cells").message().to_owned())
                .found(format!("{} x {}", block.n_rows(), block.n_cols()))
                .wanted(format!("{0} x {0}", self.n_obs)));
        }
        let group = self.make_room(keys::OBSP, key)?;
        value::csr(&group, key, block, &self.place.at(keys::OBSP))?;
        self.mark(&format!("{}/{key}", keys::OBSP))
    }

    /// Sets an entry of `uns`; the key may be a path such as `velocity_params/embeddings`.
    pub fn set_uns(&mut self, path: &str, value: &Value) -> Result<()> {
        let group = self.group(keys::UNS)?;
        let whole = format!("{}/{path}", keys::UNS);
        if let (Some((parents, _)), root) = (whole.rsplit_once('/'), &self.store.0)
            && let Some(Node::Outside(target)) = Node::find(root, parents)
        {
            return Err(refused(&self.place.at(parents), &target));
        }
        self.note_replaced(&whole);
        value::set(&group, path, value, &self.place.at(keys::UNS))?;
        self.mark(&whole)
    }

    /// Publishes the copy and returns where it is.
    ///
    /// # Errors
    /// Failed: a matrix was begun and has not a row for each cell, the file was changed by another program
    /// meanwhile, or the disk is full.
    pub fn commit(self) -> Result<PathBuf> {
        let Self { sinks, store, place, file, target, permissions, lock, replaced, n_obs, .. } = self;
        sinks.finish(n_obs)?;
        store.close(file.path(), &place)?;
        fs::set_permissions(file.path(), permissions).map_err(|error| Error::io(file.path(), error))?;
        lock.as_ref().map_or(Ok(()), FileLock::check)?;
        file.commit()?;
        if !replaced.is_empty() {
            tracing::warn!("{}: replaced what others had written: {}", target.display(), replaced.join(", "));
        }
        Ok(target)
    }

    fn set_column(&mut self, frame: &str, name: &str, column: &Column) -> Result<()> {
        records::turn_frames(&self.store.0, &self.place)?;
        let path = format!("{frame}/{name}");
        self.note_replaced(&path);
        frame::set_column(&self.store.0, frame, name, column, &self.place)?;
        self.mark(&path)
    }

    fn note_replaced(&mut self, path: &str) {
        if !self.is_free(path) {
            self.replaced.push(path.to_owned());
        }
    }

    /// Marks what is at a path as ours.
    fn mark(&self, path: &str) -> Result<()> {
        let marked = match Node::find(&self.store.0, path) {
            Some(Node::Group(group)) => attribute::mark(&group),
            Some(Node::Dataset(dataset)) => attribute::mark(&dataset),
            _ => Ok(()),
        };
        marked.map_err(|error| self.place.at(path).unwritable(error))
    }

    /// Opens a group, making it where it is missing, and removes the member `key` of it.
    fn make_room(&mut self, group: &str, key: &str) -> Result<H5Group> {
        check_key(key)?;
        let parent = self.group(group)?;
        if parent.link_exists(key) {
            let path = if group.is_empty() { key.to_owned() } else { format!("{group}/{key}") };
            self.note_replaced(&path);
            let place = self.place.at(group).at(key);
            parent.unlink(key).map_err(|error| place.unwritable(error))?;
        }
        Ok(parent)
    }

    fn group(&self, name: &str) -> Result<H5Group> {
        let root = &self.store.0;
        let place = self.place.at(name);
        match Node::find(root, name) {
            Some(Node::Dataset(_)) => records::turn_arrays(root, name, &self.place)?,
            Some(Node::Outside(target)) => return Err(refused(&place, &target)),
            Some(Node::Group(_)) | None => {}
        }
        let missing = !name.is_empty() && !root.link_exists(name);
        let group = match (name, missing) {
            ("", _) => GroupOp::open_group(root, "/"),
            (name, true) => GroupOp::new_group(root, name),
            (name, false) => GroupOp::open_group(root, name),
        };
        let group = group.map_err(|error| place.unwritable(error))?;
        if missing {
            attribute::set_encoding(&group, keys::DICT, "0.1.0").map_err(|error| place.unwritable(error))?;
        }
        Ok(group)
    }
}
