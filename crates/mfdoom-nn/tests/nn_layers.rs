//! Every layer against its composed form, and its gradients against finite differences in f64.

mod nn_support;

use candle_core::{DType, Result, Tensor, Var};
use mfdoom_nn::{
    FeedForwardBlock, MaskedCounts, SparseRows, ValueEncoder, composed, gather, gather_add, geglu,
    layer_norm, linear, negative_binomial, sparse_product, value_hidden,
};

use self::nn_support::{
    attention_block, cells, distance, feed_forward_block, index, loss, normal, run, values,
};

type Layer<'a> = &'a dyn Fn(&[Var]) -> Result<Tensor>;

/// Ours and the composed form, forward and backward, in both types.
fn agree(name: &str, shapes: &[&[usize]], ours: Layer<'_>, other: Layer<'_>) {
    for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 3e-5)] {
        let inputs: Vec<Var> =
            shapes.iter().enumerate().map(|(i, s)| normal(&format!("{name} {i}"), s, dtype)).collect();
        let (out, grads) = run(&inputs, ours);
        let (wanted, wanted_grads) = run(&inputs, other);
        let scale = |t: &Tensor| values(t).iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        let off = distance(&out, &wanted) / scale(&wanted);
        assert!(off < tolerance, "{name} {dtype:?}: output off by {off:e}");
        for (i, (grad, wanted)) in grads.iter().zip(&wanted_grads).enumerate() {
            let off = distance(grad, wanted) / scale(wanted);
            assert!(off < tolerance, "{name} {dtype:?}: gradient {i} off by {off:e}");
        }
    }
}

/// Central differences of the loss with respect to every element of every input.
fn differences(name: &str, shapes: &[&[usize]], layer: Layer<'_>) {
    let step = 1e-5;
    let inputs: Vec<Var> =
        shapes.iter().enumerate().map(|(i, s)| normal(&format!("{name} {i}"), s, DType::F64)).collect();
    let (_, grads) = run(&inputs, layer);
    for (i, (input, grad)) in inputs.iter().zip(&grads).enumerate() {
        let start = values(input);
        let at = |values: Vec<f64>| {
            input.set(&Tensor::from_vec(values, input.shape(), input.device()).unwrap()).unwrap();
            values_of_loss(&inputs, layer)
        };
        for (k, &analytic) in values(grad).iter().enumerate() {
            let moved = |by: f64| {
                let mut values = start.clone();
                values[k] += by;
                values
            };
            let numeric = (at(moved(step)) - at(moved(-step))) / (2.0 * step);
            let off = (numeric - analytic).abs() / numeric.abs().max(1.0);
            assert!(off < 1e-6, "{name}: input {i} element {k}: {analytic} against {numeric}");
        }
        at(start.clone());
    }
}

fn values_of_loss(inputs: &[Var], layer: Layer<'_>) -> f64 {
    loss(&layer(inputs).unwrap()).unwrap().to_scalar().unwrap()
}

const EPS: f64 = 1e-5;

#[test]
fn layer_norm_agrees() {
    for (rows, width) in [(1, 1), (3, 7), (700, 64), (130, 512), (5, 33)] {
        let shapes: [&[usize]; 3] = [&[rows, width], &[width], &[width]];
        agree("norm", &shapes[..2], &|v| layer_norm(&v[0], &v[1], None, EPS), &|v| {
            composed::layer_norm(&v[0], &v[1], None, EPS)
        });
        agree("norm bias", &shapes, &|v| layer_norm(&v[0], &v[1], Some(&v[2]), EPS), &|v| {
            composed::layer_norm(&v[0], &v[1], Some(&v[2]), EPS)
        });
    }
    differences("norm", &[&[3, 19], &[19], &[19]], &|v| layer_norm(&v[0], &v[1], Some(&v[2]), EPS));
    differences("norm", &[&[2, 2, 5], &[5]], &|v| layer_norm(&v[0], &v[1], None, EPS));
}

/// With the derivative in full: candle's of `gelu_erf` is off by 3e-8 in f64.
fn exact_geglu(x: &Tensor) -> Result<Tensor> {
    let half = x.dim(1)? / 2;
    let (value, gate) = (x.narrow(1, 0, half)?, x.narrow(1, half, half)?);
    let below = ((&gate * std::f64::consts::FRAC_1_SQRT_2)?.contiguous()?.erf()? + 1.0)?;
    value * (gate * (below * 0.5)?)?
}

