//! Which matrix of a file is which modality.

use std::collections::{BTreeMap, BTreeSet};

use mfdoom_counts::keys::{AMBIGUOUS_LAYERS, COUNTS_LAYER, SPLICED_LAYERS, UNSPLICED_LAYERS};
use mfdoom_counts::{Counts, Source, show_values};
use mfdoom_error::{Error, Result};
use mfdoom_tokens::check_modality_name;

use crate::args::{Ambiguous, Args};
use crate::inputs::Counted;

/// Spliced counts: the modality and, first, the layer.
pub const SPLICED: &str = "spliced";
/// Unspliced counts.
pub const UNSPLICED: &str = "unspliced";
/// Total counts.
pub const EXPRESSION: &str = "expression";

/// Layers that hold spliced and unspliced counts.
const PAIR: [(&str, [&str; 4]); 2] = [(SPLICED, SPLICED_LAYERS), (UNSPLICED, UNSPLICED_LAYERS)];
/// The source of `--modality NAME=none`.
const NONE: &str = "none";

/// The matrices of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modalities {
    /// Matrix of each modality that is stored as such.
    pub matrices: BTreeMap<String, Source>,
    /// Whether expression is the sum of spliced and unspliced.
    pub total: bool,
    /// Ambiguous counts, where they are used.
    pub ambiguous: Option<Source>,
}

impl Modalities {
    /// Finds the modalities of `file` and checks that their first rows are raw counts.
    ///
    /// # Errors
    /// Contract: a named source is not there, a matrix holds no raw counts, or there is none that does.
    pub fn find(file: &Counted, args: &Args) -> Result<Self> {
        let wanted = Wanted::new(args)?;
        let counts = Counts { allow_non_integer: args.allow_non_integer };
        let sources = file.sources();
        let mut found = Self { matrices: wanted.matrices.clone(), ..Self::default() };
        if let Some(source) = wanted.matrices.values().find(|source| !sources.contains(source)) {
            return Err(missing(file, source, &sources));
        }
        for (name, layers) in PAIR {
            if let Some(source) = Source::layer_of(&layers, &sources).filter(|_| !wanted.names(name)) {
                found.matrices.insert(name.to_owned(), source);
            }
        }
        let pair = PAIR.iter().all(|(name, _)| found.matrices.contains_key(*name));
        if pair {
            found.total = !wanted.names(EXPRESSION);
            let used = args.ambiguous != Ambiguous::Drop;
            found.ambiguous = Source::layer_of(&AMBIGUOUS_LAYERS, &sources).filter(|_| used);
        } else if !wanted.names(EXPRESSION) {
            found.take_expression(file, counts, &sources)?;
        }
        found.check(file, counts)?;
        Ok(found)
    }

    /// Takes X, raw/X or layers/counts, whichever holds raw counts and is not taken otherwise.
    fn take_expression(&mut self, file: &Counted, counts: Counts, sources: &[Source]) -> Result<()> {
        let candidates = [Source::X, Source::RawX, Source::Layer(COUNTS_LAYER.into())];
        let taken: BTreeSet<&Source> = self.matrices.values().collect();
        let mut refused = Vec::new();
        for source in candidates.into_iter().filter(|c| sources.contains(c) && !taken.contains(c)) {
            if counts.probe(file, &source)? {
                self.matrices.insert(EXPRESSION.to_owned(), source);
                return Ok(());
            }
            refused.push(format!("{source}: {}", show_values(&counts.search(file, &source)?)));
        }
        let path = &file.name;
        if !self.matrices.is_empty() {
            if !refused.is_empty() {
                tracing::warn!("{path}: no expression: no raw counts in {}", refused.join("; "));
            }
            return Ok(());
        }
        let error = Error::contract(format!("{path}: no raw counts found"));
        Err(match refused.is_empty() {
            true => error
                .found(listing(sources))
                .wanted("X, raw/X, layers/counts, or layers spliced and unspliced"),
            false => error.found(refused.join("; ")).wanted("non-negative integers"),
        }
        .help("give the file with its raw counts, or name them: --modality expression=layers/NAME"))
    }

