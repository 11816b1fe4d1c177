//! MuData in HDF5: modalities with features, and perhaps cells, of their own.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use hdf5::{Dataset, Group};
use mfdoom_error::Result;

use super::{Content, Format, Found};
use crate::file::{CountsFile, Listed};
use crate::frame::Column;
use crate::hdf::{self, Node, attribute};
use crate::keys;
use crate::matrix::{MappedRows, Matrix, Missing, RowMap};
use crate::place::Place;
use crate::read::{FrameReader, H5ad};
use crate::source::Source;

/// Attribute with the order of the modalities.
const ORDER: &str = "mod-order";

/// MuData files, `.h5mu`.
#[derive(Debug)]
pub(super) struct Mudata;

impl Format for Mudata {
    fn name(&self) -> &'static str {
        "MuData (.h5mu)"
    }

    fn recognises(&self, found: &Found) -> bool {
        found.is_hdf5() && found.has(keys::MOD) && found.has(keys::OBS)
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Found { place, content, .. } = found;
        let Content::Hdf5(root, _) = content else {
            return Err(place.broken("is not an HDF5 file"));
        };
        let inside = place.at(keys::MOD);
        let Node::Group(group) = Node::open(&root, keys::MOD, &place)? else {
            return Err(inside.broken("is no group"));
        };
        let obs = FrameReader::open(&root, keys::OBS, &place)?;
        let mut names = attribute::texts(&group, ORDER).unwrap_or_default();
        let there = hdf::members(&group);
        names.retain(|name| there.contains(name));
        names.extend(there.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
        let mut modalities = Vec::new();
        for name in names {
            let Node::Group(modality) = Node::open(&group, &name, &inside)? else {
                return Err(inside.at(&name).broken("is no group"));
            };
            let cells = H5ad::of_group(&modality, inside.at(&name))?;
            let rows = Rows::find(&root, &name, &obs, &cells, &place)?;
            modalities.push(Modality { name, cells, rows });
        }
        if modalities.is_empty() {
            return Err(inside.broken("has no modality").wanted("at least one"));
        }
        Ok(Box::new(H5mu { place, obs, modalities }))
    }
}

/// An open MuData file.
#[derive(Debug)]
struct H5mu {
    place: Place,
    obs: FrameReader,
    modalities: Vec<Modality>,
}

#[derive(Debug)]
struct Modality {
    name: String,
    cells: H5ad,
    rows: Rows,
}

/// Where each cell of the file is in a modality.
#[derive(Clone, Debug)]
enum Rows {
    /// Every cell, in the same order.
    Same,
    /// As a dataset says: the row from 1, 0 where there is none.
    Stored { dataset: Dataset, n_rows: usize, place: Place },
    /// Found by name, where the file does not say.
    Named(Arc<Vec<u32>>),
}

impl Rows {
    fn find(root: &Group, name: &str, obs: &FrameReader, cells: &H5ad, place: &Place) -> Result<Self> {
        let maps = place.at(keys::OBSMAP);
        if let Some(group) = Node::group(root, keys::OBSMAP)
            && let Some(Node::Dataset(dataset)) = Node::find(&group, name)
        {
            let place = maps.at(name);
            return match dataset.shape()[..] {
                [n] | [n, 1] if n == obs.n_rows() => {
                    Ok(Self::Stored { dataset, n_rows: cells.n_obs(), place })
                }
                ref shape => Err(place
                    .broken("has the wrong shape")
                    .found(format!("{shape:?}"))
                    .wanted(format!("[{}], the number of cells", obs.n_rows()))),
            };
        }
        let (all, own) = (obs.names(0..obs.n_rows())?, cells.obs_names()?);
        if all == own {
            return Ok(Self::Same);
        }
        let places: HashMap<&str, u32> = own.iter().map(String::as_str).zip(1..).collect();
        let row = |name: &String| places.get(name.as_str()).copied().unwrap_or(0);
        Ok(Self::Named(Arc::new(all.iter().map(row).collect())))
    }
}

impl RowMap for Rows {
    fn rows(&self, cells: Range<usize>) -> Result<Vec<Option<usize>>> {
        let from_one = |row: u64| (row as usize).checked_sub(1);
        let (dataset, n_rows, place) = match self {
            Self::Same => return Ok(cells.map(Some).collect()),
            Self::Named(all) => return all.rows(cells),
            Self::Stored { dataset, n_rows, place } => (dataset, *n_rows, place),
        };
        let found: Vec<u64> = if dataset.ndim() == 1 {
            dataset.read_slice_1d(cells).map(|found| found.to_vec())
        } else {
            dataset.read_slice_2d(ndarray::s![cells, 0..1]).map(|found| found.iter().copied().collect())
        }
        .map_err(|error| place.unreadable(error))?;
        if let Some(wrong) = found.iter().find(|row| **row > n_rows as u64) {
            return Err(place
                .broken("is out of range")
                .found(wrong.to_string())
                .wanted(format!("0 to {n_rows}, the cells of the modality"))
                .help(
                    "the file is damaged, or was changed without mdata.update(): write it again with mudata",
                ));
        }
        Ok(found.into_iter().map(from_one).collect())
    }
}

impl H5mu {
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
            modality
                .cells
                .obs_columns()
                .iter()
                .any(|found| found == column)
                .then(|| (modality, column.to_owned()))
        })
    }
}

impl CountsFile for H5mu {
    fn name(&self) -> &str {
        self.place.file()
    }

    fn format(&self) -> &'static str {
        Mudata.name()
    }

    fn parts(&self) -> Vec<PathBuf> {
        vec![self.place.real().to_owned()]
    }

    fn n_obs(&self) -> usize {
        self.obs.n_rows()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.obs.names(rows)
    }

    fn obs_columns(&self) -> Vec<String> {
        let mut columns = self.obs.columns().to_vec();
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
        match self.of_modality(name).filter(|_| !own) {
            None => self.obs.column(name, rows),
            Some((modality, column)) => {
                let rows = modality.rows.rows(rows)?;
                let start = rows.iter().flatten().min().copied().unwrap_or(0);
                let end = rows.iter().flatten().max().map_or(start, |last| last + 1);
                let found = modality.cells.obs_column_in(&column, start..end)?;
                let rows: Vec<Option<usize>> =
                    rows.into_iter().map(|row| row.map(|row| row - start)).collect();
                Ok(found.take_or_missing(&rows))
            }
        }
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
        if matches!(modality.rows, Rows::Same) {
            return Ok(matrix);
        }
        let shape = (self.n_obs(), matrix.n_cols());
        let rows = MappedRows::new(matrix, Box::new(modality.rows.clone()), Missing::Absent);
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
