//! Decoders: every parameter learns, a cell alone is the cell in a batch, what is masked moves nothing.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use mfdoom_decoder::{
    Architecture, Context, DECODER_FORMAT, Decoder, DecoderConfig, DecoderLoss, DecoderTask, Library,
    ObservedCounts, Outputs, ProfileBatch, ProfileConfig, Target, Values, is_constant, log_normalised,
};
use mfdoom_model::{Model, ModelConfig, PackedBatch, Preset};
use mfdoom_nn::{MaskedCounts, ParameterBuilder, ParameterStore, Stream};

const GENES: usize = 7;

struct Setup {
    store: ParameterStore,
    model: Model,
    decoder: Decoder,
}

fn setup(architecture: Architecture, loss: DecoderLoss, task: DecoderTask) -> Setup {
    let modalities = vec!["spliced".to_owned(), "expression".to_owned()];
    let mut backbone = ModelConfig::preset(Preset::Tiny, modalities.clone(), 9);
    (backbone.dim, backbone.depth, backbone.heads, backbone.dim_head) = (12, 1, 2, 4);
    let labels = task == DecoderTask::CLASSIFICATION;
    let config = DecoderConfig {
        format: DECODER_FORMAT,
        task,
        architecture,
        head: "fusion".into(),
        loss,
        targets: if task == DecoderTask::EXPRESSION { modalities.clone() } else { vec!["velocity".into()] },
        genes: if labels { 0 } else { GENES },
        classes: if labels { vec!["a".into(), "b".into(), "c".into()] } else { vec![] },
        rank: 5,
        hidden: 6,
        profile: Some(ProfileConfig {
            modalities,
            components: 3,
            features: 8,
            linear: true,
            landmarks: 4,
            neighbours: 2,
        }),
        chain: None,
        cosine: 0.5,
        libraries: Default::default(),
        backbone_sha256: String::new(),
    };
    config.check(&backbone).unwrap();
    let p = ParameterBuilder::fresh(3, DType::F64, &Device::Cpu);
    Model::build(&p, &backbone).unwrap();
    Decoder::build(&p.pp("decoder"), &config, &backbone).unwrap();
    let store = p.finish().unwrap();
    for (name, var) in store.iter().filter(|(name, _)| name.starts_with("decoder.")) {
        shake(name, var);
    }
    let model = Model::load(&store, &backbone).unwrap();
    let decoder = Decoder::load(&store, &config, &backbone).unwrap();
    Setup { store, model, decoder }
}

/// Moves a parameter away from its start, at which some gradients are zero.
fn shake(name: &str, var: &Var) {
    let mut stream = Stream::new(5, "shake", 0, Stream::hash(name));
    let values: Vec<f64> = (0..var.elem_count()).map(|_| 0.5 + 0.3 * stream.normal()).collect();
    var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
}

const TOKENS: [[&[(u32, f32)]; 2]; 3] = [
    [&[(1, 3.0), (4, 1.0)], &[(1, 5.0), (2, 2.0), (4, 1.0)]],
    [&[], &[(3, 1.0), (9, 4.0)]],
    [&[(2, 7.0)], &[]],
];

fn batch(cells: &[usize]) -> (PackedBatch, ProfileBatch) {
    let (mut packed, mut profile) = (PackedBatch::new(2), ProfileBatch::new(2));
    (packed.cells, profile.cells) = (cells.len(), cells.len());
    let measured: Arc<[u32]> = (1..=9).collect();
    for &cell in cells {
        for (m, tokens) in TOKENS[cell].iter().enumerate() {
            let (ids, counts): (Vec<u32>, Vec<f32>) = tokens.iter().copied().unzip();
            packed.modalities[m].push(&ids, &counts, 20.0);
            let to = &mut profile.modalities[m];
            match tokens.is_empty() {
                true => to.push_absent(),
                false => to.push(tokens.iter().map(|(g, c)| (*g, log_normalised(*c, 20.0))), &measured),
            }
        }
    }
    (packed, profile)
}

