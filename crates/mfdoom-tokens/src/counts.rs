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
    /// Whether the columns of known genes are in the order of their ids, each gene once.
    ascending: bool,
    highest: u32,
}

impl GeneMap {
    /// Looks up the gene of each column, ids as they stand in the file.
    pub fn new<S: AsRef<str>>(genes: &[S], vocabulary: &Vocabulary) -> Self {
        let token = |gene: &S| vocabulary.lookup(&normalise_gene_id(gene.as_ref())).unwrap_or(0);
        let ids: Vec<u32> = genes.iter().map(token).collect();
        let known = ids.iter().filter(|id| **id > 0);
        Self {
            ascending: known.is_sorted_by(|a, b| a < b),
            highest: ids.iter().copied().max().unwrap_or(0),
            ids,
        }
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
    if block.n_cols() > map.ids.len()
        && let Some(column) = block.indices().iter().find(|column| **column as usize >= map.ids.len())
    {
        return Err(Error::contract("the matrix has more columns than genes")
            .found(format!("column {column}"))
            .wanted(format!("fewer than {}", map.ids.len())));
    }
    if map.ascending {
        return Ok(in_order(block, map));
    }
    let mut tokens = ModalityTokens::default();
    tokens.index.reserve(block.nnz());
    tokens.count.reserve(block.nnz());
    let mut sums = Sums::new(map.highest as usize + 1);
    for row in 0..block.n_rows() {
        let (columns, values) = block.row(row);
        for (column, value) in columns.iter().zip(values) {
            let id = map.ids[*column as usize];
            if id > 0 && *value != 0.0 {
                sums.add(id, *value);
            }
        }
        tokens.push(sum(values), sums.drain());
    }
    Ok(tokens)
}

/// Turns rows of counts into tokens where columns are in the order of their ids.
fn in_order(block: &Csr, map: &GeneMap) -> ModalityTokens {
    let n = block.nnz();
    // One more than there can be: what is no token is written, and then overwritten.
    let (mut index, mut count, mut at) = (vec![0; n + 1], vec![0.0; n + 1], 0);
    let mut tokens = ModalityTokens { present: vec![true; block.n_rows()], ..ModalityTokens::default() };
    for row in 0..block.n_rows() {
        let (columns, values) = block.row(row);
        for (column, value) in columns.iter().zip(values) {
            let id = map.ids[*column as usize];
            (index[at], count[at]) = (id, *value);
            at += usize::from(id > 0 && *value != 0.0);
        }
        tokens.library_size.push(sum(values));
        tokens.offsets.push(at);
    }
    index.truncate(at);
    count.truncate(at);
    ModalityTokens { index, count, ..tokens }
}

/// Four sums side by side, then together: an addition waits for the one before it.
fn sum(values: &[f32]) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        sums.iter_mut().zip(four).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let rest: f64 = rest.iter().map(|value| f64::from(*value)).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The sum for each id of one cell, handed out by ascending id: less work than sorting.
struct Sums {
    /// Sums of the ids that are marked; others hold what an earlier cell left.
    sums: Vec<f64>,
    marks: Vec<u64>,
}

impl Sums {
    /// Makes room for ids below `n`.
    fn new(n: usize) -> Self {
        Self { sums: vec![0.0; n], marks: vec![0; n.div_ceil(64)] }
    }

    /// Adds a value; those of one id are added in the order in which they come.
    fn add(&mut self, id: u32, value: f32) {
        let (word, mark) = (&mut self.marks[id as usize / 64], 1 << (id % 64));
        let sum = &mut self.sums[id as usize];
        *sum = if *word & mark == 0 { f64::from(value) } else { *sum + f64::from(value) };
        *word |= mark;
    }

    /// Returns ids and sums, and forgets them.
    fn drain(&mut self) -> impl Iterator<Item = (u32, f32)> {
        let Self { sums, marks } = self;
        marks.iter_mut().zip(0_u32..).flat_map(|(word, at)| {
            let mut left = std::mem::take(word);
            let sums = &*sums;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                let id = 64 * at + bit;
                Some((id, sums[id as usize] as f32))
            })
        })
    }
}
