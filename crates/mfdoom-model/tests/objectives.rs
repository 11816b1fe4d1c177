//! Objectives by numbers worked out by hand, and their gradients by finite differences.

mod cells;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use mfdoom_model::{
    AllCounts, AnchorConfig, Anchoring, BatchViews, Fusion, ModalityCounts, Model, ModelConfig, Objective,
    PackedBatch, Preset, Targets, loss_of,
};
use mfdoom_nn::MaskedCounts;

use self::cells::{model, set, term};

fn config(fusion: Fusion, objective: Objective) -> ModelConfig {
    let names = vec!["a".to_owned(), "b".to_owned()];
    let features = names.iter().map(|name| (name.clone(), 1)).collect::<BTreeMap<_, _>>();
    ModelConfig {
        dim: 2,
        depth: 1,
        heads: 1,
        dim_head: 2,
        fusion_tokens: 1,
        fusion,
        datasets: 2,
        objectives: [(objective, 1.0)].into(),
        anchor: Some(AnchorConfig {
            heads: Anchoring::Blend,
            dim: 2,
            landmarks: 1,
            features,
            derived: BTreeMap::new(),
            tf_idf: Default::default(),
        }),
        ..ModelConfig::preset(Preset::Tiny, names, 2)
    }
}

/// Cell 0 has both modalities, cell 1 only a.
fn batch() -> PackedBatch {
    let mut batch = PackedBatch::new(2);
    batch.cells = 2;
    batch.modalities[0].push(&[1, 2], &[1.0, 3.0], 4.0);
    batch.modalities[0].push(&[2], &[2.0], 2.0);
    batch.modalities[1].push(&[1], &[5.0], 5.0);
    batch.modalities[1].push(&[], &[], 0.0);
    batch
}

fn views() -> BatchViews {
    let modality = |cells: &[u32], library: &[f32], values: &[f32]| ModalityCounts {
        cells: cells.to_vec(),
        library_size: library.to_vec(),
        counts: Some(MaskedCounts {
            values: values.into(),
            observed: values.iter().enumerate().map(|(i, _)| i % 3 > 0).collect(),
        }),
    };
    let a = modality(&[0, 1], &[3.0, 3.0], &[0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    let b = modality(&[0], &[3.0], &[0.0, 0.0, 1.0]);
    BatchViews {
        subset: Some(batch().restrict(|m, _| m == 0)),
        targets: Some(Targets { directions: vec![0.0, 1.0, 1.0, 0.0], known: vec![true, true] }),
        counts: Some(AllCounts { dataset: vec![0, 1], modalities: vec![a, b] }),
        ..batch().into()
    }
}

/// Pooled vectors that are (1, 3) for every cell and output: normalised they are (-1, 1).
fn pooled(model: &Model) -> Tensor {
    let n = model.scheme().outputs.len();
    Tensor::new(&[1f64, 3.0], &Device::Cpu).unwrap().broadcast_as((2, n, 2)).unwrap().contiguous().unwrap()
}

#[test]
fn neighbours_are_one_minus_a_cosine() {
    let (model, store) = model(&config(Fusion::LeaveOneOut, Objective::Neighbours));
    set(&store, "readout.weight", &[1.0, 0.0, 0.0, 1.0]);
    let loss = loss_of(&model, &pooled(&model), &views()).unwrap();
    // the readout is (-1, 1) / root 2: cosines with (0, 1) and (1, 0) are +- 1 / root 2
    let half = 0.5f64.sqrt();
    let close = |name: &str, wanted: f64| {
        let found = term(&loss, name).unwrap();
        assert!((found - wanted).abs() < 1e-4, "{name}: {found}, wanted {wanted}");
    };
    close("fusion", 1.0);
    close("a", 1.0);
    close("b", 1.0 - half); // cell 0 alone has b
    close("fusion_without_a", 1.0 - half);
    close("fusion_without_b", 1.0);
    assert!(loss.terms.iter().all(|term| term.name != "global"));
}

#[test]
fn reconstruction_is_the_likelihood_of_measured_counts() {
    let (model, store) = model(&config(Fusion::Zorro, Objective::Reconstruction));
    for m in ["a", "b"] {
        // logits (anything, 0, ln 2): shares 1/3 and 2/3 of a library of 3 are means 1 and 2
        set(&store, &format!("reconstruction.{m}.weight"), &[9.0, 9.0, 0.0, 0.0, 0.0, 2f64.ln()]);
    }
    let loss = loss_of(&model, &pooled(&model), &views()).unwrap();
    // with dispersion 1: P(0) = 1/2 for mean 1, P(1) = 1/3 2/3 for mean 2
    let wanted = (2f64.ln() + 4.5f64.ln()) / 2.0;
    for m in ["a", "b"] {
        let found = term(&loss, m).unwrap();
        assert!((found - wanted).abs() < 1e-4, "{m}: {found}, wanted {wanted}");
    }
    // a code of the second data set moves modality a only: b has no cell of it
    set(&store, "reconstruction.codes", &[0.0, 0.0, 0.0, 1.0]);
    let moved = loss_of(&model, &pooled(&model), &views()).unwrap();
    assert_ne!(term(&moved, "a"), term(&loss, "a"));
    assert_eq!(term(&moved, "b"), term(&loss, "b"));
}

#[test]
fn combinatorial_compares_each_modality_with_the_block_of_the_others() {
    let config = config(Fusion::LeaveOneOut, Objective::Combinatorial);
    let (model, _) = model(&config);
    let mut batch = batch();
    batch.modalities[1] = batch.modalities[0].clone(); // both cells have both
    let at = |name: &str| model.scheme().output(name).unwrap();
    let n = model.scheme().outputs.len();
    // cell 0 is (1, 0) and cell 1 is (0, 1), but in the block without a the other way round
    let mut values = vec![0f64; 2 * n * 2];
    for cell in 0..2 {
        for output in 0..n {
            let axis = if output == at("fusion_without_a") { 1 - cell } else { cell };
            values[(cell * n + output) * 2 + axis] = 3.0;
        }
    }
    let pooled = Tensor::from_vec(values, (2, n, 2), &Device::Cpu).unwrap();
    let loss = loss_of(&model, &pooled, &batch.into()).unwrap();
    // unit vectors and a temperature of .05: the right cell has 20 or 0 where the other has 0 or 20, in two directions
    let (found, missed) = (2.0 * (-20f64).exp().ln_1p(), 2.0 * (20.0 + (-20f64).exp().ln_1p()));
    let close = |name: &str, wanted: f64| {
        let ours = term(&loss, name).unwrap();
        assert!((ours - wanted).abs() < 1e-9, "{name}: {ours}, wanted {wanted}");
    };
    close("a|b", found);
    close("b|fusion_without_b", found);
    close("a|fusion_without_a", missed);
    assert_eq!(loss.terms.len(), 3);
    assert!(
        Objective::Combinatorial
            .check(
                &config,
                &mfdoom_model::Scheme::of(&ModelConfig { fusion: Fusion::Zorro, ..config.clone() })
            )
            .is_err()
    );
}
