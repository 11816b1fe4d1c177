//! Matrices read in full: embeddings in `obsm`, velocities in layers.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;

use super::H5ad;
use crate::source::Source;

/// Cells read at a time.
const ROWS: usize = 4096;

impl H5ad {
    /// Names of the matrices of `obsm` that can be read.
    pub fn obsm_keys(&self) -> Vec<String> {
        let key = |source: Source| match source {
            Source::Obsm(key) => Some(key),
            _ => None,
        };
        self.sources().into_iter().filter_map(key).collect()
    }

    /// Reads `obsm/KEY`, [n_obs, d].
    ///
    /// # Errors
    /// Contract: no such matrix, or what is there is none: an array of three dimensions, a frame with text.
    pub fn obsm(&self, key: &str) -> Result<Matrix> {
        let source = Source::Obsm(key.to_owned());
        if !self.matrices().iter().any(|found| found.source == source) {
            let there = self.obsm_keys();
            let found = match there.is_empty() {
                true => "an empty obsm".to_owned(),
                false => format!("obsm/{}", there.join(", obsm/")),
            };
            return Err(Error::contract(format!("{}: no {source}", self.name()))
                .found(found)
                .help("name one of those, or make it: scanpy.tl.umap"));
        }
        self.whole(&source)
    }

    /// Reads a matrix in full, [n_obs, columns], a run of cells at a time.
    ///
    /// # Errors
    /// Those of [`matrix`](Self::matrix).
    pub fn whole(&self, source: &Source) -> Result<Matrix> {
        let mut matrix = self.matrix(source)?;
        let (n, dim) = (matrix.n_rows(), matrix.n_cols());
        let mut data = vec![0.0; n * dim];
        for start in (0..n).step_by(ROWS) {
            let block = matrix.read_rows(start..n.min(start + ROWS))?;
            for row in 0..block.n_rows() {
                let (columns, values) = block.row(row);
                let to = &mut data[(start + row) * dim..(start + row + 1) * dim];
                columns.iter().zip(values).for_each(|(&column, &value)| to[column as usize] = value);
            }
        }
        Matrix::new(data, n, dim).map_err(|error| Error::failed(source.to_string()).source(error))
    }
}
