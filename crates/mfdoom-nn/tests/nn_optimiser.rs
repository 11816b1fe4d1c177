//! AdamW, clipping and the parameter store, against numbers worked out by hand or by their definition.

mod nn_support;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use mfdoom_nn::{AdamW, AdamWConfig, Init, ParameterStore, Stream, clip_grad_norm};

use self::nn_support::values;

fn store(dtype: DType) -> ParameterStore {
    ParameterStore::new(11, dtype, &Device::Cpu)
}

#[test]
fn two_steps_by_hand() {
    let mut store = store(DType::F64);
    let w = store.draw("w", 1, Init::Constant(2.0)).unwrap();
    let config = AdamWConfig { beta1: 0.9, beta2: 0.99, eps: 0.5 };
    let mut optimiser = AdamW::new(config, &store, |_| Some(0.1)).unwrap();
    // loss = w^2 / 2, gradient w
    let grads = || (w.sqr().unwrap().sum_all().unwrap() * 0.5).unwrap().backward().unwrap();
    optimiser.step(&store, &grads(), 0.1).unwrap();
    // 2 * 0.99 - 0.1 * 2 / (2 + 0.5)
    assert!((values(&w)[0] - 1.9).abs() < 1e-14);
    optimiser.step(&store, &grads(), 0.1).unwrap();
    // m = 0.9 * 0.2 + 0.1 * 1.9 = 0.37, v = 0.99 * 0.04 + 0.01 * 3.61 = 0.0757
    let (m, v): (f64, f64) = (0.37 / 0.19, 0.0757 / 0.0199);
    assert!((values(&w)[0] - (1.9 * 0.99 - 0.1 * m / (v.sqrt() + 0.5))).abs() < 1e-14);
    assert_eq!(optimiser.steps(), 2);
}

#[test]
fn no_gradient_is_a_gradient_of_zeros() {
    let mut store = store(DType::F64);
    let (used, idle) =
        (store.draw("used", 3, Init::ONES).unwrap(), store.draw("idle", 3, Init::ONES).unwrap());
    store.draw("frozen", 3, Init::ONES).unwrap();
    let decay = |name: &str| (name != "frozen").then_some(0.5);
    let mut optimiser = AdamW::new(AdamWConfig::default(), &store, decay).unwrap();
    let both = (used.sum_all().unwrap() + idle.sum_all().unwrap()).unwrap().backward().unwrap();
    optimiser.step(&store, &both, 0.1).unwrap();
    let after_one = values(&idle)[0];
    assert!((after_one - (0.95 - 0.1)).abs() < 1e-7);
    optimiser.step(&store, &used.sum_all().unwrap().backward().unwrap(), 0.1).unwrap();
    // the mean has decayed but still moves the parameter
    let (m, v): (f64, f64) = (0.09 / 0.19, 0.000_999 / 0.001_999);
    assert!((values(&idle)[0] - (after_one * 0.95 - 0.1 * m / (v.sqrt() + 1e-8))).abs() < 1e-12);
    assert_eq!(values(store.get("frozen").unwrap()), [1.0; 3]);
}

#[test]
fn a_restored_state_continues_bit_for_bit() {
    for dtype in [DType::F32, DType::F64] {
        let train = |from: usize, to: usize, store: &ParameterStore, optimiser: &mut AdamW| {
            for step in from..to {
                let w = store.get("w").unwrap();
                let grads = (w.sqr().unwrap().sum_all().unwrap() * step as f64).unwrap().backward().unwrap();
                optimiser.step(store, &grads, 0.01).unwrap();
            }
        };
        let fresh = || {
            let mut store = store(dtype);
            store.draw("w", (5, 7), Init::Normal(1.0)).unwrap();
            let optimiser = AdamW::new(AdamWConfig::default(), &store, |_| Some(0.01)).unwrap();
            (store, optimiser)
        };
        let (through, mut optimiser) = fresh();
        train(0, 6, &through, &mut optimiser);
        let (first, mut optimiser) = fresh();
        train(0, 3, &first, &mut optimiser);
        let (second, mut resumed) = fresh();
        second.load(&first.save().unwrap()).unwrap();
        let state = optimiser.state().unwrap();
        assert_eq!(state.keys().collect::<Vec<_>>(), ["m.w", "step", "v.w"]);
        resumed.restore(&second, &state).unwrap();
        train(3, 6, &second, &mut resumed);
        assert!(second.save().unwrap() == through.save().unwrap());
        let mut short = state.clone();
        short.remove("v.w");
        assert!(resumed.restore(&second, &short).is_err());
    }
}

#[test]
fn clipping_keeps_the_direction_and_returns_the_old_norm() {
    let mut store = store(DType::F32);
    let a = store.draw("a", 2, Init::Constant(3.0)).unwrap();
    let b = store.draw("b", 1, Init::Constant(4.0)).unwrap();
    store.draw("without gradient", 9, Init::ONES).unwrap();
    let grads = || {
        let total = (a.sqr().unwrap().sum_all().unwrap() + b.sqr().unwrap().sum_all().unwrap()).unwrap();
        (total * 0.5).unwrap().backward().unwrap()
    };
    let mut clipped = grads();
    let norm = clip_grad_norm(&mut clipped, &store, 0.5).unwrap();
    assert!((norm - 34f64.sqrt()).abs() < 1e-6); // 3, 3, 4
    let factor = 0.5 / 34f64.sqrt();
    assert!((values(clipped.get(&a).unwrap())[1] - 3.0 * factor).abs() < 1e-6);
    assert!((values(clipped.get(&b).unwrap())[0] - 4.0 * factor).abs() < 1e-6);
    let mut short = grads();
    clip_grad_norm(&mut short, &store, 100.0).unwrap();
    assert_eq!(values(short.get(&b).unwrap()), [4.0]);
    let mut wild = (a.sum_all().unwrap() * f64::INFINITY).unwrap().backward().unwrap();
    assert!(!clip_grad_norm(&mut wild, &store, 1.0).unwrap().is_finite());
}

