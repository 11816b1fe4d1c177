//! Orthogonal projection of cells onto the two branches, at a few hundred points of each.

use super::curve::{Branch, Inverse, Parameters};
use super::gene::Gene;
use super::workspace::Scratch;

/// Fewest and most points of a branch.
const POINTS: [usize; 2] = [200, 500];
/// Points that are ruled out together.
const BLOCK: usize = 16;
/// Blocks of the longest branch.
const BLOCKS: usize = POINTS[1].div_ceil(BLOCK);

/// Fills `tau` and `tau_off` with the times of the nearest points (scVelo's `projection` assignment).
#[inline(always)]
pub(super) fn project(gene: &Gene, p: &Parameters, scratch: &mut Scratch) {
    let top = p.at_switch();
    let points = (gene.u.len() / 5).clamp(POINTS[0], POINTS[1]);
    let end_off = Inverse::unspliced(0.0, p.beta, top.0).at(gene.least_u / p.scaling, 0.0);
    let on = Grid::new(p.induction(), p.switch, 0, points);
    let off = Grid::new(p.repression(top), end_off, 1, points);
    let (u, s) = (&scratch.u, &gene.s);
    for i in 0..u.len() {
        scratch.tau[i] = on.nearest(u[i], s[i]);
        scratch.tau_off[i] = off.nearest(u[i], s[i]);
    }
}

/// Evenly spaced points of one branch, in blocks with the box that each fills.
struct Grid {
    blocks: usize,
    tau: [[f64; BLOCK]; BLOCKS],
    u: [[f64; BLOCK]; BLOCKS],
    s: [[f64; BLOCK]; BLOCKS],
    least: [[f64; BLOCKS]; 2],
    most: [[f64; BLOCKS]; 2],
}

impl Grid {
    /// Points `first..points` of `points` from 0 to `end`; the last is repeated to fill its block.
    #[inline(always)]
    fn new(branch: Branch, end: f64, first: usize, points: usize) -> Self {
        let mut grid = Self {
            blocks: (points - first).div_ceil(BLOCK),
            tau: [[0.0; BLOCK]; BLOCKS],
            u: [[0.0; BLOCK]; BLOCKS],
            s: [[0.0; BLOCK]; BLOCKS],
            least: [[f64::INFINITY; BLOCKS]; 2],
            most: [[f64::NEG_INFINITY; BLOCKS]; 2],
        };
        let step = end / (points - 1) as f64;
        for block in 0..grid.blocks {
            for k in 0..BLOCK {
                let number = first + block * BLOCK + k;
                let tau = if number + 1 >= points { end } else { step * number as f64 };
                let (u, s) = branch.at(tau);
                (grid.tau[block][k], grid.u[block][k], grid.s[block][k]) = (tau, u, s);
                for (d, x) in [u, s].into_iter().enumerate() {
                    grid.least[d][block] = grid.least[d][block].min(x);
                    grid.most[d][block] = grid.most[d][block].max(x);
                }
            }
        }
        grid
    }

    /// Returns the time of the point nearest to a cell.
    #[inline(always)]
    fn nearest(&self, u: f64, s: f64) -> f64 {
        let mut bound = [0.0; BLOCKS];
        for (block, bound) in bound.iter_mut().enumerate() {
            let du = (self.least[0][block] - u).max(u - self.most[0][block]).max(0.0);
            let ds = (self.least[1][block] - s).max(s - self.most[1][block]).max(0.0);
            *bound = du * du + ds * ds;
        }
        let mut first = 0;
        for block in 1..self.blocks {
            first = if bound[block] < bound[first] { block } else { first };
        }
        let (mut best, mut tau) = self.nearest_in(first, u, s);
        for (block, &bound) in bound[..self.blocks].iter().enumerate() {
            if bound < best && block != first {
                let (distance, time) = self.nearest_in(block, u, s);
                (best, tau) = if distance < best { (distance, time) } else { (best, tau) };
            }
        }
        tau
    }

    /// Returns the least squared distance within a block, and the time of that point.
    #[inline(always)]
    fn nearest_in(&self, block: usize, u: f64, s: f64) -> (f64, f64) {
        let mut distance = [0.0; BLOCK];
        for (k, distance) in distance.iter_mut().enumerate() {
            let (du, ds) = (self.u[block][k] - u, self.s[block][k] - s);
            *distance = du * du + ds * ds;
        }
        let mut best = (f64::INFINITY, self.tau[block][0]);
        for (distance, &tau) in distance.into_iter().zip(&self.tau[block]) {
            best = if distance < best.0 { (distance, tau) } else { best };
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_by_blocks_finds_what_a_full_one_finds() {
        let p = Parameters { alpha: 4.0, beta: 0.7, gamma: 1.1, scaling: 1.0, switch: 6.0 };
        for (branch, first) in [(p.induction(), 0), (p.repression(p.at_switch()), 1)] {
            let grid = Grid::new(branch, 9.0, first, 300);
            let square = |tau: f64, u: f64, s: f64| {
                let point = branch.at(tau);
                (point.0 - u).powi(2) + (point.1 - s).powi(2)
            };
            for i in 0..40 {
                for j in 0..40 {
                    let (u, s) = (f64::from(i) * 0.2, f64::from(j) * 0.15);
                    let all = (first..300).map(|k| square(9.0 / 299.0 * k as f64, u, s));
                    let full = all.fold(f64::INFINITY, f64::min);
                    assert!((square(grid.nearest(u, s), u, s) - full).abs() < 1e-12, "{u} {s} {first}");
                }
            }
        }
    }
}
