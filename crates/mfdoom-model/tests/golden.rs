//! Holds the model to float64 reference fixtures: hidden states, outputs, losses, gradients and AdamW runs.
//!
//! Reads every `NAME.json` with its `NAME.safetensors` in `test-data/reference` (made by the script there) and
//! in the folder `MFDOOM_FIXTURES`, by default the reference next to the checkout where there is one.

mod fixture;

use std::io::Write;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use mfdoom_model::{Model, PackedBatch, Scheme, loss, loss_of, project};
use mfdoom_nn::{AdamW, AdamWConfig, ParameterStore};

use self::fixture::Fixture;

/// Largest deviations that a float32 program may have, from the README of the reference.
struct Tolerance {
    states: f64,
    loss: f64,
    gradient: f64,
}

impl Tolerance {
    fn of(fixture: &Fixture) -> Self {
        match fixture.name.starts_with("10_") {
            true => Self { states: 2e-6, loss: 3e-5, gradient: 4e-4 },
            false => Self { states: 2e-6, loss: 5e-6, gradient: 1e-4 },
        }
    }
}

#[test]
fn own_fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/reference");
    assert!(check_folder(&folder) >= 3, "no fixtures in {}", folder.display());
}

#[test]
fn reference_fixtures() {
    let given = std::env::var_os("MFDOOM_FIXTURES").map(PathBuf::from);
    let Some(folder) = given.or_else(|| mfdoom_testing::shared("reference/model/fixtures")) else { return };
    assert!(check_folder(&folder) > 0, "no fixtures in {}", folder.display());
}

/// Checks every fixture of a folder and returns how many there were.
fn check_folder(folder: &Path) -> usize {
    let fixtures = Fixture::all(folder);
    let mut names = std::io::stderr();
    for fixture in &fixtures {
        // Straight to the stream: the names show also where the test harness captures output.
        writeln!(names, "fixture {}", fixture.name).unwrap();
        match fixture.json["kind"].as_str() {
            Some("forward_backward") => forward_backward(fixture),
            Some("adamw") => adamw(fixture),
            other => panic!("{}: unknown kind {other:?}", fixture.name),
        }
    }
    fixtures.len()
}

fn forward_backward(f: &Fixture) {
    let tolerance = Tolerance::of(f);
    let batch = f.batch("input");
    let store = f.store();
    let model = Model::load(&store, &f.config).unwrap();
    project(&store, &model, &batch).unwrap();

    let mut stages = Vec::new();
    let hidden = model.trace(&batch, |x| stages.push(x.clone())).unwrap();
    check_hidden(f, &batch, &hidden.layout, &stages, tolerance.states);

    let pooled = model.pool(&hidden).unwrap();
    for (k, output) in model.scheme().outputs.iter().enumerate() {
        let ours = pooled.narrow(1, k, 1).unwrap().squeeze(1).unwrap();
        f.close(&format!("pooled.{}", output.name), &ours, tolerance.states);
    }

    let result = loss_of(&model, &pooled, &batch.clone().into()).unwrap();
    check_loss(f, &result, tolerance.loss);
    let gradients = result.total.backward().unwrap();
    for (name, var) in store.iter() {
        let wanted = f.tensor(&format!("grad.{name}"));
        let zero = var.zeros_like().unwrap();
        let ours = gradients.get(var.as_tensor()).unwrap_or(&zero);
        let largest = abs_max(&wanted);
        let allowed = if largest == 0.0 { 1e-9 } else { tolerance.gradient * largest };
        f.close(&format!("grad.{name}"), ours, allowed);
    }
}

fn check_hidden(
    f: &Fixture,
    batch: &PackedBatch,
    layout: &mfdoom_model::Layout,
    stages: &[Tensor],
    tolerance: f64,
) {
    let scheme = Scheme::of(&f.config);
    assert_eq!(stages.len(), f.config.depth + 2);
    for (i, stage) in stages.iter().enumerate() {
        let stage_name = if i > f.config.depth { "final".into() } else { i.to_string() };
        for cell in 0..batch.cells {
            for (m, name) in f.config.modalities.iter().enumerate() {
                let rows = layout.modality(cell, m);
                f.close_rows((&format!("hidden.{stage_name}.{name}"), cell), stage, rows, tolerance);
            }
            if scheme.fusion_rows() > 0 {
                let start = layout.block(cell, 0).start;
                let rows = start..start + scheme.fusion_rows();
                f.close_rows((&format!("hidden.{stage_name}.fusion"), cell), stage, rows, tolerance);
            }
        }
    }
}

