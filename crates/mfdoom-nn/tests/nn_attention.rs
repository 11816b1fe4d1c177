//! Attention: values, gradients, the edges of plans, and huge logits.

mod nn_support;

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use mfdoom_nn::{AttentionPlan, Group, attention, composed};

use self::nn_support::{cells, distance, normal, run, segment, values};

fn plan(groups: Vec<Group>, queries: usize, keys: usize) -> Arc<AttentionPlan> {
    Arc::new(AttentionPlan::new(groups, queries, keys).unwrap())
}

fn inputs(plan: &AttentionPlan, heads: usize, dim: usize, dtype: DType) -> [Var; 2] {
    let inner = heads * dim;
    [normal("q", &[plan.n_queries(), inner], dtype), normal("kv", &[plan.n_keys(), 2 * inner], dtype)]
}

/// Softmax row by row, from the definition, in f64.
fn by_hand(q: &Tensor, kv: &Tensor, heads: usize, reads: &[(usize, Vec<usize>)]) -> Tensor {
    let (n, inner) = q.dims2().unwrap();
    let dim = inner / heads;
    let (q, kv) = (values(q), values(kv));
    let mut out = vec![0.0; n * inner];
    for (query, keys) in reads {
        for head in 0..heads {
            let at = |row: usize, part: usize| row * 2 * inner + part * inner + head * dim;
            let dot = |key: usize| -> f64 {
                (0..dim).map(|i| q[query * inner + head * dim + i] * kv[at(key, 0) + i]).sum()
            };
            let scores: Vec<f64> = keys.iter().map(|&key| dot(key) / (dim as f64).sqrt()).collect();
            let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
            for (&key, score) in keys.iter().zip(&scores) {
                for i in 0..dim {
                    out[query * inner + head * dim + i] += (score - top).exp() / total * kv[at(key, 1) + i];
                }
            }
        }
    }
    Tensor::from_vec(out, (n, inner), &Device::Cpu).unwrap()
}

#[test]
fn small_plans_follow_the_definition() {
    let groups = vec![
        Group {
            segments: vec![
                segment(0..2, &[0..3]),
                segment(2..3, &[0..3, 5..6, 2..4]), // overlapping ranges are read once
                segment(3..3, &[0..1]),             // no query
                segment(4..5, &[]),                 // no key
            ],
        },
        Group { segments: vec![segment(6..7, &[6..7])] }, // one key
    ];
    let plan = plan(groups, 8, 9);
    let [q, kv] = inputs(&plan, 2, 3, DType::F64);
    let reads = [(0, vec![0, 1, 2]), (1, vec![0, 1, 2]), (2, vec![0, 1, 2, 3, 5]), (6, vec![6])];
    let wanted = by_hand(&q, &kv, 2, &reads);
    assert!(distance(&attention(&q, &kv, 2, &plan).unwrap(), &wanted) < 1e-14);
    assert!(distance(&composed::attention(&q, &kv, 2, &plan).unwrap(), &wanted) < 1e-14);
    let out = values(&attention(&q, &kv, 2, &plan).unwrap());
    assert!([3, 4, 5, 7].iter().all(|row| out[row * 6..(row + 1) * 6].iter().all(|&x| x == 0.0)));
    let (_, grads) = run(&[q, kv], &|v| attention(&v[0], &v[1], 2, &plan));
    let (dq, dkv) = (values(&grads[0]), values(&grads[1]));
    assert!([3, 4, 5, 7].iter().all(|row| dq[row * 6..(row + 1) * 6].iter().all(|&x| x == 0.0)));
    assert!([4, 7, 8].iter().all(|row| dkv[row * 12..(row + 1) * 12].iter().all(|&x| x == 0.0)));
}

#[test]
fn blocks_of_any_size_agree_with_the_composed_form() {
    let plans = [
        cells(&[(100, 70, 8), (0, 30, 8), (1, 0, 8), (63, 65, 1)]),
        cells(&[(300, 520, 16)]), // more than one block of keys and of queries
        cells(&[(3, 0, 2), (1, 1, 1), (0, 0, 3)]),
    ];
    for (plan, (heads, dim)) in plans.iter().zip([(2, 16), (3, 64), (4, 5)]) {
        for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 2e-5)] {
            let both = inputs(plan, heads, dim, dtype);
            let (out, grads) = run(&both, &|v| attention(&v[0], &v[1], heads, plan));
            let (wanted, wanted_grads) = run(&both, &|v| composed::attention(&v[0], &v[1], heads, plan));
            assert!(distance(&out, &wanted) < tolerance, "{dtype:?}");
            for (grad, wanted) in grads.iter().zip(&wanted_grads) {
                let off = distance(grad, wanted);
                assert!(off < 10.0 * tolerance, "{dtype:?} gradient off by {off:e}");
            }
        }
    }
}

#[test]
fn few_queries_read_many_scattered_keys() {
    // 9 pooled queries: the keys are read where they lie
    let keys: Vec<_> = (0..40).map(|i| 20 * i..20 * i + 13).collect();
    let mut segments: Vec<_> = (0..8).map(|i| segment(i..i + 1, &keys[5 * i..5 * i + 5])).collect();
    segments.push(segment(8..9, &keys));
    let plan = plan(vec![Group { segments }], 9, 800);
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 1e-5)] {
        let both = inputs(&plan, 2, 16, dtype);
        let (out, grads) = run(&both, &|v| attention(&v[0], &v[1], 2, &plan));
        let (wanted, wanted_grads) = run(&both, &|v| composed::attention(&v[0], &v[1], 2, &plan));
        assert!(distance(&out, &wanted) < tolerance);
        assert!(grads.iter().zip(&wanted_grads).all(|(a, b)| distance(a, b) < 10.0 * tolerance));
    }
}

