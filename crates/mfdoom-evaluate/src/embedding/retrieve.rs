//! Retrieval between the heads of modalities, and between each and fusion.

use mfdoom_error::Result;
use mfdoom_matrix::Metric;
use mfdoom_metrics::retrieval;

use super::input::{Cells, HeadVectors};
use super::reduced::failed;
use super::result::RetrievalScores;

/// The head that every modality is compared with.
const FUSION: &str = "fusion";

/// Scores every pair on the cells that have both; pairs of other lengths or without two cells are left out.
pub(super) fn score(cells: &Cells) -> Result<Vec<RetrievalScores>> {
    let modalities: Vec<&HeadVectors> = cells.heads.iter().filter(|head| head.present.is_some()).collect();
    let fusion = cells.heads.iter().find(|head| head.name == FUSION);
    let mut scores = Vec::new();
    for (at, first) in modalities.iter().enumerate() {
        for second in modalities[at + 1..].iter().copied().chain(fusion) {
            scores.extend(pair(cells, first, second)?);
        }
    }
    Ok(scores)
}

fn pair(cells: &Cells, first: &HeadVectors, second: &HeadVectors) -> Result<Option<RetrievalScores>> {
    let both = |row: &usize| first.is_present(*row) && second.is_present(*row);
    let rows: Vec<usize> = (0..cells.len()).filter(both).collect();
    if rows.len() < 2 || first.vectors.n_cols() != second.vectors.n_cols() {
        tracing::warn!(
            "no retrieval between {} and {}: {} cells have both",
            first.name,
            second.name,
            rows.len()
        );
        return Ok(None);
    }
    let score =
        retrieval(&first.vectors.select_rows(&rows), &second.vectors.select_rows(&rows), Metric::Cosine)
            .map_err(|error| {
                failed(&format!("retrieval between {} and {}", first.name, second.name), error)
            })?;
    Ok(Some(RetrievalScores {
        first: first.name.clone(),
        second: second.name.clone(),
        n: score.n,
        recall_1: score.recall_1,
        recall_5: score.recall_5,
        recall_10: score.recall_10,
        median_rank: score.median_rank,
        chance_recall_10: (10.0 / score.n as f64).min(1.0),
        forward: score.forward.into(),
        backward: score.backward.into(),
    }))
}
