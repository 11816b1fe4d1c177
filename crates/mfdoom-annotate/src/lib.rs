//! Adds embeddings and velocities to a copy of an AnnData file: `Args` in, an h5ad file out.

mod args;
mod run;

pub use args::Args;
pub use run::run;
