//! Token ids of one vocabulary in another, by gene id.

use std::fmt;

use mfdoom_error::{Error, Result};

use crate::measured::Measured;
use crate::tokens::ModalityTokens;
use crate::vocabulary::Vocabulary;

/// Map of the token ids of a table to those of a model.
///
/// Both vocabularies are sorted by gene id, so the map is ascending and mapped tokens stay in order.
#[derive(Clone, Debug)]
pub struct VocabularyMap {
    /// New id per old id; 0 where the gene is not in the target.
    to: Vec<u32>,
    /// Genes of the target vocabulary.
    n_target: usize,
    identity: bool,
}

/// Share of the smaller gene list that an input and a vocabulary must have in common.
pub const MIN_COVERAGE: f64 = 0.05;

/// Share of the counts, and of the vocabulary, below which the results of a model say little of the cells.
const LOW_COVERAGE: f64 = 0.5;

/// How much of an input a vocabulary covers. As text: `80 of the 2000 genes, with 6.1 % of the counts`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coverage {
    /// Genes of the input.
    pub input_genes: usize,
    /// Genes of the vocabulary.
    pub vocabulary_genes: usize,
    /// Genes in both.
    pub shared_genes: usize,
    /// Sum of the counts seen so far.
    pub counts: f64,
    /// Of these, the counts of shared genes.
    pub shared_counts: f64,
}

impl VocabularyMap {
    /// Builds the map from the ids of `from` to those of `to`.
    pub fn new(from: &Vocabulary, to: &Vocabulary) -> Self {
        let ids = from.genes().iter().map(|gene| to.lookup(&gene.id).unwrap_or(0));
        let to_ids: Vec<u32> = std::iter::once(0).chain(ids).collect();
        let identity = to_ids.iter().zip(0..).all(|(&to, from)| to == from);
        Self { to: to_ids, n_target: to.len(), identity }
    }

    /// Returns the new id of a token id; 0 where there is none.
    pub fn get(&self, token: u32) -> u32 {
        self.to.get(token as usize).copied().unwrap_or(0)
    }

    /// Returns whether every id stays the same.
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    /// Returns the coverage by genes; counts are added by [`apply`](Self::apply).
    pub fn coverage(&self) -> Coverage {
        Coverage {
            input_genes: self.to.len() - 1,
            vocabulary_genes: self.n_target,
            shared_genes: self.to.iter().filter(|&&to| to > 0).count(),
            ..Coverage::default()
        }
    }

    /// Returns the tokens of shared genes under their new ids; library sizes stay those of all genes. The
    /// counts seen and kept are added to `coverage`.
    pub fn apply(&self, tokens: &ModalityTokens, coverage: &mut Coverage) -> ModalityTokens {
        let total: f64 = tokens.count.iter().map(|&count| f64::from(count)).sum();
        coverage.counts += total;
        if self.identity {
            coverage.shared_counts += total;
            return tokens.clone();
        }
        let mut mapped = ModalityTokens::default();
        for cell in 0..tokens.len() {
            if !tokens.present[cell] {
                mapped.push_absent();
                continue;
            }
            let (index, count) = tokens.cell(cell);
            let kept = index.iter().zip(count).map(|(&id, &count)| (self.get(id), count));
            mapped.push(tokens.library_size[cell], kept.filter(|(id, _)| *id > 0));
        }
        coverage.shared_counts += mapped.count.iter().map(|&count| f64::from(count)).sum::<f64>();
        mapped
    }

    /// Returns the measured genes under their new ids.
    pub fn apply_measured(&self, measured: &Measured) -> Measured {
        measured.mapped(|token| self.get(token))
    }
}

impl Coverage {
    /// Returns the shared genes as a fraction of the smaller gene list, so that a vocabulary of selected
    /// genes covers a file of all genes, and a panel is covered by a large vocabulary.
    pub fn genes(&self) -> f64 {
        fraction(self.shared_genes as f64, self.input_genes.min(self.vocabulary_genes) as f64)
    }

    /// Returns the counts of shared genes as a fraction of the counts seen; 1 when there were none.
    pub fn counts(&self) -> f64 {
        if self.counts > 0.0 { self.shared_counts / self.counts } else { 1.0 }
    }

    /// Returns whether most of the counts seen are of genes outside the vocabulary, and most of its genes are not in
    /// the input: a vocabulary of selected genes covers few of the counts of a whole file, and that is no fault.
    pub fn is_low(&self) -> bool {
        let of_vocabulary = fraction(self.shared_genes as f64, self.vocabulary_genes as f64);
        self.counts() < LOW_COVERAGE && of_vocabulary < LOW_COVERAGE
    }

    /// Checks the coverage by genes against `minimum`; `source` names the input in messages.
    ///
    /// # Errors
    /// Incompatible, when it is lower.
    pub fn check(&self, minimum: f64, source: &str) -> Result<()> {
        if self.shared_genes > 0 && self.genes() >= minimum {
            return Ok(());
        }
        let Self { input_genes, vocabulary_genes, shared_genes, .. } = self;
        Err(Error::incompatible(format!("{source}: shares too few genes with the vocabulary"))
            .found(format!("{shared_genes} of {input_genes} genes are among its {vocabulary_genes}"))
            .wanted(format!("at least {:.0} % of the smaller list", 100.0 * minimum))
            .help("genes are matched by id: see whether one side has symbols and the other Ensembl ids (--gene-column), or another species"))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared_genes, input_genes, .. } = self;
        write!(
            f,
            "{shared_genes} of the {input_genes} genes, with {:.1} % of the counts",
            100.0 * self.counts()
        )
    }
}

fn fraction(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
