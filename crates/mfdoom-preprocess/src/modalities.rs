//! Which matrix of a file is which modality.

use std::collections::{BTreeMap, BTreeSet};

use mfdoom_cli::Assignment;
use mfdoom_counts::Source;
use mfdoom_error::Result;

use crate::find;
use crate::inputs::CountsInput;
use crate::job::Reading;

/// Spliced counts: the modality and, first, the layer.
pub const SPLICED: &str = "spliced";
/// Unspliced counts.
pub const UNSPLICED: &str = "unspliced";
/// Total counts.
pub const EXPRESSION: &str = "expression";

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
    pub fn find(file: &CountsInput, reading: &Reading, named: &[Assignment]) -> Result<Self> {
        find::modalities(file, reading, named)
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
