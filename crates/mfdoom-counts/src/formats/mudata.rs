//! What MuData is in HDF5 and in Zarr alike: modalities with features, and perhaps cells, of their own.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use mfdoom_error::Result;

use crate::file::{CountsFile, Listed};
use crate::frame::Column;
use crate::hdf;
use crate::matrix::{MappedRows, Matrix, Missing, RowMap};
use crate::place::Place;
use crate::source::Source;

/// The annotation of the cells of the whole.
pub(super) trait Annotation: Debug + Send + Sync {
    /// Number of cells.
    fn n_rows(&self) -> usize;

    /// Names of a range of cells.
    fn names(&self, rows: Range<usize>) -> Result<Vec<String>>;

    /// Names of the columns.
    fn columns(&self) -> Vec<String>;

    /// A range of rows of a column.
    fn column(&self, name: &str, rows: Range<usize>) -> Result<Column>;
}

/// An open file or store.
#[derive(Debug)]
pub(super) struct Mudata {
    pub(super) place: Place,
    pub(super) format: &'static str,
    pub(super) parts: Vec<PathBuf>,
    pub(super) obs: Box<dyn Annotation>,
    pub(super) modalities: Vec<Modality>,
}

/// A modality.
#[derive(Debug)]
pub(super) struct Modality {
    pub(super) name: String,
    pub(super) cells: Box<dyn CountsFile>,
    /// Where each cell of the whole is in it; none where they are the same, in the same order.
    pub(super) rows: Option<Arc<dyn RowMap>>,
}

/// Finds the cells of the whole in a modality by their names, where the file does not say.
///
/// # Errors
/// Contract: two cells of the modality have the same name.
pub(super) fn by_name(
    (obs, cells): (&dyn Annotation, &dyn CountsFile),
    place: &Place,
) -> Result<Option<Arc<dyn RowMap>>> {
    let (all, own) = (obs.names(0..obs.n_rows())?, cells.obs_names_in(0..cells.n_obs())?);
    if all == own {
        return Ok(None);
    }
    let mut places: HashMap<&str, u32> = HashMap::with_capacity(own.len());
    for (name, row) in own.iter().zip(1..) {
        if let Some(first) = places.insert(name, row) {
            return Err(place
                .broken("two cells have the same name")
                .found(format!("'{name}' in rows {} and {}", first - 1, row - 1))
                .wanted("names that tell which cell of the whole each is")
                .help("make them unique: mdata.mod[...].obs_names_make_unique(); mdata.update()"));
        }
    }
    let row = |name: &String| places.get(name.as_str()).copied().unwrap_or(0);
    Ok(Some(Arc::new(Arc::new(all.iter().map(row).collect::<Vec<u32>>()))))
}

/// Checks that a map of a file joins no two cells of different names where one of them has its own name elsewhere.
///
/// # Errors
/// Contract: it does, since a modality was put in another order after the map was made.
pub(super) fn check_map(
    map: Arc<dyn RowMap>,
    (obs, cells): (&dyn Annotation, &dyn CountsFile),
    place: &Place,
) -> Result<Arc<dyn RowMap>> {
    const BLOCK: usize = 4096;
    let blocks = |n: usize| (0..n).step_by(BLOCK).map(move |start| start..n.min(start + BLOCK));
    let hash = |name: &String| BuildHasherDefault::<DefaultHasher>::default().hash_one(name);
    // Rows by a hash of the name; none for a name that comes twice.
    let mut rows: HashMap<u64, Option<usize>> = HashMap::with_capacity(cells.n_obs());
    for block in blocks(cells.n_obs()) {
        for (name, row) in cells.obs_names_in(block.clone())?.iter().zip(block) {
            rows.entry(hash(name)).and_modify(|row| *row = None).or_insert(Some(row));
        }
    }
    for block in blocks(obs.n_rows()) {
        let names = obs.names(block.clone())?;
        for (name, mapped) in names.iter().zip(map.rows(block)?) {
            let Some(&Some(row)) = rows.get(&hash(name)) else { continue };
            if mapped != Some(row) {
                let mapped = mapped.map_or("no row".to_owned(), |row| format!("row {row}"));
                return Err(place
                    .broken("does not fit the names of the cells")
                    .found(format!("{mapped} for cell '{name}', which is row {row} of the modality"))
                    .wanted("the row of each cell in the modality")
                    .help(
                        "cells were moved after the map was made: mdata.update(), then write the file again",
                    ));
            }
        }
    }
    Ok(map)
}

