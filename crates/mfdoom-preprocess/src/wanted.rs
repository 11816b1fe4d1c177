//! What `--modality` says, and what feature types are called.

use std::collections::{BTreeMap, BTreeSet};

use mfdoom_cli::Assignment;
use mfdoom_counts::Source;
use mfdoom_error::{Error, Result};
use mfdoom_tokens::check_modality_name;

use crate::genes;
use crate::inputs::CountsInput;

/// The source of `--modality NAME=none`.
const NONE: &str = "none";
/// The feature type of genes.
pub(crate) const GENES: &str = "Gene Expression";

/// What `--modality` says.
pub(crate) struct Wanted {
    /// The matrix of each modality that is named.
    pub(crate) matrices: BTreeMap<String, Source>,
    left_out: BTreeSet<String>,
}

impl Wanted {
    /// Finds the matrices that are named in a file.
    ///
    /// # Errors
    /// Usage: a name that is reserved, or given twice. Contract: no such matrix.
    pub(crate) fn new(file: &CountsInput, named: &[Assignment]) -> Result<Self> {
        let mut wanted = Self { matrices: BTreeMap::new(), left_out: BTreeSet::new() };
        for assignment in named {
            let name = &assignment.name;
            check_modality_name(name).map_err(|error| error.context(format!("--modality {name}=")))?;
            if named.iter().filter(|other| other.name == *name).count() > 1 {
                return Err(Error::usage(format!("--modality {name}= is given twice")));
            }
            if assignment.value == NONE {
                wanted.left_out.insert(name.clone());
            } else {
                wanted.matrices.insert(name.clone(), source(file, name, &assignment.value)?);
            }
        }
        Ok(wanted)
    }

    /// Adds matrices of modalities that are not named.
    pub(crate) fn add(&mut self, found: Vec<(String, Source)>) {
        for (name, source) in found {
            if !self.names(&name) {
                self.matrices.insert(name, source);
            }
        }
    }

    /// Whether a modality is named, be it to be left out.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.matrices.contains_key(name) || self.left_out.contains(name)
    }
}

/// Finds the matrix that is named; of one with features of several types, genes alone are RNA.
fn source(file: &CountsInput, name: &str, text: &str) -> Result<Source> {
    let listed = file.matrices();
    // As the file spells it first: names of layers may hold anything.
    let found = listed.iter().find(|found| found.source.to_string() == text);
    let source = match found {
        Some(found) => found.source.clone(),
        None => text.parse().map_err(|error: Error| error.context("--modality"))?,
    };
    match listed.iter().find(|found| found.source == source) {
        None => return Err(missing(file, &source)),
        // Opening says what is there instead.
        Some(found) if found.unread.is_some() => return Err(unread(file, &source)),
        Some(_) => {}
    }
    let part = source.clone().of_type(GENES);
    if genes::are_genes(name) && listed.iter().any(|found| found.source == part) {
        tracing::warn!("{}: {source} has other features than genes; {name} = {part}", file.name);
        return Ok(part);
    }
    Ok(source)
}

fn unread(file: &CountsInput, source: &Source) -> Error {
    match file.matrix(source) {
        Err(error) => error,
        Ok(_) => missing(file, source),
    }
}

fn missing(file: &CountsInput, source: &Source) -> Error {
    let sources = file.sources();
    let texts: Vec<String> = sources.iter().map(ToString::to_string).collect();
    mfdoom_error::missing(&file.name, "matrix", &source.to_string(), texts.iter().map(String::as_str), "")
        .or_help("name a matrix of the file: --modality NAME=SOURCE")
}

/// Names of matrices for a message.
pub(crate) fn listing(sources: &[Source]) -> String {
    let texts: Vec<String> = sources.iter().map(ToString::to_string).collect();
    if texts.is_empty() { "no matrix".to_owned() } else { texts.join(", ") }
}

/// Returns the name of the modality that features of a type make up.
pub(crate) fn modality_of(kind: &str) -> String {
    let known = [
        ("Antibody Capture", "protein"),
        ("Protein Expression", "protein"),
        ("ADT", "protein"),
        ("Antigen Capture", "antigen"),
        ("CRISPR Guide Capture", "crispr"),
        ("Peaks", "atac"),
        ("Multiplexing Capture", "multiplexing"),
        ("HTO", "multiplexing"),
    ];
    if let Some((_, name)) = known.iter().find(|(known, _)| *known == kind) {
        return (*name).to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    kind.chars().map(plain).collect()
}
