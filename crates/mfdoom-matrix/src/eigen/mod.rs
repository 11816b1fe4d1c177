//! Eigenpairs: all of a small symmetric matrix, the leading ones of a large sparse one.

mod partial;
mod small;

pub use partial::{Eigenpairs, Operator, leading_general, leading_symmetric};
pub use small::symmetric;
