//! The gated feed-forward activation with the exact (erf) GELU.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};

use crate::buffer::{Pieces, fill_rows};
use crate::composed;
use crate::host::{Host, by_dtype, rows_and_width, slice, to_storage};
use crate::math::{Real, vectorised};

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
        geglu_rows(&x[first * 2 * half..], half, out);
    })
}

fn backward<T: Real>(x: &[T], grad: &[T], half: usize) -> Vec<T> {
    let width = 2 * half;
    fill_rows(Pieces::new(x.len() / width.max(1), width), |first, out| {
        geglu_rows_backward(&x[first * width..], &grad[first * half..], half, out, None);
    })
}

/// Activates as many rows as `out` has room for.
pub(crate) fn geglu_rows<T: Real>(x: &[T], half: usize, out: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            for (out, row) in out.chunks_exact_mut(half).zip(x.chunks_exact(2 * half)) {
                let (value, gate) = row.split_at(half);
                for ((y, &value), &gate) in out.iter_mut().zip(value).zip(gate) {
                    *y = value * gate * gate.normal().0;
                }
            }
        },
    );
}

/// Writes the gradient of as many rows as `dx` has room for, and the activation again where it is asked for.
///
/// gelu'(g) = Phi(g) + g phi(g)
pub(crate) fn geglu_rows_backward<T: Real>(
    x: &[T],
    grad: &[T],
    half: usize,
    dx: &mut [T],
    activated: Option<&mut [T]>,
) {
    match activated {
        Some(activated) => vectorised(
            #[inline(always)]
            || {
                let rows = x.chunks_exact(2 * half).zip(grad.chunks_exact(half));
                let outputs = dx.chunks_exact_mut(2 * half).zip(activated.chunks_exact_mut(half));
                for ((dx, y), (row, grad)) in outputs.zip(rows) {
                    backward_row(row, grad, dx, |i, activated| y[i] = activated);
                }
            },
        ),
        None => vectorised(
            #[inline(always)]
            || {
                let rows = x.chunks_exact(2 * half).zip(grad.chunks_exact(half));
                for (dx, (row, grad)) in dx.chunks_exact_mut(2 * half).zip(rows) {
                    backward_row(row, grad, dx, |_, _| {});
                }
            },
        ),
    }
}

#[inline(always)]
fn backward_row<T: Real>(row: &[T], grad: &[T], dx: &mut [T], mut activated: impl FnMut(usize, T)) {
    let half = grad.len();
    let (value, gate) = row.split_at(half);
    let (d_value, d_gate) = dx.split_at_mut(half);
    let (gate, d_gate) = (&gate[..half], &mut d_gate[..half]);
    for i in 0..half {
        let (below, density) = gate[i].normal();
        let gelu = gate[i] * below;
        d_value[i] = grad[i] * gelu;
        d_gate[i] = grad[i] * value[i] * gate[i].fused(density, below);
        activated(i, gelu * value[i]);
    }
}
