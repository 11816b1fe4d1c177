//! The parameter builder: what is drawn, what a file must hold, and what is shared or frozen.

mod nn_support;

use std::path::PathBuf;

use candle_core::{DType, Device, Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, ParameterStore};

use self::nn_support::values;

fn fresh(seed: u64) -> ParameterBuilder {
    ParameterBuilder::fresh(seed, DType::F32, &Device::Cpu)
}

/// Asks for `a.w [2, 3]` and `b [4]`.
fn layers(p: &ParameterBuilder) -> Result<[Tensor; 2]> {
    Ok([p.pp("a").get("w", (2, 3), Init::Normal(1.0))?, p.get("b", 4, Init::Linear { inputs: 9 })?])
}

/// Writes bytes into a file of its own.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("nn-builder-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn builder(&self) -> Result<ParameterBuilder> {
        ParameterBuilder::file(&self.0, DType::F32, &Device::Cpu)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn saved(shapes: &[(&str, &[usize])]) -> Vec<u8> {
    let mut store = ParameterStore::new(3, DType::F32, &Device::Cpu);
    for (name, shape) in shapes {
        store.draw(name, *shape, Init::Normal(1.0)).unwrap();
    }
    store.save().unwrap()
}

#[test]
fn fresh_values_are_those_of_the_store_of_that_seed() {
    let p = fresh(11);
    let [w, b] = layers(&p).unwrap();
    let mut store = ParameterStore::new(11, DType::F32, &Device::Cpu);
    assert_eq!(values(&w), values(&store.draw("a.w", (2, 3), Init::Normal(1.0)).unwrap()));
    assert!(values(&b).iter().all(|x| x.abs() <= 1.0 / 3.0));
    let table = p.get("t", (3, 2), Init::Embedding).unwrap();
    assert_eq!(values(&table)[..2], [0.0, 0.0]);
    assert!(values(&table)[2..].iter().all(|x| *x != 0.0));
    assert_eq!(p.finish().unwrap().len(), 3);
}

#[test]
fn a_name_asked_for_twice_is_one_parameter_of_one_shape() {
    let p = fresh(0);
    let [w, _] = layers(&p).unwrap();
    let again = p.get("a.w", (2, 3), Init::ONES).unwrap();
    assert_eq!(values(&again), values(&w));
    assert!(
        p.get("a.w", 6, Init::ONES).unwrap_err().to_string().contains("has the shape [2 x 3], wanted [6]")
    );
}

#[test]
fn a_file_must_hold_these_tensors_and_no_others() {
    let refused = |name: &str, shapes: &[(&str, &[usize])]| {
        let file = File::new(name, &saved(shapes));
        let p = file.builder().unwrap();
        match layers(&p) {
            Ok(_) => p.finish().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    assert!(refused("missing", &[("a.w", &[2, 3])]).contains("b is missing"));
    assert!(refused("extra", &[("a.w", &[2, 3]), ("b", &[4]), ("c", &[1])]).contains("of this model: c"));
    let shape = refused("shape", &[("a.w", &[3, 2]), ("b", &[4])]);
    assert!(shape.contains("a.w has the shape [3 x 2], wanted [2 x 3]"), "{shape}");
    let bytes = saved(&[("a.w", &[2, 3]), ("b", &[4])]);
    for (name, bytes) in [("cut", &bytes[..bytes.len() - 1]), ("start", &bytes[..40]), ("none", b"")] {
        assert!(File::new(name, bytes).builder().is_err(), "{name}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_name() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut bytes = saved(&[("a.w", &[2, 3]), ("b", &[4])]);
        let end = bytes.len();
        bytes[end - 8..end - 4].copy_from_slice(&bad.to_le_bytes());
        let error = layers(&File::new("bad", &bytes).builder().unwrap()).unwrap_err().to_string();
        assert!(error.contains("b holds") && error.contains("position 2"), "{error}");
    }
}

#[test]
fn absurd_shapes_are_compared_and_not_allocated() {
    let file = File::new("absurd", &saved(&[("w", &[2, 3])]));
    let p = file.builder().unwrap();
    assert!(p.get("w", (1 << 40, 1 << 20), Init::ZEROS).is_err());
}

#[test]
fn frozen_parameters_follow_no_gradient() {
    let file = File::new("frozen", &saved(&[("a.w", &[2, 3]), ("b", &[4])]));
    let p = file.builder().unwrap().frozen(|name| name.starts_with("a."));
    let [w, b] = layers(&p).unwrap();
    assert!(!w.track_op() && b.track_op());
    let store = p.finish().unwrap();
    assert!(!store.is_trained("a.w") && store.is_trained("b"));
    let over = ParameterBuilder::over(&store);
    assert!(!layers(&over).unwrap()[0].track_op(), "what is frozen in a store stays frozen");
}

#[test]
fn places_answer_in_order_and_a_store_is_shared() {
    let base = fresh(1);
    let [w, b] = layers(&base).unwrap();
    let base = base.finish().unwrap();
    let file = File::new("first", &saved(&[("b", &[4])]));
    let p = file.builder().unwrap().or_over(&base).or_fresh(5);
    let [same, other] = layers(&p).unwrap();
    let new = p.get("c", 2, Init::ONES).unwrap();
    assert_eq!(values(&same), values(&w));
    assert_ne!(values(&other), values(&b));
    assert_eq!(values(&new), [1.0, 1.0]);
    let both = p.finish().unwrap();
    base.get("a.w").unwrap().set(&Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap()).unwrap();
    assert_eq!(values(both.get("a.w").unwrap()), [0.0; 6]);
}
