//! Reads whose type is known only at run time, which the safe wrapper of HDF5 does not offer.
//!
//! Fields of record arrays (all of `obs` up to anndata 0.6) and text of fixed length need a memory type made
//! from the file's own.

use std::ops::Range;

use hdf5::types::{CompoundField, CompoundType, H5Type, TypeDescriptor};
use hdf5::{Attribute, Dataset, Dataspace, Datatype, Result};
use hdf5_sys::LOCK;
use hdf5_sys::h5a::H5Aread;
use hdf5_sys::h5d::H5Dread;
use hdf5_sys::h5p::H5P_DEFAULT;

use super::watch::watched;

/// Reads one field of rows `rows` of a record array.
pub(super) fn read_field<T: H5Type>(dataset: &Dataset, field: &str, rows: Range<usize>) -> Result<Vec<T>> {
    let mut values: Vec<T> = Vec::with_capacity(rows.len());
    let memory = record(field, T::type_descriptor());
    // SAFETY: a record of one field at offset 0 has the layout of T, and the capacity is that of the
    // selection, which `read_into` checks to be `rows.len()` elements. HDF5 writes all of them, or fails;
    // text is allocated by it with malloc, as T expects.
    unsafe {
        read_into(dataset, &memory, rows.clone(), values.as_mut_ptr().cast())?;
        values.set_len(rows.len());
    }
    Ok(values)
}

/// Reads rows `rows` of a dataset, or of one field of it, converted to a type without pointers, as bytes.
pub(crate) fn read_bytes(
    dataset: &Dataset,
    field: Option<&str>,
    memory: TypeDescriptor,
    rows: Range<usize>,
) -> Result<Vec<u8>> {
    if !is_plain(&memory) {
        return Err(format!("{memory} cannot be read as bytes").into());
    }
    let mut bytes = vec![0; rows.len().checked_mul(memory.size()).ok_or("the rows exceed the memory")?];
    let memory = match field {
        Some(field) => record(field, memory),
        None => memory,
    };
    // SAFETY: the buffer has `rows.len()` elements of the memory type's size, and the type holds no pointers.
    watched(|| unsafe { read_into(dataset, &memory, rows, bytes.as_mut_ptr()) })?;
    Ok(bytes)
}

/// Reads an attribute of a type without pointers as bytes, in that type.
pub(super) fn read_attribute_bytes(attribute: &Attribute, memory: &TypeDescriptor) -> Result<Vec<u8>> {
    if !is_plain(memory) {
        return Err(format!("{memory} cannot be read as bytes").into());
    }
    let mut bytes = vec![0; attribute.space()?.size() * memory.size()];
    let memory = Datatype::from_descriptor(memory)?;
    let _guard = LOCK.lock();
    // SAFETY: the library is locked, the ids are alive, and the buffer has the size of the whole attribute.
    hdf5::h5check(unsafe { H5Aread(attribute.id(), memory.id(), bytes.as_mut_ptr().cast()) })?;
    Ok(bytes)
}

/// # Safety
/// `buffer` must have room for `rows.len()` elements of `memory`.
unsafe fn read_into(
    dataset: &Dataset,
    memory: &TypeDescriptor,
    rows: Range<usize>,
    buffer: *mut u8,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let file_space = match dataset.ndim() {
        2 => dataset.space()?.select(hdf5::Selection::try_from(ndarray::s![rows.clone(), 0..1])?)?,
        _ => dataset.space()?.select(rows.clone())?,
    };
    if file_space.selection_size() != rows.len() {
        return Err(format!("rows {rows:?} are not all in shape {:?}", dataset.shape()).into());
    }
    let memory_space = Dataspace::try_new(rows.len())?;
    let memory = Datatype::from_descriptor(memory)?;
    let (dataset, memory, on, of) = (dataset.id(), memory.id(), memory_space.id(), file_space.id());
    let _guard = LOCK.lock();
    // SAFETY: the library is locked, all ids are alive, and the caller promises the room.
    hdf5::h5check(unsafe { H5Dread(dataset, memory, on, of, H5P_DEFAULT, buffer.cast()) })?;
    Ok(())
}

fn record(field: &str, ty: TypeDescriptor) -> TypeDescriptor {
    let size = ty.size();
    let field = CompoundField { name: field.to_owned(), ty, offset: 0, index: 0 };
    TypeDescriptor::Compound(CompoundType { fields: vec![field], size })
}

fn is_plain(ty: &TypeDescriptor) -> bool {
    match ty {
        TypeDescriptor::Integer(_)
        | TypeDescriptor::Unsigned(_)
        | TypeDescriptor::Float(_)
        | TypeDescriptor::FixedAscii(_)
        | TypeDescriptor::FixedUnicode(_) => true,
        TypeDescriptor::FixedArray(element, _) => is_plain(element),
        _ => false,
    }
}
