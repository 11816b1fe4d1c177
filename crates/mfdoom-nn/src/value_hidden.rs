//! The first layer of the value encoder: one number per token in, a rectified vector out.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};

use crate::buffer::{Pieces, fill_rows, fill_rows_with};
use crate::composed;
use crate::host::{Host, by_dtype, expect_shape, slice, to_storage, wants_grad};
use crate::math::{Real, sum_of, vectorised};

/// Returns `relu(value * weight + bias)` for every value.
///
/// # Shapes
/// values `[n]`, weight `[d]`, bias `[d]` -> `[n, d]`
///
/// ```
/// use candle_core::{Device, Tensor};
/// let values = Tensor::new(&[2f32, 0.0], &Device::Cpu)?;
/// let weight = Tensor::new(&[1f32, -1.0], &Device::Cpu)?;
/// let bias = Tensor::new(&[0.5f32, 1.0], &Device::Cpu)?;
/// let y = mfdoom_nn::value_hidden(&values, &weight, &bias)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[2.5, 0.0], [0.5, 1.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn value_hidden(values: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let width = weight.dims1()?;
    expect_shape("the values", values, &[values.elem_count()])?;
    expect_shape("the bias of a value layer", bias, &[width])?;
    if !values.device().is_cpu() {
        return composed::value_hidden(values, weight, bias);
    }
    values.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, ValueHidden)
}

struct ValueHidden;

impl CustomOp3 for ValueHidden {
    fn name(&self) -> &'static str {
        "value-hidden"
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
        let shape = (l1.shape().elem_count(), l2.shape().elem_count()).into();
        let y = by_dtype!(s1.dtype(), T => {
            to_storage(forward(slice::<T>(s1, l1)?, slice::<T>(s2, l2)?, slice::<T>(s3, l3)?))
        });
        Ok((y, shape))
    }

    fn bwd(
        &self,
        values: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let [dv, dw, db] = by_dtype!(values.dtype(), T => backward::<T>([values, weight, res, &grad])?);
        Ok((
            wants_grad(values).then_some(dv),
            wants_grad(weight).then_some(dw),
            wants_grad(bias).then_some(db),
        ))
    }
}

fn forward<T: Real>(values: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
    let width = weight.len();
    fill_rows(Pieces::new(values.len(), width), |first, out| {
        vectorised(
            #[inline(always)]
            || {
                for (out, &value) in out.chunks_exact_mut(width).zip(&values[first..]) {
                    for ((y, &w), &b) in out.iter_mut().zip(weight).zip(bias) {
                        let sum = w.fused(value, b);
                        *y = if sum < T::zero() { T::zero() } else { sum }; // NaN passes
                    }
                }
            },
        );
    })
}

fn backward<T: Real>([values, weight, res, grad]: [&Tensor; 4]) -> Result<[Tensor; 3]> {
    let hosts = [values, weight, res, grad].map(Host::of);
    let [v, w, y, g] =
        [hosts[0].slice::<T>()?, hosts[1].slice::<T>()?, hosts[2].slice::<T>()?, hosts[3].slice::<T>()?];
    let width = w.len();
    let (dv, mut sums) =
        fill_rows_with(Pieces::reading(v.len(), 1, width), 2 * width, |first, out, partial| {
            let (dw, db) = partial.split_at_mut(width);
            let rows = y[first * width..].chunks_exact(width).zip(g[first * width..].chunks_exact(width));
            vectorised(
                #[inline(always)]
                || {
                    for ((out, &value), (y, g)) in out.iter_mut().zip(&v[first..]).zip(rows) {
                        *out = backward_row(value, y, g, w, [&mut *dw, &mut *db]);
                    }
                },
            );
        });
    let db = sums.split_off(width);
    let tensor = |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), &Device::Cpu);
    Ok([tensor(dv, values)?, tensor(sums, weight)?, tensor(db, weight)?])
}

/// Adds to the gradients of weight and bias and returns that of the value.
#[inline(always)]
fn backward_row<T: Real>(value: T, y: &[T], grad: &[T], weight: &[T], [dw, db]: [&mut [T]; 2]) -> T {
    let n = weight.len();
    let (y, grad, dw, db) = (&y[..n], &grad[..n], &mut dw[..n], &mut db[..n]);
    let open = |i: usize| if y[i] > T::zero() { grad[i] } else { T::zero() };
    for i in 0..n {
        let g = open(i);
        dw[i] += g * value;
        db[i] += g;
    }
    sum_of(n, |i| open(i) * weight[i])
}