#[test]
fn initial_values_depend_on_seed_and_name_only() {
    let draw = |order: &[&str], dtype: DType| {
        let mut store = store(dtype);
        for name in order {
            store.draw(name, (20, 50), Init::Normal(0.5)).unwrap();
        }
        store
    };
    let (ab, ba) = (draw(&["a", "b"], DType::F32), draw(&["b", "a"], DType::F32));
    assert!(ab.save().unwrap() == ba.save().unwrap());
    let double = draw(&["a"], DType::F64);
    assert_eq!(values(double.get("a").unwrap()), values(ab.get("a").unwrap()));
    assert_ne!(values(ab.get("a").unwrap()), values(ab.get("b").unwrap()));
    let a = values(ab.get("a").unwrap());
    let mean = a.iter().sum::<f64>() / 1000.0;
    let std = (a.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1000.0).sqrt();
    assert!(mean.abs() < 0.06 && (std - 0.5).abs() < 0.05, "{mean} {std}");
    let mut uniform = store(DType::F32);
    let u = values(&uniform.draw("u", 4000, Init::Linear { inputs: 16 }).unwrap());
    assert!(u.iter().all(|x| x.abs() <= 0.25) && u.iter().any(|x| *x > 0.24) && u.iter().any(|x| *x < -0.24));
    assert!(uniform.draw("u", 1, Init::ZEROS).is_err());
    assert_eq!((uniform.len(), uniform.elem_count()), (1, 4000));
}

#[test]
fn loading_is_strict_and_names_the_culprits() {
    let make = |names: &[(&str, usize)]| {
        let mut store = store(DType::F32);
        for &(name, n) in names {
            store.draw(name, n, Init::Normal(1.0)).unwrap();
        }
        store
    };
    let model = make(&[("a", 2), ("b", 3)]);
    let before = model.save().unwrap();
    let message = |names: &[(&str, usize)]| model.load(&make(names).save().unwrap()).unwrap_err().to_string();
    assert!(message(&[("a", 2)]).contains("b is missing"));
    assert!(message(&[("a", 2), ("b", 3), ("c", 1)]).contains("c is not a parameter"));
    assert!(message(&[("a", 2), ("b", 4)]).contains("b has the shape [4], wanted [3]"));
    assert!(model.load(b"not safetensors").is_err());
    assert!(model.save().unwrap() == before, "a refused load changed something");
    let header = String::from_utf8_lossy(&before[8..80]).into_owned();
    assert!(header.starts_with(r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32""#), "{header}");
    // a f64 model reads f32 weights
    let mut wide = store(DType::F64);
    wide.draw("a", 2, Init::ZEROS).unwrap();
    wide.draw("b", 3, Init::ZEROS).unwrap();
    wide.load(&before).unwrap();
    assert_eq!(values(wide.get("b").unwrap()), values(model.get("b").unwrap()));
    // a tensor taken from the store before sees the new values
    let taken = wide.get("a").unwrap().as_tensor().clone();
    let ones = BTreeMap::from(["a", "b"].map(|name| {
        let shape = wide.get(name).unwrap().shape().clone();
        (name.to_owned(), Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap())
    }));
    wide.assign(&ones).unwrap();
    assert_eq!(values(&taken), [1.0; 2]);
}

#[test]
fn streams_are_uniform_normal_and_independent() {
    let mut stream = Stream::new(5, "test", 1, 2);
    let n = 40_000i32;
    let mean = (0..n).map(|_| stream.uniform()).sum::<f64>() / f64::from(n);
    assert!((mean - 0.5).abs() < 0.006, "{mean}");
    let normal: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
    let second = normal.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
    let fourth = normal.iter().map(|x| x.powi(4)).sum::<f64>() / f64::from(n);
    assert!((second - 1.0).abs() < 0.03 && (fourth - 3.0).abs() < 0.2, "{second} {fourth}");
    let mut counts = [0; 3];
    (0..n).for_each(|_| counts[stream.below(3) as usize] += 1);
    assert!(counts.iter().all(|&c| (c - n / 3).abs() < 500), "{counts:?}");
    let mut items: Vec<usize> = (0..100).collect();
    stream.shuffle(&mut items);
    assert_ne!(items, (0..100).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..100).collect::<Vec<_>>());
    let chosen = stream.sample(50, 20);
    assert!(chosen.len() == 20 && chosen.windows(2).all(|w| w[0] < w[1]) && chosen[19] < 50);
    assert_eq!(stream.sample(3, 9), [0, 1, 2]);
    let first = |seed, purpose, epoch, item| Stream::new(seed, purpose, epoch, item).uniform();
    let base = first(5, "test", 1, 2);
    for other in
        [first(6, "test", 1, 2), first(5, "tests", 1, 2), first(5, "test", 2, 2), first(5, "test", 1, 3)]
    {
        assert_ne!(base, other);
    }
}
