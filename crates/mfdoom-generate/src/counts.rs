//! Counts of a state: drawn, or expected.

use mfdoom_decoder::CountDistribution;
use mfdoom_nn::Stream;
use rayon::prelude::*;

use crate::args::Take;

/// Below so many expected counts a gene is not shown: a mean has a little of every gene, no cell has.
const LEAST_MEAN: f64 = 0.05;
/// Overdispersion from which a negative binomial is told from a Poisson distribution.
const POISSON: f64 = 1e-4;

/// Counts of a cell by gene, positions from 0, ascending; none is 0.
pub type Sparse = (Vec<u32>, Vec<f32>);

/// How counts scatter around a state.
#[derive(Clone, Debug)]
pub struct Scatter {
    /// Overdispersion of each gene: variance = mean + overdispersion x mean².
    pub overdispersion: Vec<f64>,
    /// Total that profiles are scaled to.
    pub size: f64,
    /// Seed of the draws.
    pub seed: u64,
}

/// A state to take counts of.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// Expected counts of a cell of total `size`, [genes].
    pub profile: &'a [f32],
    /// Library size of the cell.
    pub library: f64,
    /// Number of its trajectory, for its random numbers.
    pub trajectory: u64,
}

impl Scatter {
    /// Returns the counts of states at a step. Drawn ones depend on the seed, trajectory and step alone.
    pub fn counts(&self, states: &[Taken<'_>], step: u64, take: Take) -> Vec<Sparse> {
        states.par_iter().map(|state| self.of(state, step, take)).collect()
    }

    fn of(&self, state: &Taken<'_>, step: u64, take: Take) -> Sparse {
        let scale = state.library / self.size;
        let means = state.profile.iter().map(|x| f64::from(*x) * scale).enumerate();
        match take {
            Take::Mean => {
                let shown = means.filter(|(_, mean)| *mean >= LEAST_MEAN);
                shown.map(|(gene, mean)| (gene as u32, mean as f32)).unzip()
            }
            Take::Sample => {
                let mut stream = Stream::new(self.seed, "state", step, state.trajectory);
                let draw = |(gene, mean): (usize, f64)| {
                    let dispersion = 1.0 / self.overdispersion[gene].max(POISSON);
                    let count = CountDistribution { mean, dispersion, gate: None }.draw(&mut stream);
                    (gene as u32, count)
                };
                means.filter(|(_, mean)| *mean > 0.0).map(draw).filter(|(_, count)| *count > 0.0).unzip()
            }
        }
    }
}

/// Moments of counts around their expectation, by gene: what overdispersion is estimated from.
#[derive(Clone, Debug)]
pub struct Moments {
    squares: Vec<f64>,
    means: Vec<f64>,
    mean_squares: Vec<f64>,
}

impl Moments {
    /// Begins with no cell.
    pub fn new(genes: usize) -> Self {
        Self { squares: vec![0.0; genes], means: vec![0.0; genes], mean_squares: vec![0.0; genes] }
    }

    /// Adds a cell: what its neighbours, of which there are `k`, let expect, and what it has, both [genes].
    pub fn add(&mut self, expected: &[f64], found: &[f32], k: usize) {
        // An expectation that is a mean over k cells adds their share of the variance.
        let own = k as f64 / (k as f64 + 1.0);
        for (gene, (mean, count)) in expected.iter().zip(found).enumerate() {
            self.squares[gene] += (f64::from(*count) - mean).powi(2) * own;
            self.means[gene] += mean;
            self.mean_squares[gene] += mean * mean;
        }
    }

    /// Returns the overdispersion of each gene by its moments, 0 to 10.
    pub fn overdispersion(&self) -> Vec<f64> {
        let of = |gene: usize| match self.mean_squares[gene] > 0.0 {
            true => ((self.squares[gene] - self.means[gene]) / self.mean_squares[gene]).clamp(0.0, 10.0),
            false => 0.0,
        };
        (0..self.means.len()).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scatter(overdispersion: f64) -> Scatter {
        Scatter { overdispersion: vec![overdispersion; 2], size: 10.0, seed: 3 }
    }

    #[test]
    fn draws_scale_with_the_library_and_depend_on_their_key() {
        let profile = [4.0, 0.0];
        let of = |trajectory| Taken { profile: &profile, library: 50.0, trajectory };
        let states: Vec<Taken<'_>> = (0..4000).map(of).collect();
        let drawn = scatter(0.3).counts(&states, 1, Take::Sample);
        let values: Vec<f64> =
            drawn.iter().map(|(_, counts)| f64::from(counts.iter().sum::<f32>())).collect();
        let mean = values.iter().sum::<f64>() / 4000.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4000.0;
        assert!((mean - 20.0).abs() < 0.6 && (variance - 140.0).abs() < 15.0, "{mean} {variance}");
        assert!(
            drawn.iter().all(|(genes, _)| !genes.contains(&1)),
            "a gene that is not expected is not drawn"
        );
        assert_eq!(drawn[7..9], scatter(0.3).counts(&states[7..9], 1, Take::Sample));
        assert_ne!(drawn, scatter(0.3).counts(&states, 2, Take::Sample));
        assert_eq!(scatter(0.3).counts(&states[..1], 1, Take::Mean), [(vec![0], vec![20.0])]);
    }

    #[test]
    fn overdispersion_comes_back_from_the_moments() {
        let (k, profile) = (30, [8.0, 1.0]);
        let draw = |trajectory: u64, step| {
            let state = Taken { profile: &profile, library: 10.0, trajectory };
            let (genes, counts) = scatter(0.5).counts(&[state], step, Take::Sample).remove(0);
            let mut dense = [0f32; 2];
            genes.iter().zip(counts).for_each(|(gene, count)| dense[*gene as usize] = count);
            dense
        };
        let mut moments = Moments::new(2);
        for cell in 0..3000 {
            let mut mean = [0.0; 2];
            for neighbour in 0..k {
                let drawn = draw(cell, 1 + neighbour);
                (0..2).for_each(|gene| mean[gene] += f64::from(drawn[gene]) / k as f64);
            }
            moments.add(&mean, &draw(cell, 0), k as usize);
        }
        let found = moments.overdispersion();
        assert!((found[0] - 0.5).abs() < 0.08 && (found[1] - 0.5).abs() < 0.15, "{found:?}");
    }
}
