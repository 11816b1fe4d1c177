//! `obs` and `var`: a group of columns, or up to anndata 0.6 a record array.

use std::ops::Range;

use hdf5::Group;
use mfdoom_error::Result;

use super::column;
use super::records::Records;
use crate::frame::{Column, Frame};
use crate::hdf::{Node, attribute, members, refused};
use crate::keys;
use crate::place::Place;

/// Reads the rows of a frame, a column and a range at a time.
#[derive(Clone, Debug)]
pub(crate) struct FrameReader {
    form: Form,
    place: Place,
    index: String,
    columns: Vec<String>,
    n_rows: usize,
}

#[derive(Clone, Debug)]
enum Form {
    Group(Group),
    Records(Records),
}

impl FrameReader {
    /// Opens the frame `name` of `root`.
    pub(crate) fn open(root: &Group, name: &str, place: &Place) -> Result<Self> {
        let inside = place.at(name);
        match Node::open(root, name, place)? {
            Node::Group(group) => Self::of_group(group, inside),
            Node::Dataset(dataset) => {
                let records = Records::open(dataset, root, &inside)?;
                let (index, columns) = (records.index().to_owned(), records.columns());
                let n_rows = records.n_rows();
                Ok(Self { form: Form::Records(records), place: inside, index, columns, n_rows })
            }
            Node::Outside(target) => Err(refused(&inside, &target)),
        }
    }

    fn of_group(group: Group, place: Place) -> Result<Self> {
        let named = attribute::text(&group, keys::INDEX);
        let candidates = named.into_iter().chain([keys::INDEX.to_owned(), "index".to_owned()]);
        let Some((index, node)) =
            candidates.into_iter().find_map(|name| Some((name.clone(), Node::find(&group, &name)?)))
        else {
            return Err(place
                .broken("has no index")
                .found(crate::hdf::listing(&members(&group)))
                .wanted("a dataset named by the attribute '_index'")
                .help("rewrite the file with anndata"));
        };
        let n_rows = column::length(&node, &place.at(&index))?;
        let columns = attribute::texts(&group, keys::COLUMN_ORDER).unwrap_or_else(|| {
            let is_column = |name: &String| *name != index && name != keys::OLD_CATEGORIES;
            members(&group).into_iter().filter(is_column).collect()
        });
        Ok(Self { form: Form::Group(group), place, index, columns, n_rows })
    }

    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names of the columns, in order.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Name of the index.
    pub(crate) fn index(&self) -> &str {
        &self.index
    }

    /// Number of fields, where the frame is a record array of anndata up to 0.6.
    pub(crate) fn n_fields(&self) -> Option<usize> {
        match &self.form {
            Form::Group(_) => None,
            Form::Records(records) => Some(records.n_fields()),
        }
    }

    /// Names of rows.
    pub(crate) fn names(&self, rows: Range<usize>) -> Result<Vec<String>> {
        let column = self.read(&self.index, rows)?;
        Ok(column::names(&column))
    }

    /// Names of rows; empty where one is missing, which pandas may have written as the text `nan`.
    pub(crate) fn names_or_empty(&self, rows: Range<usize>) -> Result<Vec<String>> {
        let column = self.read(&self.index, rows)?;
        let names = column.to_strings().into_iter().map(Option::unwrap_or_default).collect();
        Ok(crate::genes::without_missing(names))
    }

    /// Rows of a column.
    pub(crate) fn column(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        if !self.columns.iter().any(|column| column == name) {
            return Err(self
                .place
                .broken(format!("has no column '{name}'"))
                .found(crate::hdf::listing(&self.columns))
                .wanted("one of these"));
        }
        self.read(name, rows)
    }

    /// The whole frame.
    pub(crate) fn frame(&self) -> Result<Frame> {
        let rows = || 0..self.n_rows;
        let column = |name: &String| Ok((name.clone(), self.column(name, rows())?));
        let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
        Ok(Frame { index_name: self.index.clone(), index: self.names(rows())?, columns })
    }

    fn read(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        let place = self.place.at(name);
        if rows.start > rows.end || rows.end > self.n_rows {
            return Err(place.broken(format!("has no rows {rows:?}")).found(format!("{} rows", self.n_rows)));
        }
        match &self.form {
            Form::Group(group) => column::read(Node::open(group, name, &self.place)?, group, &place, rows),
            Form::Records(records) => records.column(name, &place, rows),
        }
    }
}
