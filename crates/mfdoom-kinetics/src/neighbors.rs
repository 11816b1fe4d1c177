//! The exact k nearest neighbours of every cell, as the velocity functions take them.

use crate::error::{Error, Result, expect_len};

/// Nearest neighbours, `k` a cell, the cell itself first and then by increasing distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    /// Neighbours per cell, the cell itself included.
    pub k: usize,
    /// Cell numbers `[n_cells, k]`.
    pub indices: Vec<u32>,
    /// Distances `[n_cells, k]`, 0 for the cell itself.
    pub distances: Vec<f32>,
}

impl Neighbors {
    /// Checks and wraps `[n_cells, k]` arrays.
    ///
    /// # Errors
    /// When the lengths differ, `k` is below 2, a row does not start with its own cell, or a number is out of range.
    pub fn new(k: usize, indices: Vec<u32>, distances: Vec<f32>) -> Result<Self> {
        if k < 2 {
            return Err(Error::Unusable(format!(
                "{k} neighbours: at least 2 are needed, the cell itself included"
            )));
        }
        expect_len("distances to neighbours", indices.len(), distances.len())?;
        expect_len("neighbours, a multiple of k", indices.len() / k * k, indices.len())?;
        let n_cells = indices.len() / k;
        for (i, row) in indices.chunks_exact(k).enumerate() {
            if row[0] as usize != i {
                return Err(Error::Unusable(format!(
                    "neighbours of cell {i} do not start with the cell itself"
                )));
            }
            if let Some(j) = row.iter().find(|&&j| j as usize >= n_cells) {
                return Err(Error::Unusable(format!(
                    "cell {i} names cell {j} as neighbour, of {n_cells} cells"
                )));
            }
        }
        Ok(Self { k, indices, distances })
    }

    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.indices.len() / self.k
    }

    /// Returns the neighbours of cell `i` without the cell itself.
    pub fn others(&self, i: usize) -> &[u32] {
        &self.indices[i * self.k + 1..(i + 1) * self.k]
    }

    /// Returns cell `i`, its neighbours and their neighbours, ascending, each once.
    pub fn reachable(&self, i: usize) -> Vec<u32> {
        let mut cells = Vec::with_capacity(self.k * self.k);
        for &j in &self.indices[i * self.k..(i + 1) * self.k] {
            cells.extend_from_slice(&self.indices[j as usize * self.k..(j as usize + 1) * self.k]);
        }
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}
