//! Cosines between a cell's velocity and the displacements to the cells around it.

use mfdoom_matrix::Csr;
use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;
use mfdoom_matrix::error::{Result, same};
use mfdoom_matrix::percentile;
use rayon::prelude::*;

/// Lanes that a row is summed in, whatever the processor has, so that results are the same everywhere.
const LANES: usize = 16;
/// Cells whose rows are made at once.
const BLOCK: usize = 4096;
/// Room for stored values, in those that the first cells ask for.
const SPARE: f64 = 1.25;

/// Cosine graph over each cell's neighbours and their neighbours.
#[derive(Debug, Clone, PartialEq)]
pub struct VelocityGraph {
    /// Cosines other than 0, `[n_cells, n_cells]`.
    pub cosines: Csr,
    /// Chance to stay: how far a cell's largest cosine is below the 98th percentile of all, in [0, 1].
    pub self_transition: Vec<f64>,
}

/// Computes the graph from positions and velocities `[n_cells, n_velocity_genes]`, velocity genes only.
///
/// Displacement and velocity are centred over the genes of a cell. `square_root` replaces both by their signed
/// square roots first, as the stochastic mode asks for. A cell without velocity has an empty row.
///
/// # Errors
/// When positions, velocities and neighbours differ in shape.
pub fn velocity_graph(
    positions: &Matrix,
    velocity: &Matrix,
    neighbors: &Neighbors,
    square_root: bool,
) -> Result<VelocityGraph> {
    let n = neighbors.n_rows();
    same("cells of the positions", positions.n_rows(), n)?;
    same("cells of the velocities", velocity.n_rows(), n)?;
    same("genes of the velocities", velocity.n_cols(), positions.n_cols())?;
    let arch = pulp::Arch::new();
    let mut cosines = Csr::empty(n);
    for start in (0..n).step_by(BLOCK) {
        let end = n.min(start + BLOCK);
        let rows: Vec<(Vec<u32>, Vec<f32>)> = (start..end)
            .into_par_iter()
            .map(|i| arch.dispatch(Row { i, positions, velocity, neighbors, square_root }))
            .collect();
        if start == 0 {
            // Room for all from what the first cells need; what stays unused is never touched.
            let stored: usize = rows.iter().map(|row| row.0.len()).sum();
            cosines.reserve(n, (stored as f64 * n as f64 / end as f64 * SPARE) as usize);
        }
        rows.iter().for_each(|(columns, values)| cosines.push_row(columns, values));
    }
    let self_transition = self_transition(&cosines);
    Ok(VelocityGraph { cosines, self_transition })
}

/// Arguments of one cell's row, whose computation is compiled for each kind of vector unit.
struct Row<'a> {
    i: usize,
    positions: &'a Matrix,
    velocity: &'a Matrix,
    neighbors: &'a Neighbors,
    square_root: bool,
}

impl pulp::WithSimd for Row<'_> {
    type Output = (Vec<u32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        signed_cosines(&self)
    }
}

/// Returns the cosines of one cell.
#[inline(always)]
fn signed_cosines(row: &Row<'_>) -> (Vec<u32>, Vec<f32>) {
    let &Row { i, positions, velocity, neighbors, square_root } = row;
    let mut out = (Vec::new(), Vec::new());
    let v = centred_velocity(velocity.row(i), square_root);
    let norm = v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    if v.iter().all(|&v| v == 0.0) {
        return out;
    }
    let here = positions.row(i);
    for j in neighbors.reachable(i) {
        let there = positions.row(j as usize);
        let sums = if square_root {
            sums(here, there, &v, |d: f32| d.abs().sqrt().copysign(d))
        } else {
            sums(here, there, &v, |d: f32| d)
        };
        let cosine = sums.cosine(v.len() as f64, norm);
        if cosine != 0.0 {
            out.0.push(j);
            out.1.push(cosine.clamp(-1.0, 1.0) as f32);
        }
    }
    out
}

/// Returns one cell's velocity, square-rooted if asked, then centred over its genes.
#[inline(always)]
fn centred_velocity(row: &[f32], square_root: bool) -> Vec<f32> {
    let root = |&v: &f32| if square_root && v != 0.0 { v.abs().sqrt().copysign(v) } else { v };
    let mut v: Vec<f32> = row.iter().map(root).collect();
    let mean = (v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64) as f32;
    v.iter_mut().for_each(|v| *v -= mean);
    v
}

/// Sums over the genes for one displacement d and velocity v.
struct Sums {
    d: f64,
    dd: f64,
    dv: f64,
}

impl Sums {
    /// Returns the cosine of the centred displacement with a centred velocity of norm `norm`; 0 for no displacement.
    #[inline(always)]
    fn cosine(&self, n: f64, norm: f64) -> f64 {
        let square = self.dd - self.d * self.d / n;
        if square > 0.0 { self.dv / (square.sqrt() * norm) } else { 0.0 }
    }
}

/// Sums d, d² and d v over the genes, d being `map(there - here)`.
#[inline(always)]
fn sums(here: &[f32], there: &[f32], v: &[f32], map: impl Fn(f32) -> f32) -> Sums {
    let mut lanes = [[0.0_f32; LANES]; 3];
    let mut tail = [0.0_f32; 3];
    let whole = v.len() / LANES * LANES;
    let blocks = here[..whole].chunks_exact(LANES).zip(there[..whole].chunks_exact(LANES));
    for ((a, b), v) in blocks.zip(v[..whole].chunks_exact(LANES)) {
        for k in 0..LANES {
            let d = map(b[k] - a[k]);
            lanes[0][k] += d;
            lanes[1][k] += d * d;
            lanes[2][k] += d * v[k];
        }
    }
    for k in whole..v.len() {
        let d = map(there[k] - here[k]);
        tail[0] += d;
        tail[1] += d * d;
        tail[2] += d * v[k];
    }
    let total = |k: usize| lanes[k].iter().map(|&x| f64::from(x)).sum::<f64>() + f64::from(tail[k]);
    Sums { d: total(0), dd: total(1), dv: total(2) }
}

/// Returns `clip(p98(largest cosine of a cell) - largest cosine, 0, 1)`.
fn self_transition(cosines: &Csr) -> Vec<f64> {
    let largest: Vec<f64> = (0..cosines.n_rows())
        .map(|i| f64::from(cosines.row(i).1.iter().copied().fold(0.0, f32::max)))
        .collect();
    let bound = percentile(&mut largest.clone(), 98.0);
    largest.iter().map(|largest| (bound - largest).clamp(0.0, 1.0)).collect()
}
