//! Layer normalisation over the last dimension, with or without bias, that can be trained through.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor, WithDType};

use crate::buffer::{Pieces, fill_rows, fill_rows_with};
use crate::composed;
use crate::host::{Host, by_dtype, expect_shape, rows_and_width, slice, to_storage, wants_grad};
use crate::math::{Real, sum_of, vectorised};

/// Returns `(x - mean) / sqrt(var + eps) * weight (+ bias)` with the population variance of each row.
///
/// # Shapes
/// x `[.., d]`, weight `[d]`, bias `[d]` -> `[.., d]`
///
/// ```
/// use candle_core::{Device, Tensor, WithDType};
/// let x = Tensor::new(&[[1f32, 3.0], [2.0, 2.0]], &Device::Cpu)?;
/// let weight = Tensor::new(&[1f32, 10.0], &Device::Cpu)?;
/// let y = mfdoom_nn::layer_norm(&x, &weight, None, 1e-12)?.to_vec2::<f32>()?;
/// assert!((y[0][0] + 1.0).abs() < 1e-5 && (y[0][1] - 10.0).abs() < 1e-5);
/// assert_eq!(y[1], [0.0, 0.0]); // a constant row is finite
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    let (_, width) = rows_and_width(x)?;
    expect_shape("the weight of a layer norm", weight, &[width])?;
    if let Some(bias) = bias {
        expect_shape("the bias of a layer norm", bias, &[width])?;
    }
    if !x.device().is_cpu() {
        return composed::layer_norm(x, weight, bias, eps);
    }
    let (x, weight, op) = (x.contiguous()?, weight.contiguous()?, LayerNorm { eps });
    match bias {
        None => x.apply_op2(&weight, op),
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
    }
}

struct LayerNorm {
    eps: f64,
}

impl LayerNorm {
    fn forward(
        &self,
        x: (&CpuStorage, &Layout),
        params: [Option<(&CpuStorage, &Layout)>; 2],
    ) -> Result<CpuStorage> {
        let [weight, bias] = params;
        by_dtype!(candle_core::backend::BackendStorage::dtype(x.0), T => {
            let read = |(storage, layout): (&'_ CpuStorage, &Layout)| slice::<T>(storage, layout).map(<[T]>::to_vec);
            let weight = weight.map(read).transpose()?.unwrap_or_default();
            let bias = bias.map(read).transpose()?;
            let y = forward(slice::<T>(x.0, x.1)?, &weight, bias.as_deref(), <T as WithDType>::from_f64(self.eps));
            Ok(to_storage(y))
        })
    }

    /// Returns the gradients of x, weight and bias.
    fn backward(&self, x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<[Tensor; 3]> {
        let grad = grad.contiguous()?;
        by_dtype!(x.dtype(), T => backward::<T>(x, weight, &grad, <T as WithDType>::from_f64(self.eps)))
    }
}

impl CustomOp2 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((self.forward((s1, l1), [Some((s2, l2)), None])?, l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [dx, dw, _] = self.backward(x, w, grad)?;
        Ok((wants_grad(x).then_some(dx), wants_grad(w).then_some(dw)))
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm-bias"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((self.forward((s1, l1), [Some((s2, l2)), Some((s3, l3))])?, l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [dx, dw, db] = self.backward(x, w, grad)?;
        Ok((wants_grad(x).then_some(dx), wants_grad(w).then_some(dw), wants_grad(b).then_some(db)))
    }
}

/// Returns the mean of a row and 1 / sqrt(var + eps).
#[inline(always)]
fn moments<T: Real>(row: &[T], eps: T) -> (T, T) {
    let inv = T::one() / T::from_f64(row.len() as f64);
    let mean = sum_of(row.len(), |i| row[i]) * inv;
    let var = sum_of(row.len(), |i| (row[i] - mean) * (row[i] - mean)) * inv;
    (mean, T::one() / (var + eps).sqrt())
}

fn forward<T: Real>(x: &[T], weight: &[T], bias: Option<&[T]>, eps: T) -> Vec<T> {
    let width = weight.len();
    fill_rows(Pieces::new(x.len() / width.max(1), width), |first, out| {
        norm_rows(&x[first * width..], weight, bias, eps, out);
    })
}

/// Normalises as many rows as `out` has room for.
pub(crate) fn norm_rows<T: Real>(x: &[T], weight: &[T], bias: Option<&[T]>, eps: T, out: &mut [T]) {
    let width = weight.len();
    vectorised(
        #[inline(always)]
        || {
            for (out, row) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                let (mean, inv) = moments(row, eps);
                match bias {
                    None => {
                        for ((y, &x), &w) in out.iter_mut().zip(row).zip(weight) {
                            *y = (x - mean) * inv * w;
                        }
                    }
                    Some(bias) => {
                        for (((y, &x), &w), &b) in out.iter_mut().zip(row).zip(weight).zip(bias) {
                            *y = ((x - mean) * inv).fused(w, b);
                        }
                    }
                }
            }
        },
    );
}

fn backward<T: Real>(x: &Tensor, weight: &Tensor, grad: &Tensor, eps: T) -> Result<[Tensor; 3]> {
    let (x_host, weight_host, grad_host) = (Host::of(x), Host::of(weight), Host::of(grad));
    let (xs, w, g) = (x_host.slice::<T>()?, weight_host.slice::<T>()?, grad_host.slice::<T>()?);
    let width = w.len();
    let rows = xs.len() / width.max(1);
    let (dx, mut sums) = fill_rows_with(Pieces::new(rows, width), 2 * width, |first, out, partial| {
        norm_rows_backward([&xs[first * width..], &g[first * width..], w], eps, out, partial);
    });
    let db = sums.split_off(width);
    let tensor = |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), &Device::Cpu);
    Ok([tensor(dx, x)?, tensor(sums, weight)?, tensor(db, weight)?])
}

/// Writes the gradient of as many rows as `dx` has room for; adds those of weight and bias to `[dw | db]`.
pub(crate) fn norm_rows_backward<T: Real>(
    [x, grad, weight]: [&[T]; 3],
    eps: T,
    dx: &mut [T],
    sums: &mut [T],
) {
    let width = weight.len();
    let (dw, db) = sums.split_at_mut(width);
    vectorised(
        #[inline(always)]
        || {
            let inputs = x.chunks_exact(width).zip(grad.chunks_exact(width));
            for (dx, (row, grad)) in dx.chunks_exact_mut(width).zip(inputs) {
                backward_row(row, grad, weight, eps, [dx, dw, db]);
            }
        },
    );
}

#[inline(always)]
fn backward_row<T: Real>(row: &[T], grad: &[T], weight: &[T], eps: T, [dx, dw, db]: [&mut [T]; 3]) {
    let n = row.len();
    let (grad, weight, dx, dw, db) = (&grad[..n], &weight[..n], &mut dx[..n], &mut dw[..n], &mut db[..n]);
    let (mean, inv) = moments(row, eps);
    for i in 0..n {
        let normed = (row[i] - mean) * inv;
        dx[i] = grad[i] * weight[i];
        dw[i] += grad[i] * normed;
        db[i] += grad[i];
    }
    let scale = T::one() / T::from_f64(n as f64);
    let mean_g = sum_of(n, |i| dx[i]) * scale;
    let mean_gn = sum_of(n, |i| dx[i] * ((row[i] - mean) * inv)) * scale;
    for i in 0..n {
        dx[i] = inv * (dx[i] - mean_g - (row[i] - mean) * inv * mean_gn);
    }
}