#[test]
fn geglu_agrees() {
    for (rows, half) in [(1, 1), (3, 7), (600, 170), (9, 16)] {
        agree("geglu", &[&[rows, 2 * half]], &|v| geglu(&v[0]), &|v| exact_geglu(&v[0]));
    }
    differences("geglu", &[&[3, 26]], &|v| geglu(&v[0]));
}

#[test]
fn gelu_is_the_exact_one_over_the_whole_range() {
    let gates: Vec<f64> = (-90_000..=90_000).map(|i| f64::from(i) * 1e-4).collect();
    let n = gates.len();
    let gates = Tensor::from_vec(gates, (n, 1), &candle_core::Device::Cpu).unwrap();
    let gates = gates.to_dtype(DType::F32).unwrap().to_dtype(DType::F64).unwrap();
    let x = Tensor::cat(&[gates.ones_like().unwrap(), gates.clone()], 1).unwrap();
    let exact = composed::geglu(&x).unwrap();
    let ours = geglu(&x.to_dtype(DType::F32).unwrap()).unwrap();
    for (gate, (ours, exact)) in values(&gates).into_iter().zip(values(&ours).into_iter().zip(values(&exact)))
    {
        let allowed = 1.2e-7 * exact.abs().max(1.0);
        assert!((ours - exact).abs() <= allowed, "gelu({gate}) = {ours}, wanted {exact}");
    }
}

#[test]
fn linear_agrees() {
    for (rows, width, out) in [(1, 1, 1), (5, 3, 7), (300, 64, 130), (1, 64, 64), (64, 1, 5), (17, 600, 3)] {
        let shapes: [&[usize]; 3] = [&[rows, width], &[out, width], &[out]];
        agree("linear", &shapes[..2], &|v| linear(&v[0], &v[1], None), &|v| {
            composed::linear(&v[0], &v[1], None)
        });
        agree("linear bias", &shapes, &|v| linear(&v[0], &v[1], Some(&v[2])), &|v| {
            composed::linear(&v[0], &v[1], Some(&v[2]))
        });
    }
    differences("linear", &[&[2, 3, 4], &[5, 4], &[5]], &|v| linear(&v[0], &v[1], Some(&v[2])));
}

#[test]
fn gathers_agree() {
    for (table, n, width) in [(5, 900, 8), (4000, 70, 33), (1, 700, 3), (50, 50, 1)] {
        let (ia, ib) = (index("a", n, table), index("b", n, 3));
        agree("gather", &[&[table, width]], &|v| gather(&v[0], &ia), &|v| composed::gather(&v[0], &ia));
        agree("gather add", &[&[table, width], &[3, width]], &|v| gather_add(&v[0], &ia, &v[1], &ib), &|v| {
            composed::gather_add(&v[0], &ia, &v[1], &ib)
        });
    }
    let (ia, ib) = (index("a", 9, 4), index("b", 9, 3));
    differences("gather add", &[&[4, 5], &[3, 5]], &|v| gather_add(&v[0], &ia, &v[1], &ib));
}

#[test]
fn value_layers_agree() {
    for (n, width) in [(1, 1), (700, 64), (9, 130)] {
        agree("value", &[&[n], &[width], &[width]], &|v| value_hidden(&v[0], &v[1], &v[2]), &|v| {
            composed::value_hidden(&v[0], &v[1], &v[2])
        });
    }
    differences("value", &[&[6], &[9], &[9]], &|v| value_hidden(&v[0], &v[1], &v[2]));
    differences("encoder", &[&[4], &[6, 1], &[6], &[6, 6], &[6], &[6], &[6]], &|v| {
        let [values, linear1_weight, linear1_bias, linear2_weight, linear2_bias, norm_weight, norm_bias] =
            std::array::from_fn(|i| v[i].as_tensor().clone());
        let encoder = ValueEncoder {
            linear1_weight,
            linear1_bias,
            linear2_weight,
            linear2_bias,
            norm_weight,
            norm_bias,
            eps: EPS,
        };
        encoder.forward(&values)
    });
}

#[test]
fn feed_forward_blocks_agree_with_their_parts() {
    for (rows, d, f) in [(1, 3, 2), (70, 16, 42), (300, 64, 170), (4500, 8, 5)] {
        agree("ff", &[&[rows, d], &[d], &[2 * f, d], &[d, f]], &feed_forward_block, &|v| {
            let hidden = composed::linear(&composed::layer_norm(&v[0], &v[1], None, EPS)?, &v[2], None)?;
            v[0].as_tensor() + composed::linear(&exact_geglu(&hidden)?, &v[3], None)?
        });
    }
    differences("ff", &[&[3, 4], &[4], &[6, 4], &[4, 3]], &feed_forward_block);
}

