//! Sparse rows times a dense table, with a gradient for the table.

use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, WithDType, bail};

use crate::buffer::{Pieces, fill_rows};
use crate::composed;
use crate::host::{Host, by_dtype, slice, to_storage, wants_grad};
use crate::math::{Real, vectorised};

/// Rows of few values, each in a numbered column; a column may come several times, its values add up.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    offsets: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl Default for SparseRows {
    fn default() -> Self {
        Self { offsets: vec![0], columns: Vec::new(), values: Vec::new() }
    }
}

impl SparseRows {
    /// Appends a row of (column, value).
    pub fn push(&mut self, entries: impl IntoIterator<Item = (u32, f32)>) {
        for (column, value) in entries {
            self.columns.push(column);
            self.values.push(value);
        }
        self.offsets.push(self.columns.len());
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the columns and values of a row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[row]..self.offsets[row + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// Returns the number of values of all rows.
    pub fn n_values(&self) -> usize {
        self.values.len()
    }

    /// Returns the row of each value, and columns and values, for a device without this kernel.
    pub(crate) fn triplets(&self) -> (Vec<u32>, &[u32], &[f32]) {
        let rows =
            (0..self.len()).flat_map(|r| (self.offsets[r]..self.offsets[r + 1]).map(move |_| r as u32));
        (rows.collect(), &self.columns, &self.values)
    }

    /// Returns where the entries of each column of a table of `n` rows lie in `order`, and `order`: entry numbers
    /// with the rows they are in, column by column, ascending by row within one.
    fn by_column(&self, n: usize) -> (Vec<usize>, Vec<(u32, u32)>) {
        let mut starts = vec![0; n + 1];
        self.columns.iter().for_each(|&column| starts[column as usize + 1] += 1);
        (0..n).for_each(|column| starts[column + 1] += starts[column]);
        let mut next = starts.clone();
        let mut order = vec![(0, 0); self.columns.len()];
        for row in 0..self.len() {
            for entry in self.offsets[row]..self.offsets[row + 1] {
                let at = &mut next[self.columns[entry] as usize];
                order[*at] = (entry as u32, row as u32);
                *at += 1;
            }
        }
        (starts, order)
    }
}

/// Returns `rows x table`: for each row the sum of its values times the table's rows.
///
/// # Shapes
/// rows `[n, v]` sparse, table `[v, d]` -> `[n, d]`
///
/// # Errors
/// A column outside the table.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use mfdoom_nn::{SparseRows, sparse_product};
/// let mut rows = SparseRows::default();
/// rows.push([(0, 2.0), (1, 1.0)]);
/// rows.push([]);
/// let table = Tensor::new(&[[1f32, 0.5], [3.0, 4.0]], &Device::Cpu)?;
/// let product = sparse_product(&rows.into(), &table)?;
/// assert_eq!(product.to_vec2::<f32>()?, [[5.0, 5.0], [0.0, 0.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn sparse_product(rows: &Arc<SparseRows>, table: &Tensor) -> Result<Tensor> {
    let (n, _) = table.dims2()?;
    if let Some(column) = rows.columns.iter().find(|column| **column as usize >= n) {
        bail!("column {column} of a table with {n} rows");
    }
    if !table.device().is_cpu() {
        return composed::sparse_product(rows, table);
    }
    table.contiguous()?.apply_op1(Product { rows: rows.clone() })
}

struct Product {
    rows: Arc<SparseRows>,
}

impl CustomOp1 for Product {
    fn name(&self) -> &'static str {
        "sparse-product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let width = layout.dims()[1];
        let y = by_dtype!(storage.dtype(), T => {
            to_storage(forward(&self.rows, slice::<T>(storage, layout)?, width))
        });
        Ok((y, (self.rows.len(), width).into()))
    }

    fn bwd(&self, table: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        if !wants_grad(table) {
            return Ok(None);
        }
        let (n, width) = table.dims2()?;
        let grad = grad.contiguous()?;
        by_dtype!(table.dtype(), T => {
            let host = Host::of(&grad);
            let sums = backward(&self.rows, host.slice::<T>()?, n, width);
            Ok(Some(Tensor::from_vec(sums, (n, width), &Device::Cpu)?))
        })
    }
}

fn forward<T: Real>(rows: &SparseRows, table: &[T], width: usize) -> Vec<T> {
    let read = width * (1 + rows.n_values() / rows.len().max(1));
    fill_rows(Pieces::reading(rows.len(), width, read), |first, out| {
        for (row, out) in (first..).zip(out.chunks_exact_mut(width)) {
            let (columns, values) = rows.row(row);
            let entries = columns.iter().zip(values);
            add_rows(out, entries.map(|(&c, &v)| (v, &table[c as usize * width..][..width])));
        }
    })
}

fn backward<T: Real>(rows: &SparseRows, grad: &[T], n: usize, width: usize) -> Vec<T> {
    let (starts, order) = rows.by_column(n);
    let read = width * (1 + rows.n_values() / n.max(1));
    fill_rows(Pieces::reading(n, width, read), |first, out| {
        for (column, out) in (first..).zip(out.chunks_exact_mut(width)) {
            let entries = order[starts[column]..starts[column + 1]].iter();
            let of = |&(entry, row): &(u32, u32)| {
                (rows.values[entry as usize], &grad[row as usize * width..][..width])
            };
            add_rows(out, entries.map(of));
        }
    })
}

/// Writes the sum of rows times their factors.
fn add_rows<'a, T: Real>(out: &mut [T], rows: impl Iterator<Item = (f32, &'a [T])>) {
    vectorised(
        #[inline(always)]
        || {
            out.fill(T::zero());
            for (factor, row) in rows {
                let factor = <T as WithDType>::from_f64(f64::from(factor));
                for (sum, &value) in out.iter_mut().zip(row) {
                    *sum = value.fused(factor, *sum);
                }
            }
        },
    );
}
