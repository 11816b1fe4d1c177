//! Reads a table batch by batch from a file, a FIFO or standard input.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use mfdoom_error::{Error, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::batches::{Batches, Form};
use super::guard::guarded;
use super::ipc::Stream;
use super::open::{broken, foreign, open_file, read_magic};
use super::parquet_file::Shared;
use super::seal;
use crate::place::Input;

/// Rows of a batch read from parquet.
const BATCH_ROWS: usize = 1024;

/// Reader of a table; an iterator over its record batches.
///
/// The form is told from the first bytes. Only regular files are looked at more than once; a FIFO or
/// standard input is read from beginning to end.
pub struct TableReader {
    name: String,
    schema: SchemaRef,
    source: TableForm,
    batches: Option<Batches>,
}

enum TableForm {
    Parquet { file: Shared, metadata: ArrowReaderMetadata, projection: Option<Vec<usize>> },
    Stream { projection: Option<Vec<usize>> },
}

impl TableReader {
    /// Opens a table and reads its schema.
    ///
    /// # Errors
    /// Contract: missing, empty, foreign or truncated input; parquet on a pipe.
    pub fn open(input: &Input) -> Result<Self> {
        let name = input.to_string();
        let mut file = open_file(input)?;
        let regular = file.metadata().is_ok_and(|found| found.is_file());
        let magic = read_magic(&mut file).map_err(|error| Error::io(name.as_ref(), error))?;
        match magic.as_slice() {
            b"PAR1" if regular => Self::open_parquet(name, file),
            b"PAR1" => Err(Error::contract(format!("{name}: parquet cannot be read from a pipe"))
                .help("give the file itself, or write an Arrow IPC stream (--format ipc)")),
            [0xff, 0xff, 0xff, 0xff] => {
                let reader = BufReader::with_capacity(1 << 16, file);
                Self::open_stream(name, Box::new(Cursor::new(magic).chain(reader)))
            }
            _ => Err(foreign(&name, &magic)),
        }
    }

    fn open_parquet(name: String, file: File) -> Result<Self> {
        let file = Shared::new(file).map_err(|error| Error::io(name.as_ref(), error))?;
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))
            .map_err(|error| broken(&name, error))?;
        let schema = seal::open(&file, metadata.schema(), metadata.metadata().row_groups(), &name)?;
        Ok(Self {
            name,
            schema,
            source: TableForm::Parquet { file, metadata, projection: None },
            batches: None,
        })
    }

    fn open_stream(name: String, reader: Box<dyn Read + Send>) -> Result<Self> {
        let stream = guarded(|| Stream::open(reader)).map_err(|error| broken(&name, error))?;
        let schema = stream.schema();
        let batches = Batches { name: name.clone(), form: Form::Stream(Box::new(stream), None) };
        Ok(Self { name, schema, source: TableForm::Stream { projection: None }, batches: Some(batches) })
    }

    /// Keeps only the columns for which `wanted` is true; parquet then reads nothing else.
    pub fn select(mut self, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let fields = self.schema.fields();
        let kept: Vec<usize> = (0..fields.len()).filter(|&i| wanted(fields[i].name())).collect();
        self.schema = self.schema.project(&kept).map_err(|error| broken(&self.name, Box::new(error)))?.into();
        match &mut self.source {
            TableForm::Parquet { projection, .. } => *projection = Some(compose(projection.take(), kept)),
            TableForm::Stream { projection } => {
                *projection = Some(compose(projection.take(), kept));
                if let Some(Batches { form: Form::Stream(_, columns), .. }) = &mut self.batches {
                    *columns = projection.clone();
                }
            }
        }
        Ok(self)
    }

    /// Returns the schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the name of the input for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a value of the schema's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        metadata(&self.schema, key)
    }

    /// Returns the number of rows, known beforehand for parquet only.
    pub fn n_rows(&self) -> Option<usize> {
        Some(self.row_groups()?.iter().sum())
    }

    /// Returns the number of rows of each row group, for parquet only.
    pub fn row_groups(&self) -> Option<Vec<usize>> {
        match &self.source {
            TableForm::Parquet { metadata, .. } => {
                Some(metadata.metadata().row_groups().iter().map(|group| group.num_rows() as usize).collect())
            }
            TableForm::Stream { .. } => None,
        }
    }

    /// Returns the file, for parquet only.
    pub(super) fn parquet(&self) -> Option<&Shared> {
        match &self.source {
            TableForm::Parquet { file, .. } => Some(file),
            TableForm::Stream { .. } => None,
        }
    }

    /// Returns the batches of one row group, in whatever order groups are asked for.
    ///
    /// # Errors
    /// Contract, when the table is a stream or has no such row group.
    pub fn read_row_group(&self, group: usize) -> Result<Batches> {
        let n = self.row_groups().unwrap_or_default().len();
        if group >= n {
            return Err(Error::contract(format!("{}: no row group {group}", self.name))
                .found(format!("{n} row groups")));
        }
        self.read_parquet(Some(vec![group]), None)
    }

    /// Returns the batches of the rows in `rows`, for parquet only.
    pub fn read_rows(&self, rows: Range<usize>) -> Result<Batches> {
        self.read_parquet(None, Some(rows))
    }

    fn read_parquet(&self, groups: Option<Vec<usize>>, rows: Option<Range<usize>>) -> Result<Batches> {
        let TableForm::Parquet { file, metadata, projection } = &self.source else {
            return Err(Error::contract(format!("{}: a stream is read only once, in order", self.name))
                .help("give a parquet file"));
        };
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone())
            .with_batch_size(BATCH_ROWS);
        if let Some(columns) = projection {
            let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        if let Some(groups) = groups {
            builder = builder.with_row_groups(groups);
        }
        if let Some(rows) = rows {
            builder = builder.with_offset(rows.start).with_limit(rows.len());
        }
        let reader = guarded(|| builder.build()).map_err(|error| broken(&self.name, error))?;
        Ok(Batches { name: self.name.clone(), form: Form::Parquet(reader) })
    }
}

impl Iterator for TableReader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.batches.is_none() {
            match self.read_parquet(None, None) {
                Ok(batches) => self.batches = Some(batches),
                Err(error) => return Some(Err(error)),
            }
        }
        self.batches.as_mut()?.next()
    }
}

/// Returns a value of a schema's metadata.
pub(crate) fn metadata<'a>(schema: &'a Schema, key: &str) -> Option<&'a str> {
    schema.metadata().get(key).map(|value| value.as_ref())
}

fn compose(first: Option<Vec<usize>>, then: Vec<usize>) -> Vec<usize> {
    match first {
        Some(first) => then.into_iter().map(|i| first[i]).collect(),
        None => then,
    }
}
