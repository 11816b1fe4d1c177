//! Abundances of one gene over all cells, as the fit needs them.

use mfdoom_matrix::percentile;

use super::workspace::Scratch;
use crate::moments::Smoother;

/// Percentile of both abundances above which a cell takes no part in the fit.
const CUT: f64 = 99.0;

/// First moments of one gene and which cells are fitted.
#[derive(Debug, Clone, Default)]
pub(super) struct Gene {
    /// Unspliced abundances, unscaled.
    pub u: Vec<f64>,
    /// Spliced abundances.
    pub s: Vec<f64>,
    /// 1 for a cell that takes part in the fit, else 0.
    pub weight: Vec<f64>,
    /// Cells of the fit with more than a third of the largest fitted abundances.
    pub upper: Vec<bool>,
    /// Number of cells that take part.
    pub n_fitted: f64,
    /// Standard deviations of the fitted cells.
    pub std_u: f64,
    /// Standard deviations of the fitted cells.
    pub std_s: f64,
    /// Sum of squared spliced abundances over the fitted cells.
    pub squared_s: f64,
    /// Neighbourhood averages of u, u², s, s², per cell.
    pub smooth: Vec<[f64; 4]>,
    /// Least u among cells with s above 0.
    pub least_u: f64,
}

impl Gene {
    /// Loads one gene; false when fewer than three cells have both abundances.
    pub fn load(&mut self, s: &[f32], u: &[f32], smoother: &Smoother, scratch: &mut Scratch) -> bool {
        fill(&mut self.s, s.iter().map(|&x| f64::from(x)));
        fill(&mut self.u, u.iter().map(|&x| f64::from(x)));
        let both = |i: &usize| self.s[*i] > 0.0 && self.u[*i] > 0.0;
        let expressed: Vec<usize> = (0..s.len()).filter(both).collect();
        if expressed.len() <= 2 {
            return false;
        }
        let values = &mut scratch.values;
        let mut bound = |x: &[f64]| {
            fill(values, expressed.iter().map(|&i| x[i]));
            percentile(values, CUT)
        };
        let (bound_s, bound_u) = (bound(&self.s), bound(&self.u));
        self.weight.clear();
        self.weight.resize(s.len(), 0.0);
        for &i in expressed.iter().filter(|&&i| self.s[i] <= bound_s && self.u[i] <= bound_u) {
            self.weight[i] = 1.0;
        }
        self.summarise();
        smooth_powers(&self.u, &self.s, smoother, &mut self.smooth);
        true
    }

    /// Iterates the values of `x` in the fitted cells.
    pub fn fitted<'a>(&'a self, x: &'a [f64]) -> impl Iterator<Item = f64> + Clone + 'a {
        x.iter().zip(&self.weight).filter(|(_, weight)| **weight > 0.0).map(|(x, _)| *x)
    }

    /// Computes what depends on the fitted cells.
    fn summarise(&mut self) {
        self.n_fitted = self.weight.iter().sum();
        self.std_u = deviation(self.fitted(&self.u), self.n_fitted);
        self.std_s = deviation(self.fitted(&self.s), self.n_fitted);
        if self.std_u == 0.0 || self.std_s == 0.0 {
            (self.std_u, self.std_s) = (1.0, 1.0);
        }
        self.squared_s = self.fitted(&self.s).map(|s| s * s).sum();
        let third_u = self.fitted(&self.u).fold(0.0, f64::max) / 3.0;
        let third_s = self.fitted(&self.s).fold(0.0, f64::max) / 3.0;
        let upper = |i: usize| self.weight[i] > 0.0 && self.u[i] > third_u && self.s[i] > third_s;
        let marks = (0..self.s.len()).map(upper).collect();
        self.upper = marks;
        let spliced = |(u, s): (&f64, &f64)| if *s > 0.0 { *u } else { f64::INFINITY };
        self.least_u = self.u.iter().zip(&self.s).map(spliced).fold(f64::INFINITY, f64::min);
    }
}

/// Refills a vector without giving up its memory.
pub(super) fn fill(out: &mut Vec<f64>, values: impl Iterator<Item = f64>) {
    out.clear();
    out.extend(values);
}

/// Returns the population standard deviation of `n` values.
fn deviation(values: impl Iterator<Item = f64> + Clone, n: f64) -> f64 {
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// Averages u, u², s and s² over every neighbourhood.
fn smooth_powers(u: &[f64], s: &[f64], smoother: &Smoother, out: &mut Vec<[f64; 4]>) {
    out.clear();
    out.extend((0..u.len()).map(|i| {
        let mut sum = [0.0; 4];
        for &j in smoother.cells(i) {
            let (u, s) = (u[j as usize], s[j as usize]);
            sum[0] += u;
            sum[1] += u * u;
            sum[2] += s;
            sum[3] += s * s;
        }
        sum.map(|x| x * smoother.weight(i))
    }));
}
