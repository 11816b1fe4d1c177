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
    ("atac", &["atac", "peaks", "peak", "chromatin", "ataccounts"], &["Peaks"]),
];

impl Kind {
    /// The modalities that the kind has.
    pub fn modalities(self) -> &'static [&'static str] {
        match self {
            Self::CiteSeq => &[EXPRESSION, "protein"],
            Self::Multiome => &[EXPRESSION, "atac"],
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
                let found = sources
                    .iter()
                    .find(of_type)
                    .or_else(|| sources.iter().find(of_modality))
                    .or_else(|| sources.iter().find(of_obsm))?;
                Some(((*modality).to_owned(), found.clone()))
            })
            .collect()
    }

    /// Checks that a file has something of the kind.
    ///
    /// # Errors
    /// Contract: it has none of the modalities.
    pub(crate) fn check(self, file: &CountsInput, found: &[String]) -> Result<()> {
        let wanted = self.modalities();
        if wanted.iter().any(|name| found.iter().any(|found| found == name)) {
            return Ok(());
        }
        Err(Error::contract(format!("{}: none of the modalities of --kind is found", file.name))
            .found(listing(&file.sources()))
            .wanted(wanted.join(", "))
            .help("name them: --modality NAME=SOURCE"))
    }
}

/// Letters and digits of a name, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
