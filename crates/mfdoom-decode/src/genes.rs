//! Which genes are predicted.

use std::collections::HashSet;
use std::path::Path;

use mfdoom_artifact::Gene;
use mfdoom_artifact::model_dir::read_text;
use mfdoom_error::{Error, Result};

/// Returns the positions of the genes that a file names by id or symbol, in the decoder's order; of all without a
/// file.
///
/// # Errors
/// Contract: the file is not text, or names none of the genes.
pub fn chosen(genes: &[Gene], file: Option<&Path>) -> Result<Vec<usize>> {
    let Some(file) = file else { return Ok((0..genes.len()).collect()) };
    let text = read_text(file)?;
    let lines = text.trim_start_matches('\u{feff}').lines();
    let names: HashSet<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    let wanted = |gene: &Gene| names.contains(gene.id.as_str()) || names.contains(gene.symbol.as_str());
    let found: Vec<usize> = (0..genes.len()).filter(|i| wanted(&genes[*i])).collect();
    if found.is_empty() {
        let some: Vec<&str> = genes.iter().take(3).map(|gene| gene.id.as_str()).collect();
        return Err(Error::contract(format!("{}: the decoder has none of these genes", file.display()))
            .found(format!("{} names", names.len()))
            .wanted(format!("ids or symbols such as {}", some.join(", "))));
    }
    tracing::info!("{} of {} genes of {} are predicted", found.len(), names.len(), file.display());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genes_are_named_by_id_or_symbol() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("genes.txt");
        std::fs::write(&file, "\u{feff}g3\nIns1 \n\nunknown\n").unwrap();
        let genes = [Gene::new("g1", "Gcg"), Gene::new("g2", "Ins1"), Gene::new("g3", "Sst")];
        assert_eq!(chosen(&genes, Some(&file)).unwrap(), [1, 2]);
        assert_eq!(chosen(&genes, None).unwrap(), [0, 1, 2]);
        std::fs::write(&file, "nothing\n").unwrap();
        assert_eq!(chosen(&genes, Some(&file)).unwrap_err().exit_code(), 3);
    }
}
