//! Reads a token table block by block, and checks what it promises.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use mfdoom_artifact::table::Batches;
use mfdoom_artifact::{Input, KeySet, TableReader};
use mfdoom_error::Result;

use super::arrow::from_arrow;
use super::check::Checker;
use crate::schema::TokenSchema;
use crate::tokens::TokenBatch;

/// Reader of a token table; an iterator over its blocks of cells, each checked.
///
/// Every value is checked, and no cell may come twice. Memory is one batch, and about 16 bytes per cell
/// for the keys.
pub struct TokenReader {
    table: TableReader,
    decoder: Arc<Decoder>,
    keys: KeySet,
}

struct Decoder {
    schema: Arc<TokenSchema>,
    checker: Checker,
    name: String,
}

impl TokenReader {
    /// Opens a table and reads its schema.
    ///
    /// # Errors
    /// Those of [`TableReader::open`] and [`TokenSchema::from_arrow`].
    pub fn open(input: &Input) -> Result<Self> {
        Self::of(TableReader::open(input)?)
    }

    /// Takes a table that is open, of which nothing has been read: a pipe is opened only once.
    ///
    /// # Errors
    /// Those of [`TokenSchema::from_arrow`].
    pub fn of(table: TableReader) -> Result<Self> {
        let name = table.name().to_owned();
        let schema = Arc::new(TokenSchema::from_arrow(table.schema(), &name)?);
        let checker = Checker::new(&schema);
        let decoder = Arc::new(Decoder { schema, checker, name });
        Ok(Self { table, decoder, keys: KeySet::default() })
    }

    /// Returns the schema.
    pub fn schema(&self) -> &Arc<TokenSchema> {
        &self.decoder.schema
    }

    /// Returns the name of the input for messages.
    pub fn name(&self) -> &str {
        &self.decoder.name
    }

    /// Returns the number of cells, known beforehand for parquet only.
    pub fn n_cells(&self) -> Option<usize> {
        self.table.n_rows()
    }

    /// Returns the number of cells of each row group, for parquet only.
    pub fn row_groups(&self) -> Option<Vec<usize>> {
        self.table.row_groups()
    }

    /// Returns the blocks of one row group, for parquet only, in whatever order groups are asked for.
    /// Values are checked, keys are not compared.
    pub fn read_row_group(&self, group: usize) -> Result<TokenBatches> {
        Ok(TokenBatches { batches: self.table.read_row_group(group)?, decoder: self.decoder.clone() })
    }

    /// Returns the blocks of a range of cells, for parquet only.
    pub fn read_cells(&self, cells: Range<usize>) -> Result<TokenBatches> {
        Ok(TokenBatches { batches: self.table.read_rows(cells)?, decoder: self.decoder.clone() })
    }

    fn check_keys(&mut self, batch: TokenBatch) -> Result<TokenBatch> {
        for (dataset, cell_id) in batch.dataset.iter().zip(&batch.cell_id) {
            self.keys.add(dataset, cell_id, &self.decoder.name)?;
        }
        Ok(batch)
    }
}

impl Iterator for TokenReader {
    type Item = Result<TokenBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.table.next()?.and_then(|batch| self.decoder.decode(&batch));
        Some(batch.and_then(|batch| self.check_keys(batch)))
    }
}

impl Decoder {
    fn decode(&self, batch: &RecordBatch) -> Result<TokenBatch> {
        let batch = from_arrow(batch, &self.schema, &self.name)?;
        self.checker.check(&batch, &self.name)?;
        Ok(batch)
    }
}

/// Blocks of a part of a token table, each checked.
pub struct TokenBatches {
    batches: Batches,
    decoder: Arc<Decoder>,
}

impl Iterator for TokenBatches {
    type Item = Result<TokenBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.batches.next()?.and_then(|batch| self.decoder.decode(&batch)))
    }
}
