//! Which row of a file is which cell of a table, and which column which gene.

use std::collections::HashMap;

use mfdoom_artifact::GeneTableReader;
use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};

use crate::cells::FileCells;
use crate::genes;

/// Cells and genes of a file and of a table, matched by name.
#[derive(Debug)]
pub(crate) struct Matching {
    /// Row of the table of every cell of the file, [n_obs].
    cells: Vec<Option<usize>>,
    /// Row of the file of every cell of the table.
    rows: Vec<Option<usize>>,
    /// Key of every cell of the table.
    keys: Vec<(String, String)>,
    /// Column of the file of every gene of the table, [G].
    columns: Vec<Option<usize>>,
    ids: HashMap<String, usize>,
    n_vars: usize,
}

impl Matching {
    /// Matches a table with a value per cell and gene, which `shown` names in messages. A table of no genes is
    /// matched by its cells alone.
    ///
    /// # Errors
    /// Contract: no cell is in both, most genes are not, or a name may mean several.
    pub(crate) fn new(table: GeneTableReader, shown: &str, file: &H5ad, known: &FileCells) -> Result<Self> {
        let genes = table.schema().genes.clone();
        let read_by = table.schema().manifest.config.get("gene_column").and_then(|column| column.as_str());
        let columns = genes::columns_of(&genes, read_by, file)?;
        let by_id = genes.into_iter().zip(&columns).filter_map(|(gene, column)| Some((gene.id, (*column)?)));
        let ids = by_id.collect();
        let mut matching = Self {
            cells: vec![None; known.len()],
            rows: Vec::new(),
            keys: Vec::new(),
            columns,
            ids,
            n_vars: file.n_vars(),
        };
        let mut keys = Vec::new();
        for block in table.select(&[])? {
            let block = block?;
            keys.extend(block.dataset.into_iter().zip(block.cell_id));
        }
        // Of several data sets, that which is named as the file.
        let own = keys.iter().filter(|(dataset, _)| known.is_own(dataset)).count();
        let others = if own > 0 { keys.len() - own } else { 0 };
        known.say_left_out(others);
        for key in keys {
            let taken = own == 0 || known.is_own(&key.0);
            let row = known.row(&key.1).filter(|_| taken);
            if let Some(other) = matching.add(key, row) {
                let (key, other) = (&matching.keys[matching.keys.len() - 1], &matching.keys[other]);
                return Err(Error::contract(format!("{}: cell '{}' has two results", file.name(), key.1))
                    .found(format!("of the data sets {} and {} in {shown}", other.0, key.0))
                    .help("write the results of one data set at a time"));
            }
        }
        matching.report(shown, others, file)?;
        Ok(matching)
    }

    /// Adds the next cell of the table, which is this row of the file; returns the cell that was so before.
    fn add(&mut self, key: (String, String), row: Option<usize>) -> Option<usize> {
        let other = row.and_then(|row| self.cells[row].replace(self.rows.len()));
        self.rows.push(row);
        self.keys.push(key);
        other
    }

    fn report(&self, shown: &str, others: usize, file: &H5ad) -> Result<()> {
        let (found, all) = (self.n_matched(), self.rows.len() - others);
        if found == 0 {
            return Err(Error::contract(format!("{}: none of the cells is in it", file.name()))
                .found(format!("{all} cells of other names in {shown}"))
                .wanted("cells with the names of obs")
                .help("give --into the file that the counts or tokens come from"));
        }
        if found < all {
            tracing::warn!("{} of {all} cells with a result are not in {}", all - found, file.name());
        }
        Ok(())
    }

    /// Returns the number of cells of the file.
    pub(crate) fn n_obs(&self) -> usize {
        self.cells.len()
    }

    /// Returns the number of genes of the file.
    pub(crate) fn n_vars(&self) -> usize {
        self.n_vars
    }

    /// Returns the number of cells of the table.
    pub(crate) fn n_cells(&self) -> usize {
        self.rows.len()
    }

    /// Returns the number of cells that are in both.
    pub(crate) fn n_matched(&self) -> usize {
        self.cells.iter().flatten().count()
    }

    /// Returns the row of the table of every cell of the file.
    pub(crate) fn cells(&self) -> &[Option<usize>] {
        &self.cells
    }

    /// Returns the row of the file of a cell of the table.
    pub(crate) fn row(&self, cell: usize) -> Option<usize> {
        self.rows.get(cell).copied().flatten()
    }

    /// Returns the column of the file of every gene of the table.
    pub(crate) fn columns(&self) -> &[Option<usize>] {
        &self.columns
    }

    /// Returns the column of the file of a gene.
    pub(crate) fn column(&self, gene_id: &str) -> Option<usize> {
        self.ids.get(gene_id).copied()
    }

    /// Returns, for every cell of the file, its row in another table of the same folder, by the cells' keys.
    ///
    /// # Errors
    /// Contract: the table has other cells.
    pub(crate) fn rows_in(
        &self,
        dataset: &[String],
        cell_id: &[String],
        shown: &str,
    ) -> Result<Vec<Option<usize>>> {
        let keys = || dataset.iter().zip(cell_id);
        if keys().eq(self.keys.iter().map(|(dataset, cell)| (dataset, cell))) {
            return Ok(self.cells.clone());
        }
        let rows: HashMap<(&str, &str), usize> = keys()
            .enumerate()
            .map(|(row, (dataset, cell))| ((dataset.as_str(), cell.as_str()), row))
            .collect();
        let own: Option<Vec<usize>> = self
            .keys
            .iter()
            .map(|(dataset, cell)| rows.get(&(dataset.as_str(), cell.as_str())).copied())
            .collect();
        match own {
            Some(own) if rows.len() == self.keys.len() => {
                tracing::warn!("{shown}: its cells are in another order, joined by their keys");
                Ok(self.cells.iter().map(|cell| cell.map(|cell| own[cell])).collect())
            }
            _ => Err(Error::contract(format!("{shown}: has other cells than the velocities"))
                .found(format!("{} cells", cell_id.len()))
                .wanted(format!("the {} cells of velocity.parquet", self.keys.len()))
                .help("make the folder again, or copy it whole")),
        }
    }
}
