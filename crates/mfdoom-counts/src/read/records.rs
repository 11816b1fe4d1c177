//! Frames of anndata up to 0.6: a record array whose integer fields may be codes into categories of `uns`.

use std::ops::Range;

use hdf5::types::TypeDescriptor;
use hdf5::{Dataset, Group};
use mfdoom_error::Result;

use super::{column, texts};
use crate::frame::Column;
use crate::hdf::{Class, Line, Number};
use crate::keys;
use crate::place::Place;

/// A record array with one record a row.
#[derive(Clone, Debug)]
pub(super) struct Records {
    dataset: Dataset,
    root: Group,
    fields: Vec<(String, Class)>,
    n_rows: usize,
}

impl Records {
    /// Takes a dataset that must be a record array with an index first.
    pub(super) fn open(dataset: Dataset, root: &Group, place: &Place) -> Result<Self> {
        let fields = fields(&dataset);
        let &[n_rows] = &dataset.shape()[..] else {
            return Err(place
                .broken("is no frame")
                .found(format!("an array of shape {:?}", dataset.shape())));
        };
        if fields.is_empty() {
            return Err(place
                .broken("is no frame")
                .found("an array without fields")
                .wanted("a group of columns, or the record array of anndata up to 0.6"));
        }
        Ok(Self { dataset, root: root.clone(), fields, n_rows })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_fields(&self) -> usize {
        self.fields.len()
    }

    /// The first field names the rows.
    pub(super) fn index(&self) -> &str {
        &self.fields[0].0
    }

    /// The other fields that hold one value a row.
    pub(super) fn columns(&self) -> Vec<String> {
        let is_column = |class: &Class| !matches!(class, Class::Numbers(..) | Class::Other(_));
        self.fields[1..].iter().filter(|(_, class)| is_column(class)).map(|(name, _)| name.clone()).collect()
    }

    /// Rows of a field; integers with a `uns/NAME_categories` that covers them are codes.
    pub(super) fn column(&self, name: &str, place: &Place, rows: Range<usize>) -> Result<Column> {
        let line = Line::of_field(self.dataset.clone(), name).map_err(|error| place.unreadable(error))?;
        if matches!(line.class(), Class::Number(Number::SmallInt | Number::Int)) {
            let categories = texts::uns_texts(&self.root, &format!("{name}{}", keys::OLD_CATEGORIES_SUFFIX));
            if let Some(categories) = categories
                && let Ok(column) = column::categorical(&line, categories, place, rows.clone())
            {
                return Ok(column);
            }
        }
        column::read_line(&line, place, rows)
    }
}

/// Fields of a record array; none for any other dataset.
pub(crate) fn fields(dataset: &Dataset) -> Vec<(String, Class)> {
    match dataset.dtype().and_then(|dtype| dtype.to_descriptor()) {
        Ok(TypeDescriptor::Compound(record)) => {
            let name = |name: String| String::from_utf8_lossy(name.as_bytes()).into_owned();
            let class = |ty| Class::of_descriptor(ty);
            record.fields.into_iter().map(|field| (name(field.name), class(field.ty))).collect()
        }
        _ => Vec::new(),
    }
}
