//! Random inputs and comparisons for the tests of the layers.
#![allow(dead_code)] // each test binary uses its own part

use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use mfdoom_nn::{AttentionBlock, AttentionPlan, FeedForwardBlock, Group, Segment, Stream};

/// Normal values that depend on the name and the shape.
pub fn normal(name: &str, shape: &[usize], dtype: DType) -> Var {
    let mut stream = Stream::new(1, name, 0, shape.len() as u64);
    let n = shape.iter().product();
    let values: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
    let values = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
    Var::from_tensor(&values.to_dtype(dtype).unwrap()).unwrap()
}

/// Row numbers below `rows`, many of them equal.
pub fn index(name: &str, n: usize, rows: usize) -> Arc<[u32]> {
    let mut stream = Stream::new(2, name, 0, n as u64);
    (0..n).map(|_| stream.below(rows as u64) as u32).collect()
}

pub fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Largest absolute difference; a NaN on either side fails.
pub fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    values(a).iter().zip(values(b)).fold(0.0, |worst, (a, b)| {
        assert!(a.is_finite() && b.is_finite(), "{a} against {b}");
        f64::max(worst, (a - b).abs())
    })
}

/// A number that depends on every element of the output with another weight.
pub fn loss(output: &Tensor) -> Result<Tensor> {
    let weights = normal("loss weights", output.dims(), output.dtype());
    (output * weights.as_detached_tensor())?.sum_all()
}

/// Returns the output and the gradient of its loss for each input.
pub fn run(inputs: &[Var], f: &dyn Fn(&[Var]) -> Result<Tensor>) -> (Tensor, Vec<Tensor>) {
    let output = f(inputs).unwrap();
    let grads = loss(&output).unwrap().backward().unwrap();
    let of = |var: &Var| grads.get(var).cloned().unwrap_or_else(|| panic!("an input has no gradient"));
    (output.detach(), inputs.iter().map(of).collect())
}

pub fn bytes(tensor: &Tensor) -> Vec<u64> {
    values(tensor).into_iter().map(f64::to_bits).collect()
}

pub fn segment(queries: Range<usize>, keys: &[Range<usize>]) -> Segment {
    Segment { queries, keys: keys.to_vec() }
}

/// One cell: two modalities that read themselves, `fusion` rows that read everything.
pub fn cell(start: usize, sizes: [usize; 2], fusion: usize) -> Group {
    let (a, b) = (start..start + sizes[0], start + sizes[0]..start + sizes[0] + sizes[1]);
    let f = b.end..b.end + fusion;
    Group {
        segments: vec![
            segment(a.clone(), std::slice::from_ref(&a)),
            segment(b.clone(), std::slice::from_ref(&b)),
            segment(f.clone(), &[a, b, f.clone()]),
        ],
    }
}

/// Cells of different sizes behind each other, `(modality a, modality b, fusion)` each.
pub fn cells(sizes: &[(usize, usize, usize)]) -> Arc<AttentionPlan> {
    let mut start = 0;
    let mut groups = Vec::new();
    for &(a, b, fusion) in sizes {
        groups.push(cell(start, [a, b], fusion));
        start += a + b + fusion;
    }
    Arc::new(AttentionPlan::new(groups, start, start).unwrap())
}

/// Inputs x, norm, to_q, to_kv, to_out.
pub fn attention_block(v: &[Var], heads: usize, plan: &Arc<AttentionPlan>) -> Result<Tensor> {
    let [norm, to_q, to_kv, to_out] = std::array::from_fn(|i| v[i + 1].as_tensor().clone());
    AttentionBlock { norm, to_q, to_kv, to_out, heads, eps: 1e-5 }.forward(&v[0], plan)
}

/// Inputs x, norm, proj_in, proj_out.
pub fn feed_forward_block(v: &[Var]) -> Result<Tensor> {
    let [norm, proj_in, proj_out] = std::array::from_fn(|i| v[i + 1].as_tensor().clone());
    FeedForwardBlock { norm, proj_in, proj_out, eps: 1e-5 }.forward(&v[0])
}
