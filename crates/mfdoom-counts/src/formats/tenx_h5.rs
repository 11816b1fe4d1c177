//! Matrices of Cell Ranger in HDF5, of version 2 (a group a genome) and 3, and those that others write alike.

use std::sync::Arc;

use hdf5::Group;
use mfdoom_error::Result;

use super::composed::{Composed, Features, Names, Part};
use super::{Content, Format, Found};
use crate::file::CountsFile;
use crate::hdf::{Line, Node};
use crate::keys;
use crate::matrix::{CsrRows, HStack, Matrix};
use crate::place::Place;
use crate::read::{Layout, SparseGroup, names, read_line};
use crate::source::Source;

const MATRIX: &str = "matrix";
const FEATURES: &str = "features";
const BARCODES: &str = "barcodes";
const SHAPE: &str = "shape";

/// Files of Cell Ranger, `filtered_feature_bc_matrix.h5`.
#[derive(Debug)]
pub(super) struct TenxHdf5;

impl Format for TenxHdf5 {
    fn name(&self) -> &'static str {
        "Cell Ranger (.h5)"
    }

    fn recognises(&self, found: &Found) -> bool {
        let Content::Hdf5(root, members) = &found.content else { return false };
        found.has(MATRIX)
            && Node::group(root, MATRIX)
                .is_some_and(|group| group.link_exists(BARCODES) || group.link_exists(FEATURES))
            || !genomes(root, members).is_empty()
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Found { place, content, .. } = found;
        let Content::Hdf5(root, members) = content else { return Err(place.broken("is not an HDF5 file")) };
        let groups = match Node::group(&root, MATRIX) {
            Some(group) => vec![Stored::v3(&group, &place.at(MATRIX))?],
            None => genomes(&root, &members)
                .into_iter()
                .map(|(name, group)| Stored::v2(&name, &group, &place.at(&name)))
                .collect::<Result<_>>()?,
        };
        compose(groups, place).map(|file| Box::new(file) as Box<dyn CountsFile>)
    }
}

/// The groups of version 2.
fn genomes(root: &Group, members: &[String]) -> Vec<(String, Group)> {
    let is = |group: &Group| {
        let has = |name: &str| group.link_exists(name);
        has(BARCODES) && has(keys::DATA) && (has("genes") || has("gene_names"))
    };
    let group = |name: &String| Node::group(root, name).filter(is).map(|group| (name.clone(), group));
    members.iter().filter_map(group).collect()
}

/// The way out where something is missing that Cell Ranger writes.
const AGAIN: &str = "copy the file again, or write the counts as .h5ad with scanpy";

/// A group that holds a matrix.
struct Stored {
    group: Group,
    place: Place,
    barcodes: Line,
    features: Features,
}

impl Stored {
    fn v3(group: &Group, place: &Place) -> Result<Self> {
        let inside = place.at(FEATURES);
        let Some(features) = Node::group(group, FEATURES) else {
            return Err(inside
                .broken("is missing")
                .wanted("a group with the features of the matrix, as Cell Ranger writes it")
                .help(AGAIN));
        };
        let text = |name: &str| texts(&features, name, &inside);
        let (ids, symbols) = (text("id")?, text("name")?);
        let types = text("feature_type")?;
        let Some(ids) = ids.or_else(|| symbols.clone()) else {
            return Err(inside
                .broken("has neither id nor name")
                .wanted("id, name and feature_type, as Cell Ranger writes them")
                .help(AGAIN));
        };
        let mut features = Features::new(ids, symbols, types);
        if let Some(genome) = text("genome")? {
            features.columns.push(("genome".to_owned(), column(genome)));
        }
        Self::new(group, place, features)
    }

    fn v2(genome: &str, group: &Group, place: &Place) -> Result<Self> {
        let (ids, symbols) = (texts(group, "genes", place)?, texts(group, "gene_names", place)?);
        let ids = ids.or_else(|| symbols.clone()).unwrap_or_default();
        let genomes = vec![genome.to_owned(); ids.len()];
        let mut features = Features::new(ids, symbols, None);
        features.columns.push(("genome".to_owned(), column(genomes)));
        Self::new(group, place, features)
    }

