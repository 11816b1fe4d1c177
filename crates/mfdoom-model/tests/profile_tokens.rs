//! Profile tokens: rows of whole cells, under the mask of their modality.

use candle_core::{DType, Device, Tensor};
use mfdoom_model::{
    AnchorConfig, Anchoring, Fusion, Layout, Model, ModelConfig, PackedBatch, Preset, Scheme,
};
use mfdoom_nn::ParameterBuilder;

/// One factor: a profile is two coordinates and two sizes.
fn anchor() -> AnchorConfig {
    let features = [("a".to_owned(), 1), ("b".to_owned(), 1)].into();
    let (derived, tf_idf) = Default::default();
    AnchorConfig { heads: Anchoring::Blend, dim: 1, landmarks: 1, features, derived, tf_idf }
}

fn config(fusion: Fusion) -> ModelConfig {
    ModelConfig {
        profile_tokens: 2,
        anchor: Some(anchor()),
        fusion,
        fusion_tokens: 2,
        ..ModelConfig::preset(Preset::Tiny, vec!["a".into(), "b".into()], 5)
    }
}

/// Cell 0 has both modalities, cell 1 only b, and of b no gene.
fn batch() -> PackedBatch {
    let mut batch = PackedBatch::new(2);
    batch.cells = 2;
    let [a, b] = &mut batch.modalities[..] else { panic!("two modalities") };
    a.push(&[1, 4], &[2.0, 7.0], 9.0);
    a.profiles.push(Some(&[1.0, 0.5, -0.5, 0.2]));
    a.push(&[], &[], 0.0);
    a.profiles.push(None);
    b.push(&[3], &[1.0], 1.0);
    b.profiles.push(Some(&[0.0, 2.0, 1.0, -1.0]));
    b.push(&[], &[], 0.0);
    b.profiles.push(Some(&[-1.0, 0.0, 3.0, 0.0]));
    batch
}

fn model(fusion: Fusion) -> Model {
    let p = ParameterBuilder::fresh(4, DType::F32, &Device::Cpu);
    Model::build(&p, &config(fusion)).unwrap()
}

fn vector(pooled: &Tensor, cell: usize, output: usize) -> Vec<f32> {
    pooled.get(cell).unwrap().get(output).unwrap().to_vec1().unwrap()
}

/// What a model makes of a cell depends in the last bit on its neighbours in the batch.
fn close(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn rows_stand_behind_the_tokens_of_genes() {
    let layout = Layout::new(&batch(), &Scheme::of(&config(Fusion::Zorro)));
    // a: 0..2 | -, b: 2..3 | -, profiles of a: 3..5 | -, of b: 5..7 | 7..9, fusion: 9..11 | 11..13
    assert_eq!((layout.modality(0, 0), layout.profile(0, 0)), (0..2, 3..5));
    assert_eq!((layout.profile(0, 1), layout.profile(1, 1)), (5..7, 7..9));
    assert!(layout.profile(1, 0).is_empty());
    assert_eq!((layout.block(1, 0), layout.rows()), (11..13, 13));
}

#[test]
fn a_profile_is_read_by_its_modality_and_by_fusion_only() {
    for fusion in [Fusion::Zorro, Fusion::LeaveOneOut, Fusion::None] {
        let (model, mut changed) = (model(fusion), batch());
        let before = model.forward(&batch()).unwrap();
        changed.modalities[0].profiles.values[0] += 1.0;
        let after = model.forward(&changed).unwrap();
        for (k, output) in model.scheme().outputs.iter().enumerate() {
            let sees = !matches!(output.name.as_str(), "b" | "fusion_without_a");
            let same = |cell: usize| close(&vector(&before, cell, k), &vector(&after, cell, k));
            assert_eq!(!same(0), sees, "{fusion} {}", output.name);
            assert!(same(1), "another cell, {}", output.name);
        }
    }
}

#[test]
fn a_cell_with_a_profile_alone_is_there() {
    let model = model(Fusion::Zorro);
    assert_eq!(batch().present(), [[true, false], [true, true]]);
    let pooled = model.forward(&batch()).unwrap();
    let missing = model.forward(&batch().restrict(|m, c| (m, c) != (1, 1))).unwrap();
    let fusion = model.scheme().output("fusion").unwrap();
    assert!(!close(&vector(&pooled, 1, fusion), &vector(&missing, 1, fusion)));
    assert!(close(&vector(&pooled, 0, fusion), &vector(&missing, 0, fusion)));
}
