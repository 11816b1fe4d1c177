//! A fusion scheme and an objective that are not in the lists, made with what `CONTRIBUTING.md` says they take.

use candle_core::{DType, Device, Result, Tensor};
use mfdoom_model::{
    BatchViews, Block, Layout, Model, ModelConfig, NamedTerm, Outputs, PackedBatch, Preset, Scheme, Terms,
};
use mfdoom_nn::{Init, ParameterBuilder};

/// One more block that reads the first modality alone.
fn first_alone(config: &ModelConfig) -> Scheme {
    let reads = (0..config.modalities.len()).map(|m| m == 0).collect();
    Scheme::fused(config, vec![Block { name: "fusion_of_the_first".into(), reads }])
}

/// Pulls `fusion` to a learned point.
#[derive(Debug)]
struct Anchored {
    point: Tensor,
}

impl Terms for Anchored {
    fn check(_: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
        scheme.whole().map(|_| ()).ok_or_else(|| "needs fusion tokens".into())
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        Ok(Self { point: p.get("loss.point", config.dim, Init::Constant(0.5))? })
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let distance = outputs.head("fusion")?.broadcast_sub(&self.point)?.sqr()?.mean_all()?;
        Ok(vec![("distance".into(), Some(distance))])
    }
}

fn batch() -> PackedBatch {
    let mut batch = PackedBatch::new(2);
    batch.cells = 2;
    batch.modalities[0].push(&[1, 2], &[3.0, 1.0], 4.0);
    batch.modalities[0].push(&[], &[], 0.0);
    batch.modalities[1].push(&[2], &[5.0], 5.0);
    batch.modalities[1].push(&[1, 3], &[1.0, 1.0], 2.0);
    batch
}

#[test]
fn a_scheme_is_a_function_and_an_objective_a_type() {
    let config = ModelConfig::preset(Preset::Tiny, vec!["a".into(), "b".into()], 3);
    let scheme = first_alone(&config);
    Anchored::check(&config, &scheme).unwrap();
    let p = ParameterBuilder::fresh(1, DType::F32, &Device::Cpu);
    let model = Model::with_scheme(&p, &config, scheme.clone()).unwrap();
    let objective = Anchored::build(&p, &config).unwrap();
    let store = p.finish().unwrap();
    assert!(store.contains("loss.point"));

    let layout = Layout::new(&batch(), &scheme);
    assert_eq!(layout.rows(), 5 + 2 * 2 * config.fusion_tokens);
    let pooled = model.forward(&batch()).unwrap();
    let views = BatchViews::from(batch());
    let terms = objective.terms(&Outputs::new(&model, &pooled, &views)).unwrap();
    let (name, Some(value)) = &terms[0] else { panic!("no term") };
    let row = scheme.output("fusion").unwrap();
    let fusion = pooled.narrow(1, row, 1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let wanted = fusion.iter().map(|x| (x - 0.5) * (x - 0.5)).sum::<f32>() / fusion.len() as f32;
    assert_eq!(name, "distance");
    assert!((value.to_scalar::<f32>().unwrap() - wanted).abs() < 1e-6);
    let gradients = value.backward().unwrap();
    assert!(gradients.get(store.get("loss.point").unwrap().as_tensor()).is_some());
    // the second cell lacks the first modality: its block reads nothing but itself
    let part = scheme.output("fusion_of_the_first").unwrap();
    let without = model.forward(&batch().restrict(|m, _| m == 0)).unwrap();
    let vector = |x: &Tensor| x.get(1).unwrap().get(part).unwrap().to_vec1::<f32>().unwrap();
    let apart = vector(&pooled).iter().zip(vector(&without)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-5, "{apart}");
}
