//! Sparse matrices of cells by cells as tables of `row, col, value`.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float32Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Csr, Neighbors};

use crate::manifest::check_format;
use crate::place::{Input, Output};
use crate::table::{FORMAT_KEY, TableFormat, TableOptions, TableReader, TableWriter, column, internal};

/// Format tag of a table of pairs.
const PAIRS_FORMAT: &str = "pairs/1";
/// Pairs of a row group.
const ROW_GROUP: usize = 1 << 20;

/// Entries of a sparse matrix, by row, then by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    /// Row of each entry.
    pub rows: Vec<u32>,
    /// Column of each entry.
    pub cols: Vec<u32>,
    /// Value of each entry.
    pub values: Vec<f32>,
}

impl Pairs {
    /// Returns where each of `n_cells` rows starts, and the end of the last: the `indptr` of a CSR matrix
    /// whose indices and values are `cols` and `values`.
    ///
    /// # Errors
    /// Contract, when rows are not ascending or a number is not below `n_cells`.
    pub fn row_starts(&self, n_cells: usize, source: &str) -> Result<Vec<usize>> {
        let out_of_range = |&&cell: &&u32| cell as usize >= n_cells;
        if let Some(cell) = self.rows.iter().chain(&self.cols).find(out_of_range) {
            return Err(Error::contract(format!("{source}: names a cell that is not there"))
                .found(format!("cell {cell} of {n_cells}"))
                .wanted("positions of the cells of velocity.parquet")
                .help("the tables of a velocity folder belong together: copy the folder again"));
        }
        if !self.rows.is_sorted() {
            return Err(Error::contract(format!("{source}: rows are not ascending")));
        }
        Ok((0..=n_cells).map(|row| self.rows.partition_point(|&found| (found as usize) < row)).collect())
    }

    /// Returns the entries as the neighbours of `n_cells` cells: as many for each, values being distances.
    ///
    /// # Errors
    /// Contract: those of [`row_starts`](Self::row_starts); cells that differ in their number of neighbours.
    pub fn into_neighbors(self, n_cells: usize, source: &str) -> Result<Neighbors> {
        let starts = self.row_starts(n_cells, source)?;
        let k = starts.get(1).copied().unwrap_or_default();
        if k == 0 || starts.windows(2).any(|ends| ends[1] - ends[0] != k) {
            return Err(Error::contract(format!("{source}: cells differ in their number of neighbours"))
                .help("the tables of a velocity folder belong together: copy the folder again"));
        }
        Neighbors::new(k, self.cols, self.values).map_err(|error| Error::refusal(error).context(source))
    }
}

fn schema() -> SchemaRef {
    let fields = [("row", DataType::UInt32), ("col", DataType::UInt32), ("value", DataType::Float32)];
    let fields: Vec<Field> = fields.into_iter().map(|(name, kind)| Field::new(name, kind, false)).collect();
    let format = (FORMAT_KEY.to_owned(), PAIRS_FORMAT.to_owned());
    Arc::new(Schema::new(fields).with_metadata([format]))
}

/// Writer of a table of pairs; nothing is published before [`finish`](Self::finish).
pub struct PairWriter(TableWriter);

impl PairWriter {
    /// Opens `output`.
    pub fn create(output: &Output) -> Result<Self> {
        let options = TableOptions { row_group_rows: ROW_GROUP, ..TableOptions::new(TableFormat::Parquet) };
        Ok(Self(TableWriter::create(output, schema(), options)?))
    }

    /// Writes entries; rows ascend over all blocks.
    ///
    /// # Errors
    /// Failed, when the parts differ in length.
    pub fn write(&mut self, pairs: Pairs) -> Result<()> {
        let batch = RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(UInt32Array::from(pairs.rows)),
                Arc::new(UInt32Array::from(pairs.cols)),
                Arc::new(Float32Array::from(pairs.values)),
            ],
        );
        self.0.write(&batch.map_err(internal)?)
    }

    /// Writes a sparse matrix, in blocks.
    pub fn write_csr(&mut self, matrix: &Csr) -> Result<()> {
        let (indptr, indices, values) = (matrix.indptr(), matrix.indices(), matrix.values());
        let mut row = 0;
        while row + 1 < indptr.len() {
            let first = indptr[row];
            let start = row;
            while row + 1 < indptr.len() && (row == start || indptr[row + 1] - first <= ROW_GROUP) {
                row += 1;
            }
            let rows = (start..row).flat_map(|r| std::iter::repeat_n(r as u32, indptr[r + 1] - indptr[r]));
            let range = first..indptr[row];
            self.write(Pairs {
                rows: rows.collect(),
                cols: indices[range.clone()].to_vec(),
                values: values[range].to_vec(),
            })?;
        }
        Ok(())
    }

    /// Writes neighbours and their distances, in blocks.
    pub fn write_neighbors(&mut self, neighbors: &Neighbors) -> Result<()> {
        let k = neighbors.k();
        let entries =
            neighbors.all_indices().chunks(ROW_GROUP).zip(neighbors.all_distances().chunks(ROW_GROUP));
        for (block, (cols, values)) in entries.enumerate() {
            let first = block * ROW_GROUP;
            let rows = (first..first + cols.len()).map(|at| (at / k) as u32).collect();
            self.write(Pairs { rows, cols: cols.to_vec(), values: values.to_vec() })?;
        }
        Ok(())
    }

    /// Publishes the table and returns the number of entries.
    pub fn finish(self) -> Result<usize> {
        self.0.finish()
    }
}

/// Reader of a table of pairs; an iterator over blocks of entries.
pub struct PairReader(TableReader);

impl PairReader {
    /// Opens a table.
    ///
    /// # Errors
    /// Contract for another kind of table, incompatible for another version.
    pub fn open(path: &Path) -> Result<Self> {
        let table = TableReader::open(&Input::Path(path.into()))?;
        check_format(table.metadata(FORMAT_KEY), PAIRS_FORMAT, table.name())?;
        Ok(Self(table))
    }

    /// Returns the number of entries.
    pub fn n_entries(&self) -> usize {
        self.0.n_rows().unwrap_or_default()
    }

    /// Reads all entries.
    pub fn read_all(self) -> Result<Pairs> {
        let mut all = Pairs::default();
        for block in self {
            let block = block?;
            all.rows.extend(block.rows);
            all.cols.extend(block.cols);
            all.values.extend(block.values);
        }
        Ok(all)
    }
}

impl Iterator for PairReader {
    type Item = Result<Pairs>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.0.next()?;
        let name = self.0.name();
        let decode = |batch: RecordBatch| {
            let part = |column| column::by_name(&batch, column, name);
            Ok(Pairs {
                rows: column::cast::<UInt32Array>(part("row")?, name)?.values().to_vec(),
                cols: column::cast::<UInt32Array>(part("col")?, name)?.values().to_vec(),
                values: column::cast::<Float32Array>(part("value")?, name)?.values().to_vec(),
            })
        };
        Some(batch.and_then(decode))
    }
}
