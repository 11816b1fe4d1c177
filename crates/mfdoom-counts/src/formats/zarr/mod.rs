//! AnnData in Zarr, of version 2 or 3, as a folder.
//!
//! Read by code of our own: `zarrs` would double what the crate takes to build, for the few codecs that are met.
//! Not read: sharded arrays, zip archives, blosclz and snappy within Blosc.

mod array;
mod frame;
mod packing;
mod rows;
mod values;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use mfdoom_error::Result;

use self::array::Array;
use self::frame::{ZarrFrame, attributes};
use self::rows::{DenseRows, Sparse, SparseRows};
use self::values::Type;
use super::{Content, Format, Found};
use crate::file::{CountsFile, Listed};
use crate::frame::Column;
use crate::keys;
use crate::matrix::{Matrix, RowSource};
use crate::place::Place;
use crate::source::Source;

/// AnnData stores, `.zarr`.
#[derive(Debug)]
pub(super) struct Zarr;

impl Format for Zarr {
    fn name(&self) -> &'static str {
        "AnnData (.zarr)"
    }

    fn recognises(&self, found: &Found) -> bool {
        let store = found.has(".zgroup") || found.has("zarr.json");
        matches!(found.content, Content::Folder(_)) && store && found.has(keys::OBS) && found.has(keys::VAR)
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Found { path, place, .. } = found;
        let frame = |name: &str| ZarrFrame::open(path.join(name), place.at(name));
        let (obs, var) = (frame(keys::OBS)?, frame(keys::VAR)?);
        let raw = path.join(keys::RAW_VAR).is_dir().then(|| frame(keys::RAW_VAR)).transpose()?;
        Ok(Box::new(ZarrFile { path, place, obs, var, raw }))
    }
}

/// An open store.
#[derive(Debug)]
struct ZarrFile {
    path: PathBuf,
    place: Place,
    obs: ZarrFrame,
    var: ZarrFrame,
    raw: Option<ZarrFrame>,
}

/// What was found where a matrix should be.
enum Stored {
    Sparse(Sparse),
    Dense(Array, (usize, usize)),
    /// Something else, and what.
    Other(String),
}

impl ZarrFile {
    fn genes(&self, source: &Source) -> Option<&ZarrFrame> {
        match source {
            Source::X | Source::Layer(_) => Some(&self.var),
            Source::RawX => self.raw.as_ref(),
            _ => None,
        }
    }

    fn members(&self, group: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path.join(group)).into_iter().flatten();
        let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> =
            folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn stored(&self, source: &Source) -> Result<Option<Stored>> {
        let (folder, place) = (self.path.join(source.to_string()), self.place.at(&source.to_string()));
        if !folder.is_dir() {
            return Ok(None);
        }
        if let Some(array) = Array::open(&folder, place.clone())? {
            return Ok(Some(match (&array.shape[..], &array.kind) {
                (&[rows, columns], Type::Int { .. } | Type::Float { .. } | Type::Bool) => {
                    Stored::Dense(array, (rows, columns))
                }
                (shape, _) => Stored::Other(format!("an array of shape {shape:?}")),
            }));
        }
        let attributes = attributes(&folder);
        let encoding = attributes[keys::ENCODING_TYPE].as_str().unwrap_or("a group").to_owned();
        let part = |name: &str| -> Result<Option<Arc<Array>>> {
            Ok(Array::open(&folder.join(name), place.at(name))?.map(Arc::new))
        };
        let shape: Vec<usize> = attributes[keys::SHAPE]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|n| Some(n.as_u64()? as usize))
            .collect();
        let columns = encoding == keys::CSC_MATRIX;
        let parts = (part(keys::INDPTR)?, part(keys::INDICES)?, part(keys::DATA)?);
        let (true, (Some(pointers), Some(indices), Some(data)), &[n_rows, n_cols]) =
            (columns || encoding == keys::CSR_MATRIX, parts, &shape[..])
        else {
            return Ok(Some(Stored::Other(encoding)));
        };
        let major = if columns { n_cols } else { n_rows };
        if pointers.len() != major.checked_add(1) || indices.len() != data.len() || data.len().is_none() {
            return Err(place
                .broken("has arrays of lengths that do not fit")
                .found(format!("{:?}, {:?} and {:?}", pointers.shape, indices.shape, data.shape))
                .wanted(format!("{} pointers, as many indices as values", major.saturating_add(1))));
        }
        Ok(Some(Stored::Sparse(Sparse { pointers, indices, data, shape: (n_rows, n_cols), columns, place })))
    }
}

