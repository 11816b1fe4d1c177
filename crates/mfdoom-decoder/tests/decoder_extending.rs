//! A decoder task that is not in the list, made with what `CONTRIBUTING.md` says it takes: one type.

use std::sync::Arc;

use candle_core::{DType, Device};
use mfdoom_artifact::{Gene, Input, Manifest, Output};
use mfdoom_decoder::{
    Architecture, Chosen, DECODER_FORMAT, Decoder, DecoderConfig, DecoderLoss, DecoderTask, GeneValues,
    PathUse, ProfileBatch, ProfileConfig, Starter, Task,
};
use mfdoom_model::{Model, ModelConfig, PackedBatch, Preset, Shown};
use mfdoom_nn::{ParameterBuilder, Stream};
use mfdoom_tokens::{Measured, ModalityTokens, TokenBatch, TokenSchema, TokenWriter, Vocabulary};
use mfdoom_train::{TrainingCells, Wanted};

const GENES: u32 = 12;
const CELLS: usize = 120;

/// Predicts which share of a cell's counts the first gene has.
#[derive(Debug)]
struct FirstShare;

impl Task for FirstShare {
    fn name(&self) -> &'static str {
        "first-share"
    }

    fn losses(&self) -> &'static [DecoderLoss] {
        &[DecoderLoss::Mse]
    }

    fn path(&self) -> PathUse {
        PathUse::Kept
    }

    fn read(&self, _: &[String], _: DecoderLoss, cells: &TrainingCells) -> mfdoom_error::Result<Chosen> {
        let share = |cell: usize| {
            let (ids, counts) = cells.tokens(0).cell(cell);
            let first = ids.iter().position(|id| *id == 1).map_or(0.0, |at| counts[at]);
            first / cells.tokens(0).library_size[cell] as f32
        };
        let values = (0..cells.len()).map(share).collect();
        let genes = vec![Gene::new("share", "share")];
        let targets = GeneValues {
            genes: genes.clone(),
            row: (0..cells.len()).map(|c| Some(c as u32)).collect(),
            values,
        };
        Ok(Chosen {
            targets: Box::new(targets),
            names: vec!["share".into()],
            genes,
            classes: Vec::new(),
            libraries: Vec::new(),
            inputs: Vec::new(),
        })
    }
}