fn check_loss(f: &Fixture, ours: &mfdoom_model::Loss, tolerance: f64) {
    let terms: Vec<f32> = f.tensor("loss.terms").to_vec1().unwrap();
    let valid: Vec<u8> = f.tensor("loss.valid").to_vec1().unwrap();
    assert_eq!(ours.terms.len(), terms.len(), "{}: number of terms", f.name);
    for ((term, wanted), valid) in ours.terms.iter().zip(terms).zip(valid) {
        assert_eq!(term.value.is_some(), valid == 1, "{}: {} valid", f.name, term.name);
        if let Some(value) = &term.value {
            let value: f32 = value.to_scalar().unwrap();
            let difference = f64::from((value - wanted).abs());
            assert!(difference <= tolerance, "{}: term {} is {value}, not {wanted}", f.name, term.name);
        }
    }
    f.close("loss.total", &ours.total, tolerance * f64::max(1.0, abs_max(&f.tensor("loss.total"))));
}

fn adamw(f: &Fixture) {
    let settings = &f.json["optimizer"];
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let config = AdamWConfig {
        beta1: number(&settings["betas"][0]),
        beta2: number(&settings["betas"][1]),
        eps: number(&settings["eps"]),
    };
    let (rate, decay) = (number(&settings["lr"]), number(&settings["weight_decay"]));
    let batches: Vec<PackedBatch> = (0..f.batches()).map(|b| f.batch(&format!("input.{b}"))).collect();
    let store = f.store();
    let model = Model::load(&store, &f.config).unwrap();
    let mut optimiser = AdamW::new(config, &store, |_| Some(decay)).unwrap();
    let before: Vec<f32> = f.tensor("loss.before_each_step").to_vec1().unwrap();
    for (step, wanted) in before.into_iter().enumerate() {
        let batch = &batches[step % batches.len()];
        project(&store, &model, batch).unwrap();
        let result = loss(&model, &batch.clone().into()).unwrap();
        let value: f32 = result.total.to_scalar().unwrap();
        assert!((value - wanted).abs() <= 3e-6, "{}: loss before step {step}: {value} {wanted}", f.name);
        optimiser.step(&store, &result.total.backward().unwrap(), rate).unwrap();
    }
    let trained = copies(&store);
    let after: Vec<f32> = f.tensor("loss.after_last_step").to_vec1().unwrap();
    for (batch, wanted) in batches.iter().zip(after) {
        project(&store, &model, batch).unwrap();
        let value: f32 = loss(&model, &batch.clone().into()).unwrap().total.to_scalar().unwrap();
        assert!((value - wanted).abs() <= 3e-6, "{}: loss after the run: {value} {wanted}", f.name);
    }
    // Evaluating projects rows and clamps the temperature in place, and a fixture does not say whether its final
    // weights were taken before or after that: they must be all of the one or all of the other.
    let evaluated = copies(&store);
    let fits = |(name, tensor): &(String, Tensor)| f.deviation(&format!("final.{name}"), tensor) <= 1e-3;
    if !evaluated.iter().all(fits) {
        trained.iter().for_each(|(name, tensor)| f.close(&format!("final.{name}"), tensor, 1e-3));
    }
}

fn copies(store: &ParameterStore) -> Vec<(String, Tensor)> {
    store.iter().map(|(name, var)| (name.to_string(), var.as_tensor().copy().unwrap())).collect()
}

fn abs_max(t: &Tensor) -> f64 {
    let t = t.to_device(&Device::Cpu).unwrap().to_dtype(DType::F64).unwrap();
    t.flatten_all().unwrap().to_vec1::<f64>().unwrap().into_iter().fold(0.0, |m, v| m.max(v.abs()))
}
