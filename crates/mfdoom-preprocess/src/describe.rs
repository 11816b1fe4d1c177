//! Says what a file is and holds: what `--check` is for.

use mfdoom_counts::{CountRule, CountsFile, Listed};
use mfdoom_error::Result;

use crate::inputs::CountsInput;

/// Names that are shown of many.
const SHOWN: usize = 8;

/// Logs format, cells, annotation and every matrix of a file.
///
/// # Errors
/// Contract: what is there cannot be read.
pub(crate) fn log(file: &CountsInput, counts: CountRule) -> Result<()> {
    let name = &file.name;
    let cells = file.obs_names_in(0..file.n_obs().min(3))?;
    tracing::info!("{name}: {}; {} cells: {}", file.format(), file.n_obs(), some(&cells, file.n_obs()));
    let columns = file.obs_columns();
    tracing::info!("{name}: obs: {}", some(&columns[..columns.len().min(SHOWN)], columns.len()));
    for listed in file.matrices() {
        tracing::info!("{name}: {}: {}", listed.source, matrix(&**file, &listed, counts)?);
    }
    Ok(())
}

fn matrix(file: &dyn CountsFile, listed: &Listed, counts: CountRule) -> Result<String> {
    let source = &listed.source;
    if let Some(form) = &listed.unread {
        return Ok(format!("cannot be read: {form}"));
    }
    let look = match counts.look(file, source) {
        Ok(look) => look,
        Err(error) => return Ok(format!("cannot be read: {}", error.summary())),
    };
    let names = file.var_names_of(source)?;
    let first: Vec<String> = names.iter().take(3).cloned().collect();
    let mut matrix = file.matrix(source)?;
    let measured = match matrix.present(0..file.n_obs())? {
        Some(present) => {
            format!(", measured in {} cells", present.iter().filter(|present| **present).count())
        }
        None => String::new(),
    };
    Ok(format!("{look}; {} features: {}{measured}", names.len(), some(&first, names.len())))
}

/// The first names, and how many more there are.
fn some(names: &[String], n: usize) -> String {
    match n.saturating_sub(names.len()) {
        _ if n == 0 => "none".to_owned(),
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