#[test]
fn attention_blocks_agree_with_their_parts() {
    let plans = [cells(&[(3, 0, 2), (1, 1, 1)]), cells(&[(100, 70, 8), (0, 30, 8)])];
    for (plan, (d, heads, dim)) in plans.iter().zip([(5, 2, 3), (48, 4, 16)]) {
        let (n, inner) = (plan.n_queries(), heads * dim);
        let shapes: [&[usize]; 5] = [&[n, d], &[d], &[inner, d], &[2 * inner, d], &[d, inner]];
        agree("attention block", &shapes, &|v| attention_block(v, heads, plan), &|v| {
            let normed = composed::layer_norm(&v[0], &v[1], None, EPS)?;
            let (q, kv) = (composed::linear(&normed, &v[2], None)?, composed::linear(&normed, &v[3], None)?);
            let read = composed::attention(&q, &kv, heads, plan)?;
            v[0].as_tensor() + composed::linear(&read, &v[4], None)?
        });
    }
    let plan = cells(&[(3, 2, 1)]);
    let shapes: [&[usize]; 5] = [&[6, 4], &[4], &[6, 4], &[12, 4], &[4, 6]];
    differences("attention block", &shapes, &|v| attention_block(v, 2, &plan));
}

#[test]
fn blocks_without_gradients_compute_the_same() {
    let inputs: Vec<Var> =
        [&[200usize, 8][..], &[8], &[12, 8], &[8, 6]].map(|s| normal("frozen", s, DType::F32)).into();
    let tracked = feed_forward_block(&inputs).unwrap();
    let [x, norm, proj_in, proj_out] = std::array::from_fn(|i| inputs[i].as_detached_tensor());
    let free = FeedForwardBlock { norm, proj_in, proj_out, eps: EPS }.forward(&x).unwrap();
    assert!(tracked.track_op() && !free.track_op());
    assert_eq!(distance(&tracked, &free), 0.0);
}

#[test]
fn a_block_can_be_used_twice_in_one_graph() {
    let shapes: [&[usize]; 4] = [&[9, 4], &[4], &[6, 4], &[4, 3]];
    differences("ff", &shapes, &|v| {
        let once = feed_forward_block(v)?;
        let [norm, proj_in, proj_out] = std::array::from_fn(|i| v[i + 1].as_tensor().clone());
        FeedForwardBlock { norm, proj_in, proj_out, eps: EPS }.forward(&once)
    });
}

#[test]
fn nothing_is_lost_on_empty_inputs() {
    let row = |shape: &[usize]| normal("empty", shape, DType::F32);
    assert_eq!(layer_norm(&row(&[0, 4]), &row(&[4]), None, EPS).unwrap().dims(), [0, 4]);
    assert_eq!(geglu(&row(&[0, 4])).unwrap().dims(), [0, 2]);
    assert_eq!(linear(&row(&[0, 4]), &row(&[3, 4]), Some(&row(&[3]))).unwrap().dims(), [0, 3]);
    assert_eq!(gather(&row(&[3, 4]), &index("none", 0, 1)).unwrap().dims(), [0, 4]);
    assert_eq!(value_hidden(&row(&[0]), &row(&[4]), &row(&[4])).unwrap().dims(), [0, 4]);
    let inputs = [row(&[0, 4]), row(&[3, 4]), row(&[3])];
    let (_, grads) = run(&inputs, &|v| linear(&v[0], &v[1], Some(&v[2])));
    assert!(values(&grads[1]).iter().chain(&values(&grads[2])).all(|&g| g == 0.0));
}

#[test]
fn not_a_number_stays_one() {
    let x = Tensor::new(&[[f32::NAN, 1.0, 2.0, f32::NAN]], &candle_core::Device::Cpu).unwrap();
    assert!(values(&geglu(&x).unwrap()).iter().all(|y| y.is_nan()));
    let one = normal("one", &[4], DType::F32);
    assert!(values(&layer_norm(&x, &one, None, EPS).unwrap()).iter().all(|y| y.is_nan()));
    let nan = x.narrow(1, 0, 1).unwrap().flatten_all().unwrap();
    assert!(values(&value_hidden(&nan, &one, &one).unwrap()).iter().all(|y| y.is_nan()));
}