/// Cells of random counts, the first gene's from 0 to 40.
fn cells() -> TrainingCells {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.parquet");
    let vocabulary = Vocabulary::new((10..10 + GENES).map(|i| Gene::new(format!("g{i}"), format!("G{i}"))));
    let mut measured = Measured::default();
    measured.insert("a", "expression", (1..=GENES).collect::<Vec<_>>());
    let manifest = Manifest::new("test", "0", 1, serde_json::json!({}), vec![]);
    let schema =
        TokenSchema::new(vec!["expression".into()], Arc::new(vocabulary), measured, manifest).unwrap();
    let mut tokens = ModalityTokens::default();
    let mut stream = Stream::new(1, "cells", 0, 0);
    for cell in 0..CELLS {
        let count = |id: u32, stream: &mut Stream| match id {
            1 => (cell % 41) as f32,
            _ => 1.0 + stream.below(6) as f32,
        };
        let counts: Vec<(u32, f32)> = (1..=GENES).map(|id| (id, count(id, &mut stream))).collect();
        let counts: Vec<(u32, f32)> = counts.into_iter().filter(|(_, count)| *count > 0.0).collect();
        tokens.push(counts.iter().map(|(_, count)| f64::from(*count)).sum(), counts);
    }
    let batch = TokenBatch {
        dataset: vec!["a".into(); CELLS],
        cell_id: (0..CELLS).map(|cell| format!("c{cell}")).collect(),
        obs: Vec::new(),
        modalities: vec![tokens],
    };
    let mut writer = TokenWriter::create(&Output::file(&path, false), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    TrainingCells::read(&[Input::Path(path)], &Wanted::default()).unwrap()
}

/// Returns the configuration of a decoder without a network.
fn small(task: DecoderTask, cells: &TrainingCells, chosen: &Chosen) -> DecoderConfig {
    DecoderConfig {
        format: DECODER_FORMAT,
        task,
        architecture: Architecture::Pooled,
        head: "fusion".into(),
        loss: task.losses()[0],
        targets: chosen.names.clone(),
        genes: chosen.genes.len(),
        classes: Vec::new(),
        rank: 1,
        hidden: 0,
        profile: Some(ProfileConfig {
            modalities: cells.modalities.clone(),
            components: 5,
            features: 256,
            linear: false,
            landmarks: 20,
            neighbours: 0,
        }),
        chain: None,
        cosine: 0.0,
        libraries: Default::default(),
        backbone_sha256: String::new(),
    }
}

#[test]
fn a_task_is_one_type() {
    let cells = cells();
    let task = DecoderTask::of(&FirstShare);
    let mut chosen = task.read(&[], task.losses()[0], &cells).unwrap();
    let (training, held): (Vec<usize>, Vec<usize>) = (0..CELLS).partition(|cell| cell % 4 != 0);
    assert_eq!(chosen.drop_unknown(&training), 0);
    let backbone = ModelConfig::preset(Preset::Tiny, cells.modalities.clone(), GENES as usize);
    let config = small(task, &cells, &chosen);
    config.check(&backbone).unwrap();
    let p = ParameterBuilder::fresh(3, DType::F32, &Device::Cpu);
    Model::build(&p, &backbone).unwrap();
    Decoder::build(&p.pp("decoder"), &config, &backbone).unwrap();
    let store = p.finish().unwrap();
    let targets = chosen.targets.as_ref();
    let starter = Starter { cells: &cells, targets, training: &training, seed: 0, penalty: None };
    let started = starter.apply(&store, &config, &backbone).unwrap();
    assert!(started.penalties.contains_key("expression"));

    let model = Model::load(&store, &backbone).unwrap();
    let decoder = Decoder::load(&store, &config, &backbone).unwrap();
    let (mut packed, mut profile) = (PackedBatch::new(1), ProfileBatch::new(1));
    let measured: Arc<[u32]> = (1..=GENES).collect();
    for &cell in &held {
        let tokens = cells.tokens(0);
        let (ids, counts) = tokens.cell(cell);
        let shown = Shown { ids, counts, rows: None, library_size: tokens.library_size[cell] as f32 };
        packed.push_cell(|_| shown.clone());
        profile.push_cell(|_| Some((shown.clone(), &measured)));
    }
    let context = decoder.network().context(&model, &packed).unwrap();
    let (outputs, assessed) = decoder.forward_assessed(&context, &profile).unwrap();
    let again = decoder.forward(&context, &profile).unwrap().values;
    assert_eq!(again.to_vec2::<f32>().unwrap(), outputs.values.to_vec2::<f32>().unwrap());
    let predicted = decoder.predict(&outputs).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let wanted = targets.dense(&cells, &held);
    let mean = wanted.iter().sum::<f32>() / wanted.len() as f32;
    let error = |of: &dyn Fn(usize) -> f32| {
        (0..held.len()).map(|i| (of(i) - wanted[i]).powi(2)).sum::<f32>() / held.len() as f32
    };
    let (ours, constant) = (error(&|i| predicted[i]), error(&|_| mean));
    assert!(ours < 0.2 * constant, "{ours} against {constant} of the mean");

    // What is said of an error is of its size, and no cell is unlike the others.
    let said = assessed.iter().map(|of| of.unwrap().error).sum::<f64>() / held.len() as f64;
    let root = f64::from(ours).sqrt();
    assert!(said > 0.3 * root && said < 3.0 * root, "{said} said, {root} measured");
    let far = assessed.iter().filter(|of| of.unwrap().distance > 1.0).count();
    assert!(far * 5 < held.len(), "{far} of {} cells", held.len());

    // A cell with all its counts in one gene is unlike all others.
    let mut strange = ProfileBatch::new(1);
    let shown = Shown { ids: &[GENES], counts: &[500.0], rows: None, library_size: 500.0 };
    held.iter().for_each(|_| strange.push_cell(|_| Some((shown.clone(), &measured))));
    let (_, assessed) = decoder.forward_assessed(&context, &strange).unwrap();
    assert!(assessed.iter().all(|of| of.unwrap().distance > 1.0), "{:?}", assessed[0]);
}
