//! Layers: velocities and moments, NaN where a cell or gene has none.

use mfdoom_artifact::velocity::{MS, MU, VELOCITY};
use mfdoom_artifact::{GeneTableReader, VelocityDir};
use mfdoom_counts::{H5adUpdate, MatrixKind, Source};
use mfdoom_error::Result;

use super::matching::Matching;

/// Values of a block of rows.
const BLOCK_VALUES: usize = 1 << 20;

/// Writes the velocities under every name of `names`, and Ms and Mu of a fit.
///
/// # Errors
/// Failed where the disk does.
pub fn write(update: &mut H5adUpdate, dir: &VelocityDir, matching: &Matching, names: &[&str]) -> Result<()> {
    let values = matrix(dir.velocities()?, VELOCITY)?;
    for name in names {
        layer(update, name, &values, matching)?;
    }
    for name in [MS, MU] {
        if let Some(table) = dir.moments()? {
            layer(update, name, &matrix(table, name)?, matching)?;
        }
    }
    Ok(())
}

/// Reads one matrix of cells by genes.
pub(crate) fn matrix(table: GeneTableReader, name: &str) -> Result<Vec<f32>> {
    Ok(table.select(&[name])?.read_all()?.matrices.into_iter().next().unwrap_or_default())
}

/// Writes one layer in the order of the file.
pub(crate) fn layer(update: &mut H5adUpdate, name: &str, values: &[f32], matching: &Matching) -> Result<()> {
    let source = Source::Layer(name.to_owned());
    update.begin(&source, MatrixKind::Dense, 0)?;
    let (n_vars, n_genes) = (matching.n_vars(), matching.columns().len());
    let step = (BLOCK_VALUES / n_vars.max(1)).max(1);
    for block in matching.cells().chunks(step) {
        let mut rows = vec![f32::NAN; block.len() * n_vars];
        for (row, cell) in rows.chunks_exact_mut(n_vars.max(1)).zip(block) {
            let Some(cell) = cell else { continue };
            let found = &values[cell * n_genes..(cell + 1) * n_genes];
            for (&value, column) in found.iter().zip(matching.columns()) {
                if let Some(column) = column {
                    row[*column] = value;
                }
            }
        }
        update.append_dense(&source, &rows)?;
    }
    Ok(())
}
