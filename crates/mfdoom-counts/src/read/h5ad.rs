//! An h5ad file, written by any anndata from 0.5 to 0.12 or by another program.

use std::ops::Range;
use std::path::Path;

use hdf5::Group;
use mfdoom_error::{Error, Result};

use super::{FrameReader, feature_names, locate};
use crate::file::Listed;
use crate::formats::{Content, Found};
use crate::frame::{Column, Frame};
use crate::hdf;
use crate::keys;
use crate::matrix::Matrix;
use crate::place::Place;
use crate::source::Source;

/// An AnnData file open for reading.
///
/// Only what is asked for is read, in ranges of rows where the caller gives them.
#[derive(Debug)]
pub struct H5ad {
    file: Group,
    place: Place,
    obs: FrameReader,
    var: FrameReader,
}

impl H5ad {
    /// Opens a file.
    ///
    /// # Errors
    /// Contract: no such file, not HDF5, damaged, or not an AnnData file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let found = Found::look(path.as_ref())?;
        if !found.has(keys::OBS) || !found.has(keys::VAR) || found.has(keys::MOD) {
            return Err(found.not_anndata());
        }
        match found.content {
            Content::Hdf5(file, _) => Self::of_group(&file, found.place),
            _ => Err(found.not_anndata()),
        }
    }

    /// Takes the group that holds the elements: a file's root, or a modality.
    pub(crate) fn of_group(file: &Group, place: Place) -> Result<Self> {
        let obs = FrameReader::open(file, keys::OBS, &place)?;
        let var = FrameReader::open(file, keys::VAR, &place)?;
        Ok(Self { file: file.clone(), place, obs, var })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.place.real()
    }

    /// The path as it was given, for messages.
    pub fn name(&self) -> &str {
        self.place.file()
    }

    /// Number of cells.
    pub fn n_obs(&self) -> usize {
        self.obs.n_rows()
    }

    /// Number of genes.
    pub fn n_vars(&self) -> usize {
        self.var.n_rows()
    }

    /// Names of all cells.
    pub fn obs_names(&self) -> Result<Vec<String>> {
        self.obs_names_in(0..self.n_obs())
    }

    /// Names of a range of cells.
    pub fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.obs.names(rows)
    }

    /// Names of all genes.
    pub fn var_names(&self) -> Result<Vec<String>> {
        self.var.names(0..self.n_vars())
    }

    /// Names of the columns of `obs`, in order, the index not among them.
    pub fn obs_columns(&self) -> Vec<String> {
        self.obs.columns().to_vec()
    }

    /// Names of the columns of `var`, in order, the index not among them.
    pub fn var_columns(&self) -> Vec<String> {
        self.var.columns().to_vec()
    }

    /// A column of `obs`.
    ///
    /// # Errors
    /// Contract: no such column, an encoding that is no column, or damaged data.
    pub fn obs_column(&self, name: &str) -> Result<Column> {
        self.obs_column_in(name, 0..self.n_obs())
    }

    /// A range of rows of a column of `obs`.
    pub fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        self.obs.column(name, rows)
    }

    /// A column of `var`.
    pub fn var_column(&self, name: &str) -> Result<Column> {
        self.var.column(name, 0..self.n_vars())
    }

    /// Names of the columns that annotate the genes of a matrix: none for `obsm`.
    pub fn var_columns_of(&self, source: &Source) -> Vec<String> {
        self.genes(source).map(|genes| genes.columns().to_vec()).unwrap_or_default()
    }

    /// A column of the genes of a matrix: `raw/X` has its own, `obsm` has none.
    pub fn var_column_of(&self, source: &Source, name: &str) -> Result<Column> {
        let genes = self.genes(source)?;
        genes.column(name, 0..genes.n_rows())
    }

    /// All of `obs`.
    pub fn obs(&self) -> Result<Frame> {
        self.obs.frame()
    }

    /// All of `var`.
    pub fn var(&self) -> Result<Frame> {
        self.var.frame()
    }

    /// Names of the columns of a matrix.
    ///
    /// Those of `X` and `layers` are the genes, those of `raw/X` its own. A matrix of `obsm` that is a frame
    /// names its columns; for any other the list of the right length is taken that `uns` has as `KEY_names`,
    /// `KEY_var` or, for `protein_expression`, `protein_names`; failing that they are `KEY_0`, `KEY_1` ...
    pub fn var_names_of(&self, source: &Source) -> Result<Vec<String>> {
        match source {
            Source::Obsm(key) => feature_names(&self.file, key, self.matrix(source)?.n_cols()),
            _ => {
                let genes = self.genes(source)?;
                genes.names_or_empty(0..genes.n_rows())
            }
        }
    }

    /// Every matrix that can be read: `X`, `raw/X`, `layers/*`, `obsm/*`.
    pub fn sources(&self) -> Vec<Source> {
        self.matrices().into_iter().filter(|found| found.unread.is_none()).map(|found| found.source).collect()
    }

    /// Every matrix, also those that cannot be read: `X`, `raw/X`, `layers/*`, `obsm/*`.
    pub fn matrices(&self) -> Vec<Listed> {
        locate::matrices(&self.file)
    }

    /// Opens a matrix.
    ///
    /// # Errors
    /// Contract: no such matrix, an encoding that is no matrix, or a shape that does not fit `obs` and `var`.
    pub fn matrix(&self, source: &Source) -> Result<Matrix> {
        let place = self.place.at(&source.to_string());
        let Some(found) = locate::find(&self.file, source) else {
            return Err(self.no_such(source));
        };
        let n_cols = match source {
            Source::Obsm(_) => None,
            Source::X | Source::Layer(_) => Some(self.n_vars()),
            Source::RawX => Some(self.genes(source)?.n_rows()),
            Source::Modality(..) | Source::Features(..) => return Err(self.no_such(source)),
        };
        found.open(place, (self.n_obs(), n_cols))
    }

    fn genes(&self, source: &Source) -> Result<FrameReader> {
        match source {
            Source::RawX => {
                let has = |name: &str| self.file.link_exists(name);
                let old = !has(keys::RAW) && has(keys::OLD_RAW_VAR);
                let name = if old { keys::OLD_RAW_VAR } else { keys::RAW_VAR };
                FrameReader::open(&self.file, name, &self.place)
            }
            Source::X | Source::Layer(_) => Ok(self.var.clone()),
            Source::Obsm(_) | Source::Modality(..) | Source::Features(..) => Err(self
                .place
                .at(&source.to_string())
                .broken("has no annotation of its columns")
                .wanted("X, raw/X or a layer")),
        }
    }

    fn no_such(&self, source: &Source) -> Error {
        let sources: Vec<_> = self.sources().iter().map(Source::to_string).collect();
        self.place
            .broken(format!("has no {source}"))
            .found(hdf::listing(&sources))
            .wanted(format!("a matrix at {source}"))
            .help("name one of these: --modality NAME=SOURCE")
    }
}
