//! Blocks of a count matrix to tokens, and sums of modalities.

use std::iter::Peekable;

use mfdoom_artifact::normalise_gene_id;
use mfdoom_error::{Error, Result};

use crate::tokens::ModalityTokens;
use crate::vocabulary::Vocabulary;

/// A block of rows of a sparse matrix.
#[derive(Clone, Copy, Debug)]
pub struct CsrView<'a> {
    /// Where each row starts, [n_rows + 1].
    pub indptr: &'a [usize],
    /// Column of each value.
    pub indices: &'a [u32],
    /// Values beside `indices`.
    pub values: &'a [f32],
}

impl<'a> CsrView<'a> {
    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// Returns (column, value) of each stored value of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + 'a {
        let range = self.indptr[row]..self.indptr[row + 1];
        self.indices[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }
}

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
/// use mfdoom_tokens::{CsrView, Gene, GeneMap, Vocabulary, tokenise};
/// # fn main() -> mfdoom_error::Result<()> {
/// let vocabulary = Vocabulary::new([Gene::new("a", "a"), Gene::new("c", "c")]);
/// let map = GeneMap::new(&["c", "b", "a"], &vocabulary);
/// let counts = CsrView { indptr: &[0, 3], indices: &[0, 1, 2], values: &[5.0, 7.0, 1.0] };
/// let tokens = tokenise(&counts, &map)?;
/// assert_eq!(tokens.index, [1, 2]);
/// assert_eq!(tokens.count, [1.0, 5.0]);
/// assert_eq!(tokens.library_size, [13.0]);
/// # Ok(())
/// # }
/// ```
pub fn tokenise(block: &CsrView<'_>, map: &GeneMap) -> Result<ModalityTokens> {
    let mut tokens = ModalityTokens::default();
    let mut cell: Vec<(u32, f64)> = Vec::new();
    for row in 0..block.n_rows() {
        cell.clear();
        let mut library_size = 0.0;
        for (column, value) in block.row(row) {
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

/// Returns the sum of two modalities of the same cells, such as expression = spliced + unspliced: counts
/// and library sizes add; a cell is present when it is present in either.
///
/// # Errors
/// Contract, when the numbers of cells differ.
pub fn sum(a: &ModalityTokens, b: &ModalityTokens) -> Result<ModalityTokens> {
    if a.len() != b.len() {
        return Err(Error::contract("modalities of different cells cannot be added").found(format!(
            "{} and {} cells",
            a.len(),
            b.len()
        )));
    }
    let mut total = ModalityTokens::default();
    for cell in 0..a.len() {
        if !a.present[cell] && !b.present[cell] {
            total.push_absent();
            continue;
        }
        let merged = Merge { a: tokens(a, cell).peekable(), b: tokens(b, cell).peekable() };
        total.push(a.library_size[cell] + b.library_size[cell], merged);
    }
    Ok(total)
}

fn tokens(all: &ModalityTokens, cell: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
    let (index, count) = all.cell(cell);
    index.iter().copied().zip(count.iter().copied())
}

/// Merges two ascending token lists, adding the counts of equal ids.
struct Merge<A: Iterator<Item = (u32, f32)>, B: Iterator<Item = (u32, f32)>> {
    a: Peekable<A>,
    b: Peekable<B>,
}

impl<A: Iterator<Item = (u32, f32)>, B: Iterator<Item = (u32, f32)>> Iterator for Merge<A, B> {
    type Item = (u32, f32);

    fn next(&mut self) -> Option<Self::Item> {
        match (self.a.peek(), self.b.peek()) {
            (Some(&(ia, ca)), Some(&(ib, cb))) if ia == ib => {
                self.a.next();
                self.b.next();
                Some((ia, ca + cb))
            }
            (Some((ia, _)), Some((ib, _))) if ia > ib => self.b.next(),
            (Some(_), _) => self.a.next(),
            (None, _) => self.b.next(),
        }
    }
}
