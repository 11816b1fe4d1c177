//! Scores of two embeddings of the same cells.

mod alignment;
mod nearest;
mod retrieval;
mod view;

pub(crate) use view::Pair;

use super::Metric;

/// Returns all of them, in the order of the rows.
pub(crate) fn all<'a>() -> Vec<&'a dyn Metric<Pair<'a>>> {
    vec![&retrieval::Retrieval, &nearest::NearestSameLabel, &alignment::Alignment]
}

/// Heading of what tells whether a cell is found.
const RETRIEVAL: &str = "Retrieval of the same cell";
