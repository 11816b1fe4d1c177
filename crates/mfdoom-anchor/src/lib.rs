//! The closed-form fusion model: factor analysis over modalities, any of which may be missing in a cell.
//!
//! ```text
//! x_mg = mu_mg + s_mg (w_mg . z + e_mg),   z ~ N(0, I_d),   e_mg ~ N(0, psi_mg)      m modality, g feature
//! ```
//!
//! A cell's posterior mean uses only what was measured in it: `z = (I + sum w w' / psi)^-1 sum w x / psi` over the
//! modalities that it has and the features that its data set measured. So fusion, every single modality and every
//! subset of them are one formula, and what is missing is a missing term. Axes are those of the variance that the
//! factors predict, `A = mean over m of W_m' W_m / |W_m|^2 = V L V'`, and a cell's coordinates on them are
//! multiplied by `L^(power / 2)`: at power 0 every factor counts the same, at power 1 as much as the variance that
//! it predicts, as in principal components. At unit length these are half of a cell's coordinates; the other half are the
//! same, smoothed (`smooth.rs`).
//!
//! ```text
//! cells.rs      counts as plain slices     moments.rs   mean, deviation, choice of features
//! transform.rs  counts to values           start.rs     principal components of the fullest cells
//! expert.rs     what a modality tells      em.rs        one round of expectation and maximisation
//! anchor.rs     the fitted model           smooth.rs    regression to neighbours' means
//! encoder.rs    cells to coordinates       fit.rs       all of it in order
//! tensors.rs    the model as named arrays   folds.rs     cells as an anchor that has not seen them does
//! effects.rs    directions in which batches lie apart
//! ```
//!
//! Sums are cut by the number of cells and never by the number of threads, so threads change no byte.

mod anchor;
mod cells;
mod effects;
mod em;
mod encoder;
mod error;
mod expert;
mod fit;
mod folds;
mod moments;
mod select;
mod smooth;
mod square;
mod start;
mod tensors;
mod transform;

pub use anchor::{Anchor, Part};
pub use cells::{AnchorCells, Block, Panel, Panels};
pub use encoder::{Encoder, Scores};
pub use error::{Error, Result};
pub use fit::{Effects, Modality, Settings, fit};
pub use folds::{CrossFit, cross_fit};
pub use select::evenly;
pub use smooth::Smoother;
pub use tensors::Array;
pub use transform::Transform;
