//! Record arrays of anndata up to 0.6, turned into the groups that later versions read, so that something
//! can be added to them.

use anndata::Writable;
use anndata::backend::GroupOp;
use anndata_hdf5::{H5File, H5Group};
use hdf5::Dataset;
use hdf5::types::TypeDescriptor;
use mfdoom_error::{Error, Result};
use ndarray::Array2;

use super::{attribute, frame, use_gzip};
use crate::hdf::{Class, Node, Number, read_bytes};
use crate::keys;
use crate::place::Place;
use crate::read::{FrameReader, record_fields};

/// Turns `obs` and `var` into groups, their codes and the lists in `uns` into categories.
///
/// Both at once: Python looks for categories in `uns` only where `obs` is a record array.
pub(super) fn turn_frames(root: &H5File, place: &Place) -> Result<()> {
    for name in [keys::OBS, keys::VAR] {
        let reader = FrameReader::open(root, name, place)?;
        let Some(fields) = reader.n_fields() else { continue };
        if fields != reader.columns().len() + 1 {
            return Err(refusal(&place.at(name), "fields that are no columns"));
        }
        let whole = reader.frame()?;
        drop(reader);
        root.unlink(name).map_err(|error| place.at(name).unwritable(error))?;
        frame::write(root, name, &whole, place)?;
    }
    Ok(())
}

/// Turns `obsm` or `varm` into a group of arrays.
pub(super) fn turn_arrays(root: &H5File, name: &str, place: &Place) -> Result<()> {
    let inside = place.at(name);
    let Some(Node::Dataset(records)) = Node::find(root, name) else { return Ok(()) };
    let failed = |error: hdf5::Error| inside.unwritable(error);
    root.unlink(name).map_err(failed)?;
    let group = GroupOp::new_group(root, name).map_err(|error| inside.unwritable(error))?;
    attribute::set_encoding(&group, keys::DICT, "0.1.0").map_err(failed)?;
    for (field, class) in record_fields(&records) {
        let Class::Numbers(number, _) = class else { return Err(refusal(&inside, &class.describe())) };
        copy_field(&records, &field, number, &group).map_err(|error| inside.at(&field).unwritable(error))?;
    }
    Ok(())
}

/// Copies a field that holds a row of numbers into an array of its own.
fn copy_field(records: &Dataset, field: &str, number: Number, into: &H5Group) -> Result<(), String> {
    let text = |error: hdf5::Error| error.to_string();
    let n_rows = records.size();
    let (_, class) = record_fields(records).into_iter().find(|(name, _)| name == field).ok_or("is gone")?;
    let Class::Numbers(_, n_cols) = class else { return Err(class.describe()) };
    let memory = TypeDescriptor::FixedArray(Box::new(number.descriptor()), n_cols);
    let bytes = read_bytes(records, Some(field), memory, 0..n_rows).map_err(text)?;
    let words = || bytes.as_chunks::<8>().0.iter();
    let shape = (n_rows, n_cols);
    match number {
        Number::Float32 | Number::SmallInt => {
            let words = bytes.as_chunks::<4>().0.iter();
            write_array(into, field, shape, words.map(|word| f32::from_ne_bytes(*word)).collect())
        }
        Number::Float64 => {
            write_array(into, field, shape, words().map(|word| f64::from_ne_bytes(*word)).collect())
        }
        Number::Int => {
            write_array(into, field, shape, words().map(|word| i64::from_ne_bytes(*word)).collect())
        }
        Number::Unsigned => {
            write_array(into, field, shape, words().map(|word| u64::from_ne_bytes(*word)).collect())
        }
    }
}

fn write_array<T>(into: &H5Group, name: &str, shape: (usize, usize), values: Vec<T>) -> Result<(), String>
where
    Array2<T>: Writable,
{
    use_gzip();
    let array = Array2::from_shape_vec(shape, values).map_err(|error| error.to_string())?;
    array.write(into, name).map(drop).map_err(|error| format!("{error:#}"))
}

fn refusal(place: &Place, found: &str) -> Error {
    place
        .broken("cannot be added to: it is a record array of anndata 0.6 or older")
        .found(found)
        .help("write the file again with anndata, then repeat this")
}
