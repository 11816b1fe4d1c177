//! Neighbour weights of UMAP: each cell's distances become memberships, symmetrised by fuzzy union.
//!
//! McInnes, Healy, Melville 2018, section 3.1, with the constants of umap-learn 0.5.

use rayon::prelude::*;

use crate::csr::Csr;
use crate::neighbors::Neighbors;

/// Accepted error of the membership sum.
const TOLERANCE: f64 = 1e-5;
/// Smallest bandwidth, in mean distances.
const MIN_SCALE: f64 = 1e-3;
/// Steps of the bisection.
const STEPS: usize = 64;

/// Returns the symmetric connectivities `[n_cells, n_cells]`, in (0, 1], without diagonal.
pub fn connectivities(neighbors: &Neighbors) -> Csr {
    connectivities_with_own(neighbors, &vec![0.0; neighbors.n_rows()])
}

/// Returns the same for neighbours that were found with rounding: `own` is the distance of each cell to itself `[n_cells]`,
/// which umap-learn takes for that of the nearest cell where it is not 0.
pub fn connectivities_with_own(neighbors: &Neighbors, own: &[f32]) -> Csr {
    let n = neighbors.n_rows();
    let mean = mean_with_own(neighbors.all_distances(), own);
    let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..n)
        .into_par_iter()
        .map(|i| {
            let distances = neighbors.distances(i);
            memberships(neighbors.indices(i), distances, smooth_distance(distances, own[i], mean))
        })
        .collect();
    let directed = Csr::from_rows(n, &rows);
    fuzzy_union(&directed, &directed.transposed())
}

/// Returns the distance to the nearest other cell and the bandwidth with which the memberships sum to log2 k, the cell
/// itself being one of the k.
fn smooth_distance(distances: &[f32], own: f32, mean_of_all: f64) -> (f32, f32) {
    let rho = std::iter::once(own).chain(distances.iter().copied()).find(|&d| d > 0.0).unwrap_or(0.0);
    let target = ((distances.len() + 1) as f64).log2();
    let (mut low, mut high, mut middle) = (0.0_f32, f32::MAX, 1.0_f32);
    let member = |d: f32, scale: f32| if d > rho { f64::from(-((d - rho) / scale)).exp() } else { 1.0 };
    for _ in 0..STEPS {
        let sum: f64 = distances.iter().map(|&d| member(d, middle)).sum();
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = middle;
            middle = (low + high) / 2.0;
        } else {
            low = middle;
            middle = if high >= f32::MAX { middle * 2.0 } else { (low + high) / 2.0 };
        }
    }
    let floor = MIN_SCALE * if rho > 0.0 { mean_with_own(distances, &[own]) } else { mean_of_all };
    (rho, middle.max(floor as f32))
}

/// Returns columns, ascending, and memberships of one cell's neighbours.
fn memberships(cells: &[u32], distances: &[f32], (rho, sigma): (f32, f32)) -> (Vec<u32>, Vec<f32>) {
    let mut row: Vec<(u32, f32)> = cells
        .iter()
        .zip(distances)
        .map(|(&j, &d)| {
            let away = d - rho;
            let member =
                if away <= 0.0 || sigma == 0.0 { 1.0 } else { f64::from(-(away / sigma)).exp() as f32 };
            (j, member)
        })
        .collect();
    row.sort_unstable_by_key(|&(j, _)| j);
    row.into_iter().filter(|&(_, member)| member > 0.0).unzip()
}

/// Returns `a + b - a * b` of two sparse matrices.
fn fuzzy_union(a: &Csr, b: &Csr) -> Csr {
    let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..a.n_rows())
        .into_par_iter()
        .map(|i| {
            let ((columns_a, values_a), (columns_b, values_b)) = (a.row(i), b.row(i));
            let (mut p, mut q) = (0, 0);
            let mut out = (Vec::new(), Vec::new());
            while p < columns_a.len() || q < columns_b.len() {
                let ja = columns_a.get(p).copied().unwrap_or(u32::MAX);
                let jb = columns_b.get(q).copied().unwrap_or(u32::MAX);
                let x = if ja <= jb { values_a[p] } else { 0.0 };
                let y = if jb <= ja { values_b[q] } else { 0.0 };
                out.0.push(ja.min(jb));
                out.1.push(x + y - x * y);
                p += usize::from(ja <= jb);
                q += usize::from(jb <= ja);
            }
            out
        })
        .collect();
    Csr::from_rows(a.n_cols(), &rows)
}

/// Returns the mean in f64 of distances to others and to oneself.
fn mean_with_own(distances: &[f32], own: &[f32]) -> f64 {
    distances.iter().chain(own).map(|&d| f64::from(d)).sum::<f64>() / (distances.len() + own.len()) as f64
}
