//! Can two samples be told apart? Scores of generated cells next to real ones.

mod auroc;
mod coverage;
mod forest;
mod logistic;
mod mmd;

pub use auroc::auroc;
pub use coverage::covered;
pub use forest::Forest;
pub use logistic::Logistic;
pub use mmd::mmd;
