//! Training: cells in memory, views of them, batches, the loop, metrics and resume.
//!
//! ```text
//! data.rs     cells of token tables in one vocabulary     trainer.rs      the loop of every task
//! view.rs     what of its tokens a cell shows             checkpoint.rs   state on disk, resume
//! altered.rs  values hidden, modalities exchanged         memory.rs       what modalities said in earlier epochs
//! classes.rs  classes of cells to learn from              answers.rs      the same, or numbers in their place
//! split.rs    training and validation cells               schedule.rs     learning rate
//! sampler.rs  batches of an epoch                         pretraining.rs  the task of mfdoom-pretrain
//! settings.rs the options of training
//! ```
//!
//! Everything random is drawn from streams keyed by (seed, purpose, epoch, cell), so that a resumed run needs
//! only the position it had reached.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod altered;
mod anchor;
mod answers;
mod checkpoint;
mod classes;
mod coordinates;
mod counts;
mod data;
mod memory;
mod nearness;
mod pretraining;
mod sampler;
mod schedule;
mod settings;
mod split;
mod trainer;
mod view;

pub use anchor::{AnchorOptions, Judgement, fit_anchor, judge};
pub use answers::{Answers, components_of, numbers_of};
pub use checkpoint::{Best, Checkpoint, Progress};
pub use classes::{classes_of, clusters_of_start};
pub use coordinates::Coordinates;
pub use data::{TrainingCells, Wanted};
pub use memory::Memory;
pub use pretraining::Pretraining;
pub use sampler::Sampler;
pub use schedule::Schedule;
pub use settings::Training;
pub use split::{Split, Validation};
pub use trainer::{Plan, Selection, StepLoss, Task, decays, train};
pub use view::{TokenDraw, Views, inference};
