//! Library sizes: counted over all genes of a file, or the true ones from an obs column.

use std::collections::BTreeMap;
use std::ops::Range;

use mfdoom_cli::Assignment;
use mfdoom_counts::{find_library_sizes, library_sizes};
use mfdoom_error::{Error, Result};

use crate::inputs::CountsInput;
use crate::modalities::{EXPRESSION, Modalities, SPLICED, UNSPLICED};
use crate::plan::FilePlan;

/// Below this many genes a file of RNA most likely holds a subset of them.
const FEW_GENES: usize = 5000;
/// The column of `--library-size NAME=none`.
const NONE: &str = "none";

/// Where the library sizes of each modality of a file come from; a modality that is not here is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libraries(BTreeMap<String, Taken>);

/// Columns whose sum is the library size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Taken {
    columns: Vec<String>,
    /// Found by itself: where it is below what the row adds up to, the row counts.
    found: bool,
}

impl Libraries {
    /// Takes the columns that `--library-size` names and the file has, else those that a file tells it by; the sum of
    /// two for a total expression.
    ///
    /// # Errors
    /// Contract: a column cannot be read.
    pub fn new(file: &CountsInput, modalities: &Modalities, assignments: &[Assignment]) -> Result<Self> {
        let columns = file.obs_columns();
        let mut libraries = BTreeMap::new();
        for name in modalities.names() {
            if let Some(given) = assignments.iter().find(|assignment| assignment.name == name) {
                if columns.contains(&given.value) {
                    libraries.insert(name, Taken { columns: vec![given.value.clone()], found: false });
                }
            } else if let Some(source) = modalities.matrices.get(&name)
                && let Some(column) = find_library_sizes(&**file, &name, source)?
            {
                tracing::info!(
                    "{}: library sizes of {name} = obs column '{column}', above the sums of its rows;                      --library-size {name}={NONE} counts them",
                    file.name
                );
                libraries.insert(name, Taken { columns: vec![column], found: true });
            }
        }
        if let (true, Some(s), Some(u)) = (modalities.total, libraries.get(SPLICED), libraries.get(UNSPLICED))
        {
            let columns = [s.columns.as_slice(), u.columns.as_slice()].concat();
            let both = Taken { columns, found: s.found || u.found };
            libraries.entry(EXPRESSION.to_owned()).or_insert(both);
        }
        Ok(Self(libraries))
    }

    /// Puts library sizes that come from columns in place of those that were counted; `rows` are
    /// a range of the file and which rows of it are kept.
    ///
    /// # Errors
    /// Contract: the column does not hold totals.
    pub fn replace(
        &self,
        file: &CountsInput,
        modality: &str,
        rows: (Range<usize>, &[usize]),
        counted: &mut [f64],
    ) -> Result<()> {
        let (rows, kept) = rows;
        let Some(Taken { columns, found }) = self.0.get(modality) else { return Ok(()) };
        let mut sizes = vec![0.0; rows.len()];
        for name in columns {
            let values = library_sizes(&**file, name, rows.clone())?;
            sizes.iter_mut().zip(values).for_each(|(size, value)| *size += value);
        }
        for (to, row) in counted.iter_mut().zip(kept) {
            *to = if *found { sizes[*row].max(*to) } else { sizes[*row] };
        }
        Ok(())
    }

    /// Returns the columns taken, for the log and the manifest.
    pub fn describe(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, taken)| (name.clone(), taken.columns.join(" + "))).collect()
    }
}

/// Warns once of all files whose counted library sizes are most likely those of a subset of the genes.
pub fn warn_of_few_genes(files: &[FilePlan]) {
    let few = |file: &&FilePlan| {
        [SPLICED, UNSPLICED, EXPRESSION].iter().any(|name| {
            let counted =
                !file.libraries.0.contains_key(*name) && file.modalities.matrices.contains_key(*name);
            counted && file.genes.get(*name).is_some_and(|genes| genes.len() < FEW_GENES)
        })
    };
    let found: Vec<String> = files
        .iter()
        .filter(few)
        .map(|file| format!("{} ({} genes)", file.input.path().display(), file.n_vars))
        .collect();
    if let Some(first) = found.first() {
        let more =
            if found.len() > 1 { format!(" and {} more files", found.len() - 1) } else { String::new() };
        tracing::warn!(
            "{first}{more}: few genes; if they are a subset, pass the true library sizes (--library-size \
             NAME=OBS_COLUMN), otherwise nothing is wrong"
        );
    }
}

/// Checks that every column of `--library-size` is used by some file.
///
/// # Errors
/// Contract: no file has both the modality and the column.
pub fn check_used(assignments: &[Assignment], files: &[FilePlan]) -> Result<()> {
    for Assignment { name, value } in assignments.iter().filter(|assignment| assignment.value != NONE) {
        let with_modality = files.iter().filter(|file| file.modalities.names().contains(name));
        let (used, lacking): (Vec<_>, Vec<_>) =
            with_modality.partition(|file| file.libraries.0.contains_key(name));
        if used.is_empty() {
            return Err(Error::contract(format!("no input has both {name} and an obs column '{value}'"))
                .help("see the columns of obs, or leave --library-size out to count"));
        }
        for file in lacking {
            let file = file.input.path().display();
            tracing::warn!("{file}: no obs column '{value}': library sizes of {name} are counted");
        }
    }
    Ok(())
}
