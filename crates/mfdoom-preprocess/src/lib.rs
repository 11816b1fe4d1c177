//! Turns raw counts into one table of tokens.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | the command line |
//! | [`sheet`] | the sample sheet |
//! | [`job`] | what is to be done, checked before any file is opened |
//! | [`inputs`] | the files, their data sets and order |
//! | [`modalities`] | which matrix is which modality |
//! | [`genes`], [`vocabulary`] | the genes of each file, of the table, measured genes |
//! | [`library`], [`annotation`], [`cells`] | library sizes, obs columns, which cells |
//! | [`plan`] | all of these, decided before the first pass |
//! | [`pass`], [`merge`], [`write`] | the streaming pass and the table it fills |

pub mod annotation;
pub mod args;
pub mod cells;
mod describe;
mod find;
pub mod genes;
pub mod inputs;
pub mod job;
pub mod kind;
pub mod library;
pub mod merge;
pub mod modalities;
pub mod pass;
pub mod plan;
mod run;
pub mod sheet;
mod unmatched;
pub mod vocabulary;
mod wanted;
pub mod write;

pub use args::Args;
pub use run::run;
