//! Token batches to and from Arrow record batches.

use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Float32Type, UInt32Type};
use arrow_array::{Array, ArrayRef, Float64Array, LargeListArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, SchemaRef};
use mfdoom_artifact::Column;
use mfdoom_artifact::key::{CELL_ID, DATASET};
use mfdoom_artifact::table::{column, internal};
use mfdoom_error::{Error, Result};

use crate::schema::{TokenSchema, columns};
use crate::tokens::{ModalityTokens, TokenBatch};

/// Turns a batch into a record batch; `schema` is that of [`TokenSchema::to_arrow`].
///
/// # Errors
/// Failed, when the parts do not fit the schema.
pub fn to_arrow(batch: TokenBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(&batch.dataset)),
        Arc::new(StringArray::from_iter_values(&batch.cell_id)),
    ];
    arrays.extend(batch.obs.iter().map(Column::to_arrow));
    for tokens in batch.modalities {
        let measured = NullBuffer::from(tokens.present);
        let size = Float64Array::try_new(tokens.library_size.into(), Some(measured.clone()));
        arrays.push(Arc::new(size.map_err(internal)?));
        arrays.push(list::<UInt32Type>(tokens.index, &tokens.offsets, &measured)?);
        arrays.push(list::<Float32Type>(tokens.count, &tokens.offsets, &measured)?);
    }
    RecordBatch::try_new(schema.clone(), arrays).map_err(internal)
}

fn list<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    offsets: &[usize],
    measured: &NullBuffer,
) -> Result<ArrayRef>
where
    PrimitiveArray<T>: From<Vec<T::Native>>,
{
    let lengths = offsets.windows(2).map(|pair| pair[1] - pair[0]);
    let offsets = OffsetBuffer::<i64>::from_lengths(lengths);
    let item = Arc::new(Field::new_list_field(T::DATA_TYPE, false));
    let values = Arc::new(PrimitiveArray::<T>::from(values));
    let array = LargeListArray::try_new(item, offsets, values, Some(measured.clone()));
    Ok(Arc::new(array.map_err(internal)?))
}

/// Reads a record batch of the columns of `schema`; the lengths of the lists are checked, their values not.
pub(super) fn from_arrow(batch: &RecordBatch, schema: &TokenSchema, source: &str) -> Result<TokenBatch> {
    let text = |name| -> Result<Vec<String>> {
        Ok(column::key(batch, name, source)?.iter().flatten().map(str::to_owned).collect())
    };
    let mut read = TokenBatch { dataset: text(DATASET)?, cell_id: text(CELL_ID)?, ..TokenBatch::default() };
    for field in &schema.obs {
        let array = column::by_name(batch, &field.name, source)?;
        read.obs.push(Column::from_arrow(array, field.kind, source)?);
    }
    for name in &schema.modalities {
        read.modalities.push(modality(batch, name, source)?);
    }
    Ok(read)
}

fn modality(batch: &RecordBatch, name: &str, source: &str) -> Result<ModalityTokens> {
    let [size_name, index_name, count_name] = columns(name);
    let sizes = column::by_name(batch, &size_name, source)?;
    let sizes = column::cast::<Float64Array>(sizes, &format!("{source}: {size_name}"))?;
    let index = Lists::<UInt32Type>::read(batch, &index_name, source)?;
    let count = Lists::<Float32Type>::read(batch, &count_name, source)?;
    let mut tokens = ModalityTokens::default();
    for row in 0..batch.num_rows() {
        let cell = || format!("{source}: {name} of {}", cell_name(batch, row));
        match (sizes.is_valid(row), index.get(row), count.get(row)) {
            (false, None, None) => tokens.push_absent(),
            (true, Some(index), Some(count)) if index.len() == count.len() => {
                tokens.push(sizes.value(row), index.iter().copied().zip(count.iter().copied()));
            }
            (true, Some(index), Some(count)) => {
                return Err(Error::contract(format!("{}: ids and counts differ in number", cell()))
                    .found(format!("{} ids, {} counts", index.len(), count.len())));
            }
            _ => {
                return Err(Error::contract(format!("{}: null in some columns only", cell()))
                    .wanted(format!("{size_name}, {index_name}, {count_name} all null or none")));
            }
        }
    }
    Ok(tokens)
}

fn cell_name(batch: &RecordBatch, row: usize) -> String {
    let text = |name| column::key(batch, name, "").map(|ids| ids.value(row).to_owned()).unwrap_or_default();
    format!("cell {:?} of {:?}", text(CELL_ID), text(DATASET))
}

/// A list column whose items are never null.
struct Lists<'a, T: ArrowPrimitiveType> {
    lists: &'a LargeListArray,
    values: &'a [T::Native],
}

impl<'a, T: ArrowPrimitiveType> Lists<'a, T> {
    fn read(batch: &'a RecordBatch, name: &str, source: &str) -> Result<Self> {
        let source = format!("{source}: {name}");
        let lists = column::cast::<LargeListArray>(column::by_name(batch, name, &source)?, &source)?;
        let values = column::cast::<PrimitiveArray<T>>(lists.values(), &source)?;
        if values.null_count() > 0 {
            let item: DataType = T::DATA_TYPE;
            return Err(Error::contract(format!("{source}: a list holds nulls")).wanted(item.to_string()));
        }
        Ok(Self { lists, values: values.values() })
    }

    fn get(&self, row: usize) -> Option<&'a [T::Native]> {
        let offsets = self.lists.value_offsets();
        let range = offsets[row] as usize..offsets[row + 1] as usize;
        self.lists.is_valid(row).then(|| &self.values[range])
    }
}
