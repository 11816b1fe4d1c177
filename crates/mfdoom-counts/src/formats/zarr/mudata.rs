//! MuData in Zarr.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use mfdoom_error::Result;

use super::ZarrFile;
use super::array::Array;
use super::frame::ZarrFrame;
use super::store::Node;
use crate::file::CountsFile;
use crate::formats::mudata::{Annotation, Modality, Mudata, by_name, check_map, from_one, ordered};
use crate::frame::Column;
use crate::keys;
use crate::matrix::RowMap;
use crate::place::Place;

/// Opens a store of modalities.
///
/// # Errors
/// Contract: a modality that is no AnnData, none at all, or maps of rows that do not fit.
pub(super) fn open(node: &Node, place: &Place, parts: Vec<PathBuf>) -> Result<Box<dyn CountsFile>> {
    let (inside, at) = (node.at(keys::MOD), place.at(keys::MOD));
    let obs = ZarrFrame::open(node.at(keys::OBS), place.at(keys::OBS))?;
    let attributes = inside.attributes();
    let order = attributes[keys::MOD_ORDER].as_array().into_iter().flatten();
    let order = order.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    let mut modalities = Vec::new();
    for name in ordered(order, inside.members()) {
        let cells = ZarrFile::open(inside.at(&name), at.at(&name), Vec::new())?;
        let rows = rows(&node.at(keys::OBSMAP).at(&name), (&obs, &cells), &place.at(keys::OBSMAP).at(&name))?;
        modalities.push(Modality { name, cells: Box::new(cells), rows });
    }
    if modalities.is_empty() {
        return Err(at.broken("has no modality").wanted("at least one"));
    }
    let (place, obs) = (place.clone(), Box::new(obs));
    Ok(Box::new(Mudata { place, format: "MuData (.zarr)", parts, obs, modalities }))
}

impl Annotation for ZarrFrame {
    fn n_rows(&self) -> usize {
        self.n_rows()
    }

    fn names(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.names(rows)
    }

    fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    fn column(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        self.column(name, rows)
    }
}

/// Where each cell of the store is in a modality, as an array says: the row from 1, 0 where there is none.
#[derive(Debug)]
struct Stored {
    array: Array,
    n_rows: usize,
}

/// Finds where the cells of the store are in a modality.
fn rows(map: &Node, (obs, cells): (&ZarrFrame, &ZarrFile), place: &Place) -> Result<Option<Arc<dyn RowMap>>> {
    let Some(array) = Array::open(map, place.clone())? else { return by_name((obs, cells), place) };
    match array.shape[..] {
        [n] | [n, 1] if n == obs.n_rows() => {
            let map = Arc::new(Stored { array, n_rows: cells.n_obs() });
            check_map(map, (obs, cells), place).map(Some)
        }
        ref shape => Err(place
            .broken("has the wrong shape")
            .found(format!("{shape:?}"))
            .wanted(format!("[{}], the number of cells", obs.n_rows()))),
    }
}

impl RowMap for Stored {
    fn rows(&self, cells: Range<usize>) -> Result<Vec<Option<usize>>> {
        let found = match self.array.len() {
            Some(_) => self.array.read(cells)?.into_numbers(),
            None => self.array.rows(cells)?,
        };
        let found: Vec<u64> = found.into_iter().map(|row| row as u64).collect();
        from_one(&found, self.n_rows, &self.array.place)
    }
}
