//! Presets for common kinds of measurements (`--kind`): which modalities they have, and where those are found.

use clap::ValueEnum;
use mfdoom_counts::Source;
use mfdoom_error::{Error, Result};
use serde::Serialize;

use crate::inputs::CountsInput;
use crate::modalities::{EXPRESSION, SPLICED, UNSPLICED};
use crate::wanted::listing;

/// A common kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Genes and surface proteins: expression, protein.
    CiteSeq,
    /// Genes and open chromatin: expression, atac.
    Multiome,
    /// Spliced and unspliced counts, and their sum.
    Velocity,
}

const ATAC: &str = "atac";
/// Names of features that are looked at.
const LOOKED_AT: usize = 256;

/// Names that modalities of MuData files and matrices of obsm have, and feature types, by modality.
const KNOWN: [(&str, &[&str], &[&str]); 3] = [
    (EXPRESSION, &["rna", "gex", "expression", "counts"], &["Gene Expression"]),
    (
        "protein",
        &[
            "protein",
            "proteins",
            "proteinexpression",
            "proteincounts",
            "prot",
            "adt",
            "adts",
            "ab",
            "antibody",
            "antibodycapture",
        ],
        &["Antibody Capture", "Protein Expression", "ADT"],
    ),
    (ATAC, &["atac", "peaks", "peak", "chromatin", "ataccounts"], &["Peaks"]),
];

impl Kind {
    /// The modalities that the kind has.
    pub fn modalities(self) -> &'static [&'static str] {
        match self {
            Self::CiteSeq => &[EXPRESSION, "protein"],
            Self::Multiome => &[EXPRESSION, ATAC],
            Self::Velocity => &[SPLICED, UNSPLICED, EXPRESSION],
        }
    }

    /// The name, as the command line has it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Finds the matrices that only their names tell: modalities of a MuData file, feature types, obsm.
    pub(crate) fn named(self, file: &CountsInput) -> Vec<(String, Source)> {
        let sources = file.sources();
        let known = KNOWN.iter().filter(|(modality, ..)| self.modalities().contains(modality));
        known
            .filter_map(|(modality, names, types)| {
                let named = |name: &str| names.contains(&plain(name).as_str());
                let of_type = |source: &&Source| match source {
                    Source::Features(_, kind) => types.contains(&kind.as_str()),
                    _ => false,
                };
                let of_modality = |source: &&Source| match source.split_modality() {
                    (Some(name), Source::X) => named(name),
                    _ => false,
                };
                let of_obsm = |source: &&Source| match source {
                    Source::Obsm(key) => named(key),
                    _ => false,
                };
                let of_intervals =
                    |source: &&Source| *modality == ATAC && source.is_obsm() && has_intervals(file, source);
                let found = sources
                    .iter()
                    .find(of_type)
                    .or_else(|| sources.iter().find(of_modality))
                    .or_else(|| sources.iter().find(of_obsm))
                    .or_else(|| sources.iter().find(of_intervals))?;
                Some(((*modality).to_owned(), found.clone()))
            })
            .collect()
    }

    /// Checks that a file has something of the kind, and says what it lacks.
    ///
    /// # Errors
    /// Contract: it has none of the modalities.
    pub(crate) fn check(self, file: &CountsInput, found: &[String]) -> Result<()> {
        let wanted = self.modalities();
        let lacking = |name: &&&str| !found.iter().any(|found| found == **name);
        if wanted.iter().any(|name| !lacking(&name)) {
            for name in wanted.iter().filter(lacking) {
                tracing::warn!(
                    "{}: no {name} found, which --kind {} has; where it is there, name it: --modality {name}=SOURCE (of {})",
                    file.name,
                    self.name(),
                    listing(&file.sources())
                );
            }
            return Ok(());
        }
        Err(Error::contract(format!("{}: none of the modalities of --kind is found", file.name))
            .found(listing(&file.sources()))
            .wanted(wanted.join(", "))
            .help("name them: --modality NAME=SOURCE"))
    }
}

/// Whether most features of a matrix are intervals of a genome.
fn has_intervals(file: &CountsInput, source: &Source) -> bool {
    let Ok(names) = file.var_names_of(source) else { return false };
    let looked_at = names.len().min(LOOKED_AT);
    let n = names[..looked_at].iter().filter(|name| is_interval(name)).count();
    2 * n > looked_at
}

/// Whether a name is that of an interval: `chr1:100-200`, `chr1-100-200`, `GL000194.1_100_200`.
fn is_interval(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = name.rsplitn(3, [':', '-', '_']);
    let ends = [parts.next(), parts.next()];
    ends.iter().all(|part| part.is_some_and(is_number)) && parts.next().is_some_and(|rest| !rest.is_empty())
}

/// Letters and digits of a name, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_told_from_genes_and_numbered_columns() {
        assert!(
            ["chr1:100-200", "chr9-20788115-20788315", "GL000194.1_100_200"].into_iter().all(is_interval)
        );
        assert!(
            !["HLA-A", "X_pca_3", "CD3-1", "100-200", "chr1:100-x", "mode2_4", ""]
                .into_iter()
                .any(is_interval)
        );
    }
}
