//! The defining equations of the published systems, by numbers worked out by hand.

mod cells;

use candle_core::{Device, Tensor};
use mfdoom_model::{
    Among, BatchViews, Fusion, Hidden, Labels, Layout, Mixed, Model, ModelConfig, Objective, PackedBatch,
    Said, loss, loss_of, pairs,
};

use self::cells::{batch, config, model, numbers, set, term, views};

fn close(found: Option<f64>, wanted: f64) {
    let found = found.unwrap();
    assert!((found - wanted).abs() < 1e-9, "{found}, wanted {wanted}");
}

/// As the configuration, with vectors of two numbers.
fn flat(fusion: Fusion, objective: Objective) -> ModelConfig {
    ModelConfig { dim: 2, heads: 1, dim_head: 2, anchor: None, ..config(fusion, objective) }
}

/// Two cells with all three modalities.
fn two_cells() -> PackedBatch {
    let mut two = batch().rearranged(|_, cell| Some(7 + 8 * (cell % 2)));
    two.cells = 2;
    for m in &mut two.modalities {
        m.offsets.truncate(3);
        m.library_size.truncate(2);
        m.ids.truncate(m.offsets[2]);
        m.counts.truncate(m.offsets[2]);
    }
    two
}

/// Pooled vectors along an axis for each cell and output.
fn along(model: &Model, axis: impl Fn(usize, usize) -> usize) -> Tensor {
    let n = model.scheme().outputs.len();
    let mut values = vec![0f64; 2 * n * 2];
    for (cell, output) in (0..2).flat_map(|c| (0..n).map(move |o| (c, o))) {
        values[(cell * n + output) * 2 + axis(cell, output)] = 3.0;
    }
    Tensor::from_vec(values, (2, n, 2), &Device::Cpu).unwrap()
}

#[test]
fn everything_at_once_averages_gated_unit_vectors() {
    let (model, store) = model(&flat(Fusion::EverythingAtOnce, Objective::Combinatorial));
    for m in ["a", "b", "c"] {
        set(&store, &format!("pool.{m}.project.weight"), &[1.0, 0.0, 0.0, 1.0]);
        set(&store, &format!("pool.{m}.project.bias"), &[0.0, 0.0]);
        set(&store, &format!("pool.{m}.gate.weight"), &[0.0; 4]);
        set(&store, &format!("pool.{m}.gate.bias"), &[0.0, 3f64.ln()]); // gates of 1/2 and 3/4
    }
    // cell 0 has a with two tokens, b with one, no c
    let mut one = PackedBatch::new(3);
    one.cells = 1;
    one.modalities[0].push(&[1, 2], &[1.0, 1.0], 2.0);
    one.modalities[1].push(&[1], &[1.0], 1.0);
    one.modalities[2].push(&[], &[], 0.0);
    let layout = Layout::new(&one, model.scheme());
    // rows: a a b | all: a a b c | ab: a a b | ac: a a c | bc: b c
    assert_eq!(layout.rows(), 3 + 4 + 3 + 3 + 2);
    let mut states = vec![[0f64, 0.0]; 15];
    (states[0], states[1]) = ([6.0, 0.0], [0.0, 0.0]); //      a alone: mean (3, 0), gated (1.5, 0)
    (states[7], states[8]) = ([1.0, 1.0], [5.0, 3.0]); //      a in ab: mean (3, 2), gated (1.5, 1.5)
    states[9] = [0.0, 4.0]; //                                 b in ab: gated (0, 3)
    (states[12], states[13]) = ([9.0, 9.0], [4.0, 0.0]); //    c in ac is missing; b in bc: gated (2, 0)
    let states = Tensor::from_vec(states.concat(), (15, 2), &Device::Cpu).unwrap();
    let pooled = model.pool(&Hidden { states, layout }).unwrap();
    let head = |name: &str| -> Vec<f64> {
        pooled.get(0).unwrap().get(model.scheme().output(name).unwrap()).unwrap().to_vec1().unwrap()
    };
    let near = |name: &str, wanted: [f64; 2]| {
        let found = head(name);
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{name}: {found:?}");
    };
    let half = 0.5f64.sqrt();
    near("a", [1.0, 0.0]);
    near("fusion_of_a_b", [half / 2.0, (half + 1.0) / 2.0]);
    near("fusion_of_b_c", [1.0, 0.0]);
    assert!(model.scheme().output("global").is_none());
}

