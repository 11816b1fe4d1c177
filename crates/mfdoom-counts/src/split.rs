//! Matrices whose columns are of several feature types: each type is a matrix of its own.

use std::ops::Range;
use std::path::PathBuf;

use mfdoom_error::{Error, Result};

use crate::file::{CountsFile, Listed};
use crate::frame::Column;
use crate::matrix::{ChosenColumns, Matrix};
use crate::source::Source;

/// Columns of `var` that tell the feature type, as Cell Ranger, scanpy and muon name them.
const TYPE_COLUMNS: [&str; 4] = ["feature_types", "feature_type", "modality", "feature_class"];
/// The type of genes, as Cell Ranger names it.
const GENES: &str = "Gene Expression";
/// Types of features that are no genes; a column with neither these nor [`GENES`] holds something else, such as
/// biotypes.
const OTHERS: [&str; 9] = [
    "Antibody Capture",
    "Antigen Capture",
    "CRISPR Guide Capture",
    "Custom",
    "Multiplexing Capture",
    "Peaks",
    "Protein Expression",
    "ADT",
    "HTO",
];

/// Returns the feature type of each column of a matrix, where a column of its annotation tells it.
///
/// # Errors
/// Contract: the annotation cannot be read.
pub fn feature_types(file: &dyn CountsFile, source: &Source) -> Result<Option<Vec<String>>> {
    let columns = file.var_columns_of(source);
    for name in TYPE_COLUMNS.iter().filter(|name| columns.iter().any(|column| column == *name)) {
        let (Column::String(_) | Column::Categorical { .. }) = file.var_column_of(source, name)? else {
            continue;
        };
        let found = file.var_column_of(source, name)?.to_strings();
        let known = |kind: &Option<String>| {
            kind.as_deref().is_some_and(|kind| kind == GENES || OTHERS.contains(&kind))
        };
        if found.iter().any(known) {
            return Ok(Some(
                found.into_iter().map(|kind| kind.unwrap_or_else(|| GENES.to_owned())).collect(),
            ));
        }
    }
    Ok(None)
}

/// A file whose matrices of several feature types are also there type by type.
#[derive(Debug)]
pub(crate) struct Split {
    file: Box<dyn CountsFile>,
    listed: Vec<Listed>,
}

impl Split {
    /// Looks for matrices of several feature types.
    pub(crate) fn new(file: Box<dyn CountsFile>) -> Result<Self> {
        let mut listed = Vec::new();
        for found in file.matrices() {
            let mut parts = Vec::new();
            if found.unread.is_none() && !found.source.is_obsm() {
                let mut types = feature_types(&*file, &found.source)?.unwrap_or_default();
                types.sort();
                types.dedup();
                // One type, if it is genes, needs no other name.
                if types.len() > 1 || types.first().is_some_and(|kind| kind != GENES) {
                    parts = types;
                }
            }
            listed.push(found.clone());
            listed.extend(parts.iter().map(|kind| Listed::readable(found.source.clone().of_type(kind))));
        }
        Ok(Self { file, listed })
    }

    /// Which columns of a matrix are of a type.
    fn chosen(&self, source: &Source, kind: &str) -> Result<Vec<bool>> {
        let types = feature_types(&*self.file, source)?.unwrap_or_default();
        let chosen: Vec<bool> = types.iter().map(|found| found == kind).collect();
        if chosen.contains(&true) {
            return Ok(chosen);
        }
        let mut types = types;
        types.sort();
        types.dedup();
        Err(Error::contract(format!("{}: no features of {source} are '{kind}'", self.name()))
            .found(if types.is_empty() { "no feature types".to_owned() } else { types.join(", ") }))
    }
}

impl CountsFile for Split {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn format(&self) -> &'static str {
        self.file.format()
    }

    fn parts(&self) -> Vec<PathBuf> {
        self.file.parts()
    }

    fn n_obs(&self) -> usize {
        self.file.n_obs()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.file.obs_names_in(rows)
    }

    fn obs_columns(&self) -> Vec<String> {
        self.file.obs_columns()
    }

    fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        self.file.obs_column_in(name, rows)
    }

    fn matrices(&self) -> Vec<Listed> {
        self.listed.clone()
    }

    fn matrix(&self, source: &Source) -> Result<Matrix> {
        let Source::Features(whole, kind) = source else { return self.file.matrix(source) };
        let chosen = self.chosen(whole, kind)?;
        let columns = ChosenColumns::new(self.file.matrix(whole)?, chosen);
        Matrix::of(self.name().as_ref(), &source.to_string(), columns.shape(), Box::new(columns))
    }

    fn var_names_of(&self, source: &Source) -> Result<Vec<String>> {
        let Source::Features(whole, kind) = source else { return self.file.var_names_of(source) };
        Ok(kept(self.file.var_names_of(whole)?, &self.chosen(whole, kind)?))
    }

    fn var_columns_of(&self, source: &Source) -> Vec<String> {
        let Source::Features(whole, _) = source else { return self.file.var_columns_of(source) };
        self.file.var_columns_of(whole)
    }

    fn var_column_of(&self, source: &Source, name: &str) -> Result<Column> {
        let Source::Features(whole, kind) = source else { return self.file.var_column_of(source, name) };
        let chosen = self.chosen(whole, kind)?;
        Ok(match self.file.var_column_of(whole, name)? {
            Column::String(values) => Column::String(kept(values, &chosen)),
            Column::Int(values) => Column::Int(kept(values, &chosen)),
            Column::Float(values) => Column::Float(kept(values, &chosen)),
            Column::Bool(values) => Column::Bool(kept(values, &chosen)),
            Column::Categorical { codes, categories } => {
                Column::Categorical { codes: kept(codes, &chosen), categories }
            }
        })
    }
}

fn kept<T>(values: Vec<T>, chosen: &[bool]) -> Vec<T> {
    values.into_iter().zip(chosen).filter(|(_, chosen)| **chosen).map(|(value, _)| value).collect()
}