/// Takes rows that a file counts from 1, with 0 for a cell that has none.
///
/// # Errors
/// Contract: a row beyond the cells of the modality.
pub(super) fn from_one(found: &[u64], n_rows: usize, place: &Place) -> Result<Vec<Option<usize>>> {
    if let Some(wrong) = found.iter().find(|row| **row > n_rows as u64) {
        return Err(place
            .broken("is out of range")
            .found(wrong.to_string())
            .wanted(format!("0 to {n_rows}, the cells of the modality"))
            .help("the file is damaged, or was changed without mdata.update(): write it again with mudata"));
    }
    Ok(found.iter().map(|row| (*row as usize).checked_sub(1)).collect())
}

/// The names of the modalities that are there, those of `order` first.
pub(super) fn ordered(mut order: Vec<String>, there: Vec<String>) -> Vec<String> {
    order.retain(|name| there.contains(name));
    let others: Vec<String> = there.into_iter().filter(|name| !order.contains(name)).collect();
    order.extend(others);
    order
}

impl Mudata {
    fn modality(&self, name: &str) -> Result<&Modality> {
        self.modalities.iter().find(|modality| modality.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.modalities.iter().map(|modality| modality.name.as_str()).collect();
            self.place.broken(format!("has no modality '{name}'")).found(names.join(", "))
        })
    }

    /// The modality of a matrix, and the matrix in it.
    fn within<'a>(&self, source: &'a Source) -> Result<(&Modality, &'a Source)> {
        match source {
            Source::Modality(name, inner) => Ok((self.modality(name)?, inner)),
            _ => Err(self
                .place
                .broken(format!("has no {source}"))
                .found(hdf::listing(&self.sources().iter().map(Source::to_string).collect::<Vec<_>>()))
                .help("name a matrix of a modality: --modality NAME=mod/MODALITY/X")),
        }
    }

    /// The modality and column of `MODALITY:COLUMN`, where the file's own annotation lacks it.
    fn of_modality(&self, name: &str) -> Option<(&Modality, String)> {
        self.modalities.iter().find_map(|modality| {
            let column = name.strip_prefix(&modality.name)?.strip_prefix(':')?;
            let known = modality.cells.obs_columns().iter().any(|found| found == column);
            known.then(|| (modality, column.to_owned()))
        })
    }
}

impl CountsFile for Mudata {
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
        self.obs.n_rows()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.obs.names(rows)
    }

    fn obs_columns(&self) -> Vec<String> {
        let mut columns = self.obs.columns();
        for modality in &self.modalities {
            for column in modality.cells.obs_columns() {
                let name = format!("{}:{column}", modality.name);
                if !columns.contains(&name) {
                    columns.push(name);
                }
            }
        }
        columns
    }

    fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        let own = self.obs.columns().iter().any(|column| column == name);
        let Some((modality, column)) = self.of_modality(name).filter(|_| !own) else {
            return self.obs.column(name, rows);
        };
        let Some(map) = &modality.rows else { return modality.cells.obs_column_in(&column, rows) };
        let rows = map.rows(rows)?;
        let start = rows.iter().flatten().min().copied().unwrap_or(0);
        let end = rows.iter().flatten().max().map_or(start, |last| last + 1);
        let found = modality.cells.obs_column_in(&column, start..end)?;
        let rows: Vec<Option<usize>> = rows.into_iter().map(|row| row.map(|row| row - start)).collect();
        Ok(found.take_or_missing(&rows))
    }

    fn matrices(&self) -> Vec<Listed> {
        let of = |modality: &Modality| {
            let name = modality.name.clone();
            let inner = modality.cells.matrices().into_iter();
            inner.map(move |found| Listed { source: found.source.of_modality(&name), ..found })
        };
        self.modalities.iter().flat_map(of).collect()
    }

    fn matrix(&self, source: &Source) -> Result<Matrix> {
        let (modality, inner) = self.within(source)?;
        let matrix = modality.cells.matrix(inner)?;
        let Some(rows) = &modality.rows else { return Ok(matrix) };
        let shape = (self.n_obs(), matrix.n_cols());
        let rows = MappedRows::new(matrix, Box::new(rows.clone()), Missing::Absent);
        Matrix::new(shape, Box::new(rows), self.place.at(&source.to_string()))
    }

    fn var_names_of(&self, source: &Source) -> Result<Vec<String>> {
        let (modality, inner) = self.within(source)?;
        modality.cells.var_names_of(inner)
    }

    fn var_columns_of(&self, source: &Source) -> Vec<String> {
        self.within(source).map(|(modality, inner)| modality.cells.var_columns_of(inner)).unwrap_or_default()
    }

    fn var_column_of(&self, source: &Source, name: &str) -> Result<Column> {
        let (modality, inner) = self.within(source)?;
        modality.cells.var_column_of(inner, name)
    }
}
