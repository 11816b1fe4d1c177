//! MuData in HDF5.

use std::ops::Range;
use std::sync::Arc;

use hdf5::{Dataset, Group};
use mfdoom_error::Result;

use super::mudata::{Annotation, Modality, Mudata, by_name, check_map, from_one, ordered};
use super::{Content, Format, Found};
use crate::file::CountsFile;
use crate::frame::Column;
use crate::hdf::{self, Node, attribute};
use crate::keys;
use crate::matrix::RowMap;
use crate::place::Place;
use crate::read::{FrameReader, H5ad};

/// MuData files, `.h5mu`.
#[derive(Debug)]
pub(super) struct H5mu;

impl Format for H5mu {
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
        let order = attribute::texts(&group, keys::MOD_ORDER).unwrap_or_default();
        let mut modalities = Vec::new();
        for name in ordered(order, hdf::members(&group)) {
            let Node::Group(modality) = Node::open(&group, &name, &inside)? else {
                return Err(inside.at(&name).broken("is no group"));
            };
            let cells = H5ad::of_group(&modality, inside.at(&name))?;
            let rows = rows(&root, &name, (&obs, &cells), &place)?;
            modalities.push(Modality { name, cells: Box::new(cells), rows });
        }
        if modalities.is_empty() {
            return Err(inside.broken("has no modality").wanted("at least one"));
        }
        let parts = vec![place.real().to_owned()];
        Ok(Box::new(Mudata { place, format: self.name(), parts, obs: Box::new(obs), modalities }))
    }
}

impl Annotation for FrameReader {
    fn n_rows(&self) -> usize {
        self.n_rows()
    }

    fn names(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.names(rows)
    }

    fn columns(&self) -> Vec<String> {
        self.columns().to_vec()
    }

    fn column(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        self.column(name, rows)
    }
}

/// Where each cell of the file is in a modality, as a dataset says: the row from 1, 0 where there is none.
#[derive(Clone, Debug)]
struct Stored {
    dataset: Dataset,
    n_rows: usize,
    place: Place,
}

/// Finds where the cells of the file are in a modality.
fn rows(
    root: &Group,
    name: &str,
    (obs, cells): (&FrameReader, &H5ad),
    place: &Place,
) -> Result<Option<Arc<dyn RowMap>>> {
    let inside = place.at(keys::MOD).at(name);
    let Some(group) = Node::group(root, keys::OBSMAP) else { return by_name((obs, cells), &inside) };
    let Some(Node::Dataset(dataset)) = Node::find(&group, name) else {
        return by_name((obs, cells), &inside);
    };
    let place = place.at(keys::OBSMAP).at(name);
    match dataset.shape()[..] {
        [n] | [n, 1] if n == obs.n_rows() => {
            let map = Arc::new(Stored { dataset, n_rows: cells.n_obs(), place: place.clone() });
            check_map(map, (obs, cells), &place).map(Some)
        }
        ref shape => Err(place
            .broken("has the wrong shape")
            .found(format!("{shape:?}"))
            .wanted(format!("[{}], the number of cells", obs.n_rows()))),
    }
}

impl RowMap for Stored {
    fn rows(&self, cells: Range<usize>) -> Result<Vec<Option<usize>>> {
        let found: hdf5::Result<Vec<u64>> = match self.dataset.ndim() {
            1 => self.dataset.read_slice_1d(cells).map(|found| found.to_vec()),
            _ => self
                .dataset
                .read_slice_2d(ndarray::s![cells, 0..1])
                .map(|found| found.iter().copied().collect()),
        };
        from_one(&found.map_err(|error| self.place.unreadable(error))?, self.n_rows, &self.place)
    }
}