impl CountsFile for ZarrFile {
    fn name(&self) -> &str {
        self.place.file()
    }

    fn format(&self) -> &'static str {
        Zarr.name()
    }

    fn parts(&self) -> Vec<PathBuf> {
        fn walk(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect();
            inside.sort();
            for path in inside {
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.path, &mut found);
        found
    }

    fn n_obs(&self) -> usize {
        self.obs.n_rows()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.obs.names(rows)
    }

    fn obs_columns(&self) -> Vec<String> {
        self.obs.columns.clone()
    }

    fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        self.obs.column(name, rows)
    }

    fn matrices(&self) -> Vec<Listed> {
        let layers = self.members(keys::LAYERS).into_iter().map(Source::Layer);
        let obsm = self.members(keys::OBSM).into_iter().map(Source::Obsm);
        let all = [Source::X, Source::RawX].into_iter().chain(layers).chain(obsm);
        all.filter_map(|source| {
            let unread = match self.stored(&source) {
                Ok(None) => return None,
                Ok(Some(Stored::Other(form))) => Some(form),
                Ok(Some(_)) => None,
                Err(error) => Some(error.found_text().unwrap_or("damaged").to_owned()),
            };
            Some(Listed { source, unread })
        })
        .collect()
    }

    fn matrix(&self, source: &Source) -> Result<Matrix> {
        let place = self.place.at(&source.to_string());
        let (shape, rows): (_, Box<dyn RowSource>) = match self.stored(source)? {
            Some(Stored::Sparse(sparse)) => (sparse.shape, Box::new(SparseRows::new(sparse))),
            Some(Stored::Dense(array, shape)) => (shape, Box::new(DenseRows::new(Arc::new(array), shape))),
            Some(Stored::Other(form)) => {
                return Err(place
                    .broken("is not a matrix")
                    .found(form)
                    .wanted("CSR, CSC or an array of numbers"));
            }
            None => {
                let names: Vec<String> = self.sources().iter().map(ToString::to_string).collect();
                return Err(self.place.broken(format!("has no {source}")).found(names.join(", ")));
            }
        };
        let wanted = (self.n_obs(), self.genes(source).map_or(shape.1, ZarrFrame::n_rows));
        if shape != wanted {
            return Err(place
                .broken("has a shape that does not fit the file")
                .found(format!("{shape:?}"))
                .wanted(format!("{wanted:?}, rows of obs and of var")));
        }
        Matrix::new(shape, rows, place)
    }

    fn var_names_of(&self, source: &Source) -> Result<Vec<String>> {
        match (self.genes(source), source) {
            (Some(genes), _) => genes.names(0..genes.n_rows()),
            (None, Source::Obsm(key)) => {
                let n = self.matrix(source)?.n_cols();
                Ok((0..n).map(|column| format!("{key}_{column}")).collect())
            }
            (None, _) => Err(self.place.broken(format!("has no {source}"))),
        }
    }

    fn var_columns_of(&self, source: &Source) -> Vec<String> {
        self.genes(source).map(|genes| genes.columns.clone()).unwrap_or_default()
    }

    fn var_column_of(&self, source: &Source, name: &str) -> Result<Column> {
        match self.genes(source) {
            Some(genes) => genes.column(name, 0..genes.n_rows()),
            None => Err(self.place.at(&source.to_string()).broken("has no annotation of its columns")),
        }
    }
}
