//! What an experimental batch does to the counts of its cells.

use rand_distr::{Distribution, LogNormal};

use super::Design;
use super::stream::{Purpose, stream};

/// Multiplicative effects of one experimental batch, on spliced and unspliced alike.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Name, `batch_1` ...
    pub name: String,
    /// Sequencing depth relative to the first batch.
    pub depth: f64,
    /// Per gene, the detection relative to the first batch.
    pub factors: Vec<f64>,
}

impl Batch {
    /// Draws batch number `index`. The first is the reference: all its factors are 1.
    pub(crate) fn sample(design: &Design, index: usize) -> Self {
        let name = format!("batch_{}", index + 1);
        let spread = if index == 0 { 0.0 } else { design.batch_effect };
        let Ok(effect) = LogNormal::new(0.0, spread) else {
            return Self { name, depth: 1.0, factors: vec![1.0; design.genes] };
        };
        let mut rng = stream(design.seed, Purpose::Batch, index);
        let depth = effect.sample(&mut rng);
        Self { name, depth, factors: (0..design.genes).map(|_| effect.sample(&mut rng)).collect() }
    }
}
