//! A group that holds a sparse matrix, of any anndata version.

use hdf5::Group;
use mfdoom_error::Result;

use crate::hdf::{Line, Node, attribute};
use crate::keys;
use crate::place::Place;

/// Which way a sparse matrix is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// By rows.
    Csr,
    /// By columns.
    Csc,
}

/// The three arrays of a sparse matrix, of lengths that fit its shape.
#[derive(Debug)]
pub(crate) struct SparseGroup {
    pub(crate) layout: Layout,
    pub(crate) n_rows: usize,
    pub(crate) n_cols: usize,
    pub(crate) indptr: Line,
    pub(crate) indices: Line,
    pub(crate) data: Line,
    pub(crate) place: Place,
}

impl SparseGroup {
    /// Whether a group looks like a sparse matrix.
    pub(crate) fn is_one(group: &Group) -> bool {
        [keys::DATA, keys::INDICES, keys::INDPTR].iter().all(|part| group.link_exists(part))
    }

    /// Opens the arrays; `wanted` is the shape that the rest of the file gives it, if any.
    pub(crate) fn open(group: &Group, place: Place, wanted: (usize, Option<usize>)) -> Result<Self> {
        let shape = shape(group, &place, wanted)?;
        let layout = layout(group, &place)?;
        Self::of(group, place, layout, shape)
    }

    /// Opens the arrays of a matrix whose layout and shape are known.
    pub(crate) fn of(group: &Group, place: Place, layout: Layout, shape: (usize, usize)) -> Result<Self> {
        let part = |name: &str| -> Result<Line> {
            let dataset = Node::dataset(group, name, &place)?;
            let line = Line::new(dataset).map_err(|error| place.at(name).unreadable(error))?;
            line.missing_filter().map_or(Ok(line), |filter| Err(place.at(name).packed(&filter)))
        };
        let (indptr, indices, data) = (part(keys::INDPTR)?, part(keys::INDICES)?, part(keys::DATA)?);
        let (n_rows, n_cols) = shape;
        let major = if layout == Layout::Csr { n_rows } else { n_cols };
        let lengths = |name: &str, found: usize, wanted: String| {
            place
                .at(name)
                .broken("has the wrong length")
                .found(found.to_string())
                .wanted(wanted)
                .help("the matrix is corrupt: write it again")
        };
        if indptr.len() != major + 1 {
            return Err(lengths(
                keys::INDPTR,
                indptr.len(),
                format!("{}, one more than the matrix of shape [{n_rows}, {n_cols}] has along it", major + 1),
            ));
        }
        if indices.len() != data.len() {
            let wanted = format!("{}, the length of {}", data.len(), keys::DATA);
            return Err(lengths(keys::INDICES, indices.len(), wanted));
        }
        Ok(Self { layout, n_rows, n_cols, indptr, indices, data, place })
    }
}

fn shape(group: &Group, place: &Place, wanted: (usize, Option<usize>)) -> Result<(usize, usize)> {
    let attribute =
        [keys::SHAPE, keys::OLD_SPARSE_SHAPE].iter().find_map(|name| attribute::integers(group, name));
    match attribute.as_deref() {
        Some(&[rows, cols]) if rows >= 0 && cols >= 0 => Ok((rows as usize, cols as usize)),
        None if let Some(n_cols) = wanted.1 => Ok((wanted.0, n_cols)),
        other => Err(place
            .broken("has no valid shape")
            .found(other.map_or("no attribute 'shape'".to_owned(), |shape| format!("{shape:?}")))
            .wanted("[n_rows, n_cols]")),
    }
}

fn layout(group: &Group, place: &Place) -> Result<Layout> {
    let attribute =
        [keys::ENCODING_TYPE, keys::OLD_SPARSE_FORMAT].iter().find_map(|name| attribute::text(group, name));
    match attribute.as_deref() {
        Some(keys::CSR_MATRIX | "csr") => Ok(Layout::Csr),
        Some(keys::CSC_MATRIX | "csc") => Ok(Layout::Csc),
        other => Err(place
            .broken("is not a sparse matrix that is read")
            .found(other.unwrap_or("no attribute 'encoding-type'"))
            .wanted("csr_matrix or csc_matrix")),
    }
}
