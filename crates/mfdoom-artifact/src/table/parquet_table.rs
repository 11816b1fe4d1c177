//! A parquet file that is being written: each row group is encoded in memory, then written with its checksums.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use rayon::prelude::*;

use super::TableOptions;
use super::lists::ListColumn;
use super::row_groups::{self, Chunk, RowGroups};
use super::sink::Sink;
use super::writer::parquet_writer;

/// Writer of a parquet file. Lists of ids and counts are encoded by us, on all threads; the parquet crate does the rest.
pub(super) struct ParquetTable {
    groups: RowGroups,
    columns: Vec<Encoder>,
    /// The columns that the parquet crate encodes. Without metadata, which would be encoded with every row group.
    others: SchemaRef,
    options: TableOptions,
    next: Option<ArrowWriter<Vec<u8>>>,
    n_rows: usize,
}

/// Who encodes a column.
enum Encoder {
    Ours(Box<ListColumn>),
    Crate,
}

impl ParquetTable {
    /// Begins a file.
    pub(super) fn new(sink: Sink, schema: &SchemaRef, options: TableOptions) -> Result<Self, ParquetError> {
        let groups = RowGroups::new(sink, schema, options)?;
        let fields = schema.fields();
        // Each field is one column in every table that we write; otherwise which is which would not be known.
        let flat =
            groups.columns().len() == fields.len() && !fields.iter().all(|field| ListColumn::fits(field));
        let encoder = |(field, descr): (&Arc<_>, &Arc<_>)| match flat && ListColumn::fits(field) {
            true => Ok(Encoder::Ours(Box::new(ListColumn::new(field, Arc::clone(descr))?))),
            false => Ok(Encoder::Crate),
        };
        let columns = match flat {
            true => {
                fields.iter().zip(groups.columns()).map(encoder).collect::<Result<Vec<_>, ParquetError>>()?
            }
            false => groups.columns().iter().map(|_| Encoder::Crate).collect(),
        };
        let others = fields.iter().zip(&columns).filter(|(_, by)| matches!(by, Encoder::Crate));
        let others = Schema::new(others.map(|(field, _)| Arc::clone(field)).collect::<Vec<_>>());
        Ok(Self { groups, columns, others: Arc::new(others), options, next: None, n_rows: 0 })
    }

    /// Writes a batch.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let mut start = 0;
        while start < batch.num_rows() {
            let n = (batch.num_rows() - start).min(self.options.row_group_rows - self.n_rows);
            self.write_rows(&batch.slice(start, n))?;
            self.n_rows += n;
            start += n;
            if self.n_rows == self.options.row_group_rows {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn write_rows(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let of = self.columns.iter_mut().zip(rows.columns());
        let (mut ours, mut others): (Vec<(&mut ListColumn, &ArrayRef)>, Vec<ArrayRef>) = Default::default();
        for (encoder, array) in of {
            match encoder {
                Encoder::Ours(column) => ours.push((column, array)),
                Encoder::Crate => others.push(array.clone()),
            }
        }
        let next = match &mut self.next {
            Some(next) => next,
            none => none.insert(parquet_writer(Vec::new(), &self.others, self.options)?),
        };
        let others = RecordBatch::try_new(self.others.clone(), others)?;
        ours.into_par_iter().try_for_each(|(column, array)| column.push(array))?;
        next.write(&others)
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let Some(next) = self.next.take() else { return Ok(()) };
        self.n_rows = 0;
        let bytes = Bytes::from(next.into_inner()?);
        let metadata = RowGroups::metadata(&bytes)?;
        let metadata = metadata.metadata();
        let of_crate = |at: usize| row_groups::copied(&bytes, metadata, 0, at);
        let mut n_others = 0;
        let mut chunks: Vec<Chunk> = Vec::with_capacity(self.columns.len());
        for encoder in &mut self.columns {
            chunks.push(match encoder {
                Encoder::Ours(column) => column.finish()?,
                Encoder::Crate => {
                    n_others += 1;
                    of_crate(n_others - 1)?
                }
            });
        }
        self.groups.append_chunks(chunks)
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Result<Sink, ParquetError> {
        self.end_group()?;
        self.groups.into_inner()
    }
}
