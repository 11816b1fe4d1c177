//! AnnData in HDF5.

use std::ops::Range;
use std::path::PathBuf;

use mfdoom_error::Result;

use super::{Content, Format, Found};
use crate::file::{CountsFile, Listed};
use crate::frame::Column;
use crate::keys;
use crate::matrix::Matrix;
use crate::read::H5ad;
use crate::source::Source;

/// AnnData files, `.h5ad`.
#[derive(Debug)]
pub(super) struct Anndata;

impl Format for Anndata {
    fn name(&self) -> &'static str {
        "AnnData (.h5ad)"
    }

    fn recognises(&self, found: &Found) -> bool {
        found.is_hdf5() && found.has(keys::OBS) && found.has(keys::VAR) && !found.has(keys::MOD)
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Found { path, place, content } = found;
        match content {
            Content::Hdf5(file, _) => Ok(Box::new(H5ad::of_group(&file, place)?)),
            _ => Ok(Box::new(H5ad::open(path)?)),
        }
    }
}

impl CountsFile for H5ad {
    fn name(&self) -> &str {
        self.name()
    }

    fn format(&self) -> &'static str {
        Anndata.name()
    }

    fn parts(&self) -> Vec<PathBuf> {
        vec![self.path().to_owned()]
    }

    fn n_obs(&self) -> usize {
        self.n_obs()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.obs_names_in(rows)
    }

    fn obs_columns(&self) -> Vec<String> {
        self.obs_columns()
    }

    fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        self.obs_column_in(name, rows)
    }

    fn matrices(&self) -> Vec<Listed> {
        self.matrices()
    }

    fn matrix(&self, source: &Source) -> Result<Matrix> {
        self.matrix(source)
    }

    fn var_names_of(&self, source: &Source) -> Result<Vec<String>> {
        self.var_names_of(source)
    }

    fn var_columns_of(&self, source: &Source) -> Vec<String> {
        self.var_columns_of(source)
    }

    fn var_column_of(&self, source: &Source, name: &str) -> Result<Column> {
        self.var_column_of(source, name)
    }
}
