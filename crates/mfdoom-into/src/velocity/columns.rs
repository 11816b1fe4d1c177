//! Columns of `var` (rates) and of `obs` (results per cell).

use std::collections::BTreeMap;

use mfdoom_artifact::velocity::{Kinetics, UNCERTAINTY};
use mfdoom_artifact::{ObsColumn, VelocityDir};
use mfdoom_counts::{Column, H5adUpdate};
use mfdoom_error::Result;

use super::matching::Matching;
use super::names::{CONFIDENCE, END, LATENT, LENGTH, PSEUDOTIME, ROOT, SELF_TRANSITION, UNSPLICED_FRACTION};

/// Results of cells.parquet that go to columns named after the layer.
const OF_LAYER: [&str; 4] = [CONFIDENCE, LENGTH, SELF_TRANSITION, PSEUDOTIME];
/// Results that go to columns of their own names, as scVelo calls them.
const OF_CELL: [(&str, &str); 4] = [
    (ROOT, "root_cells"),
    (END, "end_points"),
    (LATENT, "latent_time"),
    (UNSPLICED_FRACTION, UNSPLICED_FRACTION),
];

/// Writes rates, marks of velocity genes, and results per cell.
///
/// # Errors
/// Failed where the disk does.
pub fn write(update: &mut H5adUpdate, dir: &VelocityDir, matching: &Matching, names: &[&str]) -> Result<()> {
    for name in names {
        match dir.kinetics()? {
            Some(kinetics) => rates(update, &kinetics, matching, name)?,
            None => {
                let marks: Vec<Option<usize>> = matching.columns().to_vec();
                update.set_var(&format!("{name}_genes"), &marked(marks.into_iter().flatten(), matching))?;
            }
        }
    }
    let mut results = BTreeMap::new();
    if let Some(cells) = dir.cells()? {
        for name in OF_LAYER {
            if let Some(column) = cells.column(name) {
                names
                    .iter()
                    .for_each(|layer| drop(results.insert(format!("{layer}_{name}"), column.clone())));
            }
        }
        for (name, theirs) in OF_CELL {
            if let Some(column) = cells.column(name) {
                results.insert(theirs.to_owned(), column.clone());
            }
        }
    }
    let table = dir.velocities()?;
    if let Some(at) = table.schema().obs.iter().position(|field| field.name == UNCERTAINTY) {
        let column = table.read_all()?.obs.swap_remove(at);
        names.iter().for_each(|layer| drop(results.insert(format!("{layer}_{UNCERTAINTY}"), column.clone())));
    }
    for (name, column) in results {
        if let ObsColumn::Float(values) = column {
            let value = |cell: &Option<usize>| cell.and_then(|cell| values[cell]).unwrap_or(f64::NAN);
            update.set_obs(&name, &Column::Float(matching.cells().iter().map(value).collect()))?;
        }
    }
    Ok(())
}

/// Writes the columns of the rates; those of a group carry its name.
fn rates(update: &mut H5adUpdate, kinetics: &Kinetics, matching: &Matching, layer: &str) -> Result<()> {
    let chosen = kinetics.genes.iter().zip(&kinetics.velocity_gene).filter(|(_, chosen)| **chosen);
    let chosen = chosen.filter_map(|(gene, _)| matching.column(&gene.id));
    update.set_var(&format!("{layer}_genes"), &marked(chosen, matching))?;
    let mut parts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for row in 0..kinetics.len() {
        parts.entry(kinetics.groups.get(row).map_or("", String::as_str)).or_default().push(row);
    }
    for (group, rows) in parts {
        // A key of HDF5 cannot hold a slash.
        let suffix = if group.is_empty() { String::new() } else { format!("_{}", group.replace('/', "_")) };
        let mut set = |name: String, values: &[f64]| {
            let mut column = vec![f64::NAN; matching.n_vars()];
            for &row in &rows {
                if let Some(at) = matching.column(&kinetics.genes[row].id) {
                    column[at] = values[row];
                }
            }
            update.set_var(&format!("{name}{suffix}"), &Column::Float(column))
        };
        set(format!("{layer}_gamma"), &kinetics.gamma)?;
        set(format!("{layer}_r2"), &kinetics.r2)?;
        for (name, values) in &kinetics.fits {
            set(name.clone(), values)?;
        }
        if !kinetics.fits.is_empty() {
            set("fit_r2".to_owned(), &kinetics.r2)?;
        }
    }
    Ok(())
}

/// Returns the column that is true for these genes.
fn marked(columns: impl Iterator<Item = usize>, matching: &Matching) -> Column {
    let mut marks = vec![Some(false); matching.n_vars()];
    columns.for_each(|column| marks[column] = Some(true));
    Column::Bool(marks)
}
