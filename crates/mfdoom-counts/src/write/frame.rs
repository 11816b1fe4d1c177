//! Frames: new ones, and columns added to those of a file.

use anndata::backend::GroupOp;
use anndata_hdf5::{H5File, H5Group};
use hdf5::Group;
use mfdoom_error::{Error, Result};

use super::column::{self, Style};
use super::{attribute, check_key, check_texts};
use crate::frame::{Column, Frame};
use crate::hdf;
use crate::keys;
use crate::place::Place;
use crate::read::FrameReader;

/// Writes a frame that is not there yet.
pub(super) fn write(root: &H5File, name: &str, frame: &Frame, place: &Place) -> Result<()> {
    let place = place.at(name);
    let index = if frame.index_name.is_empty() { keys::INDEX } else { &frame.index_name };
    check(frame, index, &place)?;
    let failed = |error: &dyn std::fmt::Display| place.unwritable(error);
    let group = GroupOp::new_group(root, name).map_err(|error| failed(&error))?;
    column::array(&group, index, frame.index.clone()).map_err(|error| failed(&error))?;
    let order: Vec<_> = frame.columns.iter().map(|(name, _)| name.clone()).collect();
    mark(&group, index, &order).map_err(|error| failed(&error))?;
    for (name, column) in &frame.columns {
        column::write(&group, name, column, Style::Current, &place)?;
    }
    Ok(())
}

fn mark(group: &Group, index: &str, order: &[String]) -> hdf5::Result<()> {
    attribute::set_encoding(group, keys::DATAFRAME, "0.2.0")?;
    attribute::set_text(group, keys::INDEX, index)?;
    attribute::set_texts(group, keys::COLUMN_ORDER, order)
}

fn check(frame: &Frame, index: &str, place: &Place) -> Result<()> {
    check_key(index)?;
    check_texts(frame.index.iter().map(String::as_str))?;
    for (at, (name, column)) in frame.columns.iter().enumerate() {
        check_key(name)?;
        if name == index || frame.columns[..at].iter().any(|(other, _)| other == name) {
            return Err(Error::usage(format!("'{name}' names two columns of one frame")));
        }
        check_length(column, frame.n_rows(), &place.at(name))?;
    }
    Ok(())
}

fn check_length(column: &Column, n_rows: usize, place: &Place) -> Result<()> {
    if column.len() == n_rows {
        return Ok(());
    }
    Err(place
        .broken("cannot take a column of another length")
        .found(column.len().to_string())
        .wanted(n_rows.to_string()))
}

/// Adds or replaces a column of a frame that is a group.
pub(super) fn set_column(
    root: &H5File,
    frame: &str,
    name: &str,
    column: &Column,
    place: &Place,
) -> Result<()> {
    check_key(name)?;
    let reader = FrameReader::open(root, frame, place)?;
    let place = place.at(frame);
    check_length(column, reader.n_rows(), &place.at(name))?;
    if name == reader.index() || name == keys::OLD_CATEGORIES {
        return Err(Error::usage(format!("'{name}' is taken: it is the index of {frame}")));
    }
    let group = GroupOp::open_group(root, frame).map_err(|error| place.unwritable(error))?;
    column::remove(&group, name).map_err(|error| place.at(name).unwritable(error))?;
    column::write(&group, name, column, style(&group), &place)?;
    let mut order = reader.columns().to_vec();
    if !order.iter().any(|known| known == name) {
        order.push(name.to_owned());
        let set = attribute::set_texts(&group, keys::COLUMN_ORDER, &order);
        set.map_err(|error| place.unwritable(error))?;
    }
    Ok(())
}

fn style(group: &H5Group) -> Style {
    match hdf::attribute::text(group, keys::ENCODING_VERSION) {
        Some(version) if version != keys::OLD_FRAME_VERSION => Style::Current,
        _ => Style::Old,
    }
}
