//! Attributes, replaced where they exist.

use hdf5::types::{H5Type, VarLenUnicode};
use hdf5::{Location, Result};
use ndarray::ArrayView1;

use crate::keys;

/// Marks an element as written by MFDOOM.
pub(super) fn mark(of: &Location) -> Result<()> {
    set_text(of, keys::MFDOOM, "1")
}

/// Returns whether MFDOOM has written an element.
pub(super) fn is_marked(of: &Location) -> bool {
    of.attr(keys::MFDOOM).is_ok()
}

/// Sets what an element is and how it is to be read.
pub(super) fn set_encoding(of: &Location, encoding: &str, version: &str) -> Result<()> {
    set_text(of, keys::ENCODING_TYPE, encoding)?;
    set_text(of, keys::ENCODING_VERSION, version)
}

/// Sets a text.
pub(super) fn set_text(of: &Location, name: &str, text: &str) -> Result<()> {
    set(of, name, &unicode(text)?)
}

/// Sets a list of texts.
pub(super) fn set_texts(of: &Location, name: &str, texts: &[String]) -> Result<()> {
    let texts: Vec<_> = texts.iter().map(|text| unicode(text)).collect::<Result<_>>()?;
    remove(of, name)?;
    of.new_attr_builder().with_data(ArrayView1::from(&texts)).create(name)?;
    Ok(())
}

/// Sets a shape.
pub(super) fn set_shape(of: &Location, shape: (usize, usize)) -> Result<()> {
    remove(of, keys::SHAPE)?;
    let shape = [shape.0 as i64, shape.1 as i64];
    of.new_attr_builder().with_data(&shape).create(keys::SHAPE)?;
    Ok(())
}

/// Sets a scalar.
pub(super) fn set<T: H5Type>(of: &Location, name: &str, value: &T) -> Result<()> {
    remove(of, name)?;
    of.new_attr::<T>().create(name)?.write_scalar(value)
}

fn remove(of: &Location, name: &str) -> Result<()> {
    if of.attr(name).is_ok() { of.delete_attr(name) } else { Ok(()) }
}

fn unicode(text: &str) -> Result<VarLenUnicode> {
    text.parse().map_err(|error| format!("{text:?}: {error}").into())
}