#[test]
fn gradients_match_finite_differences() {
    let plan = cells(&[(5, 3, 2), (0, 2, 2)]);
    let both = inputs(&plan, 2, 3, DType::F64);
    let layer = |v: &[Var]| attention(&v[0], &v[1], 2, &plan);
    let (_, grads) = run(&both, &layer);
    let total =
        |both: &[Var]| -> f64 { nn_support::loss(&layer(both).unwrap()).unwrap().to_scalar().unwrap() };
    for (input, grad) in both.iter().zip(&grads) {
        let start = values(input);
        for (k, &analytic) in values(grad).iter().enumerate() {
            let at = |by: f64| {
                let mut moved = start.clone();
                moved[k] += by;
                input.set(&Tensor::from_vec(moved, input.shape(), &Device::Cpu).unwrap()).unwrap();
                total(&both)
            };
            let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (numeric - analytic).abs() < 1e-6 * numeric.abs().max(1.0),
                "{analytic} against {numeric}"
            );
        }
        input.set(&Tensor::from_vec(start, input.shape(), &Device::Cpu).unwrap()).unwrap();
    }
}

#[test]
fn huge_logits_stay_finite() {
    let plan = cells(&[(300, 40, 4)]);
    for dtype in [DType::F32, DType::F64] {
        let [q, kv] = inputs(&plan, 1, 16, dtype);
        let q = Var::from_tensor(&(q.as_detached_tensor() * 1e4).unwrap()).unwrap();
        let both = [q, kv];
        let (out, grads) = run(&both, &|v| attention(&v[0], &v[1], 1, &plan));
        let (wanted, wanted_grads) = run(&both, &|v| composed::attention(&v[0], &v[1], 1, &plan));
        let tolerance = if dtype == DType::F32 { 0.05 } else { 1e-9 }; // f32 scores of 1e4 are exact to 1e-3
        assert!(distance(&out, &wanted) < tolerance);
        assert!(grads.iter().zip(&wanted_grads).all(|(a, b)| distance(a, b).is_finite()));
        // every output lies inside the range of the values it averages
        let largest = values(&both[1]).iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        assert!(values(&out).iter().all(|x| x.abs() <= largest * 1.0001));
    }
}

#[test]
fn a_cell_alone_equals_the_cell_in_a_batch() {
    let sizes = [(90, 33, 8), (20, 0, 8), (5, 280, 8)];
    let batch = cells(&sizes);
    let both = inputs(&batch, 2, 32, DType::F32);
    let whole = attention(&both[0], &both[1], 2, &batch).unwrap();
    let mut start = 0;
    for size in sizes {
        let rows = size.0 + size.1 + size.2;
        let alone = cells(&[size]);
        let (q, kv) = (both[0].narrow(0, start, rows).unwrap(), both[1].narrow(0, start, rows).unwrap());
        let out = attention(&q, &kv, 2, &alone).unwrap();
        assert!(distance(&out, &whole.narrow(0, start, rows).unwrap()) < 1e-6);
        start += rows;
    }
}

#[test]
fn keys_outside_a_segment_do_not_matter() {
    let plan = cells(&[(4, 3, 2)]);
    let [q, kv] = inputs(&plan, 1, 4, DType::F64);
    let before = attention(&q, &kv, 1, &plan).unwrap();
    // the second modality changes: the first must not see it, the fusion rows must
    let mut changed = values(&kv);
    changed[4 * 8..7 * 8].iter_mut().for_each(|x| *x += 1.0);
    let changed = Tensor::from_vec(changed, kv.shape(), &Device::Cpu).unwrap();
    let after = attention(&q, &changed, 1, &plan).unwrap();
    assert_eq!(distance(&before.narrow(0, 0, 4).unwrap(), &after.narrow(0, 0, 4).unwrap()), 0.0);
    assert!(distance(&before.narrow(0, 7, 2).unwrap(), &after.narrow(0, 7, 2).unwrap()) > 0.1);
}

#[test]
fn bad_plans_and_shapes_are_errors() -> Result<()> {
    let bad = |segments: Vec<Vec<mfdoom_nn::Segment>>| {
        let groups = segments.into_iter().map(|segments| Group { segments }).collect();
        AttentionPlan::new(groups, 4, 4).unwrap_err().to_string()
    };
    assert!(bad(vec![vec![segment(0..5, &[])]]).contains("query range 0..5"));
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = 3..1;
    assert!(bad(vec![vec![segment(0..1, &[backwards])]]).contains("key range 3..1"));
    assert!(bad(vec![vec![segment(0..2, &[]), segment(1..3, &[])]]).contains("query row 1"));
    assert!(bad(vec![vec![segment(0..1, &[0..3])], vec![segment(1..2, &[2..4])]]).contains("key row 2"));
    let plan = cells(&[(2, 1, 1)]);
    let [q, kv] = inputs(&plan, 2, 3, DType::F32);
    assert!(attention(&q, &kv, 4, &plan).is_err());
    assert!(attention(&q, &q, 2, &plan).is_err());
    assert!(attention(&q.narrow(0, 0, 3)?, &kv, 2, &plan).is_err());
    assert!(attention(&q, &kv, 0, &plan).is_err());
    Ok(())
}
