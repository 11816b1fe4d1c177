//! Eigenpairs: all of a small symmetric matrix, the leading ones of a large sparse one.

mod partial;
mod small;

pub use partial::{Eigenpairs, leading_general, leading_symmetric};
pub use small::symmetric;
