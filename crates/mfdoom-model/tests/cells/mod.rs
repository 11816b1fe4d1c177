//! Small models and cells for tests that go over all schemes and all objectives.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use mfdoom_model::{
    AllCounts, AnchorConfig, Anchoring, BatchViews, Choice, Fusion, Labels, Loss, Masked, Mixed,
    ModalityCounts, Model, ModelConfig, Objective, PackedBatch, Preset, Said, Scheme, Targets, initialise,
};
use mfdoom_nn::{MaskedCounts, ParameterStore};

/// Genes of the vocabulary.
const GENES: usize = 6;
/// Classes of the labels.
pub const CLASSES: usize = 3;

/// Returns every scheme with every objective that it can be trained with, over modalities a, b and c; pseudo-supervision
/// once by classes and once by numbers.
pub fn all_pairs() -> Vec<ModelConfig> {
    let of = |fusion: &Fusion| Objective::ALL.iter().map(|o| config(*fusion, *o)).collect::<Vec<_>>();
    let numbers = Fusion::ALL.iter().map(|fusion| numbers(config(*fusion, Objective::PseudoSupervision)));
    let all = Fusion::ALL.iter().flat_map(of).chain(numbers);
    let fits = |c: &ModelConfig| c.objectives.keys().all(|o| o.check(c, &Scheme::of(c)).is_ok());
    all.filter(fits).collect()
}

pub fn config(fusion: Fusion, objective: Objective) -> ModelConfig {
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let features = names.iter().map(|name| (name.clone(), 1)).collect::<BTreeMap<_, _>>();
    let anchor = AnchorConfig {
        heads: Anchoring::Blend,
        dim: 2,
        landmarks: 1,
        features,
        derived: BTreeMap::new(),
        tf_idf: Default::default(),
    };
    ModelConfig {
        dim: 8,
        depth: 1,
        heads: 2,
        dim_head: 4,
        fusion_tokens: 2,
        fusion,
        datasets: 2,
        classes: CLASSES,
        objectives: [(objective, 1.0)].into(),
        anchor: Some(anchor),
        ..ModelConfig::preset(Preset::Tiny, names, GENES)
    }
}

/// Returns the configuration with numbers to predict in place of classes, as many.
pub fn numbers(config: ModelConfig) -> ModelConfig {
    ModelConfig { classes: 0, numbers: CLASSES, ..config }
}

/// Returns whether cell `cell` of [`batch`] has a modality: the cells are all combinations twice over.
pub fn has(cell: usize, modality: usize) -> bool {
    cell >> modality & 1 == 1
}

/// Sixteen cells: every combination of three modalities, from none to all, twice.
pub fn batch() -> PackedBatch {
    let mut batch = PackedBatch::new(3);
    batch.cells = 16;
    for cell in 0..batch.cells {
        for m in 0..3 {
            let n = if has(cell, m) { 2 + (cell + m) % 3 } else { 0 };
            let ids: Vec<u32> = (0..n).map(|i| (1 + (i + cell / 8 + m) % GENES) as u32).collect();
            let counts: Vec<f32> = (0..n).map(|i| 1.0 + ((3 * i + 5 * cell + m) % 7) as f32).collect();
            batch.modalities[m].push(&ids, &counts, counts.iter().sum());
        }
    }
    batch
}

/// Everything that any objective looks at.
pub fn views(shown: PackedBatch) -> BatchViews {
    let cells = shown.cells;
    let mut masked = Masked { batch: shown.clone(), tokens: Vec::new() };
    for modality in &mut masked.batch.modalities {
        let hidden: Vec<u32> = (0..modality.ids.len() as u32).step_by(2).collect();
        hidden.iter().for_each(|at| modality.counts[*at as usize] = 0.0);
        masked.tokens.push(hidden);
    }
    let present = shown.present();
    let several = |cell: usize| present.iter().filter(|m| m[cell]).count() > 1;
    let exchanged = |cell: usize| several(cell) && cell % 2 == 1 && present[1][cell];
    let from = |m: usize, cell: usize| {
        let other = (0..cells).find(|other| present[1][*other] && *other != cell);
        if m == 1 && exchanged(cell) { other } else { Some(cell) }
    };
    let matched = (0..cells).map(|cell| several(cell).then_some(!exchanged(cell))).collect();
    let mut again = shown.clone();
    again.modalities.iter_mut().for_each(|m| m.counts.iter_mut().for_each(|c| *c += 1.0));
    BatchViews {
        subset: Some(shown.restrict(|m, _| m == 0)),
        targets: Some(Targets { directions: [0.6, 0.8].repeat(cells), known: vec![true; cells] }),
        counts: Some(AllCounts {
            dataset: (0..cells as u32).map(|cell| cell % 2).collect(),
            modalities: (0..3).map(|m| counts(&shown, m)).collect(),
        }),
        masked: Some(masked),
        mixed: Some(Mixed { batch: shown.rearranged(from), matched }),
        again: Some(again),
        labels: Some(labels(cells)),
        shown,
    }
}

fn counts(shown: &PackedBatch, m: usize) -> ModalityCounts {
    let (tokens, width) = (&shown.modalities[m], GENES + 1);
    let cells: Vec<u32> = (0..shown.cells as u32).filter(|c| tokens.is_present(*c as usize)).collect();
    let mut values = vec![0f32; cells.len() * width];
    for (row, cell) in cells.iter().enumerate() {
        for at in tokens.tokens(*cell as usize) {
            values[row * width + tokens.ids[at] as usize] = tokens.counts[at];
        }
    }
    let observed: Vec<bool> = (0..values.len()).map(|i| i % width > 0).collect();
    ModalityCounts {
        library_size: cells.iter().map(|cell| tokens.library_size[*cell as usize]).collect(),
        counts: (!cells.is_empty())
            .then(|| MaskedCounts { values: values.into(), observed: observed.into() }),
        cells,
    }
}

fn labels(cells: usize) -> Labels {
    let class = |cell: usize| (cell % 5 != 4).then_some((cell % CLASSES) as u32);
    let numbers = |cell: usize| (cell % 5 != 4).then(|| vec![cell as f32 / 8.0, -0.5, 1.0]);
    let said = Said { cells: (0..cells as u32).collect(), values: [0.5, 0.2, 0.3].repeat(cells) };
    Labels {
        classes: (0..cells).map(class).collect(),
        numbers: (0..cells).map(numbers).collect(),
        said: vec![said; 3],
    }
}

pub fn model(config: &ModelConfig) -> (Model, ParameterStore) {
    let store = initialise(config, 3, DType::F64, &Device::Cpu).unwrap();
    (Model::load(&store, config).unwrap(), store)
}

pub fn set(store: &ParameterStore, name: &str, values: &[f64]) {
    let var = store.get(name).unwrap();
    let new = Tensor::from_slice(values, var.shape(), &Device::Cpu).unwrap();
    var.set(&new.to_dtype(var.dtype()).unwrap()).unwrap();
}

pub fn term(loss: &Loss, name: &str) -> Option<f64> {
    let term = loss.terms.iter().find(|t| t.name == name).unwrap_or_else(|| panic!("no term {name}"));
    term.value.as_ref().map(|value| value.to_scalar::<f64>().unwrap())
}

/// A name of a test case: scheme and objective.
pub fn name(config: &ModelConfig) -> String {
    let objectives: Vec<String> = config.objectives.keys().map(ToString::to_string).collect();
    let of = if config.numbers > 0 { " of numbers" } else { "" };
    format!("{} {}{of}", config.fusion, objectives.join(" "))
}
