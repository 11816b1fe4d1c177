//! Layers: velocities and moments, NaN where a cell or gene has none.

use mfdoom_artifact::velocity::{MOMENTS_FILE, MS, MU, VELOCITY};
use mfdoom_artifact::{GeneTableReader, VelocityDir};
use mfdoom_counts::{H5adUpdate, MatrixKind, Source};
use mfdoom_error::{Error, Result};

use crate::matching::Matching;

/// Values of a block of rows.
const BLOCK_VALUES: usize = 1 << 20;

/// Writes the velocities under every name of `names`, and Ms and Mu of a fit.
///
/// # Errors
/// Contract: moments of other cells or genes. Failed where the disk does.
pub(super) fn write(
    update: &mut H5adUpdate,
    dir: &VelocityDir,
    matching: &Matching,
    names: &[&str],
) -> Result<()> {
    let table = dir.velocities()?;
    let genes = table.schema().genes.clone();
    let (_, values) = matrix(table, VELOCITY)?;
    for name in names {
        Layer { values: &values, rows: matching.cells(), matching }.write(update, name)?;
    }
    drop(values);
    // Both moments stand in one table, whose cells are joined, and spoken of, once.
    let mut joined: Option<Vec<Option<usize>>> = None;
    for name in [MS, MU] {
        let Some(table) = dir.moments()? else { continue };
        let shown = dir.path().join(MOMENTS_FILE).display().to_string();
        if table.schema().genes != genes {
            return Err(Error::contract(format!("{shown}: has other genes than the velocities"))
                .help("make the folder again, or copy it whole"));
        }
        let (keys, values) = matrix(table, name)?;
        let rows = match joined.take() {
            Some(rows) => rows,
            None => matching.rows_in(&keys.0, &keys.1, &shown)?,
        };
        Layer { values: &values, rows: &rows, matching }.write(update, name)?;
        joined = Some(rows);
    }
    Ok(())
}

/// Data sets and ids of the cells of a table.
type Keys = (Vec<String>, Vec<String>);

/// Reads one matrix of cells by genes, and its cells.
pub(crate) fn matrix(table: GeneTableReader, name: &str) -> Result<(Keys, Vec<f32>)> {
    let all = table.select(&[name])?.read_all()?;
    Ok(((all.dataset, all.cell_id), all.matrices.into_iter().next().unwrap_or_default()))
}

/// Values of the cells and genes of a table, to be written in the order of a file.
pub(crate) struct Layer<'a> {
    /// Cells by genes of the table, row by row.
    pub(crate) values: &'a [f32],
    /// Row in `values` of every cell of the file.
    pub(crate) rows: &'a [Option<usize>],
    /// Columns of the genes.
    pub(crate) matching: &'a Matching,
}

impl Layer<'_> {
    /// Writes the layer `name`.
    pub(crate) fn write(&self, update: &mut H5adUpdate, name: &str) -> Result<()> {
        let source = Source::Layer(name.to_owned());
        update.begin(&source, MatrixKind::Dense, 0)?;
        let columns = self.matching.columns();
        let (n_vars, n_genes) = (self.matching.n_vars(), columns.len());
        let step = (BLOCK_VALUES / n_vars.max(1)).max(1);
        for block in self.rows.chunks(step) {
            let mut rows = vec![f32::NAN; block.len() * n_vars];
            for (row, cell) in rows.chunks_exact_mut(n_vars.max(1)).zip(block) {
                let Some(cell) = cell else { continue };
                let found = &self.values[cell * n_genes..(cell + 1) * n_genes];
                for (&value, column) in found.iter().zip(columns) {
                    if let Some(column) = column {
                        row[*column] = value;
                    }
                }
            }
            update.append_dense(&source, &rows)?;
        }
        Ok(())
    }
}
