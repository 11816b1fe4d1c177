//! Fine-tuning a decoder: the same trainer with another task.
//!
//! ```text
//! targets.rs  what each cell should be decoded to      start.rs   closed-form start of the profile path
//! join.rs     velocity tables joined to the cells      frozen.rs  pooled vectors, computed once
//! views.rs    what of a cell the decoder sees          scores.rs  validation
//! task.rs     the task
//! ```

mod frozen;
mod join;
mod library;
mod scores;
mod start;
mod targets;
mod task;
mod views;

pub use join::{JoinReport, read_velocities};
pub use library::libraries;
pub use start::{Start, Starter};
pub use targets::{CountTargets, GeneValues, LabelTargets, Targets};
pub use task::{Finetuning, SELECTION};
pub use views::DecoderViews;
