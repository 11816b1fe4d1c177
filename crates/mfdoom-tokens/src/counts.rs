//! Blocks of a count matrix to tokens.

use mfdoom_artifact::normalise_gene_id;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use crate::tokens::ModalityTokens;
use crate::vocabulary::Vocabulary;

/// Token id of each column of a matrix; 0 for genes outside the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneMap {
    ids: Vec<u32>,
}

impl GeneMap {
    /// Looks up the gene of each column, ids as they stand in the file.
    pub fn new<S: AsRef<str>>(genes: &[S], vocabulary: &Vocabulary) -> Self {
        let token = |gene: &S| vocabulary.lookup(&normalise_gene_id(gene.as_ref())).unwrap_or(0);
        Self { ids: genes.iter().map(token).collect() }
    }

    /// Returns the token id of each column.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Returns the token ids that have a column, ascending and unique: the genes this matrix measured.
    pub fn measured(&self) -> Vec<u32> {
        let mut ids: Vec<u32> = self.ids.iter().copied().filter(|&id| id > 0).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Returns how many columns share a gene with an earlier one; their counts are summed.
    pub fn n_merged(&self) -> usize {
        self.ids.iter().filter(|&&id| id > 0).count() - self.measured().len()
    }
}

/// Turns rows of counts into tokens.
///
/// Columns of the same gene are summed, zeros and genes outside the vocabulary give no token; the library
/// size is the sum over all columns.
///
/// # Errors
/// Contract, when a column lies outside the map.
///
/// ```
/// use mfdoom_matrix::Csr;
/// use mfdoom_tokens::{Gene, GeneMap, Vocabulary, tokenise};
/// # fn main() -> mfdoom_error::Result<()> {
/// let vocabulary = Vocabulary::new([Gene::new("a", "a"), Gene::new("c", "c")]);
/// let map = GeneMap::new(&["c", "b", "a"], &vocabulary);
/// let counts = Csr::from_rows(3, &[(vec![0, 1, 2], vec![5.0, 7.0, 1.0])]);
/// let tokens = tokenise(&counts, &map)?;
/// assert_eq!(tokens.index, [1, 2]);
/// assert_eq!(tokens.count, [1.0, 5.0]);
/// assert_eq!(tokens.library_size, [13.0]);
/// # Ok(())
/// # }
/// ```
pub fn tokenise(block: &Csr, map: &GeneMap) -> Result<ModalityTokens> {
    let mut tokens = ModalityTokens::default();
    let mut cell: Vec<(u32, f64)> = Vec::new();
    for row in 0..block.n_rows() {
        cell.clear();
        let mut library_size = 0.0;
        let (columns, values) = block.row(row);
        for (&column, &value) in columns.iter().zip(values) {
            let Some(&id) = map.ids.get(column as usize) else {
                return Err(Error::contract("the matrix has more columns than genes")
                    .found(format!("column {column}"))
                    .wanted(format!("fewer than {}", map.ids.len())));
            };
            library_size += f64::from(value);
            if id > 0 && value != 0.0 {
                cell.push((id, f64::from(value)));
            }
        }
        // Stable, so that equal genes are added in column order whatever the sort does.
        cell.sort_by_key(|&(id, _)| id);
        let merged = cell.chunk_by(|a, b| a.0 == b.0).filter_map(|same| {
            let total: f64 = same.iter().map(|&(_, value)| value).sum();
            Some((same.first()?.0, total as f32))
        });
        tokens.push(library_size, merged);
    }
    Ok(tokens)
}
