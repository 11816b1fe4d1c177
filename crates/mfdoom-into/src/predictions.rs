//! Predictions of a decoder added to an AnnData file: layers `mfdoom_<modality>`, `obs/mfdoom_predicted` and
//! `obs/mfdoom_probability`.

use std::path::Path;

use mfdoom_artifact::gene_table::{PREDICTED, PREDICTIONS_FORMAT, PROBABILITY};
use mfdoom_artifact::{GeneTableReader, Input, ObsColumn};
use mfdoom_counts::{Column, H5ad, H5adUpdate};
use mfdoom_error::Result;

use crate::velocity::layers::{layer, matrix};
use crate::velocity::matching::Matching;

/// Adds a table of predictions to an AnnData file, in one rename.
///
/// # Errors
/// Contract: not an AnnData file, or none of the cells or genes is in it.
pub fn add(table: &Path, path: &Path) -> Result<()> {
    let open = || GeneTableReader::open(&Input::Path(table.to_owned()), PREDICTIONS_FORMAT);
    let file = H5ad::open(path)?;
    let matching = Matching::of(open()?, &table.display().to_string(), &file)?;
    drop(file);
    let mut update = H5adUpdate::open(path)?;
    let schema = open()?.schema().clone();
    for name in &schema.matrices {
        layer(&mut update, &format!("mfdoom_{name}"), &matrix(open()?, name)?, &matching)?;
    }
    let labels = schema.obs.iter().filter(|field| [PREDICTED, PROBABILITY].contains(&field.name.as_str()));
    if labels.count() > 0 {
        let all = open()?.read_all()?;
        for (field, column) in schema.obs.iter().zip(&all.obs) {
            let column = in_order(column, &matching);
            if let Some(column) = column.filter(|_| [PREDICTED, PROBABILITY].contains(&field.name.as_str())) {
                update.set_obs(&format!("mfdoom_{}", field.name), &column)?;
            }
        }
    }
    update.commit()?;
    tracing::info!(
        "{}: {} of {} cells have a prediction now",
        path.display(),
        matching.n_matched(),
        matching.n_obs()
    );
    Ok(())
}

/// Returns a column in the order of the file's cells.
fn in_order(column: &ObsColumn, matching: &Matching) -> Option<Column> {
    let rows = matching.cells();
    match column {
        ObsColumn::String(values) => {
            let of = |row: &Option<usize>| row.and_then(|row| values[row].clone());
            Some(Column::String(rows.iter().map(of).collect()))
        }
        ObsColumn::Float(values) => {
            let of = |row: &Option<usize>| row.and_then(|row| values[row]).unwrap_or(f64::NAN);
            Some(Column::Float(rows.iter().map(of).collect()))
        }
        _ => None,
    }
}
