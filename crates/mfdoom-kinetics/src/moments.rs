//! First and second moments: averages of counts over each cell and its neighbours.

use std::ops::Range;

use mfdoom_matrix::Csr;
use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Error, Result, same};
use rayon::prelude::*;

/// Most cells that 16 bits can name.
pub(crate) const NARROW: usize = 1 << 16;

/// Values are spread out before they are averaged where more than one in this many is not 0.
const SPARSE: usize = 10;

/// Averaging over the cells connected to a cell and the cell itself, all with the same weight.
///
/// This is `(connectivities > 0) + I`, its rows normalised: the weights themselves do not enter (scVelo `get_connectivities`).
#[derive(Debug, Clone, PartialEq)]
pub struct Smoother {
    /// Start of every cell's list, and the end of the last.
    indptr: Vec<usize>,
    /// Cells that are averaged, the cell itself among them.
    indices: Vec<u32>,
    /// The same cells in half the memory, where 16 bits name them all; else empty.
    narrow: Vec<u16>,
    /// Whether every cell is averaged for the cells that are averaged for it.
    symmetric: bool,
    /// One over the number of cells averaged; rounded to f32, as scVelo does.
    weights: Vec<f64>,
}

impl Smoother {
    /// Builds the average from connectivities `[n_cells, n_cells]`; stored zeros do not count.
    ///
    /// # Errors
    /// When the matrix is not square.
    pub fn new(connectivities: &Csr) -> Result<Self> {
        let n = connectivities.n_rows();
        same("columns of the connectivities", connectivities.n_cols(), n)?;
        Ok(Self::of_cells(n, |i, cells| {
            let (columns, values) = connectivities.row(i);
            cells.extend(columns.iter().zip(values).filter(|&(_, &value)| value > 0.0).map(|(&j, _)| j));
        }))
    }

    /// Returns the average within the cells `cells`, ascending, numbered in that order.
    pub fn restricted(&self, cells: &[usize]) -> Self {
        let mut number = vec![u32::MAX; self.n_cells()];
        cells.iter().zip(0..).for_each(|(&cell, k)| number[cell] = k);
        Self::of_cells(cells.len(), |k, kept| {
            let all = self.cells(cells[k]).iter().map(|&j| number[j as usize]);
            kept.extend(all.filter(|&j| j != u32::MAX));
        })
    }

    /// Builds the average of `n` cells over those that `add` appends to a list, and the cell itself.
    fn of_cells(n: usize, add: impl Fn(usize, &mut Vec<u32>)) -> Self {
        let mut out = Self {
            indptr: vec![0],
            indices: Vec::new(),
            narrow: Vec::new(),
            symmetric: false,
            weights: Vec::with_capacity(n),
        };
        for i in 0..n {
            let first = out.indices.len();
            add(i, &mut out.indices);
            if !out.indices[first..].contains(&(i as u32)) {
                out.indices.push(i as u32);
            }
            out.indices[first..].sort_unstable();
            out.indptr.push(out.indices.len());
            out.weights.push(f64::from((1.0 / (out.indices.len() - first) as f64) as f32));
        }
        let back = |i: usize, j: u32| out.cells(j as usize).binary_search(&(i as u32)).is_ok();
        out.symmetric = (0..n).all(|i| out.cells(i).iter().all(|&j| back(i, j)));
        if n <= NARROW {
            out.narrow = out.indices.iter().map(|&j| j as u16).collect();
        }
        out
    }

    /// Returns the cells averaged for cell `i` as 16-bit numbers; none when there are more than [`NARROW`] cells.
    pub(crate) fn narrow_cells(&self, i: usize) -> Option<&[u16]> {
        self.narrow.get(self.indptr[i]..self.indptr[i + 1])
    }

