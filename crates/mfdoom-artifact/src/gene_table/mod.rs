//! Tables with one value per cell and gene: velocities, moments, expression profiles.
//!
//! Key, obs columns, then `fixed_size_list<float32>[G]` columns over the same G genes, which the schema
//! metadata [`GENES_KEY`](crate::GENES_KEY) lists in order. NaN is "no value for this gene". Written and
//! read one batch at a time; a row group holds at most [`ROW_GROUP_VALUES`] values a column.

mod batch;
mod reader;
mod schema;
mod writer;

/// Format tag of the predictions of a decoder: one matrix per modality, or labels in obs columns.
pub const PREDICTIONS_FORMAT: &str = "predictions/1";
/// Obs column of predictions that holds the label.
pub const PREDICTED: &str = "predicted";
/// Obs column of predictions that holds the label's probability.
pub const PROBABILITY: &str = "probability";

pub use batch::GeneBatch;
pub use reader::GeneTableReader;
pub use schema::GeneTableSchema;
pub use writer::{GeneTableWriter, ROW_GROUP_VALUES};
