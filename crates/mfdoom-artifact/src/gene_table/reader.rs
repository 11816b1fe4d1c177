//! Reads a gene table block by block.

use mfdoom_error::Result;

use super::batch::GeneBatch;
use super::schema::GeneTableSchema;
use crate::column::Column;
use crate::key::{CELL_ID, DATASET, KeySet};
use crate::place::Input;
use crate::table::TableReader;

/// Reader of a gene table; an iterator over blocks of cells. No cell may come twice.
pub struct GeneTableReader {
    schema: GeneTableSchema,
    table: TableReader,
    keys: KeySet,
}

impl GeneTableReader {
    /// Opens a table of `format`, such as `velocity/1`, or a table of others that lists its genes.
    ///
    /// # Errors
    /// Those of [`TableReader::open`] and [`GeneTableSchema::from_arrow`].
    pub fn open(input: &Input, format: &str) -> Result<Self> {
        Self::of(TableReader::open(input)?, format)
    }

    /// Takes a table that is open, of which nothing has been read: a pipe is opened only once.
    ///
    /// # Errors
    /// Those of [`GeneTableSchema::from_arrow`].
    pub fn of(table: TableReader, format: &str) -> Result<Self> {
        let schema = GeneTableSchema::from_arrow(table.schema(), format, table.name())?;
        Ok(Self { schema, table, keys: KeySet::default() })
    }

    /// Keeps only these matrices, and no obs columns; the others are not even read.
    ///
    /// # Errors
    /// Contract, when one is not there.
    pub fn select(mut self, matrices: &[&str]) -> Result<Self> {
        for name in matrices {
            self.schema.matrix(name).map_err(|error| error.context(self.table.name()))?;
        }
        let kept = |name: &str| name == DATASET || name == CELL_ID || matrices.contains(&name);
        self.table = self.table.select(kept)?;
        self.schema.obs.clear();
        self.schema.matrices.retain(|name| matrices.contains(&name.as_str()));
        Ok(self)
    }

    /// Returns the schema.
    pub fn schema(&self) -> &GeneTableSchema {
        &self.schema
    }

    /// Returns the name of the input for messages.
    pub fn name(&self) -> &str {
        self.table.name()
    }

    /// Returns the number of cells, known beforehand for parquet only.
    pub fn n_rows(&self) -> Option<usize> {
        self.table.n_rows()
    }

    /// Reads all cells into one block.
    ///
    /// # Errors
    /// Contract, when a row is damaged or a cell comes twice.
    pub fn read_all(self) -> Result<GeneBatch> {
        let schema = self.schema.clone();
        let room = self.n_rows().unwrap_or_default().saturating_mul(schema.genes.len());
        let mut all = GeneBatch {
            obs: schema.obs.iter().map(|field| Column::empty(field.kind)).collect(),
            matrices: schema.matrices.iter().map(|_| Vec::new()).collect(),
            ..GeneBatch::default()
        };
        for matrix in &mut all.matrices {
            // Only a hint: a damaged footer may ask for anything.
            let _ = matrix.try_reserve_exact(room);
        }
        for block in self {
            let block = block?;
            all.dataset.extend(block.dataset);
            all.cell_id.extend(block.cell_id);
            for (to, from) in all.obs.iter_mut().zip(&block.obs) {
                to.append(from)?;
            }
            all.matrices.iter_mut().zip(block.matrices).for_each(|(to, from)| to.extend(from));
        }
        Ok(all)
    }
}

impl Iterator for GeneTableReader {
    type Item = Result<GeneBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.table.next()?;
        Some(batch.and_then(|batch| {
            let block = GeneBatch::from_arrow(&batch, &self.schema, self.table.name())?;
            for (dataset, cell_id) in block.dataset.iter().zip(&block.cell_id) {
                self.keys.add(dataset, cell_id, self.table.name())?;
            }
            Ok(block)
        }))
    }
}