#[test]
fn combinatorial_weighs_the_first_pair_most() {
    let base = flat(Fusion::EverythingAtOnce, Objective::Combinatorial);
    let (model, _) = model(&ModelConfig { other_pairs: 0.1, ..base });
    let found = loss_of(&model, &along(&model, |cell, _| cell), &two_cells().into()).unwrap();
    let names: Vec<&str> = found.terms.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["a|b", "a|c", "b|c", "a|fusion_of_b_c", "b|fusion_of_a_c", "c|fusion_of_a_b"]);
    // a and c never agree with themselves, all else does
    let wrong = |o: usize| o == model.scheme().output("c").unwrap();
    let axes = |cell: usize, o: usize| if wrong(o) { 1 - cell } else { cell };
    let found = loss_of(&model, &along(&model, axes), &two_cells().into()).unwrap();
    let (hit, missed) = (2.0 * (-20f64).exp().ln_1p(), 2.0 * (20.0 + (-20f64).exp().ln_1p()));
    close(term(&found, "a|b"), hit);
    close(term(&found, "c|fusion_of_a_b"), missed);
    // weights 1 and five times .1; a|c, b|c and c|ab miss
    let wanted = (hit + 0.1 * (2.0 * hit + 3.0 * missed)) / 1.5;
    close(Some(found.total.to_scalar::<f64>().unwrap()), wanted);
}