impl Setup {
    fn outputs(&self, cells: &[usize]) -> Outputs {
        let (packed, profile) = batch(cells);
        let context: Context = self.decoder.network().context(&self.model, &packed).unwrap();
        self.decoder.forward(&context, &profile).unwrap()
    }

    fn target(&self, cells: usize) -> Target {
        let n = self.decoder.config().outputs();
        let seen: Vec<bool> = (0..cells * n).map(|i| i % 5 != 3).collect();
        match self.decoder.config().loss {
            DecoderLoss::CrossEntropy => Target::Labels((0..cells).map(|c| (c % 3) as u32).collect()),
            DecoderLoss::Nb | DecoderLoss::Zinb => Target::Counts(ObservedCounts {
                counts: MaskedCounts {
                    values: (0..cells * n).map(|i| (i % 4) as f32).collect(),
                    observed: seen.into(),
                },
                library: vec![15.0; cells * self.decoder.config().targets.len()],
            }),
            _ => {
                let values: Vec<f64> = (0..cells * n).map(|i| (i as f64).sin()).collect();
                let seen: Vec<f64> = seen.into_iter().map(|s| f64::from(u8::from(s))).collect();
                let tensor = |v: Vec<f64>| Tensor::from_vec(v, (cells, n), &Device::Cpu).unwrap();
                Target::Values(Values { values: tensor(values), observed: tensor(seen) })
            }
        }
    }

    fn loss(&self, outputs: &Outputs, target: &Target) -> Tensor {
        self.decoder.loss(outputs, target).unwrap().total
    }
}

fn number(x: &Tensor) -> f64 {
    x.to_scalar().unwrap()
}

fn every() -> Vec<Setup> {
    let mut all = Vec::new();
    for architecture in [Architecture::Pooled, Architecture::Attention] {
        for (loss, task) in [
            (DecoderLoss::Mse, DecoderTask::VELOCITY),
            (DecoderLoss::Huber, DecoderTask::VELOCITY),
            (DecoderLoss::Nb, DecoderTask::EXPRESSION),
            (DecoderLoss::Zinb, DecoderTask::EXPRESSION),
            (DecoderLoss::CrossEntropy, DecoderTask::CLASSIFICATION),
        ] {
            all.push(setup(architecture, loss, task));
        }
    }
    all
}

#[test]
fn every_trained_parameter_has_a_gradient_and_it_is_the_right_one() {
    for s in every() {
        let config = s.decoder.config().clone();
        let target = s.target(3);
        let gradients = s.loss(&s.outputs(&[0, 1, 2]), &target).backward().unwrap();
        for (name, var) in s.store.iter().filter(|(n, _)| n.starts_with("decoder.") && !is_constant(n)) {
            let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name} learns nothing"));
            let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            assert!(gradient.iter().any(|g| g.abs() > 1e-9), "{name} of {config:?}");
            let at = gradient.len() / 2;
            let start = var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let moved = |by: f64| {
                let mut values = start.clone();
                values[at] += by;
                var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
                number(&s.loss(&s.outputs(&[0, 1, 2]), &target))
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            moved(0.0);
            let off = (numeric - gradient[at]).abs() / numeric.abs().max(1e-2);
            assert!(
                off < 1e-5,
                "{name} of {:?} {:?}: {} {numeric}",
                config.architecture,
                config.loss,
                gradient[at]
            );
        }
    }
}

#[test]
fn a_cell_alone_is_the_cell_in_a_batch() {
    for s in every() {
        let together = s.decoder.predict(&s.outputs(&[0, 1, 2])).unwrap().to_vec2::<f64>().unwrap();
        for (cell, together) in together.iter().enumerate() {
            let alone = s.decoder.predict(&s.outputs(&[cell])).unwrap().to_vec2::<f64>().unwrap();
            for (a, b) in alone[0].iter().zip(together) {
                assert!((a - b).abs() < 1e-10, "{:?}: {a} {b}", s.decoder.config().architecture);
            }
        }
    }
}

