//! Loom files: genes by cells, layers of the same shape, attributes of genes and of cells.

use std::path::PathBuf;
use std::sync::Arc;

use hdf5::{Dataset, Group};
use mfdoom_error::Result;

use super::composed::{Composed, Features, Names, Part};
use super::text::Texts;
use super::{Content, Format, Found};
use crate::file::CountsFile;
use crate::hdf::{Class, Line, Node, Number, members, refused};
use crate::keys;
use crate::matrix::TransposedRows;
use crate::place::Place;
use crate::read::read_line;
use crate::source::Source;

const MATRIX: &str = "matrix";
const GENES: &str = "row_attrs";
const CELLS: &str = "col_attrs";
/// Attributes that name genes: as scanpy and scVelo take them, then what else is met.
const GENE_NAMES: [&str; 6] = ["Gene", "var_names", "Accession", "gene_names", "gene_ids", "index"];
/// Attributes that name cells.
const CELL_NAMES: [&str; 5] = ["CellID", "obs_names", "cell_names", "cell_id", "index"];

/// Loom files of specification 2 and 3, `.loom`.
#[derive(Debug)]
pub(super) struct Loom;

impl Format for Loom {
    fn name(&self) -> &'static str {
        "loom (.loom)"
    }

    fn recognises(&self, found: &Found) -> bool {
        found.is_hdf5() && found.has(MATRIX) && found.has(GENES) && found.has(CELLS)
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Found { place, content, .. } = found;
        let Content::Hdf5(root, _) = content else { return Err(place.broken("is not an HDF5 file")) };
        let matrix = Node::dataset(&root, MATRIX, &place)?;
        let &[n_genes, n_cells] = &matrix.shape()[..] else {
            return Err(place
                .at(MATRIX)
                .broken("has the wrong shape")
                .found(format!("{:?}", matrix.shape()))
                .wanted("genes x cells"));
        };
        let genes = attributes(&root, GENES, n_genes, &place)?;
        let cells = attributes(&root, CELLS, n_cells, &place)?;
        let features = Arc::new(features(&genes, n_genes, &place.at(GENES))?);
        let mut matrices = vec![part(Source::X, matrix, (n_cells, n_genes), &features, &place.at(MATRIX))?];
        if let Some(layers) = Node::group(&root, keys::LAYERS) {
            for name in members(&layers) {
                let at = place.at(keys::LAYERS).at(&name);
                let dataset = Node::dataset(&layers, &name, &place.at(keys::LAYERS))?;
                matrices.push(part(Source::Layer(name), dataset, (n_cells, n_genes), &features, &at)?);
            }
        }
        let named = CELL_NAMES.iter().find_map(|name| cells.iter().find(|(found, _)| found == name));
        let names = match named {
            Some((name, line)) => Names::Stored(line.clone(), place.at(CELLS).at(name)),
            None => Names::Held(numbered(n_cells, &place)),
        };
        let name = named.map(|(name, _)| name.clone());
        let obs = cells.into_iter().filter(|(found, _)| Some(found) != name.as_ref()).collect();
        let parts: Vec<PathBuf> = vec![place.real().to_owned()];
        Ok(Box::new(Composed { place, format: self.name(), parts, cells: names, obs, matrices }))
    }
}

/// The attributes of one value an element.
fn attributes(root: &Group, name: &str, n: usize, place: &Place) -> Result<Vec<(String, Line)>> {
    let inside = place.at(name);
    let group = match Node::open(root, name, place)? {
        Node::Group(group) => group,
        Node::Outside(target) => return Err(refused(&inside, &target)),
        Node::Dataset(_) => return Err(inside.broken("is no group")),
    };
    let mut found = Vec::new();
    for name in members(&group) {
        let Some(Node::Dataset(dataset)) = Node::find(&group, &name) else { continue };
        // Attributes may have more dimensions, as coordinates do; those are no columns.
        let ([len] | [len, 1]) = dataset.shape()[..] else { continue };
        if len != n {
            return Err(inside
                .at(&name)
                .broken("has the wrong length")
                .found(len.to_string())
                .wanted(format!("{n}, as the matrix has")));
        }
        let line = Line::new(dataset).map_err(|error| inside.at(&name).unreadable(error))?;
        if !matches!(line.class(), Class::Numbers(..) | Class::Other(_)) {
            found.push((name, line));
        }
    }
    Ok(found)
}

fn features(genes: &[(String, Line)], n_genes: usize, place: &Place) -> Result<Features> {
    let mut features = Features::default();
    for (name, line) in genes {
        features.columns.push((name.clone(), read_line(line, &place.at(name), 0..n_genes)?));
    }
    let named = GENE_NAMES.iter().find_map(|name| features.columns.iter().find(|(found, _)| found == name));
    let Some((_, names)) = named else {
        let there: Vec<&str> = features.columns.iter().map(|(name, _)| name.as_str()).collect();
        if there.is_empty() {
            return Err(place
                .broken("has no names of genes")
                .found("no attribute")
                .wanted("Gene, var_names or Accession"));
        }
        features.nameless = Some((place.clone(), there.join(", ")));
        features.names = vec![String::new(); n_genes];
        return Ok(features);
    };
    features.names = names.to_strings().into_iter().map(Option::unwrap_or_default).collect();
    Ok(features)
}

/// Names for cells that have none.
fn numbered(n: usize, place: &Place) -> Texts {
    tracing::warn!("{}: its cells have no names and are numbered", place.file());
    let mut texts = Texts::default();
    (0..n).for_each(|cell| texts.push(format!("cell_{cell}").as_bytes()));
    texts
}

fn part(
    source: Source,
    dataset: Dataset,
    shape: (usize, usize),
    features: &Arc<Features>,
    place: &Place,
) -> Result<Part> {
    let found = dataset.shape();
    if found != [shape.1, shape.0] {
        return Err(place
            .broken("has the wrong shape")
            .found(format!("{found:?}"))
            .wanted(format!("[{}, {}], genes x cells", shape.1, shape.0)));
    }
    let class = dataset.dtype().map(|dtype| Class::of(&dtype)).map_err(|error| place.unreadable(error))?;
    let number = match class {
        Class::Number(number) => number,
        Class::Bool => Number::SmallInt,
        other => return Err(place.broken("is no matrix").found(other.describe()).wanted("numbers")),
    };
    if let Some(filter) = crate::hdf::missing_filter(&dataset) {
        return Err(place.packed(&filter));
    }
    let place = place.clone();
    Ok(Part {
        source,
        features: features.clone(),
        open: Box::new(move || Ok(Box::new(TransposedRows::new(dataset.clone(), number, place.clone())))),
    })
}