#[test]
fn modal_channels_are_contrasted_with_the_root() {
    let mut base = flat(Fusion::ModalChannel, Objective::Contrastive);
    base.contrastive.among = Among::Blocks;
    let wanted = [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
        ("a", "fusion"),
        ("b", "fusion"),
        ("c", "fusion"),
        ("fusion", "fusion_of_a_b"),
        ("fusion", "fusion_of_a_c"),
        ("fusion", "fusion_of_b_c"),
    ];
    assert_eq!(pairs(&base), wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let (model, store) = model(&base);
    set(&store, "loss.logit_scale", &[2f64.ln()]);
    let block = model.scheme().output("fusion_of_a_c").unwrap();
    let pooled = along(&model, |cell, o| if o == block { 1 - cell } else { cell });
    // the second cell shows b alone: it does not count for the block of a and c
    let shown = two_cells().restrict(|m, cell| cell == 0 || m == 1);
    let found = loss_of(&model, &pooled, &shown.into()).unwrap();
    close(term(&found, "fusion|fusion_of_a_c"), 0.0); // one cell, without another to mistake it for
    close(term(&found, "fusion|fusion_of_a_b"), (-2f64).exp().ln_1p());
}

#[test]
fn masked_values_are_squared_errors_of_normalised_counts() {
    let (model, store) = model(&flat(Fusion::Zorro, Objective::MaskedValue));
    for m in ["a", "b", "c"] {
        set(&store, &format!("masked_value.own.{m}.weight"), &[0.0, 0.0]);
        set(&store, &format!("masked_value.own.{m}.bias"), &[1.0]);
        set(&store, &format!("masked_value.fusion.{m}.weight"), &[0.0, 0.0]);
        set(&store, &format!("masked_value.fusion.{m}.bias"), &[2.0]);
    }
    let mut shown = PackedBatch::new(3);
    shown.cells = 3;
    let (tokens, counts) = ([1, 2, 3], [1.0, 0.0, 3.0]);
    shown.modalities[0].push(&tokens, &counts, 4.0);
    shown.modalities[0].push(&tokens, &counts, 4.0);
    shown.modalities[0].push(&tokens, &counts, 1e4);
    for m in 1..3 {
        shown.modalities[m].push(&[], &[], 0.0);
        let (ids, own) = if m == 1 { (&tokens[..1], &counts[..1]) } else { (&tokens[..0], &counts[..0]) };
        shown.modalities[m].push(ids, own, own.len() as f32);
        shown.modalities[m].push(&tokens[..1], &counts[..1], 1.0);
    }
    let mut views = BatchViews::from(shown.clone());
    let mut masked = mfdoom_model::Masked { batch: shown, tokens: vec![vec![0, 2, 5, 8], vec![0], vec![0]] };
    [0, 2, 5, 8].into_iter().for_each(|at| masked.batch.modalities[0].counts[at] = 0.0);
    views.masked = Some(masked);
    let found = loss(&model, &views).unwrap();
    // cell 0 shows a alone, cell 1 two of three, cell 2 all
    let square = |x: f64| x * x;
    let own = (square(1.0 - 2501f64.ln()) + square(1.0 - 7501f64.ln())) / 2.0;
    close(term(&found, "a"), own);
    close(term(&found, "a|fusion"), square(2.0 - 4f64.ln()));
    close(term(&found, "c|fusion"), square(2.0 - 10001f64.ln()));
    assert_eq!(term(&found, "b"), None);
}

#[test]
fn what_is_hidden_of_a_cell_is_not_read() {
    // with other counts under the mask only the error may change, not what is predicted
    let (model, store) = model(&config(Fusion::Zorro, Objective::MaskedValue));
    let hidden = |masked: &BatchViews| model.hidden(&masked.masked.as_ref().unwrap().batch).unwrap().states;
    let before = views(batch());
    let mut other = batch();
    for (m, tokens) in before.masked.as_ref().unwrap().tokens.iter().enumerate() {
        tokens.iter().for_each(|at| other.modalities[m].counts[*at as usize] += 9.0);
    }
    let after = views(other);
    let gap = (hidden(&before) - hidden(&after)).unwrap().abs().unwrap().max_all().unwrap();
    assert_eq!(gap.to_scalar::<f64>().unwrap(), 0.0);
    assert!(store.contains("masked_value.attn.to_q.weight"));
}

#[test]
fn matching_is_the_cross_entropy_of_two_classes() {
    let (model, store) = model(&flat(Fusion::Zorro, Objective::Matching));
    set(&store, "matching.weight", &[0.0; 4]);
    set(&store, "matching.bias", &[0.0, 3f64.ln()]); // three quarters for a match
    let three = batch();
    let matched = (0..16).map(|cell| [None, Some(true), Some(true), Some(false)][cell % 4]).collect();
    let mixed = Some(Mixed { batch: three.clone(), matched });
    let found = loss(&model, &BatchViews { mixed, ..three.into() }).unwrap();
    close(term(&found, "global"), -(2.0 * 0.75f64.ln() + 0.25f64.ln()) / 3.0);
    assert!(Objective::Matching.check(&flat(Fusion::None, Objective::Matching), &no_fusion()).is_err());
}

fn no_fusion() -> mfdoom_model::Scheme {
    mfdoom_model::Scheme::of(&flat(Fusion::None, Objective::Contrastive))
}

#[test]
fn multiple_positives_compare_in_two_spaces() {
    let (model, store) = model(&flat(Fusion::None, Objective::MultiplePositives));
    let unit = [1.0, 0.0, 0.0, 1.0];
    for map in ["first.a", "first.b", "onwards.in", "onwards.out", "second.c"] {
        set(&store, &format!("multiple_positives.{map}.weight"), &unit);
    }
    // the second draw is pooled by the model: with nothing read every vector is its query, (1, 0)
    set(&store, "pool.to_out.weight", &[0.0; 4]);
    set(&store, "pool.queries", &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    let views = BatchViews { again: Some(two_cells()), ..two_cells().into() };
    let found = loss_of(&model, &along(&model, |cell, _| cell), &views).unwrap();
    let e = (1.0f64 / 0.07).exp();
    close(term(&found, "a|b"), (1.0 / e).ln_1p());
    // cell 0 is (1, 0): its draws are (e, 1) and (e, e); cell 1 is (0, 1): (1, e) and (1, 1)
    let wanted = (((3.0 * e + 1.0) / (2.0 * e)).ln() + ((e + 3.0) / (e + 1.0)).ln()) / 2.0;
    close(term(&found, "a|draws of c"), wanted);
}

#[test]
fn of_two_modalities_the_second_stands_in_both_spaces() {
    let mut two = flat(Fusion::None, Objective::MultiplePositives);
    two.modalities.truncate(2);
    let (_, store) = model(&two);
    assert!(store.contains("multiple_positives.second.b.weight"));
    two.modalities.truncate(1);
    assert!(two.check().is_err());
}

#[test]
fn pseudo_supervision_is_cross_entropy_divergence_and_distance() {
    let (model, store) = model(&flat(Fusion::Projection, Objective::PseudoSupervision));
    // logits of axis 0: (ln 2, 0, 0), shares (1/2, 1/4, 1/4); of axis 1: thirds
    let weight = [2f64.ln() / 3.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    for map in ["labels", "pseudo_labels", "own.a", "own.b", "own.c"] {
        set(&store, &format!("pseudo_supervision.{map}.weight"), &weight);
        set(&store, &format!("pseudo_supervision.{map}.bias"), &[0.0; 3]);
    }
    set(&store, "pseudo_supervision.centres", &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    let said = Said { cells: vec![0], values: vec![0.5, 0.5, 0.0] };
    let nothing = Said::default();
    let labels = Labels {
        classes: vec![Some(0), Some(2)],
        said: vec![said, nothing.clone(), nothing],
        ..Labels::default()
    };
    let views = BatchViews { labels: Some(labels), ..two_cells().into() };
    let found = loss_of(&model, &along(&model, |cell, _| cell), &views).unwrap();
    let labelled = (2f64.ln() + 3f64.ln()) / 2.0;
    close(term(&found, "fusion"), labelled);
    close(term(&found, "b"), labelled);
    // KL((1/2, 1/2, 0), (1/2, 1/4, 1/4)) = 1/2 ln 2
    close(term(&found, "fusion|a"), 0.5 * 2f64.ln());
    assert_eq!(term(&found, "fusion|b"), None);
    // (3, 0) to (1, 0) and (0, 3) to (0, 1)
    close(term(&found, "centres"), (4.0 + 4.0) / 4.0);
    let total = (4.0 * labelled + 0.5 * 2f64.ln() + 0.001 * 2.0) / 5.001;
    close(Some(found.total.to_scalar::<f64>().unwrap()), total);
}

#[test]
fn pseudo_supervision_of_numbers_is_squared_errors() {
    let two = numbers(flat(Fusion::Projection, Objective::PseudoSupervision));
    let (model, store) = model(&ModelConfig { numbers: 2, ..two });
    // axis 0 says (1, 0), axis 1 says (0, 0)
    for map in ["labels", "pseudo_labels", "own.a", "own.b", "own.c"] {
        set(&store, &format!("pseudo_supervision.{map}.weight"), &[1.0 / 3.0, 0.0, 0.0, 0.0]);
        set(&store, &format!("pseudo_supervision.{map}.bias"), &[0.0, 0.0]);
    }
    assert!(!store.contains("pseudo_supervision.centres"));
    let said = Said { cells: vec![0], values: vec![1.5, -1.0] };
    let nothing = Said::default();
    let labels = Labels {
        numbers: vec![Some(vec![3.0, 1.0]), None],
        said: vec![said, nothing.clone(), nothing],
        ..Labels::default()
    };
    let views = BatchViews { labels: Some(labels), ..two_cells().into() };
    let pooled = along(&model, |cell, _| cell);
    let found = loss_of(&model, &pooled, &views).unwrap();
    // (3, 1) from (1, 0): squares 4 and 1; (1.5, -1) from it: .25 and 1
    for name in ["fusion", "a", "b", "c"] {
        close(term(&found, name), 2.5);
    }
    close(term(&found, "fusion|a"), 0.625);
    assert_eq!(term(&found, "fusion|b"), None);
    close(Some(found.total.to_scalar::<f64>().unwrap()), (4.0 * 2.5 + 0.625) / 5.0);
    // what each modality says is what later epochs are told
    let outputs = mfdoom_model::Outputs::new(&model, &pooled, &views);
    let said = model.objectives().said(&outputs).unwrap();
    assert_eq!(said[1], Said { cells: vec![0, 1], values: vec![1.0, 0.0, 0.0, 0.0] });
    let both = ModelConfig { classes: 3, ..model.config().clone() };
    assert!(both.check().unwrap_err().to_string().contains("not from both"));
}