    /// Says whether every cell is averaged for the cells that are averaged for it, as with UMAP's connectivities.
    pub fn is_symmetric(&self) -> bool {
        self.symmetric
    }

    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.weights.len()
    }

    /// Returns the cells averaged for cell `i`, ascending.
    pub fn cells(&self, i: usize) -> &[u32] {
        &self.indices[self.indptr[i]..self.indptr[i + 1]]
    }

    /// Returns the weight of each of [`Smoother::cells`] of cell `i`.
    pub fn weight(&self, i: usize) -> f64 {
        self.weights[i]
    }

    /// Returns [`Smoother::weight`] of every cell.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Writes the averages of one value a cell to `out`; both have length `n_cells`.
    pub fn apply(&self, values: &[f64], out: &mut [f64]) {
        for (i, slot) in out.iter_mut().enumerate() {
            *slot = self.cells(i).iter().map(|&j| values[j as usize]).sum::<f64>() * self.weights[i];
        }
    }

    /// Averages dense rows into `out`, of the same shape; the sums are those of sparse rows to the last bit.
    fn average_dense(&self, rows: &Matrix, out: &mut Matrix) {
        let arch = pulp::Arch::new();
        out.data_mut().par_chunks_mut(rows.n_cols()).enumerate().for_each_init(
            || vec![0.0_f64; rows.n_cols()],
            |sums, (i, out)| arch.dispatch(Average { smoother: self, rows, i, sums, out }),
        );
    }

    /// Returns the averages `[n_cells, n_genes]` of sparse rows.
    ///
    /// # Errors
    /// When the rows are not this smoother's cells.
    pub fn moments(&self, matrix: &Csr) -> Result<Matrix> {
        same("cells of the matrix to average", matrix.n_rows(), self.n_cells())?;
        let width = matrix.n_cols();
        let mut out = Matrix::filled(self.n_cells(), width, 0.0);
        if width == 0 {
            return Ok(out);
        }
        if matrix.nnz() * SPARSE > self.n_cells() * width {
            self.average_dense(&matrix.to_dense(), &mut out);
            return Ok(out);
        }
        self.average_sparse(matrix, 0, &mut out);
        Ok(out)
    }

    /// Returns the averages of some cells, `[rows.len(), n_genes]`: those rows of [`Smoother::moments`].
    ///
    /// # Errors
    /// When the matrix is not of this smoother's cells.
    pub fn moments_of(&self, rows: Range<usize>, matrix: &Csr) -> Result<Matrix> {
        same("cells of the matrix to average", matrix.n_rows(), self.n_cells())?;
        let mut out = Matrix::filled(rows.len(), matrix.n_cols(), 0.0);
        if matrix.n_cols() > 0 {
            self.average_sparse(matrix, rows.start, &mut out);
        }
        Ok(out)
    }

    /// Averages sparse rows for the cells from `first` on, one for each row of `out`.
    fn average_sparse(&self, matrix: &Csr, first: usize, out: &mut Matrix) {
        let width = matrix.n_cols();
        out.data_mut().par_chunks_mut(width).enumerate().for_each_init(
            || vec![0.0_f64; width],
            |sums, (row, out)| {
                let i = first + row;
                sums.fill(0.0);
                for &j in self.cells(i) {
                    let (columns, values) = matrix.row(j as usize);
                    for (&column, &value) in columns.iter().zip(values) {
                        sums[column as usize] += f64::from(value);
                    }
                }
                for (slot, &sum) in out.iter_mut().zip(sums.iter()) {
                    *slot = (sum * self.weights[i]) as f32;
                }
            },
        );
    }
}

/// Arguments of one cell's average, whose computation is compiled for each kind of vector unit.
struct Average<'a> {
    smoother: &'a Smoother,
    rows: &'a Matrix,
    i: usize,
    sums: &'a mut [f64],
    out: &'a mut [f32],
}

impl pulp::WithSimd for Average<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { smoother, rows, i, sums, out } = self;
        sums.fill(0.0);
        for &j in smoother.cells(i) {
            let row = rows.row(j as usize);
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let weight = smoother.weights[i];
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = (*sum * weight) as f32);
    }
}

/// First moments of both layers, `[n_cells, n_genes]`, in size-normalised counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Mean spliced abundance.
    pub spliced: Matrix,
    /// Mean unspliced abundance.
    pub unspliced: Matrix,
}

impl Moments {
    /// Averages normalised counts of both layers.
    ///
    /// # Errors
    /// When the layers differ in shape or their cells are not the smoother's.
    pub fn new(smoother: &Smoother, spliced: &Csr, unspliced: &Csr) -> Result<Self> {
        same("genes of the unspliced counts", unspliced.n_cols(), spliced.n_cols())?;
        if smoother.n_cells() == 0 {
            return Err(Error::Unusable("no cells".into()));
        }
        Ok(Self { spliced: smoother.moments(spliced)?, unspliced: smoother.moments(unspliced)? })
    }

    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.spliced.n_rows()
    }

    /// Returns the number of genes.
    pub fn n_genes(&self) -> usize {
        self.spliced.n_cols()
    }

    /// Returns the moments gene by gene, as the fits walk them.
    pub fn by_gene(&self) -> MomentsByGene {
        MomentsByGene { spliced: self.spliced.transposed(), unspliced: self.unspliced.transposed() }
    }
}

/// First moments of both layers, transposed: `[n_genes, n_cells]`.
#[derive(Debug, Clone, PartialEq)]
pub struct MomentsByGene {
    /// Mean spliced abundance.
    pub spliced: Matrix,
    /// Mean unspliced abundance.
    pub unspliced: Matrix,
}

impl MomentsByGene {
    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.spliced.n_cols()
    }

    /// Returns the number of genes.
    pub fn n_genes(&self) -> usize {
        self.spliced.n_rows()
    }
}

/// Uncentred second moments, `[n_cells, n_genes]`: means of `s * s` and of `u * s`.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondMoments {
    /// Mean of the squared spliced counts.
    pub spliced_spliced: Matrix,
    /// Mean of spliced times unspliced counts.
    pub unspliced_spliced: Matrix,
}

impl SecondMoments {
    /// Averages the products of normalised counts.
    ///
    /// # Errors
    /// When the layers differ in shape or their cells are not the smoother's.
    pub fn new(smoother: &Smoother, spliced: &Csr, unspliced: &Csr) -> Result<Self> {
        same("genes of the unspliced counts", unspliced.n_cols(), spliced.n_cols())?;
        same("cells of the unspliced counts", unspliced.n_rows(), spliced.n_rows())?;
        Ok(Self {
            spliced_spliced: smoother.moments(&spliced.product(spliced)?)?,
            unspliced_spliced: smoother.moments(&spliced.product(unspliced)?)?,
        })
    }
}
