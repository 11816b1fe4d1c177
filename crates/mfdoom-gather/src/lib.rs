//! Puts the shards of a table or folder together.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | the command line |
//! | [`table`] | tables of cells: opened, compared, copied |
//! | [`folder`] | folders of velocities or trajectories: their tables of cells, and what all shards share |
//! | [`agree`] | what must be equal between shards, and that each is there once |

pub mod agree;
pub mod args;
pub mod folder;
mod run;
pub mod table;

pub use args::Args;
pub use run::run;
