//! What is known of cells, and how far linear maps of their vectors are from it: classes, or numbers in their place.
//!
//! ```text
//! classes  KL(wanted, softmax(W h + b))    of a class that is known the cross-entropy
//! numbers  mean of (wanted - (W h + b))^2
//! ```

use candle_core::{DType, Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, linear, log_softmax};

use super::outputs::rows;
use crate::config::ModelConfig;

/// What is known of the cells of a batch, and what each modality said of them before.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The class of each cell, where it is known.
    pub classes: Vec<Option<u32>>,
    /// In place of classes the numbers of each cell, where they are known.
    pub numbers: Vec<Option<Vec<f32>>>,
    /// For each modality what it said of the cells before.
    pub said: Vec<Said>,
}

/// What is said of cells: shares of classes, or numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Cells of the batch, ascending.
    pub cells: Vec<u32>,
    /// `[cells, classes or numbers]` row by row.
    pub values: Vec<f32>,
}

/// Whether answers are classes or numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Classes,
    Numbers,
}

/// A linear map to the logarithms of shares of classes, or to numbers.
#[derive(Debug)]
pub(super) struct Answer {
    kind: Kind,
    weight: Tensor,
    bias: Tensor,
}

impl Kind {
    pub(super) fn of(config: &ModelConfig) -> Self {
        if config.numbers > 0 { Self::Numbers } else { Self::Classes }
    }
}

impl Answer {
    /// Takes a map from its parameters.
    pub(super) fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let (init, kind) = (Init::Linear { inputs: config.dim }, Kind::of(config));
        let width = if kind == Kind::Numbers { config.numbers } else { config.classes };
        let weight = p.get("weight", (width, config.dim), init)?;
        Ok(Self { kind, weight, bias: p.get("bias", width, init)? })
    }

    fn forward(&self, vectors: &Tensor) -> Result<Tensor> {
        let read = linear(vectors, &self.weight, Some(&self.bias))?;
        if self.kind == Kind::Classes { log_softmax(&read) } else { Ok(read) }
    }

    /// Returns what it says of some cells, of vectors `[cells, dim]` of all.
    pub(super) fn say(&self, vectors: &Tensor, cells: Vec<u32>) -> Result<Said> {
        if cells.is_empty() {
            return Ok(Said::default());
        }
        let said = self.forward(&rows(vectors, &cells)?)?;
        let said = if self.kind == Kind::Classes { said.exp()? } else { said };
        Ok(Said { values: said.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?, cells })
    }

    /// Returns how far it is from what is known or was said of some cells, their mean; nothing of no cell.
    pub(super) fn error(&self, vectors: &Tensor, wanted: &Said) -> Result<Option<Tensor>> {
        if wanted.cells.is_empty() {
            return Ok(None);
        }
        let ours = self.forward(&rows(vectors, &wanted.cells)?)?; // [cells, width]
        let known =
            Tensor::from_slice(&wanted.values, ours.shape(), ours.device())?.to_dtype(ours.dtype())?;
        if self.kind == Kind::Numbers {
            return (ours - known)?.sqr()?.mean_all().map(Some);
        }
        let n = wanted.cells.len() as f64;
        let entropy = wanted.values.iter().map(|p| f64::from(*p)).filter(|p| *p > 0.0).map(|p| p * p.ln());
        (known * ours)?.sum_all()?.affine(-1.0 / n, entropy.sum::<f64>() / n).map(Some)
    }
}

impl Labels {
    /// Returns what is known of some cells: of a class the share 1.
    pub(super) fn known(&self, config: &ModelConfig, wanted: impl Fn(usize) -> bool) -> Said {
        let mut known = Said::default();
        let mut add = |cell: usize, values: &[f32]| {
            known.cells.push(cell as u32);
            known.values.extend_from_slice(values);
        };
        match Kind::of(config) {
            Kind::Classes => {
                for (cell, class) in self.classes_of(wanted) {
                    let mut shares = vec![0.0; config.classes];
                    shares[class as usize] = 1.0;
                    add(cell, &shares);
                }
            }
            Kind::Numbers => {
                let of = self.numbers.iter().enumerate().filter(|(cell, _)| wanted(*cell));
                of.filter_map(|(cell, numbers)| Some((cell, numbers.as_ref()?)))
                    .for_each(|(cell, numbers)| add(cell, numbers));
            }
        }
        known
    }

    /// Returns the classes that are known of some cells.
    pub(super) fn classes_of(&self, wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = (usize, u32)> {
        let of = self.classes.iter().enumerate().filter(move |(cell, _)| wanted(*cell));
        of.filter_map(|(cell, class)| Some((cell, (*class)?)))
    }
}

impl Said {
    /// Returns what is said of some of the cells.
    pub(super) fn only(&self, wanted: impl Fn(usize) -> bool) -> Self {
        let width = self.values.len() / self.cells.len().max(1);
        let mut kept = Self::default();
        for (i, cell) in self.cells.iter().enumerate().filter(|(_, cell)| wanted(**cell as usize)) {
            kept.cells.push(*cell);
            kept.values.extend_from_slice(&self.values[i * width..(i + 1) * width]);
        }
        kept
    }
}
