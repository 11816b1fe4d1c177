//! The gated feed-forward activation with the exact (erf) GELU.

use crate::buffer::{Pieces, fill_rows};
use crate::composed;
use crate::host::{Host, by_dtype, rows_and_width, slice, to_storage};
use crate::math::{Real, vectorised};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};

/// Returns `gelu(gate) * value`, gelu(g) = g * Phi(g) with the normal distribution function Phi.
///
/// # Shapes
/// x `[.., 2 f]` = `[value | gate]` -> `[.., f]`
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[2f32, 3.0, 0.0, 1.0]], &Device::Cpu)?; // values 2, 3; gates 0, 1
/// let y = mfdoom_nn::geglu(&x)?.to_vec2::<f32>()?;
/// assert_eq!(y[0][0], 0.0);
/// assert!((y[0][1] - 3.0 * 0.841_344_75).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn geglu(x: &Tensor) -> Result<Tensor> {
    let (_, width) = rows_and_width(x)?;
    if width % 2 == 1 {
        bail!("geglu needs an even last dimension [value | gate], got {width}");
    }
    if !x.device().is_cpu() {
        return composed::geglu(x);
    }
    x.contiguous()?.apply_op1(Geglu)
}

struct Geglu;

impl CustomOp1 for Geglu {
    fn name(&self) -> &'static str {
        "geglu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut dims = layout.dims().to_vec();
        let Some(last) = dims.last_mut() else { bail!("a scalar has no last dimension") };
        *last /= 2;
        let half = *last;
        let y = by_dtype!(storage.dtype(), T => {
            to_storage(forward(slice::<T>(storage, layout)?, half))
        });
        Ok((y, dims.into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, width) = rows_and_width(x)?;
        let grad = grad.contiguous()?;
        by_dtype!(x.dtype(), T => {
            let (x_host, grad_host) = (Host::of(x), Host::of(&grad));
            let dx = backward(x_host.slice::<T>()?, grad_host.slice::<T>()?, width / 2);
            Ok(Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?))
        })
    }
}

fn forward<T: Real>(x: &[T], half: usize) -> Vec<T> {
    fill_rows(Pieces::new(x.len() / (2 * half).max(1), half), |first, out| {
        let rows = x[first * 2 * half..].chunks_exact(2 * half);
        vectorised(
            #[inline(always)]
            || {
                for (out, row) in out.chunks_exact_mut(half).zip(rows) {
                    let (value, gate) = row.split_at(half);
                    for ((y, &value), &gate) in out.iter_mut().zip(value).zip(gate) {
                        *y = value * gate * gate.normal().0;
                    }
                }
            },
        );
    })
}

/// gelu'(g) = Phi(g) + g phi(g)
fn backward<T: Real>(x: &[T], grad: &[T], half: usize) -> Vec<T> {
    let width = 2 * half;
    fill_rows(Pieces::new(x.len() / width.max(1), width), |first, out| {
        let rows = x[first * width..].chunks_exact(width).zip(grad[first * half..].chunks_exact(half));
        vectorised(
            #[inline(always)]
            || {
                for (out, (row, grad)) in out.chunks_exact_mut(width).zip(rows) {
                    let (value, gate) = row.split_at(half);
                    let (d_value, d_gate) = out.split_at_mut(half);
                    let grads = d_value.iter_mut().zip(d_gate);
                    for (((dv, dg), (&value, &gate)), &g) in grads.zip(value.iter().zip(gate)).zip(grad) {
                        let (below, density) = gate.normal();
                        *dv = g * gate * below;
                        *dg = g * value * gate.fused(density, below);
                    }
                }
            },
        );
    })
}
