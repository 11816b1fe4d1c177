//! Entries of `uns`.

use anndata::Writable;
use anndata::backend::GroupOp;
use anndata_hdf5::H5Group;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use super::sink::{MatrixKind, NewMatrix, Sinks};
use super::{attribute, check_key, check_texts, column, use_gzip};
use crate::keys;
use crate::place::Place;

/// Something that `uns` can hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A list of integers.
    Ints(Vec<i64>),
    /// A number.
    Float(f64),
    /// A list of numbers.
    Floats(Vec<f64>),
    /// A sparse matrix of float32.
    Csr(Csr),
    /// Named values.
    Dict(Vec<(String, Value)>),
}

/// Writes a value at a path of keys below `parent`, making dictionaries on the way and replacing what is
/// there.
pub(super) fn set(parent: &H5Group, path: &str, value: &Value, place: &Place) -> Result<()> {
    let Some((first, rest)) = path.split_once('/') else { return write(parent, path, value, place) };
    check_key(first)?;
    let inside = place.at(first);
    let group = if parent.link_exists(first) {
        GroupOp::open_group(parent, first).map_err(|_| {
            Error::usage(inside.broken("is no dictionary").message().to_owned()).help("choose another key")
        })?
    } else {
        new_dict(parent, first, &inside)?
    };
    set(&group, rest, value, &inside)
}

fn write(parent: &H5Group, name: &str, value: &Value, place: &Place) -> Result<()> {
    check_key(name)?;
    use_gzip();
    let place = place.at(name);
    if parent.link_exists(name) {
        parent.unlink(name).map_err(|error| place.unwritable(error))?;
    }
    let written = match value {
        Value::Text(text) => {
            check_texts([text.as_str()].into_iter())?;
            text_scalar(parent, name, text)
        }
        Value::Texts(texts) => {
            check_texts(texts.iter().map(String::as_str))?;
            column::array(parent, name, texts.clone())
        }
        Value::Bool(value) => scalar(parent, name, *value),
        Value::Int(value) => scalar(parent, name, *value),
        Value::Ints(values) => column::array(parent, name, values.clone()),
        Value::Float(value) => scalar(parent, name, *value),
        Value::Floats(values) => column::array(parent, name, values.clone()),
        Value::Csr(block) => return csr(parent, name, block, &place),
        Value::Dict(members) => {
            let group = new_dict(parent, name, &place)?;
            return members.iter().try_for_each(|(name, value)| write(&group, name, value, &place));
        }
    };
    written.map_err(|error| place.unwritable(error))
}

fn new_dict(parent: &H5Group, name: &str, place: &Place) -> Result<H5Group> {
    let group = GroupOp::new_group(parent, name).map_err(|error| place.unwritable(error))?;
    attribute::set_encoding(&group, keys::DICT, "0.1.0").map_err(|error| place.unwritable(error))?;
    Ok(group)
}

fn scalar<T: Writable>(parent: &H5Group, name: &str, value: T) -> Result<(), String> {
    value.write(parent, name).map(drop).map_err(|error| format!("{error:#}"))
}

fn text_scalar(parent: &H5Group, name: &str, text: &str) -> Result<(), String> {
    scalar(parent, name, text.to_owned())
}

/// Writes a whole sparse matrix.
pub(super) fn csr(parent: &hdf5::Group, name: &str, block: &Csr, place: &Place) -> Result<()> {
    let mut sinks = Sinks::new(place.clone());
    sinks.begin(parent, &NewMatrix::new(name, MatrixKind::Sparse, block.n_cols()))?;
    sinks.append(name, block)?;
    sinks.finish(block.n_rows())
}
