//! Counts of tokens as matrices.

use std::collections::BTreeSet;

use mfdoom_matrix::{Csr, Matrix};
use mfdoom_tokens::{Measured, ModalityTokens};

/// Returns the token ids, ascending, that every one of the data sets measured: elsewhere a zero would be a guess.
pub(crate) fn common_genes<'a>(
    measured: &Measured,
    modality: &str,
    datasets: impl Iterator<Item = &'a str>,
) -> Vec<u32> {
    let datasets: BTreeSet<&str> = datasets.collect();
    let mut common: Option<Vec<u32>> = None;
    for dataset in datasets {
        let genes = measured.get(dataset, modality).map(|genes| &genes[..]).unwrap_or_default();
        common = Some(match common {
            None => genes.to_vec(),
            Some(common) => common.into_iter().filter(|id| genes.binary_search(id).is_ok()).collect(),
        });
    }
    common.unwrap_or_default()
}

/// Returns counts [rows, genes] and library sizes [rows] of the cells at `rows`; `genes` are distinct token ids.
pub(crate) fn matrix(tokens: &ModalityTokens, rows: &[usize], genes: &[u32]) -> (Csr, Vec<f64>) {
    let largest = genes.iter().max().map_or(0, |&id| id as usize);
    let mut column = vec![None; largest + 1];
    genes.iter().enumerate().for_each(|(at, &id)| column[id as usize] = Some(at as u32));
    let row = |&row: &usize| -> (Vec<u32>, Vec<f32>) {
        let (index, count) = tokens.cell(row);
        let known =
            index.iter().zip(count).filter_map(|(&id, &count)| Some(((*column.get(id as usize)?)?, count)));
        let mut known: Vec<(u32, f32)> = known.collect();
        known.sort_unstable_by_key(|(column, _)| *column);
        known.into_iter().unzip()
    };
    let sizes = rows.iter().map(|&row| tokens.library_size[row]).collect();
    (Csr::from_rows(genes.len(), &rows.iter().map(row).collect::<Vec<_>>()), sizes)
}

/// Returns whether a modality counts antibodies: each binds for itself, without a common depth.
pub(crate) fn is_protein(modality: &str) -> bool {
    let name = modality.to_lowercase();
    ["protein", "adt", "antibod", "cite"].iter().any(|part| name.contains(part))
}

/// Returns ln(1 + count) less its mean over the features of the cell, of counts [n, features].
pub(crate) fn log_ratios(mut counts: Matrix) -> Matrix {
    for row in 0..counts.n_rows() {
        let row = counts.row_mut(row);
        row.iter_mut().for_each(|value| *value = value.ln_1p());
        let mean = row.iter().sum::<f32>() / row.len().max(1) as f32;
        row.iter_mut().for_each(|value| *value -= mean);
    }
    counts
}
