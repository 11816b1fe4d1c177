//! Nearest neighbours of rows, as searches find them and as files hold them.

use crate::error::{Error, Result, at_least, same};

/// The `k` nearest references of every row, nearest first; among cells themselves the cell is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbors {
    k: usize,
    n_references: usize,
    indices: Vec<u32>,
    distances: Vec<f32>,
}

impl Neighbors {
    /// Returns the neighbours of cells among themselves, `indices` and `distances` [n_cells, k] row by row.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::TooFew`]: the parts are no such tables. [`Error::Unusable`]: a cell names itself
    /// or a cell that is not there.
    pub fn new(k: usize, indices: Vec<u32>, distances: Vec<f32>) -> Result<Self> {
        at_least("neighbours", k, 1)?;
        let n = indices.len() / k;
        if let Some(at) = indices.iter().enumerate().position(|(at, &j)| j as usize == at / k) {
            return Err(Error::Unusable(format!("cell {} is named as its own neighbour", at / k)));
        }
        Self::between(n, k, indices, distances)
    }

    /// Returns the neighbours of rows among `n_references` others, `indices` and `distances` [n_rows, k] row by row.
    ///
    /// # Errors
    /// Those of [`Neighbors::new`]; a row may name itself.
    pub fn between(n_references: usize, k: usize, indices: Vec<u32>, distances: Vec<f32>) -> Result<Self> {
        at_least("neighbours", k, 1)?;
        same("neighbour distances", distances.len(), indices.len())?;
        same("neighbours in the last row", indices.len() % k, 0)?;
        if let Some(at) = indices.iter().position(|&j| j as usize >= n_references) {
            return Err(Error::Unusable(format!(
                "cell {} names cell {} as neighbour, of {n_references} cells",
                at / k,
                indices[at]
            )));
        }
        Ok(Self { k, n_references, indices, distances })
    }

    /// Returns the number of neighbours of a row.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.indices.len() / self.k
    }

    /// Returns the number of those that neighbours were sought among.
    pub fn n_references(&self) -> usize {
        self.n_references
    }

    /// Returns the neighbours of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline(always)]
    pub fn indices(&self, row: usize) -> &[u32] {
        &self.indices[row * self.k..(row + 1) * self.k]
    }

    /// Returns the distances of a row's neighbours.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline(always)]
    pub fn distances(&self, row: usize) -> &[f32] {
        &self.distances[row * self.k..(row + 1) * self.k]
    }

    /// Returns the neighbours of all rows, [n_rows, k].
    pub fn all_indices(&self) -> &[u32] {
        &self.indices
    }

    /// Returns the distances of all rows, [n_rows, k].
    pub fn all_distances(&self) -> &[f32] {
        &self.distances
    }

    /// Returns the first `k` of each row's neighbours.
    ///
    /// # Errors
    /// [`Error::TooFew`], when there are not so many.
    pub fn first(&self, k: usize) -> Result<Self> {
        at_least("neighbours", self.k, k)?;
        let rows = || 0..self.n_rows();
        let indices = rows().flat_map(|row| &self.indices(row)[..k]).copied().collect();
        let distances = rows().flat_map(|row| &self.distances(row)[..k]).copied().collect();
        Self::between(self.n_references, k, indices, distances)
    }

    /// Returns cell `i`, its neighbours and their neighbours, ascending, each once; for cells among themselves.
    pub fn reachable(&self, i: usize) -> Vec<u32> {
        let mut cells = Vec::with_capacity((self.k + 1) * (self.k + 1));
        for &j in std::iter::once(&(i as u32)).chain(self.indices(i)) {
            cells.push(j);
            cells.extend_from_slice(self.indices(j as usize));
        }
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}
