//! Where the matrices of a file lie and how they are stored.

use hdf5::{Dataset, Group};
use mfdoom_error::Result;

use super::records;
use super::sparse_group::{Layout, SparseGroup};
use crate::file::Listed;
use crate::hdf::{self, Class, Line, Node, Number, attribute, members};
use crate::keys;
use crate::matrix::{CscRows, CsrRows, DenseRows, DenseValues, Matrix, RowSource};
use crate::place::Place;
use crate::source::Source;

/// Bytes that a dense array may declare whatever the file holds: one that was never filled is all zeros.
const DENSE_FREE: u64 = 64 << 30;

/// What was found where a matrix should be.
#[derive(Debug)]
pub(super) enum Found {
    Group(Group),
    Dataset(Dataset),
    /// A field of the record array that `obsm` was up to anndata 0.6.
    Field(Dataset, String),
    /// Something in another file.
    Outside(String),
}

/// Lists the matrices, also those that cannot be read.
pub(super) fn matrices(root: &Group) -> Vec<Listed> {
    let layers = inside(root, keys::LAYERS).into_iter().map(Source::Layer);
    let obsm = inside(root, keys::OBSM).into_iter().map(Source::Obsm);
    let all = [Source::X, Source::RawX].into_iter().chain(layers).chain(obsm);
    all.filter_map(|source| {
        let found = find(root, &source)?;
        let unread = (!found.is_matrix()).then(|| found.describe());
        Some(Listed { source, unread })
    })
    .collect()
}

fn inside(root: &Group, name: &str) -> Vec<String> {
    match Node::find(root, name) {
        Some(Node::Group(group)) => members(&group),
        Some(Node::Dataset(dataset)) => records::fields(&dataset).into_iter().map(|(name, _)| name).collect(),
        Some(Node::Outside(_)) | None => Vec::new(),
    }
}

/// Finds what a source names.
pub(super) fn find(root: &Group, source: &Source) -> Option<Found> {
    let node = match source {
        Source::RawX => Node::find(root, keys::RAW_X).or_else(|| Node::find(root, keys::OLD_RAW_X)),
        Source::X => Node::find(root, keys::X),
        Source::Layer(key) => member(root, keys::LAYERS, key),
        Source::Obsm(key) => match Node::find(root, keys::OBSM)? {
            Node::Dataset(dataset) => {
                let known = records::fields(&dataset).iter().any(|(name, _)| name == key);
                return known.then(|| Found::Field(dataset, key.clone()));
            }
            Node::Group(_) => member(root, keys::OBSM, key),
            Node::Outside(target) => return Some(Found::Outside(target)),
        },
        Source::Modality(..) | Source::Features(..) => return None,
    };
    Some(match node? {
        Node::Group(group) => Found::Group(group),
        Node::Dataset(dataset) => Found::Dataset(dataset),
        Node::Outside(target) => Found::Outside(target),
    })
}

fn member(root: &Group, group: &str, key: &str) -> Option<Node> {
    match Node::find(root, group)? {
        // A key may hold a slash only as a name of its own, which HDF5 cannot write.
        Node::Group(group) => Node::find(&group, key),
        Node::Outside(target) => Some(Node::Outside(target)),
        Node::Dataset(_) => None,
    }
}

impl Found {
    fn is_matrix(&self) -> bool {
        match self {
            Self::Group(group) => SparseGroup::is_one(group) || numeric_columns(group).is_some(),
            Self::Dataset(dataset) => dense(dataset).is_some(),
            Self::Field(dataset, name) => field(dataset, name).is_some(),
            Self::Outside(_) => false,
        }
    }

    /// Opens the matrix; `wanted` is the number of cells and, unless it is free, of genes.
    pub(super) fn open(self, place: Place, wanted: (usize, Option<usize>)) -> Result<Matrix> {
        let (shape, rows): (_, Box<dyn RowSource>) = match self {
            Self::Outside(target) => return Err(hdf::refused(&place, &target)),
            Self::Group(group) if SparseGroup::is_one(&group) => {
                let group = SparseGroup::open(&group, place.clone(), wanted)?;
                let shape = (group.n_rows, group.n_cols);
                check(shape, wanted, &place)?;
                match group.layout {
                    Layout::Csr => (shape, Box::new(CsrRows::new(group))),
                    Layout::Csc => (shape, Box::new(CscRows::new(group))),
                }
            }
            other => {
                let what = other.describe();
                let Some((cells, shape)) = other.cells() else {
                    return Err(place
                        .broken("is not a matrix")
                        .found(what)
                        .wanted("CSR, CSC or an array of numbers with two dimensions"));
                };
                check(shape, wanted, &place)?;
                if let DenseValues::Array(dataset, _) | DenseValues::Field(dataset, ..) = &cells {
                    hdf::plausible_beyond(dataset, DENSE_FREE).map_err(|error| place.unreadable(error))?;
                }
                if let Some(filter) = cells.missing_filter() {
                    return Err(place.packed(&filter));
                }
                (shape, Box::new(DenseRows::new(cells, shape, place.clone())))
            }
        };
        Matrix::new(shape, rows, place)
    }

