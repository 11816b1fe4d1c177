//! Velocities of the cells that a model learns from.

use std::collections::HashMap;
use std::path::Path;

use mfdoom_artifact::velocity::{VELOCITY, open_velocities};
use mfdoom_artifact::{InputId, sha256_file};
use mfdoom_error::{Error, Result};
use mfdoom_train::TrainingCells;

/// Returns what a folder or table of velocities is, for the manifest.
///
/// # Errors
/// Those of opening it.
pub(crate) fn id(path: &Path) -> Result<InputId> {
    let reader = open_velocities(path)?;
    let mut id = reader.schema().manifest.as_input(path);
    if reader.schema().format.is_empty() {
        id.content_id = sha256_file(path)?; // a table of others
    }
    Ok(id)
}

/// Returns the velocity of each cell that a folder or table has, over its genes. A gene without a velocity counts as one that
/// stands still.
///
/// # Errors
/// Contract: the table is damaged, a cell stands in it twice, a value is infinite, or no cell is among those to learn from.
pub(crate) fn read(path: &Path, cells: &TrainingCells) -> Result<Vec<Option<Vec<f32>>>> {
    let reader = open_velocities(path)?.select(&[VELOCITY])?;
    let (name, width) = (reader.name().to_owned(), reader.schema().genes.len());
    let row = |cell: usize| Some(((cells.dataset(cell), cells.id(cell)?), cell));
    let rows: HashMap<(&str, &str), usize> = (0..cells.len()).filter_map(row).collect();
    let mut found = vec![None; cells.len()];
    for block in reader {
        let block = block?;
        for (i, (dataset, cell_id)) in block.dataset.iter().zip(&block.cell_id).enumerate() {
            let Some(&cell) = rows.get(&(dataset.as_str(), cell_id.as_str())) else { continue };
            let values = &block.matrices[0][i * width..(i + 1) * width];
            let place = || format!("dataset {dataset:?}, cell {cell_id:?}");
            if values.iter().any(|value| value.is_infinite()) {
                return Err(Error::contract(format!("{name}: a velocity is infinite")).found(place()));
            }
            let still = |value: &f32| if value.is_nan() { 0.0 } else { *value };
            if found[cell].replace(values.iter().map(still).collect()).is_some() {
                return Err(Error::contract(format!("{name}: a cell stands there twice")).found(place()));
            }
        }
    }
    match found.iter().any(Option::is_some) {
        true => Ok(found),
        false => Err(Error::contract(format!("{name}: no cell is among those to learn from"))
            .wanted("velocities of cells of the token tables")
            .help("mfdoom-velocity fit on the files that the tokens were made from")),
    }
}
