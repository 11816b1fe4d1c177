//! Holds the published systems to float64 fixtures of an independent program, `test-data/reference/make_family.py`:
//! hidden states, pooled vectors, every term, the loss and all gradients to 1e-5.

mod fixture;

use std::path::Path;

use candle_core::{DType, Tensor};
use mfdoom_model::{BatchViews, Hidden, Labels, Masked, Mixed, Model, PackedBatch, Said, Scheme, loss_of};

use self::fixture::Fixture;

/// Largest deviation, of a gradient from 1 on relative to the largest of its tensor.
const TOLERANCE: f64 = 1e-5;

#[test]
fn published_systems() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/reference/family");
    let fixtures = Fixture::all(&folder);
    let names: Vec<&str> = fixtures.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(
        names,
        ["everything_at_once", "flava", "mca", "unseen_modality", "unseen_modality_numbers", "vatt"]
    );
    fixtures.iter().for_each(check);
}

fn check(f: &Fixture) {
    let store = f.store_of(DType::F64);
    let model = Model::load(&store, &f.config).unwrap();
    let views = views(f);
    let hidden = model.hidden(&views.shown).unwrap();
    check_hidden(f, &hidden);
    let pooled = model.pool(&hidden).unwrap();
    for (k, output) in model.scheme().outputs.iter().enumerate() {
        let ours = pooled.narrow(1, k, 1).unwrap().squeeze(1).unwrap();
        f.close(&format!("pooled.{}", output.name), &ours, TOLERANCE);
    }
    let found = loss_of(&model, &pooled, &views).unwrap();
    let ours: Vec<(String, Option<f64>)> = found
        .terms
        .iter()
        .map(|t| (format!("{}/{}", t.objective, t.name), t.value.as_ref().map(|v| v.to_scalar().unwrap())))
        .collect();
    let wanted = f.json["terms"].as_object().unwrap();
    assert_eq!(ours.len(), wanted.len(), "{}: {ours:?}", f.name);
    for (name, ours) in ours {
        let wanted = wanted.get(&name).unwrap_or_else(|| panic!("{}: no term {name}", f.name)).as_f64();
        assert_eq!(ours.is_some(), wanted.is_some(), "{}: {name}", f.name);
        let gap =
            ours.zip(wanted).map_or(0.0, |(ours, wanted)| (ours - wanted).abs() / wanted.abs().max(1.0));
        assert!(gap <= TOLERANCE, "{}: {name} is {ours:?}, not {wanted:?}", f.name);
    }
    check_gradients(f, &found.total, &store);
}

fn check_gradients(f: &Fixture, total: &Tensor, store: &mfdoom_nn::ParameterStore) {
    let gradients = total.backward().unwrap();
    for (name, var) in store.iter() {
        let wanted = f.tensor(&format!("grad.{name}")).to_dtype(DType::F64).unwrap();
        let largest =
            wanted.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f64>().unwrap();
        let zero = var.zeros_like().unwrap();
        let ours = gradients.get(var.as_tensor()).unwrap_or(&zero);
        f.close(&format!("grad.{name}"), ours, TOLERANCE * largest.max(1.0));
    }
}

/// Rows of modalities and of blocks, cell by cell; a pass of Everything At Once over one modality is that modality's rows.
fn check_hidden(f: &Fixture, hidden: &Hidden) {
    let scheme = Scheme::of(&f.config);
    let sums = f.config.fusion == mfdoom_model::Fusion::Projection;
    for cell in 0..hidden.layout.cells {
        let modalities = f.config.modalities.iter().enumerate();
        let modalities = modalities.map(|(m, name)| (name.clone(), hidden.layout.modality(cell, m)));
        let block = |(k, block): (usize, &mfdoom_model::Block)| {
            let name = if sums { format!("sum {}", block.name) } else { block.name.clone() };
            (name, hidden.layout.block(cell, k))
        };
        for (name, rows) in modalities.chain(scheme.blocks.iter().enumerate().map(block)) {
            if !rows.is_empty() {
                let ours = hidden.states.narrow(0, rows.start, rows.len()).unwrap();
                f.close(&format!("hidden.{name}.{cell}"), &ours, TOLERANCE);
            }
        }
    }
}

/// Rebuilds what the fixture's program saw besides the shown cells.
fn views(f: &Fixture) -> BatchViews {
    let shown = f.batch("input");
    let integers = |name: &str| f.tensor(name).to_vec1::<i64>().unwrap();
    let (source, last) = (integers("source"), f.config.modalities.len() - 1);
    let from = |m: usize, cell: usize| Some(if m == last { source[cell] as usize } else { cell });
    let matched = integers("matched").into_iter().map(|m| (m >= 0).then_some(m == 1)).collect();
    let classes = integers("classes").into_iter().map(|c| u32::try_from(c).ok()).collect();
    let said = |name: &String| Said {
        cells: (0..shown.cells as u32).collect(),
        values: f.tensor(&format!("said.{name}")).flatten_all().unwrap().to_vec1().unwrap(),
    };
    BatchViews {
        masked: Some(masked(&shown)),
        mixed: Some(Mixed { batch: shown.rearranged(from), matched }),
        again: Some(f.batch("again")),
        labels: Some(Labels {
            classes,
            numbers: numbers(f, shown.cells),
            said: f.config.modalities.iter().map(said).collect(),
        }),
        ..shown.into()
    }
}

/// Numbers to predict, where the fixture has some; a cell without a number is not known.
fn numbers(f: &Fixture, cells: usize) -> Vec<Option<Vec<f32>>> {
    if f.config.numbers == 0 {
        return vec![None; cells];
    }
    let all: Vec<f32> = f.tensor("numbers").flatten_all().unwrap().to_vec1().unwrap();
    all.chunks(f.config.numbers).map(|x| x.iter().all(|x| !x.is_nan()).then(|| x.to_vec())).collect()
}

/// Hides every other token of each cell, its first one too.
fn masked(shown: &PackedBatch) -> Masked {
    let mut masked = Masked { batch: shown.clone(), tokens: Vec::new() };
    for modality in &mut masked.batch.modalities {
        let of_cell = |cell: usize| modality.tokens(cell).step_by(2).map(|at| at as u32);
        let tokens: Vec<u32> = (0..shown.cells).flat_map(of_cell).collect();
        tokens.iter().for_each(|at| modality.counts[*at as usize] = 0.0);
        masked.tokens.push(tokens);
    }
    masked
}
