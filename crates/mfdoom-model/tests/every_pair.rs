//! What holds for every fusion scheme with every objective.

mod cells;

use candle_core::{DType, Device, Tensor, Var};
use mfdoom_model::{
    Anchoring, BatchViews, Choice, Fusion, Model, ModelConfig, Objective, Reads, Term, initialise, loss,
    loss_of, modalities_read,
};

use self::cells::{all_pairs, batch, config, has, model, name, views};

fn one_of_each_scheme() -> Vec<ModelConfig> {
    Fusion::ALL.iter().map(|fusion| config(*fusion, Objective::Contrastive)).collect()
}

fn numbers(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn largest_gap(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn every_scheme_has_objectives_and_every_objective_a_scheme() {
    let all = all_pairs();
    for fusion in Fusion::ALL {
        let n = all.iter().filter(|c| c.fusion == *fusion).count();
        assert!(n >= 3, "{fusion} can be trained with {n} objectives");
    }
    for objective in Objective::ALL {
        let n = all.iter().filter(|c| c.objectives.contains_key(objective)).count();
        assert!(n >= 3, "{objective} fits {n} schemes");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for config in all_pairs() {
        let (model, store) = model(&config);
        let views = views(batch());
        let total = || loss(&model, &views).unwrap().total;
        let gradients = total().backward().unwrap();
        let value = || total().to_scalar::<f64>().unwrap();
        let mut moved = 0;
        for (parameter, var) in store.iter().filter(|(name, _)| !name.starts_with("anchor.")) {
            let Some(gradient) = gradients.get(var.as_tensor()) else {
                assert!(difference(var, 0, value).abs() < 1e-7, "{} misses {parameter}", name(&config));
                continue;
            };
            let ours = numbers(gradient);
            for (i, ours) in ours.iter().enumerate().step_by(ours.len().div_ceil(3)) {
                let wanted = difference(var, i, value);
                let gap = (ours - wanted).abs();
                assert!(gap < 1e-5, "{} {parameter}[{i}]: {ours}, {wanted}", name(&config));
                moved += usize::from(wanted.abs() > 1e-6);
            }
        }
        assert!(moved > 15, "{} moves {moved} numbers", name(&config));
    }
}

/// Central difference of a function of one number of a parameter.
fn difference(var: &Var, i: usize, value: impl Fn() -> f64) -> f64 {
    let start: Vec<f64> = var.flatten_all().unwrap().to_vec1().unwrap();
    let at = |step: f64| {
        let mut changed = start.clone();
        changed[i] += step;
        var.set(&Tensor::from_vec(changed, var.shape(), &Device::Cpu).unwrap()).unwrap();
        value()
    };
    let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
    var.set(&Tensor::from_vec(start, var.shape(), &Device::Cpu).unwrap()).unwrap();
    slope
}

#[test]
fn a_cell_alone_is_the_cell_in_a_batch() {
    for config in one_of_each_scheme() {
        let (model, _) = model(&config);
        let together = model.forward(&batch()).unwrap();
        for cell in 0..batch().cells {
            let mut alone = batch().rearranged(|_, _| Some(cell));
            alone.cells = 1;
            for m in &mut alone.modalities {
                m.offsets.truncate(2);
                m.library_size.truncate(1);
                m.ids.truncate(m.offsets[1]);
                m.counts.truncate(m.offsets[1]);
            }
            let alone = model.forward(&alone).unwrap();
            let gap = largest_gap(&numbers(&alone), &numbers(&together.narrow(0, cell, 1).unwrap()));
            assert!(gap < 1e-12, "{} cell {cell}: {gap}", config.fusion);
        }
    }
}

#[test]
fn a_head_knows_the_modalities_that_it_reads_and_no_other() {
    for config in one_of_each_scheme() {
        let (model, _) = model(&config);
        let before = model.forward(&batch()).unwrap();
        assert!(numbers(&before).iter().all(|x| x.is_finite()), "{}", config.fusion);
        for changed in 0..3 {
            let mut other = batch();
            other.modalities[changed].counts.iter_mut().for_each(|count| *count += 30.0);
            let after = model.forward(&other).unwrap();
            for (k, output) in model.scheme().outputs.iter().enumerate() {
                let reads = modalities_read(model.scheme(), output.reads, 3);
                for cell in 0..16 {
                    let row = |x: &Tensor| numbers(&x.get(cell).unwrap().get(k).unwrap());
                    let gap = largest_gap(&row(&before), &row(&after));
                    let moves = reads[changed] && has(cell, changed);
                    let what = format!("{} {} cell {cell} from {changed}: {gap}", config.fusion, output.name);
                    assert!(if moves { gap > 1e-9 } else { gap < 1e-12 }, "{what}");
                }
            }
        }
    }
}

#[test]
fn heads_of_nothing_are_the_same_for_all_cells() {
    for config in one_of_each_scheme() {
        let (model, _) = model(&config);
        let pooled = model.forward(&batch()).unwrap();
        for (k, output) in model.scheme().outputs.iter().enumerate().filter(|(_, o)| o.reads != Reads::All) {
            let reads = modalities_read(model.scheme(), output.reads, 3);
            let blind: Vec<usize> = (0..16).filter(|c| (0..3).all(|m| !reads[m] || !has(*c, m))).collect();
            let row = |cell: usize| numbers(&pooled.get(cell).unwrap().get(k).unwrap());
            let gap = |cell: &usize| largest_gap(&row(*cell), &row(blind[0]));
            assert!(
                blind.len() > 1 && blind.iter().all(|c| gap(c) < 1e-12),
                "{} {}",
                config.fusion,
                output.name
            );
        }
    }
}

#[test]
fn batches_without_a_modality_or_a_cell_to_compare_have_a_finite_loss() {
    for config in all_pairs() {
        let (model, _) = model(&config);
        for kept in 0..8usize {
            let shown = batch().restrict(|m, _| kept >> m & 1 == 1);
            let found = loss(&model, &views(shown)).unwrap();
            let total = found.total.to_scalar::<f64>().unwrap();
            assert!(total.is_finite(), "{} of modalities {kept:03b}: {total}", name(&config));
            let gradients = found.total.backward().unwrap();
            let finite = |id| gradients.get_id(id).is_none_or(|g| numbers(g).iter().all(|x| x.is_finite()));
            assert!(gradients.get_ids().all(|id| finite(*id)), "{} of modalities {kept:03b}", name(&config));
            assert!(found.terms.iter().any(|t| t.value.is_some()) || kept != 7, "{}", name(&config));
        }
        let nothing = BatchViews::from(batch().restrict(|_, _| false));
        let total = loss(&model, &nothing).unwrap().total.to_scalar::<f64>().unwrap();
        assert_eq!(total, 0.0, "{} of nothing", name(&config));
    }
}

#[test]
fn threads_change_no_byte() {
    for config in all_pairs() {
        let store = initialise(&config, 3, DType::F32, &Device::Cpu).unwrap();
        let model = Model::load(&store, &config).unwrap();
        let bytes = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let gradients = loss(&model, &views(batch())).unwrap().total.backward().unwrap();
                let of = |var: &Var| gradients.get(var.as_tensor()).map(numbers);
                store.iter().map(|(_, var)| of(var)).collect::<Vec<_>>()
            })
        };
        let one = bytes(1);
        assert!(one.iter().flatten().count() > 5);
        assert!(one == bytes(2), "{}", name(&config));
    }
}

#[test]
fn passes_that_are_left_out_change_no_term() {
    for config in all_pairs() {
        let (model, _) = model(&config);
        let views = views(batch());
        let whole = loss_of(&model, &model.forward(&views.shown).unwrap(), &views).unwrap();
        let ours = loss(&model, &views).unwrap();
        for (a, b) in whole.terms.iter().zip(&ours.terms) {
            let value = |term: &Term| term.value.as_ref().map(|v| v.to_scalar::<f64>().unwrap());
            let gap = value(a).zip(value(b)).map_or(0.0, |(a, b)| (a - b).abs());
            assert!(value(a).is_some() == value(b).is_some() && gap < 1e-12, "{} {}", name(&config), a.name);
        }
    }
}

#[test]
fn configurations_survive_json() {
    for config in all_pairs() {
        assert_eq!(config.anchor.as_ref().map(|a| a.heads), Some(Anchoring::Blend));
        let value = serde_json::to_value(&config).unwrap();
        assert_eq!(ModelConfig::from_json(&value).unwrap(), config, "{}", name(&config));
    }
}
