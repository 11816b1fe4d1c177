//! The number of threads changes no byte, forward or backward, of ours or of candle's matrix product.

mod nn_support;

use candle_core::{DType, Result, Tensor, Var};
use mfdoom_nn::{
    AdamW, AdamWConfig, Init, ParameterStore, attention, clip_grad_norm, gather_add, geglu, layer_norm,
    linear, value_hidden,
};

use self::nn_support::{attention_block, bytes, cells, feed_forward_block, index, loss, normal, run};

fn pool<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// Output and gradients have the same bytes in pools of 1, 2, 3 and 7 threads.
fn same(name: &str, shapes: &[&[usize]], layer: impl Fn(&[Var]) -> Result<Tensor> + Sync) {
    let inputs: Vec<Var> =
        shapes.iter().enumerate().map(|(i, s)| normal(&format!("{name} {i}"), s, DType::F32)).collect();
    let all = |threads: usize| {
        pool(threads, || {
            let (out, grads) = run(&inputs, &layer);
            grads.iter().chain([&out]).map(bytes).collect::<Vec<_>>()
        })
    };
    let one = all(1);
    for threads in [2, 3, 7] {
        assert!(all(threads) == one, "{name}: {threads} threads give other bytes than one");
    }
}

#[test]
fn layers_do_not_depend_on_threads() {
    same("norm", &[&[1000, 96], &[96], &[96]], |v| layer_norm(&v[0], &v[1], Some(&v[2]), 1e-5));
    same("geglu", &[&[1000, 200]], |v| geglu(&v[0]));
    same("value", &[&[3000], &[64], &[64]], |v| value_hidden(&v[0], &v[1], &v[2]));
    let (ia, ib) = (index("a", 5000, 300), index("b", 5000, 2));
    same("gather", &[&[300, 40], &[2, 40]], |v| gather_add(&v[0], &ia, &v[1], &ib));
}

#[test]
fn attention_does_not_depend_on_threads() {
    let many = cells(&[(100, 70, 8), (0, 30, 8), (300, 280, 8), (63, 65, 1)]);
    same("many", &[&[many.n_queries(), 64], &[many.n_keys(), 128]], |v| attention(&v[0], &v[1], 4, &many));
    let one = cells(&[(400, 300, 16)]);
    same("one", &[&[one.n_queries(), 32], &[one.n_keys(), 64]], |v| attention(&v[0], &v[1], 1, &one));
}

#[test]
fn blocks_do_not_depend_on_threads() {
    same("ff", &[&[2500, 24], &[24], &[64, 24], &[24, 32]], feed_forward_block);
    let plan = cells(&[(100, 70, 8), (0, 30, 8), (300, 280, 8)]);
    let n = plan.n_queries();
    same("block", &[&[n, 24], &[24], &[32, 24], &[64, 24], &[24, 32]], |v| attention_block(v, 2, &plan));
}

#[test]
fn products_do_not_depend_on_threads() {
    for (rows, width, out) in [(700, 96, 200), (1500, 600, 33), (3, 64, 64), (65, 2000, 65)] {
        let shapes: [&[usize]; 3] = [&[rows, width], &[out, width], &[out]];
        same("linear", &shapes, |v| linear(&v[0], &v[1], Some(&v[2])));
        same("candle", &shapes[..2], |v| v[0].matmul(&v[1].t()?));
    }
}

#[test]
fn steps_do_not_depend_on_threads() {
    let train = |threads: usize| {
        pool(threads, || {
            let mut store = ParameterStore::new(3, DType::F32, &candle_core::Device::Cpu);
            let w = store.draw("w", (300, 200), Init::Normal(1.0)).unwrap();
            let mut optimiser = AdamW::new(AdamWConfig::default(), &store, |_| Some(0.01)).unwrap();
            for _ in 0..3 {
                let mut grads = loss(&w.sqr().unwrap()).unwrap().backward().unwrap();
                clip_grad_norm(&mut grads, &store, 1.0).unwrap();
                optimiser.step(&store, &grads, 0.01).unwrap();
            }
            store.save().unwrap()
        })
    };
    assert!(train(1) == train(2) && train(1) == train(3));
}
