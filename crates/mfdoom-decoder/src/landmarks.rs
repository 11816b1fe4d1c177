//! Training cells that a decoder keeps: a cell is compared with them.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, linear};

/// Share of what the nearest landmarks have in what is said of a cell. On held-out cells of the pancreas half lifts smoothed
/// velocities by .010 (Pearson) and .005 (cosine) and costs the cells' own .002 of each; see `workflows/results/log.md`.
const SHARE: f64 = 0.5;

/// How many times longer than that of training cells the residual of a cell may be: that of a shallower sample is longer,
/// and its cells are no others.
const SLACK: f64 = 1.5;

/// Kept training cells of one modality, and how far off predictions are.
#[derive(Clone, Debug)]
pub(crate) struct Landmarks {
    /// What the random layer sees of them, `[landmarks, components]` row by row.
    images: Arc<[f32]>,
    components: usize,
    /// Distance to the nearest landmark that few training cells exceed, and length of what the components leave of a cell.
    reach: [f32; 2],
    /// Weights of the logarithm of a cell's error, `[1, features]`, and its level, `[1]`.
    error: Tensor,
    level: Tensor,
    neighbours: Option<Neighbours>,
}

/// What the path says of the landmarks, `[landmarks, rank]` row by row, and how many of them speak for a cell.
#[derive(Clone, Debug)]
struct Neighbours {
    count: usize,
    said: Arc<[f32]>,
    rank: usize,
}

impl Landmarks {
    /// Takes the landmarks with these images from the parameters of a modality; `said` are number of neighbours and what
    /// the path says of every landmark.
    pub(crate) fn build(
        p: &ParameterBuilder,
        features: usize,
        images: &Tensor,
        said: Option<(usize, Tensor)>,
    ) -> Result<Self> {
        let neighbours = match said {
            None => None,
            Some((count, said)) => Some(Neighbours { count, rank: said.dim(1)?, said: host(&said)?.into() }),
        };
        Ok(Self {
            images: host(images)?.into(),
            components: images.dim(1)?,
            reach: {
                let reach = host(&p.get("reach", 2, Init::ONES)?)?;
                [reach[0], reach[1]]
            },
            error: p.get("error.map", (1, features), Init::ZEROS)?,
            level: p.get("error.level", 1, Init::ZEROS)?,
            neighbours,
        })
    }

    /// Returns the logarithm of the error to be expected of each cell, by its features.
    pub(crate) fn log_errors(&self, features: &Tensor) -> Result<Vec<f64>> {
        let logs = linear(features, &self.error, Some(&self.level))?;
        logs.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    }

    /// Returns the squared distances of each cell to all landmarks, cell by cell.
    pub(crate) fn squares(&self, image: &Tensor) -> Result<Vec<f32>> {
        let mut squares = Vec::with_capacity(image.dim(0)? * self.images.len() / self.components);
        for cell in host(image)?.chunks_exact(self.components) {
            let square = |other: &[f32]| cell.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            squares.extend(self.images.chunks_exact(self.components).map(square));
        }
        Ok(squares)
    }

    /// Returns the distance of each cell to its nearest landmark in units of the reach, or what the components leave of it
    /// where that is larger.
    pub(crate) fn distances(&self, squares: &[f32], residuals: &[f64]) -> Vec<f64> {
        let [reach, rest] = self.reach.map(f64::from);
        let nearest = |squares: &[f32]| squares.iter().copied().fold(f32::INFINITY, f32::min);
        let distance = |(squares, residual): (&[f32], &f64)| {
            (f64::from(nearest(squares)).sqrt() / reach).max(residual / (SLACK * rest))
        };
        squares.chunks_exact(self.images.len() / self.components).zip(residuals).map(distance).collect()
    }

    /// Returns what is said of each cell, blended with what is said of its nearest landmarks, `[cells, rank]`.
    pub(crate) fn blend(&self, own: Tensor, squares: &[f32]) -> Result<Tensor> {
        let Some(neighbours) = &self.neighbours else { return Ok(own) };
        let mut means = Vec::with_capacity(own.elem_count());
        for squares in squares.chunks_exact(self.images.len() / self.components) {
            means.extend(neighbours.mean(squares));
        }
        let means = Tensor::from_vec(means, own.shape(), own.device())?.to_dtype(own.dtype())?;
        (own * (1.0 - SHARE))? + (means * SHARE)?
    }
}

impl Neighbours {
    /// Mean over the nearest, the first of equals.
    fn mean(&self, squares: &[f32]) -> Vec<f32> {
        let mut order: Vec<usize> = (0..squares.len()).collect();
        let nearer = |a: &usize, b: &usize| squares[*a].total_cmp(&squares[*b]).then(a.cmp(b));
        if self.count < order.len() {
            order.select_nth_unstable_by(self.count, nearer);
            order.truncate(self.count);
        }
        order.sort_unstable(); // one order of the sum
        let mut mean = vec![0f32; self.rank];
        for row in &order {
            let said = &self.said[row * self.rank..(row + 1) * self.rank];
            mean.iter_mut().zip(said).for_each(|(sum, value)| *sum += value / order.len() as f32);
        }
        mean
    }
}

fn host(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}
