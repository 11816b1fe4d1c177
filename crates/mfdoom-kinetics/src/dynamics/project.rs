//! Orthogonal projection of cells onto the two branches, at a few hundred points of each.

use super::curve::{Inverse, Parameters};
use super::gene::Gene;
use super::workspace::Scratch;

/// Fewest and most points of a branch.
const POINTS: [usize; 2] = [200, 500];

/// Fills `tau` and `tau_off` with the times of the nearest points (scVelo's `projection` assignment).
#[inline(always)]
pub(super) fn project(gene: &Gene, p: &Parameters, scratch: &mut Scratch) {
    let top = p.at_switch();
    let points = (gene.u.len() / 5).clamp(POINTS[0], POINTS[1]);
    let end_off = Inverse::unspliced(0.0, p.beta, top.0).at(gene.least_u / p.scaling, 0.0);
    let branches = [(p.induction(), p.switch, 0), (p.repression(top), end_off, 1)];
    let (u, grid) = (&scratch.u, &mut scratch.grid);
    for ((branch, end, first), out) in branches.into_iter().zip([&mut scratch.tau, &mut scratch.tau_off]) {
        grid.clear();
        grid.extend((first..points).map(|k| {
            let tau = if k + 1 == points { end } else { end / (points - 1) as f64 * k as f64 };
            let (u, s) = branch.at(tau);
            [tau, u, s]
        }));
        let rising = first == 0;
        for ((slot, &u), &s) in out.iter_mut().zip(u).zip(&gene.s) {
            *slot = nearest(grid, rising, u, s);
        }
    }
}

/// Returns the time of the grid point nearest to a cell, the earliest of equals.
///
/// u is monotone along both branches, so the search starts where u fits and ends where u alone is too far off. On the
/// rising branch s is monotone as well.
#[inline(always)]
fn nearest(grid: &[[f64; 3]], rising: bool, u: f64, s: f64) -> f64 {
    let start = grid.partition_point(|point| if rising { point[1] < u } else { point[1] > u });
    let (mut best, mut at) = (f64::INFINITY, 0);
    for (k, point) in grid.iter().enumerate().skip(start) {
        let (du, ds) = ((point[1] - u).powi(2), (point[2] - s).powi(2));
        if du + ds < best {
            (best, at) = (du + ds, k);
        } else if du > best || (rising && point[2] > s && ds > best) {
            break;
        }
    }
    for (k, point) in grid.iter().enumerate().take(start).rev() {
        let (du, ds) = ((point[1] - u).powi(2), (point[2] - s).powi(2));
        if du + ds <= best {
            (best, at) = (du + ds, k);
        } else if du > best || (rising && point[2] < s && ds > best) {
            break;
        }
    }
    grid[at][0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pruned_search_finds_what_a_full_one_finds() {
        let p = Parameters { alpha: 4.0, beta: 0.7, gamma: 1.1, scaling: 1.0, switch: 6.0 };
        let top = p.at_switch();
        for (branch, rising) in [(p.induction(), true), (p.repression(top), false)] {
            let grid: Vec<[f64; 3]> = (0..300)
                .map(|k| {
                    let tau = f64::from(k) * 0.03;
                    let (u, s) = branch.at(tau);
                    [tau, u, s]
                })
                .collect();
            for i in 0..40 {
                for j in 0..40 {
                    let (u, s) = (f64::from(i) * 0.2, f64::from(j) * 0.15);
                    let square = |point: &[f64; 3]| (point[1] - u).powi(2) + (point[2] - s).powi(2);
                    let full = grid.iter().map(square).fold(f64::INFINITY, f64::min);
                    let found = nearest(&grid, rising, u, s);
                    let point = grid.iter().find(|point| point[0] == found).unwrap();
                    assert!((square(point) - full).abs() < 1e-12, "{u} {s} {rising}");
                }
            }
        }
    }
}
