//! The record batches of a table, one by one.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mfdoom_error::Result;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::guard::guarded;
use super::ipc::Stream;
use super::open::broken;

/// Record batches of a table or of a part of it; nothing comes after an error.
pub struct Batches {
    pub(super) name: String,
    pub(super) form: Form,
}

/// Where batches come from; a stream may be cut to some of its columns.
pub(super) enum Form {
    Parquet(ParquetRecordBatchReader),
    Stream(Box<Stream>, Option<Vec<usize>>),
    Failed,
}

impl Form {
    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        match self {
            Self::Parquet(reader) => reader.next().transpose(),
            Self::Stream(stream, None) => stream.next().transpose(),
            Self::Stream(stream, Some(columns)) => {
                stream.next().transpose()?.map(|batch| batch.project(columns)).transpose()
            }
            Self::Failed => Ok(None),
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        guarded(|| self.form.next()).transpose().map(|batch| {
            batch.map_err(|error| {
                self.form = Form::Failed;
                broken(&self.name, error)
            })
        })
    }
}
