//! Cells, features and matrices put together from the parts of a format.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use mfdoom_error::{Error, Result};

use super::text::Texts;
use crate::file::{CountsFile, Listed};
use crate::frame::Column;
use crate::hdf::Line;
use crate::matrix::{Matrix, RowSource};
use crate::place::Place;
use crate::read::read_line;
use crate::source::Source;

/// A file or folder whose parts were found.
#[derive(Debug)]
pub(super) struct Composed {
    /// The path, for messages.
    pub(super) place: Place,
    /// Name of the format.
    pub(super) format: &'static str,
    /// The files that are read.
    pub(super) parts: Vec<PathBuf>,
    /// Names of the cells.
    pub(super) cells: Names,
    /// Annotation of the cells.
    pub(super) obs: Vec<(String, Line)>,
    /// The matrices.
    pub(super) matrices: Vec<Part>,
}

/// Names of cells.
#[derive(Debug)]
pub(super) enum Names {
    /// Held, in about 20 bytes a cell.
    Held(Texts),
    /// Read from HDF5 when asked for.
    Stored(Line, Place),
}

/// Features of a matrix.
#[derive(Debug, Default)]
pub(super) struct Features {
    /// Their ids; empty where one has none.
    pub(super) names: Vec<String>,
    /// What is known of them.
    pub(super) columns: Vec<(String, Column)>,
    /// Where names were sought, and what there is instead, where there are none: a column may be asked for.
    pub(super) nameless: Option<(Place, String)>,
}

/// Opens the rows of a matrix.
pub(super) type Opener = Box<dyn Fn() -> Result<Box<dyn RowSource>> + Send + Sync>;

/// One matrix.
pub(super) struct Part {
    /// What it is called.
    pub(super) source: Source,
    /// Its columns.
    pub(super) features: Arc<Features>,
    /// Its rows.
    pub(super) open: Opener,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} features", self.source, self.features.names.len())
    }
}

impl Features {
    /// Takes ids, with symbols and types where these are known.
    pub(super) fn new(ids: Vec<String>, symbols: Option<Vec<String>>, types: Option<Vec<String>>) -> Self {
        let text = |values: Vec<String>| Column::String(values.into_iter().map(Some).collect());
        let named = |name: &str, values: Option<Vec<String>>| Some((name.to_owned(), text(values?)));
        let columns = [named("gene_symbols", symbols), named("feature_types", types)];
        Self { names: ids, columns: columns.into_iter().flatten().collect(), nameless: None }
    }
}

impl Names {
    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Held(texts) => texts.len(),
            Self::Stored(line, _) => line.len(),
        }
    }
}

impl Composed {
    fn part(&self, source: &Source) -> Result<&Part> {
        self.matrices.iter().find(|part| part.source == *source).ok_or_else(|| {
            let names: Vec<String> = self.matrices.iter().map(|part| part.source.to_string()).collect();
            self.place
                .broken(format!("has no {source}"))
                .found(names.join(", "))
                .help("name one of these: --modality NAME=SOURCE")
        })
    }

    fn no_column(&self, of: &str, name: &str, there: Vec<&str>) -> Error {
        self.place.broken(format!("no column '{name}' in {of}")).found(if there.is_empty() {
            "no columns".to_owned()
        } else {
            there.join(", ")
        })
    }
}

impl CountsFile for Composed {
    fn name(&self) -> &str {
        self.place.file()
    }

    fn format(&self) -> &'static str {
        self.format
    }

    fn parts(&self) -> Vec<PathBuf> {
        self.parts.clone()
    }

    fn n_obs(&self) -> usize {
        self.cells.len()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        match &self.cells {
            Names::Held(texts) => Ok(rows.map(|row| texts.get(row).to_owned()).collect()),
            Names::Stored(line, place) => Ok(crate::read::names(&read_line(line, place, rows)?)),
        }
    }

    fn obs_columns(&self) -> Vec<String> {
        self.obs.iter().map(|(name, _)| name.clone()).collect()
    }

    fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        match self.obs.iter().find(|(found, _)| found == name) {
            Some((_, line)) => read_line(line, &self.place.at(name), rows),
            None => {
                Err(self.no_column("obs", name, self.obs.iter().map(|(name, _)| name.as_str()).collect()))
            }
        }
    }

    fn matrices(&self) -> Vec<Listed> {
        self.matrices.iter().map(|part| Listed::readable(part.source.clone())).collect()
    }

    fn matrix(&self, source: &Source) -> Result<Matrix> {
        let part = self.part(source)?;
        let shape = (self.n_obs(), part.features.names.len());
        Matrix::new(shape, (part.open)()?, self.place.at(&source.to_string()))
    }

    fn var_names_of(&self, source: &Source) -> Result<Vec<String>> {
        let features = &self.part(source)?.features;
        match &features.nameless {
            None => Ok(features.names.clone()),
            Some((place, there)) => Err(place
                .broken("has no names of genes")
                .found(there.clone())
                .wanted("Gene, var_names or Accession")
                .help("--gene-column NAME takes another one")),
        }
    }

    fn var_columns_of(&self, source: &Source) -> Vec<String> {
        let columns = self.part(source).map(|part| part.features.columns.as_slice()).unwrap_or_default();
        columns.iter().map(|(name, _)| name.clone()).collect()
    }

    fn var_column_of(&self, source: &Source, name: &str) -> Result<Column> {
        let columns = &self.part(source)?.features.columns;
        match columns.iter().find(|(found, _)| found == name) {
            Some((_, column)) => Ok(column.clone()),
            None => Err(self.no_column("var", name, columns.iter().map(|(name, _)| name.as_str()).collect())),
        }
    }
}