    fn new(group: &Group, place: &Place, features: Features) -> Result<Self> {
        let inside = place.at(BARCODES);
        let barcodes = Node::dataset(group, BARCODES, place)?;
        let barcodes = Line::new(barcodes).map_err(|error| inside.unreadable(error))?;
        let n = features.names.len();
        if let Some((name, found)) = features.columns.iter().find(|(_, found)| found.len() != n) {
            return Err(place
                .at(name)
                .broken("has the wrong length")
                .found(found.len().to_string())
                .wanted(format!("{n}, the number of features")));
        }
        Ok(Self { group: group.clone(), place: place.clone(), barcodes, features })
    }

    /// Opens the matrix, which is stored feature by barcode, column by column: cell by cell.
    fn rows(group: &Group, place: &Place, shape: (usize, usize)) -> Result<CsrRows> {
        if let Some(Node::Dataset(stored)) = Node::find(group, SHAPE) {
            let found: Vec<i64> = Line::new(stored)
                .and_then(|line| line.read(0..line.len()))
                .map_err(|error| place.at(SHAPE).unreadable(error))?;
            if found != [shape.1 as i64, shape.0 as i64] {
                return Err(place
                    .at(SHAPE)
                    .broken("does not fit the lists next to it")
                    .found(format!("{found:?}"))
                    .wanted(format!("[{}, {}], features and barcodes", shape.1, shape.0)));
            }
        }
        Ok(CsrRows::new(SparseGroup::of(group, place.clone(), Layout::Csr, shape)?))
    }
}

fn compose(mut groups: Vec<Stored>, place: Place) -> Result<Composed> {
    let Some(first) = groups.first() else { return Err(place.broken("has no matrix")) };
    let (barcodes, at) = (first.barcodes.clone(), first.place.at(BARCODES));
    let wanted = cells(first)?;
    for other in &groups[1..] {
        if cells(other)? != wanted {
            return Err(other
                .place
                .at(BARCODES)
                .broken("differs between genomes")
                .found(format!("{} barcodes", other.barcodes.len()))
                .wanted(format!("those of {}", at.file()))
                .help(
                    "give the unfiltered matrix, or one genome: write it as .h5ad with scanpy.read_10x_h5",
                ));
        }
    }
    let n_cells = barcodes.len();
    let all: Vec<(Group, Place, usize)> =
        groups.iter().map(|one| (one.group.clone(), one.place.clone(), one.features.names.len())).collect();
    let mut features = groups.remove(0).features;
    for more in groups {
        features.names.extend(more.features.names);
        for (name, column) in &mut features.columns {
            let found = more.features.columns.iter().find(|(found, _)| found == name);
            if let (crate::frame::Column::String(values), Some((_, crate::frame::Column::String(more)))) =
                (column, found)
            {
                values.extend(more.iter().cloned());
            }
        }
    }
    let inside = place.clone();
    let open = move || -> Result<Box<dyn crate::matrix::RowSource>> {
        let rows = |(group, place, n): &(Group, Place, usize)| Stored::rows(group, place, (n_cells, *n));
        if let [one] = all.as_slice() {
            return Ok(Box::new(rows(one)?));
        }
        let matrix =
            |one: &(Group, Place, usize)| Matrix::new((n_cells, one.2), Box::new(rows(one)?), inside.clone());
        Ok(Box::new(HStack::new(all.iter().map(matrix).collect::<Result<_>>()?)))
    };
    // What is wrong with the matrix is said when the file is opened.
    open()?;
    Ok(Composed {
        parts: vec![place.real().to_owned()],
        format: TenxHdf5.name(),
        cells: Names::Stored(barcodes, at),
        obs: Vec::new(),
        matrices: vec![Part { source: Source::X, features: Arc::new(features), open: Box::new(open) }],
        place,
    })
}

fn cells(of: &Stored) -> Result<Vec<String>> {
    Ok(names(&read_line(&of.barcodes, &of.place.at(BARCODES), 0..of.barcodes.len())?))
}

fn texts(group: &Group, name: &str, place: &Place) -> Result<Option<Vec<String>>> {
    let Some(Node::Dataset(dataset)) = Node::find(group, name) else { return Ok(None) };
    let inside = place.at(name);
    let line = Line::new(dataset).map_err(|error| inside.unreadable(error))?;
    let found = read_line(&line, &inside, 0..line.len())?.to_strings();
    Ok(Some(found.into_iter().map(Option::unwrap_or_default).collect()))
}

fn column(values: Vec<String>) -> crate::frame::Column {
    crate::frame::Column::String(values.into_iter().map(Some).collect())
}