    /// Checks the first rows of every matrix, and that expression is not just spliced under another name.
    fn check(&self, file: &Counted, counts: Counts) -> Result<()> {
        for source in self.matrices.values().chain(&self.ambiguous) {
            if !counts.probe(file, source)? {
                return Err(counts.refuse(file, source));
            }
        }
        let (Some(spliced), Some(expression)) = (self.matrices.get(SPLICED), self.matrices.get(EXPRESSION))
        else {
            return Ok(());
        };
        if spliced == expression || equal(file, spliced, expression)? {
            tracing::warn!(
                "{}: {expression}, given as expression, equals {spliced}: unspliced counts are missing from the total",
                file.name
            );
        }
        Ok(())
    }

    /// Returns the names of the modalities in table order.
    pub fn names(&self) -> Vec<String> {
        let total = self.total.then(|| EXPRESSION.to_owned());
        sorted(self.matrices.keys().cloned().chain(total))
    }

    /// Returns the matrix whose columns are the genes of a modality.
    pub fn genes_of(&self, name: &str) -> Option<&Source> {
        let name = if self.total && name == EXPRESSION { SPLICED } else { name };
        self.matrices.get(name)
    }

    /// Returns what was taken for what, for the log and the manifest.
    pub fn describe(&self) -> BTreeMap<String, String> {
        let text = |source: &Source| source.to_string();
        let mut all: BTreeMap<String, String> =
            self.matrices.iter().map(|(name, source)| (name.clone(), text(source))).collect();
        if let (true, Some(s), Some(u)) =
            (self.total, self.matrices.get(SPLICED), self.matrices.get(UNSPLICED))
        {
            all.insert(EXPRESSION.to_owned(), format!("{s} + {u}"));
        }
        if let Some(source) = &self.ambiguous {
            all.insert("ambiguous".to_owned(), text(source));
        }
        all
    }
}

/// Sorts modality names: spliced, unspliced, expression, then the others by name.
pub fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let unique: BTreeSet<String> = names.into_iter().collect();
    let rank =
        |name: &String| [SPLICED, UNSPLICED, EXPRESSION].iter().position(|known| known == name).unwrap_or(3);
    let mut names: Vec<String> = unique.into_iter().collect();
    names.sort_by_key(rank);
    names
}

/// What `--modality` says.
struct Wanted {
    matrices: BTreeMap<String, Source>,
    left_out: BTreeSet<String>,
}

impl Wanted {
    fn new(args: &Args) -> Result<Self> {
        let mut wanted = Self { matrices: BTreeMap::new(), left_out: BTreeSet::new() };
        for assignment in &args.modality {
            let name = &assignment.name;
            check_modality_name(name).map_err(|e| e.context(format!("--modality {name}=")))?;
            if wanted.names(name) {
                return Err(Error::usage(format!("--modality {name}= is given twice")));
            }
            if assignment.value == NONE {
                wanted.left_out.insert(name.clone());
            } else {
                let source = assignment.value.parse().map_err(|error: Error| error.context("--modality"))?;
                wanted.matrices.insert(name.clone(), source);
            }
        }
        Ok(wanted)
    }

    fn names(&self, name: &str) -> bool {
        self.matrices.contains_key(name) || self.left_out.contains(name)
    }
}

fn missing(file: &Counted, source: &Source, sources: &[Source]) -> Error {
    let texts: Vec<String> = sources.iter().map(ToString::to_string).collect();
    mfdoom_error::missing(&file.name, "matrix", &source.to_string(), texts.iter().map(String::as_str), "")
        .or_help("name a matrix of the file: --modality NAME=SOURCE")
}

fn listing(sources: &[Source]) -> String {
    let texts: Vec<String> = sources.iter().map(ToString::to_string).collect();
    if texts.is_empty() { "no matrix".to_owned() } else { texts.join(", ") }
}

/// Returns whether the first rows of two matrices are equal and not empty.
fn equal(file: &Counted, a: &Source, b: &Source) -> Result<bool> {
    let (mut a, mut b) = (file.matrix(a)?, file.matrix(b)?);
    let rows = a.n_rows().min(512);
    let (a, b) = (a.read_rows(0..rows)?, b.read_rows(0..rows)?);
    Ok(a.nnz() > 0 && a.indptr == b.indptr && a.indices == b.indices && a.values == b.values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_with_the_transcript_states_first() {
        let names = ["protein", "expression", "atac", "unspliced", "spliced", "protein"];
        assert_eq!(
            sorted(names.map(String::from)),
            ["spliced", "unspliced", "expression", "atac", "protein"]
        );
    }
}
