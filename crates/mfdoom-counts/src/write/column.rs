//! One column of a frame, in the encoding of its frame.

use std::collections::BTreeSet;

use anndata::Writable;
use anndata::data::CategoricalArray;
use anndata_hdf5::H5Group;
use hdf5::{Group, ObjectReference1};
use mfdoom_error::Result;
use ndarray::Array1;

use super::{attribute, check_texts, use_gzip};
use crate::frame::Column;
use crate::keys;
use crate::place::Place;

/// How a frame holds its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Since anndata 0.8: every column says what it is.
    Current,
    /// anndata 0.7: categories in a group of their own, nothing else can be missing but a float.
    Old,
}

/// Writes a column that is not there yet.
pub(super) fn write(frame: &H5Group, name: &str, column: &Column, style: Style, place: &Place) -> Result<()> {
    check(column, place)?;
    use_gzip();
    let place = place.at(name);
    let failed = |error: String| place.unwritable(error);
    match (column, style) {
        (Column::String(values), _) => match values.iter().cloned().collect::<Option<Vec<_>>>() {
            Some(texts) => array(frame, name, texts).map_err(failed),
            None => write(frame, name, &categories_of(values), style, &place),
        },
        (Column::Categorical { codes, categories }, Style::Current) => {
            let array = CategoricalArray {
                codes: Array1::from(codes.clone()).into_dyn(),
                categories: Array1::from(categories.clone()),
            };
            array.write(frame, name).map(drop).map_err(|error| place.unwritable(error))
        }
        (Column::Categorical { codes, categories }, Style::Old) => {
            old_categorical(frame, name, codes, categories).map_err(failed)
        }
        (Column::Float(values), _) => array(frame, name, values.clone()).map_err(failed),
        (Column::Int(values), _) => match values.iter().copied().collect::<Option<Vec<_>>>() {
            Some(values) => array(frame, name, values).map_err(failed),
            None if style == Style::Old => {
                let values = values.iter().map(|value| value.map_or(f64::NAN, |value| value as f64));
                array(frame, name, values.collect()).map_err(failed)
            }
            None => nullable(frame, name, values, keys::NULLABLE_INTEGER).map_err(failed),
        },
        (Column::Bool(values), _) => match values.iter().copied().collect::<Option<Vec<_>>>() {
            Some(values) => array(frame, name, values).map_err(failed),
            None if style == Style::Old => {
                write(frame, name, &categories_of(&column.to_strings()), style, &place)
            }
            None => nullable(frame, name, values, keys::NULLABLE_BOOLEAN).map_err(failed),
        },
    }
}

/// Removes a column of either style.
pub(super) fn remove(frame: &Group, name: &str) -> hdf5::Result<()> {
    let categories = format!("{}/{name}", keys::OLD_CATEGORIES);
    for link in [name, &categories] {
        if frame.link_exists(link) {
            frame.unlink(link)?;
        }
    }
    Ok(())
}

/// Checks what the encodings cannot express.
fn check(column: &Column, place: &Place) -> Result<()> {
    match column {
        Column::String(values) => check_texts(values.iter().flatten().map(String::as_str)),
        Column::Categorical { codes, categories } => {
            check_texts(categories.iter().map(String::as_str))?;
            match codes.iter().flatten().find(|code| **code as usize >= categories.len()) {
                None => Ok(()),
                Some(code) => Err(place
                    .broken("cannot take a column with a code without a category")
                    .found(format!("code {code}, {} categories", categories.len()))),
            }
        }
        _ => Ok(()),
    }
}

/// Text with missing values, as categories in order of their text, which every anndata reads.
fn categories_of(values: &[Option<String>]) -> Column {
    let categories: Vec<String> =
        values.iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let code = |text: &String| categories.binary_search(text).ok().map(|code| code as u32);
    let codes = values.iter().map(|value| value.as_ref().and_then(code)).collect();
    Column::Categorical { codes, categories }
}

/// Writes an array of the encoding that fits its type.
pub(super) fn array<T>(group: &H5Group, name: &str, values: Vec<T>) -> Result<(), String>
where
    Array1<T>: Writable,
{
    use_gzip();
    Array1::from(values).write(group, name).map(drop).map_err(|error| format!("{error:#}"))
}

fn nullable<T>(frame: &H5Group, name: &str, values: &[Option<T>], encoding: &str) -> Result<(), String>
where
    T: Copy + Default,
    Array1<T>: Writable,
{
    use anndata::backend::GroupOp;
    let group = GroupOp::new_group(frame, name).map_err(|error| format!("{error:#}"))?;
    attribute::set_encoding(&group, encoding, "0.1.0").map_err(|error| error.to_string())?;
    array(&group, keys::VALUES, values.iter().map(|value| value.unwrap_or_default()).collect())?;
    let mask: Vec<bool> = values.iter().map(Option::is_none).collect();
    array::<bool>(&group, keys::MASK, mask)
}

fn old_categorical(
    frame: &H5Group,
    name: &str,
    codes: &[Option<u32>],
    categories: &[String],
) -> Result<(), String> {
    use anndata::backend::GroupOp;
    let text = |error: hdf5::Error| error.to_string();
    let group = if frame.link_exists(keys::OLD_CATEGORIES) {
        GroupOp::open_group(frame, keys::OLD_CATEGORIES)
    } else {
        GroupOp::new_group(frame, keys::OLD_CATEGORIES)
    };
    let group = group.map_err(|error| format!("{error:#}"))?;
    array(&group, name, categories.to_vec())?;
    let named = group.dataset(name).map_err(text)?;
    attribute::set(&named, keys::ORDERED, &false).map_err(text)?;
    let codes = codes.iter().map(|code| code.map_or(-1, |code| code as i32)).collect();
    array(frame, name, codes)?;
    let target = format!("{}/{name}", keys::OLD_CATEGORIES);
    let reference: ObjectReference1 = frame.reference(&target).map_err(text)?;
    let codes = frame.dataset(name).map_err(text)?;
    attribute::set(&codes, keys::CATEGORIES, &reference).map_err(text)
}
