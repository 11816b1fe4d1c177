//! Columns of `var` (rates) and of `obs` (results per cell).

use std::collections::{BTreeMap, BTreeSet};

use mfdoom_artifact::velocity::names::{
    CONFIDENCE, END, LATENT, LENGTH, PSEUDOTIME, ROOT, SELF_TRANSITION, UNSPLICED_FRACTION,
};
use mfdoom_artifact::velocity::{CELLS_FILE, Kinetics, UNCERTAINTY};
use mfdoom_artifact::{Column, VelocityDir};
use mfdoom_counts::H5adUpdate;
use mfdoom_error::Result;

use crate::matching::Matching;

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
pub(super) fn write(
    update: &mut H5adUpdate,
    dir: &VelocityDir,
    matching: &Matching,
    names: &[&str],
) -> Result<()> {
    for name in names {
        match dir.kinetics()? {
            Some(kinetics) => rates(update, &kinetics, matching, name)?,
            None => {
                let marks: Vec<Option<usize>> = matching.columns().to_vec();
                update.set_var(&format!("{name}_genes"), &marked(marks.into_iter().flatten(), matching))?;
            }
        }
    }
    for (name, column) in results(dir, matching, names)? {
        update.set_obs(&name, &column)?;
    }
    Ok(())
}

/// Returns the results per cell under their names in `obs`, in the order of the file.
fn results(dir: &VelocityDir, matching: &Matching, names: &[&str]) -> Result<BTreeMap<String, Column>> {
    let mut results = BTreeMap::new();
    if let Some(cells) = dir.cells()? {
        let shown = dir.path().join(CELLS_FILE).display().to_string();
        let rows = matching.rows_in(&cells.dataset, &cells.cell_id, &shown)?;
        let ordered = |name: &str| cells.column(name).map(|column| column.take_or_missing(&rows));
        for name in OF_LAYER {
            if let Some(column) = ordered(name) {
                names
                    .iter()
                    .for_each(|layer| drop(results.insert(format!("{layer}_{name}"), column.clone())));
            }
        }
        for (name, theirs) in OF_CELL {
            results.extend(ordered(name).map(|column| (theirs.to_owned(), column)));
        }
    }
    let table = dir.velocities()?;
    if let Some(at) = table.schema().obs.iter().position(|field| field.name == UNCERTAINTY) {
        let column = table.read_all()?.obs.swap_remove(at).take_or_missing(matching.cells());
        names.iter().for_each(|layer| drop(results.insert(format!("{layer}_{UNCERTAINTY}"), column.clone())));
    }
    Ok(results)
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
    let suffixes = suffixes(parts.keys().copied());
    for ((_, rows), suffix) in parts.iter().zip(suffixes) {
        let mut set = |name: String, values: &[f64]| {
            let mut column = vec![f64::NAN; matching.n_vars()];
            for &row in rows {
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

/// Returns what the columns of each group end in: its name. A key of HDF5 cannot hold a slash, so `T/NK` becomes
/// `T_NK`, and `T_NK_2` where there is a group of that name too.
fn suffixes<'a>(groups: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let mut taken: BTreeSet<String> =
        groups.clone().filter(|group| !group.contains('/')).map(str::to_owned).collect();
    let suffix = |group: &str| {
        if group.is_empty() {
            return String::new();
        }
        if !group.contains('/') {
            return format!("_{group}");
        }
        let plain = group.replace('/', "_");
        let numbered = (2..).map(|n| format!("{plain}_{n}"));
        let free = std::iter::once(plain.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        let free = free.unwrap_or(plain);
        tracing::info!("the columns of group '{group}' end in '_{free}'");
        format!("_{free}")
    };
    groups.map(suffix).collect()
}

/// Returns the column that is true for these genes.
fn marked(columns: impl Iterator<Item = usize>, matching: &Matching) -> Column {
    let mut marks = vec![Some(false); matching.n_vars()];
    columns.for_each(|column| marks[column] = Some(true));
    Column::Bool(marks)
}

#[cfg(test)]
mod tests {
    use super::suffixes;

    #[test]
    fn no_group_takes_the_columns_of_another() {
        let groups = ["", "B", "T/N/K", "T/N_K", "T/NK", "T_NK", "T_NK_2"];
        let found = suffixes(groups.into_iter());
        assert_eq!(found, ["", "_B", "_T_N_K", "_T_N_K_2", "_T_NK_3", "_T_NK", "_T_NK_2"]);
    }
}
