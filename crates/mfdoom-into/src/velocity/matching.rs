//! Which row of a file is which cell of a folder, which column which gene.

use std::collections::HashMap;

use mfdoom_artifact::{GeneTableReader, VelocityDir};
use mfdoom_counts::{H5ad, Source};
use mfdoom_error::{Error, Result};

/// Cells and genes of a file and of a folder, matched by id.
#[derive(Debug)]
pub struct Matching {
    /// Row of the folder of every cell of the file, [n_obs].
    cells: Vec<Option<usize>>,
    /// Row of the file of every cell of the folder.
    rows: Vec<Option<usize>>,
    /// Column of the file of every gene of the folder, [G].
    columns: Vec<Option<usize>>,
    ids: HashMap<String, usize>,
    n_vars: usize,
}

impl Matching {
    /// Matches cells by their names and genes by their ids, else by their symbols.
    ///
    /// # Errors
    /// Contract: no cell or no gene is in both, or a name comes twice.
    pub fn new(dir: &VelocityDir, file: &H5ad) -> Result<Self> {
        Self::of(dir.velocities()?, &dir.path().display().to_string(), file)
    }

    /// As [`Matching::new`], of any table with a value per cell and gene; `shown` names it in messages. A table
    /// of no genes is matched by its cells alone.
    ///
    /// # Errors
    /// As [`Matching::new`].
    pub fn of(table: GeneTableReader, shown: &str, file: &H5ad) -> Result<Self> {
        let mut names = HashMap::new();
        for (row, name) in file.obs_names()?.into_iter().enumerate() {
            if let Some(first) = names.insert(name, row) {
                return Err(Error::contract(format!("{}: two cells have the same name", file.name()))
                    .found(format!("rows {first} and {row}"))
                    .help("make them unique: adata.obs_names_make_unique()"));
            }
        }
        let (columns, ids) = match_genes(&table, file)?;
        let mut cells = vec![None; file.n_obs()];
        let mut rows = Vec::new();
        for block in table.select(&[])? {
            for cell in block?.cell_id {
                let row = names.get(&cell).copied();
                if let Some(other) = row.and_then(|row: usize| cells[row].replace(rows.len())) {
                    return Err(Error::contract(format!("{}: cell '{cell}' has two results", file.name()))
                        .found(format!("rows {other} and {} of {shown}, of two data sets", rows.len()))
                        .help("write the results of one data set at a time"));
                }
                rows.push(row);
            }
        }
        let matching = Self { cells, rows, columns, ids, n_vars: file.n_vars() };
        matching.report(shown, file)?;
        Ok(matching)
    }

    fn report(&self, shown: &str, file: &H5ad) -> Result<()> {
        let (found, all) = (self.n_matched(), self.rows.len());
        if found == 0 {
            return Err(Error::contract(format!("{}: none of the cells is in it", file.name()))
                .found(format!("{all} cells of other names in {shown}"))
                .wanted("cells with the names of obs")
                .help("give --into the file that the counts or tokens come from"));
        }
        if found < all {
            tracing::warn!("{} of {all} cells with a result are not in {}", all - found, file.name());
        }
        let missing = self.columns.iter().filter(|column| column.is_none()).count();
        if missing > 0 {
            tracing::warn!("{missing} of {} genes are not in {}", self.columns.len(), file.name());
        }
        Ok(())
    }

    /// Returns the number of cells of the file.
    pub fn n_obs(&self) -> usize {
        self.cells.len()
    }

    /// Returns the number of genes of the file.
    pub fn n_vars(&self) -> usize {
        self.n_vars
    }

    /// Returns the number of cells that are in both.
    pub fn n_matched(&self) -> usize {
        self.cells.iter().flatten().count()
    }

    /// Returns the row of the folder of every cell of the file.
    pub fn cells(&self) -> &[Option<usize>] {
        &self.cells
    }

    /// Returns the row of the file of a cell of the folder.
    pub fn row(&self, cell: usize) -> Option<usize> {
        self.rows.get(cell).copied().flatten()
    }

    /// Returns the column of the file of every gene of the folder.
    pub fn columns(&self) -> &[Option<usize>] {
        &self.columns
    }

    /// Returns the column of the file of a gene.
    pub fn column(&self, gene_id: &str) -> Option<usize> {
        self.ids.get(gene_id).copied()
    }
}

type Columns = (Vec<Option<usize>>, HashMap<String, usize>);

/// Matches genes by id, and all by symbol where no id is known.
fn match_genes(table: &GeneTableReader, file: &H5ad) -> Result<Columns> {
    let known = mfdoom_counts::genes_of(file, &Source::X, None)?;
    let genes = &table.schema().genes;
    let by_id: HashMap<&str, usize> =
        known.iter().enumerate().map(|(column, gene)| (gene.id.as_str(), column)).collect();
    let by_symbol: HashMap<&str, usize> =
        known.iter().enumerate().map(|(column, gene)| (gene.symbol.as_str(), column)).collect();
    let ids: Vec<Option<usize>> = genes.iter().map(|gene| by_id.get(gene.id.as_str()).copied()).collect();
    let symbols =
        || genes.iter().map(|gene| by_symbol.get(gene.symbol.as_str()).copied()).collect::<Vec<_>>();
    let columns = if ids.iter().any(Option::is_some) { ids } else { symbols() };
    if !genes.is_empty() && columns.iter().all(Option::is_none) {
        let some = |list: &[mfdoom_artifact::Gene]| {
            list.iter().take(3).map(|gene| gene.id.as_str()).collect::<Vec<_>>().join(", ")
        };
        return Err(Error::contract(format!("{}: none of the genes is in it", file.name()))
            .found(some(&known))
            .wanted(some(genes))
            .help("gene ids must be of one kind: see --gene-column"));
    }
    let by_gene = genes.iter().zip(&columns).filter_map(|(gene, column)| Some((gene.id.clone(), (*column)?)));
    let by_gene = by_gene.collect();
    Ok((columns, by_gene))
}
