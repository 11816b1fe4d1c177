//! AnnData and MuData in Zarr, of version 2 or 3, as a folder or as a zip archive.

mod array;
mod dense;
mod frame;
mod mudata;
mod packing;
mod rows;
mod shard;
mod store;
mod values;
mod zip;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use mfdoom_error::Result;

use self::array::Array;
use self::dense::{DenseRows, FrameRows};
use self::frame::ZarrFrame;
use self::rows::{Sparse, SparseRows};
use self::store::Node;
use self::values::Type;
use super::{Content, Format, Found};
use crate::file::{CountsFile, Listed};
use crate::frame::Column;
use crate::keys;
use crate::matrix::{Matrix, RowSource};
use crate::place::Place;
use crate::read::names_of_obsm;
use crate::source::Source;

/// AnnData and MuData stores, `.zarr` and `.zarr.zip`.
#[derive(Debug)]
pub(super) struct Zarr;

impl Format for Zarr {
    fn name(&self) -> &'static str {
        "AnnData or MuData (.zarr)"
    }

    fn recognises(&self, found: &Found) -> bool {
        let has = |node: &Node, name: &str| node.at(name).is_there();
        let of_cells = |node: Node| has(&node, keys::OBS) && (has(&node, keys::VAR) || has(&node, keys::MOD));
        Node::root(found).is_some_and(of_cells)
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Some(node) = Node::root(&found) else { return Err(found.place.broken("is no Zarr store")) };
        let parts = match found.content {
            Content::Folder(_) => files_in(&found.path),
            _ => vec![found.path],
        };
        match node.at(keys::MOD).is_there() {
            true => mudata::open(&node, &found.place, parts),
            false => Ok(Box::new(ZarrFile::open(node, found.place, parts)?)),
        }
    }
}

/// Every file of a folder and those in it, in order.
fn files_in(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut inside: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    inside.sort();
    let below = |path: PathBuf| if path.is_dir() { files_in(&path) } else { vec![path] };
    inside.into_iter().flat_map(below).collect()
}

/// An open store.
#[derive(Debug)]
struct ZarrFile {
    node: Node,
    place: Place,
    parts: Vec<PathBuf>,
    obs: ZarrFrame,
    var: ZarrFrame,
    raw: Option<ZarrFrame>,
}

/// What was found where a matrix should be.
enum Stored {
    Sparse(Sparse),
    Dense(Array, (usize, usize)),
    /// A frame of numbers, and the names of its columns.
    Frame(Arc<Vec<Array>>, ZarrFrame),
    /// Something else, and what.
    Other(String),
}

impl ZarrFile {
    fn open(node: Node, place: Place, parts: Vec<PathBuf>) -> Result<Self> {
        let frame = |name: &str| ZarrFrame::open(node.at(name), place.at(name));
        let (obs, var) = (frame(keys::OBS)?, frame(keys::VAR)?);
        let raw = node.at(keys::RAW_VAR).is_there().then(|| frame(keys::RAW_VAR)).transpose()?;
        Ok(Self { node, place, parts, obs, var, raw })
    }

    fn genes(&self, source: &Source) -> Option<&ZarrFrame> {
        match source {
            Source::X | Source::Layer(_) => Some(&self.var),
            Source::RawX => self.raw.as_ref(),
            _ => None,
        }
    }

    fn stored(&self, source: &Source) -> Result<Option<Stored>> {
        let (node, place) = (self.node.at(&source.to_string()), self.place.at(&source.to_string()));
        if !node.is_there() {
            return Ok(None);
        }
        if let Some(array) = Array::open(&node, place.clone())? {
            return Ok(Some(match (&array.shape[..], &array.kind) {
                (&[rows, columns], Type::Int { .. } | Type::Float { .. } | Type::Bool) => {
                    Stored::Dense(array, (rows, columns))
                }
                (shape, _) => Stored::Other(format!("an array of shape {shape:?}")),
            }));
        }
        let attributes = node.attributes();
        let encoding = attributes[keys::ENCODING_TYPE].as_str().unwrap_or("a group").to_owned();
        if encoding == keys::DATAFRAME && source.is_obsm() {
            let frame = ZarrFrame::open(node, place)?;
            return Ok(Some(match frame.numbers()? {
                Some(arrays) => Stored::Frame(Arc::new(arrays), frame),
                None => Stored::Other("a frame with columns that are no numbers".to_owned()),
            }));
        }
        let part = |name: &str| -> Result<Option<Arc<Array>>> {
            Ok(Array::open(&node.at(name), place.at(name))?.map(Arc::new))
        };
        let shape: Vec<usize> = attributes[keys::SHAPE]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|n| Some(n.as_u64()? as usize))
            .collect();
        let columns = encoding == keys::CSC_MATRIX;
        let data = Array::open(&node.at(keys::DATA), place.at(keys::DATA))?.map(Array::whole);
        let pointers = Array::open(&node.at(keys::INDPTR), place.at(keys::INDPTR))?;
        // Of a matrix without values all pointers are 0, and their chunks may be left out.
        let has_values = data.as_ref().is_some_and(|data| data.len() != Some(0));
        let pointers = pointers.map(|array| if has_values { array.whole() } else { array });
        let parts = (pointers.map(Arc::new), part(keys::INDICES)?, data.map(Arc::new));
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
        "AnnData (.zarr)"
    }

    fn parts(&self) -> Vec<PathBuf> {
        self.parts.clone()
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
        let layers = self.node.at(keys::LAYERS).members().into_iter().map(Source::Layer);
        let obsm = self.node.at(keys::OBSM).members().into_iter().map(Source::Obsm);
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
            Some(Stored::Frame(arrays, frame)) => {
                ((frame.n_rows(), arrays.len()), Box::new(FrameRows(arrays)))
            }
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
                if let Some(Stored::Frame(_, frame)) = self.stored(source)? {
                    return Ok(frame.columns);
                }
                let texts = |name: &str| {
                    let array = Array::open(&self.node.at(keys::UNS).at(name), self.place.clone()).ok()??;
                    let names = array.read(0..array.len()?).ok()?.into_column().to_strings();
                    names.into_iter().collect::<Option<Vec<String>>>()
                };
                Ok(names_of_obsm(key, self.matrix(source)?.n_cols(), texts))
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