#[test]
fn masked_genes_do_not_move_the_loss() {
    for s in every() {
        let outputs = s.outputs(&[0, 1, 2]);
        let changed = match s.target(3) {
            Target::Values(mut v) => {
                let wild = v.observed.affine(-1e3, 1e3).unwrap();
                v.values = (v.values + wild).unwrap();
                Target::Values(v)
            }
            Target::Counts(mut c) => {
                let seen = c.counts.observed.clone();
                c.counts.values =
                    c.counts.values.iter().zip(&*seen).map(|(x, s)| if *s { *x } else { 999.0 }).collect();
                Target::Counts(c)
            }
            labels => labels,
        };
        let (a, b) = (number(&s.loss(&outputs, &s.target(3))), number(&s.loss(&outputs, &changed)));
        assert!((a - b).abs() < 1e-12 * a.abs(), "{:?}: {a} {b}", s.decoder.config().loss);
    }
}

#[test]
fn a_frozen_backbone_keeps_no_graph() {
    let Setup { mut store, decoder, model } =
        setup(Architecture::Pooled, DecoderLoss::Mse, DecoderTask::VELOCITY);
    store.freeze(|name| !name.starts_with("decoder."));
    let frozen = Model::load(&store, model.config()).unwrap();
    let (packed, _) = batch(&[0, 1]);
    assert!(model.forward(&packed).unwrap().track_op() && !frozen.forward(&packed).unwrap().track_op());
    let decoder = Decoder::load(&store, decoder.config(), model.config()).unwrap();
    let s = Setup { store, model: frozen, decoder };
    let gradients = s.loss(&s.outputs(&[0, 1]), &s.target(2)).backward().unwrap();
    assert!(s.store.iter().all(|(name, var)| gradients.get(var).is_none() || name.starts_with("decoder.")));
    assert!(gradients.get(s.store.get("decoder.bias").unwrap()).is_some());
}

#[test]
fn an_unmeasured_gene_counts_as_the_mean() {
    let s = setup(Architecture::Pooled, DecoderLoss::Mse, DecoderTask::VELOCITY);
    let path = s.decoder.profile().unwrap();
    let mean = path.mean(0).unwrap()[5];
    let features = |values: &[(u32, f32)], measured: std::ops::RangeInclusive<u32>| {
        let mut batch = ProfileBatch::new(2);
        batch.cells = 1;
        batch.modalities[0].push(values.iter().copied(), &measured.collect());
        batch.modalities[1].push_absent();
        path.features(&batch, 0).unwrap().unwrap().to_vec2::<f64>().unwrap().remove(0)
    };
    let unknown = features(&[(1, 0.5)], 1..=4);
    let hidden = features(&[(1, 0.5), (5, mean)], 1..=5);
    let zero = features(&[(1, 0.5)], 1..=5);
    let off = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off(&unknown, &hidden) < 1e-6 && off(&unknown, &zero) > 1e-3);
}

#[test]
fn library_sizes_that_no_cell_has_are_refused() {
    let s = setup(Architecture::Pooled, DecoderLoss::Mse, DecoderTask::VELOCITY);
    let check = |median: f64, ratio: f64| {
        let mut config = s.decoder.config().clone();
        let ratios = [("expression".to_owned(), ratio)].into();
        config.libraries.insert("spliced".into(), Library { median, ratios });
        config.check(s.model.config())
    };
    check(0.0, 1.5).unwrap();
    for (median, ratio) in [(-5.0, 1.0), (f64::NAN, 1.0), (1e300, 1.0), (10.0, f64::INFINITY)] {
        let error = check(median, ratio).unwrap_err();
        assert!(error.to_string().contains("'spliced'"), "{error}");
    }
}
