//! Embeddings of real cells with their neighbours, as scib-metrics got them.

use mfdoom_matrix::{Matrix, Neighbors};
use mfdoom_testing::Npz;

/// An embedding with labels and neighbours.
pub struct Reference {
    pub npz: Npz,
    pub x: Matrix,
    /// The 89 nearest other cells.
    pub near: Neighbors,
    /// Distance of each cell to itself, as rounding left it.
    pub own: Vec<f32>,
    pub labels: Vec<u32>,
}

impl Reference {
    /// Reads an embedding with its stored neighbours, the cell itself left out.
    pub fn open(name: &str, n: usize) -> Option<Self> {
        let npz = Npz::shared(&format!("reference/metrics/{name}.npz"))?;
        let indices = npz.u32("knn90_indices").chunks(90).flat_map(|row| row[1..].to_vec()).collect();
        let distances = npz.f32("knn90_distances").chunks(90).flat_map(|row| row[1..].to_vec()).collect();
        let own = npz.f32("knn90_distances").chunks(90).map(|row| row[0]).collect();
        let near = Neighbors::new(89, indices, distances).unwrap();
        let (x, labels) = (Matrix::new(npz.f32("embedding"), n, 50).unwrap(), npz.codes("labels"));
        Some(Self { npz, x, near, own, labels })
    }
}
