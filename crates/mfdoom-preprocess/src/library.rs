//! Library sizes: counted over all genes of a file, or the true ones from an obs column.

use std::collections::BTreeMap;
use std::ops::Range;

use mfdoom_cli::Assignment;
use mfdoom_counts::{Source, library_sizes};
use mfdoom_error::{Error, Result};

use crate::inputs::Counted;
use crate::modalities::{EXPRESSION, Modalities, SPLICED, UNSPLICED};

/// Below this many genes a file of RNA most likely holds a subset of them.
const FEW_GENES: usize = 5000;
/// Rows whose totals are compared with a column.
const PROBED: usize = 256;

/// Where the library sizes of each modality of a file come from; a modality that is not here is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libraries(BTreeMap<String, Vec<String>>);

impl Libraries {
    /// Takes the columns that `--library-size` names and the file has; the sum of two for a total expression.
    ///
    /// # Errors
    /// Usage: a modality is named twice.
    pub fn new(file: &Counted, modalities: &Modalities, assignments: &[Assignment]) -> Result<Self> {
        let columns = file.obs_columns();
        let names = modalities.names();
        let mut libraries = BTreeMap::new();
        for (i, Assignment { name, value }) in assignments.iter().enumerate() {
            if assignments[..i].iter().any(|earlier| earlier.name == *name) {
                return Err(Error::usage(format!("--library-size {name}= is given twice")));
            }
            if names.contains(name) && columns.contains(value) {
                libraries.insert(name.clone(), vec![value.clone()]);
            }
        }
        if let (true, Some(s), Some(u)) = (modalities.total, libraries.get(SPLICED), libraries.get(UNSPLICED))
        {
            let both = [s.as_slice(), u.as_slice()].concat();
            libraries.entry(EXPRESSION.to_owned()).or_insert(both);
        }
        Ok(Self(libraries))
    }

    /// Returns the library sizes of a range of cells, where they come from columns.
    ///
    /// # Errors
    /// Contract: the column does not hold totals.
    pub fn read(&self, file: &Counted, modality: &str, rows: Range<usize>) -> Result<Option<Vec<f64>>> {
        let Some(columns) = self.0.get(modality) else { return Ok(None) };
        let mut sizes = vec![0.0; rows.len()];
        for name in columns {
            let values = library_sizes(file, name, rows.clone())?;
            sizes.iter_mut().zip(values).for_each(|(size, value)| *size += value);
        }
        Ok(Some(sizes))
    }

    /// Returns the columns taken, for the log and the manifest.
    pub fn describe(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, columns)| (name.clone(), columns.join(" + "))).collect()
    }

    /// Warns where counted library sizes are most likely those of a subset of the genes.
    pub fn warn(&self, file: &Counted, modalities: &Modalities) -> Result<()> {
        for name in [SPLICED, UNSPLICED, EXPRESSION].into_iter().filter(|name| !self.0.contains_key(*name)) {
            let Some(source) = modalities.matrices.get(name) else { continue };
            match subset(file, name, source)? {
                Subset::No => {}
                Subset::Column(column) => tracing::warn!(
                    "{}: '{column}' in obs is larger than the totals of {name}, whose genes are a subset: \
                     pass --library-size {name}={column}",
                    file.name
                ),
                Subset::FewGenes(n) => tracing::warn!(
                    "{}: {name} has {n} genes; if they are a subset, its library sizes are too small and \
                     log_normalized is not comparable with other files: pass --library-size {name}=OBS_COLUMN",
                    file.name
                ),
            }
        }
        Ok(())
    }
}

enum Subset {
    No,
    Column(String),
    FewGenes(usize),
}

/// Compares the totals of the first rows with a column that looks like library sizes.
fn subset(file: &Counted, modality: &str, source: &Source) -> Result<Subset> {
    let mut matrix = file.matrix(source)?;
    let rows = 0..matrix.n_rows().min(PROBED);
    let counted: f64 = matrix.read_rows(rows.clone())?.values.iter().map(|value| f64::from(*value)).sum();
    for column in file.obs_columns().into_iter().filter(|column| looks_like_size(column, modality)) {
        if let Ok(sizes) = library_sizes(file, &column, rows.clone()) {
            let larger = sizes.iter().sum::<f64>() > 1.02 * counted;
            return Ok(if larger { Subset::Column(column) } else { Subset::No });
        }
    }
    Ok(if matrix.n_cols() < FEW_GENES { Subset::FewGenes(matrix.n_cols()) } else { Subset::No })
}

/// Returns whether an obs column is named like the library sizes of a modality.
fn looks_like_size(column: &str, modality: &str) -> bool {
    let name: String = column.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let size = ["ncount", "initialsize", "totalcount", "totalumi", "librarysize", "numi"];
    let unspliced = name.contains(UNSPLICED);
    let of_modality = match modality {
        SPLICED => name.contains(SPLICED) && !unspliced,
        UNSPLICED => unspliced,
        _ => !name.contains(SPLICED),
    };
    of_modality && size.iter().any(|part| name.contains(part))
}

/// Checks that every column of `--library-size` is used by some file.
///
/// # Errors
/// Contract: no file has both the modality and the column.
pub fn check_used(assignments: &[Assignment], files: &[(String, &Modalities, &Libraries)]) -> Result<()> {
    for Assignment { name, value } in assignments {
        let with_modality = files.iter().filter(|(_, modalities, _)| modalities.names().contains(name));
        let (used, lacking): (Vec<_>, Vec<_>) = with_modality.partition(|(_, _, l)| l.0.contains_key(name));
        if used.is_empty() {
            return Err(Error::contract(format!("no input has both {name} and an obs column '{value}'"))
                .help("see the columns of obs, or leave --library-size out to count"));
        }
        for (file, _, _) in lacking {
            tracing::warn!("{file}: no obs column '{value}': library sizes of {name} are counted");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_columns_of_library_sizes() {
        assert!(looks_like_size("nCount.spliced", SPLICED));
        assert!(!looks_like_size("nCount.unspliced", SPLICED));
        assert!(looks_like_size("initial_size_unspliced", UNSPLICED));
        assert!(looks_like_size("total_counts", EXPRESSION) && looks_like_size("nCount_RNA", EXPRESSION));
        assert!(!looks_like_size("n_counts", SPLICED) && !looks_like_size("nCount.spliced", EXPRESSION));
        assert!(!looks_like_size("n_genes", EXPRESSION));
    }
}
