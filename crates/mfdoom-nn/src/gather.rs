//! Reading rows of a table by number, alone or as the sum of two tables, with a parallel gradient.

use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};

use crate::buffer::{Pieces, fill_rows};
use crate::composed;
use crate::host::{Host, by_dtype, slice, to_storage, wants_grad};
use crate::math::{Real, vectorised};
use crate::scatter::scatter_add;

/// Returns `table[index]`.
///
/// # Shapes
/// table `[v, d]`, index `n` numbers below v -> `[n, d]`
///
/// # Errors
/// A number outside the table.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let table = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let rows = mfdoom_nn::gather(&table, &vec![1u32, 0, 1].into())?;
/// assert_eq!(rows.to_vec2::<f32>()?, [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn gather(table: &Tensor, index: &Arc<[u32]>) -> Result<Tensor> {
    check(table, index)?;
    if !table.device().is_cpu() {
        return composed::gather(table, index);
    }
    table.contiguous()?.apply_op1(Gather { index: index.clone() })
}

/// Returns `a[index_a] + b[index_b]`.
///
/// # Shapes
/// a `[v, d]`, b `[w, d]`, both indices `n` long -> `[n, d]`
///
/// # Errors
/// Indices of different lengths, tables of different widths, a number outside its table.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let a = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let b = Tensor::new(&[[10f32, 20.0]], &Device::Cpu)?;
/// let sum = mfdoom_nn::gather_add(&a, &vec![1u32, 0].into(), &b, &vec![0u32, 0].into())?;
/// assert_eq!(sum.to_vec2::<f32>()?, [[13.0, 24.0], [11.0, 22.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn gather_add(a: &Tensor, index_a: &Arc<[u32]>, b: &Tensor, index_b: &Arc<[u32]>) -> Result<Tensor> {
    check(a, index_a)?;
    check(b, index_b)?;
    if index_a.len() != index_b.len() || a.dim(1)? != b.dim(1)? {
        bail!(
            "gather_add of {} rows from {:?} and {} rows from {:?}",
            index_a.len(),
            a.dims(),
            index_b.len(),
            b.dims()
        );
    }
    if !a.device().is_cpu() {
        return composed::gather_add(a, index_a, b, index_b);
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, GatherAdd { a: index_a.clone(), b: index_b.clone() })
}

fn check(table: &Tensor, index: &[u32]) -> Result<()> {
    let (rows, _) = table.dims2()?;
    match index.iter().max() {
        Some(&largest) if largest as usize >= rows => bail!("row {largest} of a table with {rows} rows"),
        _ => Ok(()),
    }
}

struct Gather {
    index: Arc<[u32]>,
}

impl CustomOp1 for Gather {
    fn name(&self) -> &'static str {
        "gather-rows"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let width = layout.dims()[1];
        let y = by_dtype!(storage.dtype(), T => {
            let table = slice::<T>(storage, layout)?;
            to_storage(fill_rows(Pieces::new(self.index.len(), width), |first, out| {
                for (out, &i) in out.chunks_exact_mut(width).zip(&self.index[first..]) {
                    out.copy_from_slice(&table[i as usize * width..][..width]);
                }
            }))
        });
        Ok((y, (self.index.len(), width).into()))
    }

    fn bwd(&self, table: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        table_grad(table, &self.index, &grad.contiguous()?)
    }
}

struct GatherAdd {
    a: Arc<[u32]>,
    b: Arc<[u32]>,
}

impl CustomOp2 for GatherAdd {
    fn name(&self) -> &'static str {
        "gather-add"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let width = l1.dims()[1];
        let y = by_dtype!(s1.dtype(), T => {
            to_storage(self.forward(slice::<T>(s1, l1)?, slice::<T>(s2, l2)?, width))
        });
        Ok((y, (self.a.len(), width).into()))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        Ok((table_grad(a, &self.a, &grad)?, table_grad(b, &self.b, &grad)?))
    }
}

impl GatherAdd {
    fn forward<T: Real>(&self, a: &[T], b: &[T], width: usize) -> Vec<T> {
        fill_rows(Pieces::new(self.a.len(), width), |first, out| {
            let indices = self.a[first..].iter().zip(&self.b[first..]);
            vectorised(
                #[inline(always)]
                || {
                    for (out, (&i, &j)) in out.chunks_exact_mut(width).zip(indices) {
                        let (a, b) = (&a[i as usize * width..][..width], &b[j as usize * width..][..width]);
                        for ((y, &a), &b) in out.iter_mut().zip(a).zip(b) {
                            *y = a + b;
                        }
                    }
                },
            );
        })
    }
}

fn table_grad(table: &Tensor, index: &[u32], grad: &Tensor) -> Result<Option<Tensor>> {
    if !wants_grad(table) {
        return Ok(None);
    }
    let (rows, width) = table.dims2()?;
    by_dtype!(table.dtype(), T => {
        let host = Host::of(grad);
        let sums = scatter_add(host.slice::<T>()?, index, rows, width);
        Ok(Some(Tensor::from_vec(sums, (rows, width), &Device::Cpu)?))
    })
}
