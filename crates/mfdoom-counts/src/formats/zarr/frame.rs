//! `obs` and `var` of a Zarr store.

use std::ops::Range;

use mfdoom_error::Result;
use serde_json::Value;

use super::array::Array;
use super::store::Node;
use super::values::Type;
use crate::frame::Column;
use crate::keys;
use crate::place::Place;

/// A frame.
#[derive(Debug)]
pub(crate) struct ZarrFrame {
    node: Node,
    index: Array,
    /// Names of the columns, in order.
    pub(super) columns: Vec<String>,
    place: Place,
}

impl ZarrFrame {
    /// Opens a frame.
    ///
    /// # Errors
    /// Contract: it has no index.
    pub(super) fn open(node: Node, place: Place) -> Result<Self> {
        let attributes = node.attributes();
        let name = attributes[keys::INDEX].as_str().unwrap_or(keys::INDEX).to_owned();
        let names = |value: &Value| value.as_str().map(str::to_owned);
        let order = attributes[keys::COLUMN_ORDER].as_array().into_iter().flatten();
        let columns = order.filter_map(names).collect();
        match Array::open(&node.at(&name), place.at(&name))? {
            Some(index) if index.len().is_some() => Ok(Self { node, index, columns, place }),
            _ => Err(place
                .broken("has no index")
                .wanted("an array of names")
                .help("write the store again with anndata")),
        }
    }

    /// The arrays of the columns, where each of them holds numbers or truth values.
    pub(super) fn numbers(&self) -> Result<Option<Vec<Array>>> {
        let mut arrays = Vec::new();
        for name in &self.columns {
            match Array::open(&self.node.at(name), self.place.at(name))? {
                Some(array)
                    if array.len() == Some(self.n_rows())
                        && matches!(array.kind, Type::Int { .. } | Type::Float { .. } | Type::Bool) =>
                {
                    arrays.push(array);
                }
                _ => return Ok(None),
            }
        }
        Ok((!arrays.is_empty()).then_some(arrays))
    }

    /// Number of rows.
    pub(super) fn n_rows(&self) -> usize {
        self.index.len().unwrap_or(0)
    }

    /// Names of rows; empty where one is missing.
    pub(super) fn names(&self, rows: Range<usize>) -> Result<Vec<String>> {
        Ok(self
            .index
            .read(rows)?
            .into_column()
            .to_strings()
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect())
    }

    /// Rows of a column.
    ///
    /// # Errors
    /// Contract: no such column, or one of a form that is not read.
    pub(super) fn column(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        let place = self.place.at(name);
        if !self.columns.iter().any(|column| column == name) {
            return Err(self.place.broken(format!("has no column '{name}'")).found(self.columns.join(", ")));
        }
        let node = self.node.at(name);
        let part = |part: &str| -> Result<Option<Column>> {
            let Some(array) = Array::open(&node.at(part), place.at(part))? else { return Ok(None) };
            let rows = if part == keys::CATEGORIES { 0..array.len().unwrap_or(0) } else { rows.clone() };
            Ok(Some(array.read(rows)?.into_column()))
        };
        if let Some(whole) = Array::open(&node, place.clone())? {
            return Ok(whole.read(rows.clone())?.into_column());
        }
        if let (Some(codes), Some(categories)) = (part(keys::CODES)?, part(keys::CATEGORIES)?) {
            let categories: Vec<String> =
                categories.to_strings().into_iter().map(Option::unwrap_or_default).collect();
            let Column::Int(codes) = codes else {
                return Err(place.broken("has codes that are no integers"));
            };
            let code = |code: Option<i64>| u32::try_from(code?).ok();
            let codes: Vec<Option<u32>> = codes.into_iter().map(code).collect();
            if codes.iter().flatten().any(|code| *code as usize >= categories.len()) {
                return Err(place.broken("has a code without a category"));
            }
            return Ok(Column::Categorical { codes, categories });
        }
        if let (Some(values), Some(Column::Bool(mask))) = (part(keys::VALUES)?, part(keys::MASK)?) {
            let kept = mask.iter().enumerate().map(|(row, masked)| (*masked != Some(true)).then_some(row));
            return Ok(values.take_or_missing(&kept.collect::<Vec<_>>()));
        }
        Err(place.broken("has an encoding that is not read").wanted("text, categories, numbers or booleans"))
    }
}
