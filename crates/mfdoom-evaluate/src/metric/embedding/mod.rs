//! Scores of one embedding.

mod batch_silhouette;
mod clusters;
mod graph_connectivity;
mod kbet;
mod label_silhouette;
mod label_transfer;
mod lisi;
mod logistic_transfer;
mod regression;
mod retention;
mod total;
mod uniformity;
mod view;

pub(crate) use retention::GROUP as RETENTION;
pub(crate) use view::{Reference, Settings, View};

use super::Metric;

/// Returns all of them, in the order of the rows.
pub(crate) fn all<'a>() -> Vec<&'a dyn Metric<View<'a>>> {
    vec![
        &label_transfer::LabelTransfer,
        &clusters::Clusters,
        &label_silhouette::LabelSilhouette,
        &lisi::LabelLisi,
        &total::AvgBio,
        &graph_connectivity::GraphConnectivity,
        &batch_silhouette::BatchSilhouette,
        &regression::Regression,
        &lisi::BatchLisi,
        &kbet::Kbet,
        &total::Total,
        &uniformity::Uniformity,
    ]
}

/// Returns all, with label transfer by regression.
pub(crate) fn learnt<'a>() -> Vec<&'a dyn Metric<View<'a>>> {
    let mut metrics = all();
    metrics.insert(1, &logistic_transfer::LogisticTransfer);
    metrics
}

/// Returns these, with what is asked of embeddings from some of the modalities.
pub(crate) fn retained<'a>() -> Vec<&'a dyn Metric<View<'a>>> {
    let mut metrics = learnt();
    metrics.push(&retention::Retention);
    metrics
}

/// Heading of what tells how well labels are kept.
const BIOLOGY: &str = "Labels kept";
/// Heading of what tells how well batches are mixed.
const BATCHES: &str = "Batches mixed";
