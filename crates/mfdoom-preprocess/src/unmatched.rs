//! The table of what did not match (`--unmatched`): genes and cells, a line each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use mfdoom_artifact::{Output, OutputFile};
use mfdoom_error::{Error, Result};
use mfdoom_tokens::Gene;

use crate::job::GeneChoice;
use crate::plan::{FilePlan, Plan};
use crate::vocabulary::Genes;

const HEADER: [&str; 7] = ["kind", "dataset", "modality", "id", "symbol", "file", "missing_in"];
/// What lacks the genes of an input that `--vocab` does not have.
const VOCABULARY: &str = "vocabulary";

/// Writes the table; the caller publishes it when the run has succeeded.
///
/// # Errors
/// Failed: it cannot be written.
pub(crate) fn write(output: &Output, plan: &Plan, genes: &Genes) -> Result<OutputFile> {
    let mut table = Table { file: OutputFile::create(output)?, n: BTreeMap::new() };
    table.line(HEADER.map(str::to_owned))?;
    let mut told = BTreeSet::new();
    for file in &plan.files {
        if matches!(plan.job.genes, GeneChoice::Given(_)) {
            table.genes_of(file, genes)?;
        }
        // Files of one data set measured the same genes.
        if told.insert(&file.input.dataset) {
            table.genes_lacked(file, genes)?;
        }
        for cell in &file.unmatched {
            let dataset = file.input.dataset.clone();
            let names = [cell.cell.clone(), String::new(), cell.file.clone(), cell.missing_in.clone()];
            table.entry("cell", dataset, String::new(), names)?;
        }
    }
    let counts: Vec<String> = table.n.iter().map(|(kind, n)| format!("{n} {kind}s")).collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    tracing::info!("{output}: {counts} without a counterpart");
    Ok(table.file)
}

struct Table {
    file: OutputFile,
    /// Lines of each kind.
    n: BTreeMap<&'static str, usize>,
}

impl Table {
    fn line(&mut self, fields: [String; 7]) -> Result<()> {
        let plain = |field: String| field.replace(char::is_control, " ");
        let line = fields.map(plain).join("\t");
        writeln!(self.file, "{line}")
            .map_err(|error| Error::failed("--unmatched could not be written").found(error.to_string()))
    }

    /// Appends what is missing: id, symbol, the file that has it, what lacks it.
    fn entry(
        &mut self,
        kind: &'static str,
        dataset: String,
        modality: String,
        names: [String; 4],
    ) -> Result<()> {
        *self.n.entry(kind).or_default() += 1;
        let [id, symbol, file, missing_in] = names;
        self.line([kind.to_owned(), dataset, modality, id, symbol, file, missing_in])
    }

    /// Genes of a file that the vocabulary lacks.
    fn genes_of(&mut self, file: &FilePlan, genes: &Genes) -> Result<()> {
        for (modality, list) in &file.genes {
            let mut seen = BTreeSet::new();
            let lacking = |gene: &&Gene| !gene.id.is_empty() && genes.vocabulary.lookup(&gene.id).is_none();
            for gene in list.iter().filter(lacking).filter(|gene| seen.insert(gene.id.as_str())) {
                let at = file.input.path().display().to_string();
                let names = [gene.id.clone(), gene.symbol.clone(), at, VOCABULARY.to_owned()];
                self.entry("gene", file.input.dataset.clone(), modality.clone(), names)?;
            }
        }
        Ok(())
    }

    /// Genes of the vocabulary that no modality of a data set has.
    fn genes_lacked(&mut self, file: &FilePlan, genes: &Genes) -> Result<()> {
        let dataset = &file.input.dataset;
        let of_dataset = genes.measured.iter().filter(|(name, ..)| name == dataset);
        let there: BTreeSet<u32> = of_dataset.flat_map(|(_, _, tokens)| tokens.iter().copied()).collect();
        for (_, gene) in (1..).zip(genes.vocabulary.genes()).filter(|(token, _)| !there.contains(token)) {
            let at = file.input.path().display().to_string();
            let names = [gene.id.clone(), gene.symbol.clone(), VOCABULARY.to_owned(), at];
            self.entry("gene", dataset.clone(), String::new(), names)?;
        }
        Ok(())
    }
}
