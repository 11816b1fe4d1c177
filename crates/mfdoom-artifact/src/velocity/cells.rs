//! `cells.parquet`: one row per cell, one column per result.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use mfdoom_error::Result;

use super::names::CELL_RESULTS;
use crate::column::Column;
use crate::key::{CELL_ID, DATASET, KeySet};
use crate::manifest::check_format;
use crate::obs::{ObsField, free_names};
use crate::place::{Input, Output};
use crate::table::{FORMAT_KEY, TableFormat, TableOptions, TableReader, TableWriter, column, internal};

/// Format tag of the table.
const CELLS_FORMAT: &str = "velocity-cells/1";

/// Results of n cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellTable {
    /// Data set of each cell, [n].
    pub dataset: Vec<String>,
    /// Id of each cell within its data set, [n].
    pub cell_id: Vec<String>,
    /// Named columns, each [n].
    pub columns: Vec<(String, Column)>,
}

impl CellTable {
    /// Returns a table of cells with columns of `obs`: the same column given twice is there once, and one whose
    /// name is that of a key or a result gets the prefix `obs_`.
    pub fn with_obs(dataset: Vec<String>, cell_id: Vec<String>, obs: Vec<(String, Column)>) -> Self {
        let mut columns: Vec<(String, Column)> = Vec::new();
        for (name, column) in obs {
            if columns.iter().all(|(known, _)| *known != name) {
                columns.push((name, column));
            }
        }
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let reserved = [DATASET, CELL_ID].into_iter().chain(CELL_RESULTS);
        let renamed = free_names(&names, reserved);
        let columns = renamed.into_iter().zip(columns).map(|(name, (_, column))| (name, column));
        Self { dataset, cell_id, columns: columns.collect() }
    }

    /// Returns a column.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, column)| column)
    }

    /// Adds a column of numbers, replacing one of that name; NaN is missing.
    pub fn set_numbers(&mut self, name: &str, values: impl IntoIterator<Item = f64>) {
        self.set(name, Column::Float(values.into_iter().collect()));
    }

    /// Adds a column, replacing one of that name.
    pub fn set(&mut self, name: &str, column: Column) {
        self.columns.retain(|(known, _)| known != name);
        self.columns.push((name.to_owned(), column));
    }

    /// Writes the table.
    ///
    /// # Errors
    /// Failed, when the columns differ in length.
    pub fn write(&self, output: &Output) -> Result<()> {
        let mut fields =
            vec![Field::new(DATASET, DataType::Utf8, false), Field::new(CELL_ID, DataType::Utf8, false)];
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(&self.dataset)),
            Arc::new(StringArray::from_iter_values(&self.cell_id)),
        ];
        for (name, column) in &self.columns {
            fields.push(ObsField::new(name, column.kind()).to_arrow());
            arrays.push(column.to_arrow());
        }
        let metadata = [(FORMAT_KEY.to_owned(), CELLS_FORMAT.to_owned())];
        let schema = Arc::new(Schema::new(fields).with_metadata(metadata));
        let options = TableOptions { row_group_rows: 1 << 16, ..TableOptions::new(TableFormat::Parquet) };
        let mut table = TableWriter::create(output, schema.clone(), options)?;
        table.write(&RecordBatch::try_new(schema, arrays).map_err(internal)?)?;
        table.finish().map(drop)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// Contract: another kind of table, or a cell that comes twice.
    pub fn read(path: &Path) -> Result<Self> {
        let table = TableReader::open(&Input::Path(path.into()))?;
        let name = table.name().to_owned();
        check_format(table.metadata(FORMAT_KEY), CELLS_FORMAT, &name)?;
        let schema = table.schema().clone();
        let others =
            schema.fields().iter().filter(|field| field.name() != DATASET && field.name() != CELL_ID);
        let fields = others.map(|field| ObsField::from_arrow(field, &name)).collect::<Result<Vec<_>>>()?;
        let columns = fields.iter().map(|field| (field.name.clone(), Column::empty(field.kind)));
        let mut all = Self { columns: columns.collect(), ..Self::default() };
        let mut keys = KeySet::default();
        for batch in table {
            let batch = batch?;
            let text = |column| -> Result<Vec<String>> {
                Ok(column::key(&batch, column, &name)?.iter().flatten().map(str::to_owned).collect())
            };
            let (dataset, cell_id) = (text(DATASET)?, text(CELL_ID)?);
            for (dataset, cell_id) in dataset.iter().zip(&cell_id) {
                keys.add(dataset, cell_id, &name)?;
            }
            all.dataset.extend(dataset);
            all.cell_id.extend(cell_id);
            for (field, (_, values)) in fields.iter().zip(&mut all.columns) {
                let array = column::by_name(&batch, &field.name, &name)?;
                values.append(&Column::from_arrow(array, field.kind, &name)?)?;
            }
        }
        Ok(all)
    }
}