#[test]
fn strided_inputs_are_read_right() {
    let x = normal("strided", &[6, 8], DType::F64);
    let (t, narrow) = (x.t().unwrap(), x.narrow(1, 2, 4).unwrap());
    let (w6, w4) = (normal("w", &[6], DType::F64), normal("w", &[4], DType::F64));
    for (input, w) in [(t, w6), (narrow, w4)] {
        let wanted = composed::layer_norm(&input, &w, None, EPS).unwrap();
        assert!(distance(&layer_norm(&input, &w, None, EPS).unwrap(), &wanted) < 1e-12);
        assert!(distance(&geglu(&input).unwrap(), &composed::geglu(&input).unwrap()) < 1e-12);
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let t = |shape: &[usize]| normal("odd", shape, DType::F32);
    assert!(geglu(&t(&[2, 3])).is_err());
    assert!(layer_norm(&t(&[2, 3]), &t(&[2]), None, EPS).is_err());
    assert!(linear(&t(&[2, 3]), &t(&[5, 4]), None).is_err());
    assert!(linear(&t(&[2, 3]), &t(&[5, 3]), Some(&t(&[4]))).is_err());
    assert!(gather(&t(&[2, 3]), &vec![2u32].into()).is_err());
    assert!(gather_add(&t(&[2, 3]), &vec![0u32].into(), &t(&[2, 3]), &vec![0u32, 1].into()).is_err());
    assert!(value_hidden(&t(&[2]), &t(&[3]), &t(&[2])).is_err());
    let half = t(&[2, 4]).to_dtype(DType::BF16).unwrap();
    assert!(geglu(&half).unwrap_err().to_string().contains("f32 and f64"));
}

#[test]
fn sparse_products() {
    let mut rows = SparseRows::default();
    rows.push([(3, 0.5), (0, 2.0), (3, -1.0)]);
    rows.push([]);
    for r in 0..40 {
        rows.push((0..5).map(|i| ((r * 7 + i * 3) % 11, 0.1 * (r + i) as f32 - 1.0)));
    }
    let rows = std::sync::Arc::new(rows);
    let shapes: [&[usize]; 1] = [&[11, 6]];
    let ours = |v: &[Var]| sparse_product(&rows, &v[0]);
    agree("sparse", &shapes, &ours, &|v| composed::sparse_product(&rows, &v[0]));
    differences("sparse", &shapes, &ours);
}

#[test]
fn negative_binomials() {
    let counts = MaskedCounts {
        values: (0..36).map(|i| [0.0, 1.0, 0.0, 3.0, 60.0, 0.0, 2.0][i % 7]).collect(),
        observed: (0..36).map(|i| i % 5 != 2).collect(),
    };
    let shapes: [&[usize]; 3] = [&[6, 6], &[6], &[6, 6]];
    let plain = |v: &[Var]| negative_binomial(&v[0], &v[1], None, &counts);
    agree("nb", &shapes[..2], &plain, &|v| composed::negative_binomial(&v[0], &v[1], None, &counts));
    differences("nb", &shapes[..2], &plain);
    let inflated = |v: &[Var]| negative_binomial(&v[0], &v[1], Some(&v[2]), &counts);
    agree("zinb", &shapes, &inflated, &|v| composed::negative_binomial(&v[0], &v[1], Some(&v[2]), &counts));
    differences("zinb", &shapes, &inflated);
}

/// Mean m and variance m + m^2 / t, and a total probability of 1, from the likelihood itself.
#[test]
fn moments_of_the_negative_binomial() {
    for (mean, dispersion, gate) in [(2.5f64, 0.7f64, None), (9.0, 4.0, None), (3.0, 1.5, Some(-0.4f64))] {
        let n = 600;
        let counts =
            MaskedCounts { values: (0..n).map(|x| x as f32).collect(), observed: vec![true; n].into() };
        let of = |value: f64, rows: usize| Tensor::full(value, (rows, 1), &candle_core::Device::Cpu).unwrap();
        let t = Tensor::new(&[dispersion.ln()], &candle_core::Device::Cpu).unwrap();
        let gate_tensor = gate.map(|g| of(g, n));
        let loss = negative_binomial(&of(mean.ln(), n), &t, gate_tensor.as_ref(), &counts).unwrap();
        let p: Vec<f64> = values(&loss).into_iter().map(|loss| (-loss).exp()).collect();
        let moment = |k: i32| p.iter().enumerate().map(|(x, p)| p * (x as f64).powi(k)).sum::<f64>();
        let kept = gate.map_or(1.0, |g| 1.0 / (1.0 + g.exp()));
        let square = kept * (mean + mean * mean / dispersion + mean * mean);
        assert!((moment(0) - 1.0).abs() < 1e-9 && (moment(1) - kept * mean).abs() < 1e-8);
        assert!((moment(2) - square).abs() < 1e-6, "{} {square}", moment(2));
    }
}