    fn cells(self) -> Option<(DenseValues, (usize, usize))> {
        match self {
            Self::Group(group) => {
                let columns = numeric_columns(&group)?;
                let shape = (columns.first().map_or(0, Line::len), columns.len());
                Some((DenseValues::Columns(columns), shape))
            }
            Self::Dataset(dataset) => dense(&dataset),
            Self::Field(dataset, name) => field(&dataset, &name),
            Self::Outside(_) => None,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Group(group) => attribute::text(group, keys::ENCODING_TYPE)
                .unwrap_or_else(|| format!("a group of {}", hdf::listing(&members(group)))),
            Self::Dataset(dataset) => {
                let class = dataset.dtype().map(|dtype| Class::of(&dtype).describe());
                format!("{} of shape {:?}", class.unwrap_or_default(), dataset.shape())
            }
            Self::Field(_, name) => format!("field '{name}' of records"),
            Self::Outside(target) => target.clone(),
        }
    }
}

fn check(found: (usize, usize), wanted: (usize, Option<usize>), place: &Place) -> Result<()> {
    if found.0 == wanted.0 && wanted.1.is_none_or(|n_cols| n_cols == found.1) {
        return Ok(());
    }
    let genes = wanted.1.map_or_else(|| "any number of".to_owned(), |n| n.to_string());
    Err(place
        .broken("has a shape that does not fit the file")
        .found(format!("{} x {}", found.0, found.1))
        .wanted(format!("{} rows of obs x {genes} rows of var", wanted.0)))
}

fn dense(dataset: &Dataset) -> Option<(DenseValues, (usize, usize))> {
    let number = match Class::of(&dataset.dtype().ok()?) {
        Class::Number(number) => number,
        Class::Bool => Number::SmallInt,
        _ => return None,
    };
    match dataset.shape()[..] {
        [rows, cols] => Some((DenseValues::Array(dataset.clone(), number), (rows, cols))),
        // Up to anndata 0.6 a matrix of one column was written without its second dimension.
        [rows] => Some((DenseValues::Columns(vec![Line::new(dataset.clone()).ok()?]), (rows, 1))),
        _ => None,
    }
}

fn field(dataset: &Dataset, name: &str) -> Option<(DenseValues, (usize, usize))> {
    let &[rows] = &dataset.shape()[..] else { return None };
    let fields = records::fields(dataset);
    let (_, class) = fields.into_iter().find(|(found, _)| found == name)?;
    match class {
        Class::Numbers(number, cols) => {
            Some((DenseValues::Field(dataset.clone(), name.to_owned(), number), (rows, cols)))
        }
        Class::Number(_) => {
            Some((DenseValues::Columns(vec![Line::of_field(dataset.clone(), name).ok()?]), (rows, 1)))
        }
        _ => None,
    }
}

/// The columns of a frame that holds nothing but numbers.
fn numeric_columns(group: &Group) -> Option<Vec<Line>> {
    if attribute::text(group, keys::ENCODING_TYPE)? != keys::DATAFRAME {
        return None;
    }
    let names = attribute::texts(group, keys::COLUMN_ORDER)?;
    let column = |name: &String| {
        let Node::Dataset(dataset) = Node::find(group, name)? else { return None };
        if attribute::find(&dataset, keys::CATEGORIES).is_some() {
            return None;
        }
        let line = Line::new(dataset).ok()?;
        matches!(line.class(), Class::Bool | Class::Number(_)).then_some(line)
    };
    let columns: Option<Vec<_>> = names.iter().map(column).collect();
    columns.filter(|columns| {
        !columns.is_empty() && columns.iter().all(|column| column.len() == columns[0].len())
    })
}

/// Names of the columns of `obsm/KEY`, as [`var_names_of`](super::H5ad::var_names_of) says.
pub(super) fn feature_names(root: &Group, key: &str, n_cols: usize) -> Result<Vec<String>> {
    if let Some(Node::Group(group)) = member(root, keys::OBSM, key)
        && numeric_columns(&group).is_some()
    {
        return Ok(attribute::texts(&group, keys::COLUMN_ORDER).unwrap_or_default());
    }
    Ok(names_of_obsm(key, n_cols, |name| super::uns_texts(root, name)))
}

/// Names of the columns of a matrix of `obsm` that has none: a list of `uns` of the right length, else numbers.
pub(crate) fn names_of_obsm(
    key: &str,
    n_cols: usize,
    uns: impl Fn(&str) -> Option<Vec<String>>,
) -> Vec<String> {
    let stem = key.rsplit_once('_').map_or(key, |(stem, _)| stem);
    let candidates =
        [format!("{key}_names"), format!("{key}_var"), format!("{key}_varnames"), format!("{stem}_names")];
    let known = candidates.iter().filter_map(|name| uns(name));
    let fitting = known.into_iter().find(|names| names.len() == n_cols);
    fitting.unwrap_or_else(|| (0..n_cols).map(|column| format!("{key}_{column}")).collect())
}
