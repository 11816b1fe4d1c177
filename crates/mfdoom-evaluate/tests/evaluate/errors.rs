use mfdoom_artifact::EmbeddingFormat;
use mfdoom_error::Error;
use serde_json::Value;

use crate::world::{World, noise, row, value};

fn world() -> World {
    World::new(60)
}

#[track_caller]
fn fails(world: &World, more: &[&str], code: i32, says: &[&str]) -> Error {
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let error = world.evaluate(&embeddings, more).unwrap_err();
    assert_eq!(error.exit_code(), code, "{error}");
    says.iter().for_each(|text| assert!(error.to_string().contains(text), "{text:?} is not in: {error}"));
    assert!(!world.path("metrics.json").exists());
    error
}

#[test]
fn a_missing_label_column_lists_those_there() {
    let world = world();
    fails(&world, &["--label", "celltype"], 3, &["celltype", "type, batch", "--obs"]);
    fails(&world, &["--label", "type", "--batch-key", "donor"], 3, &["donor", "type, batch", "--obs"]);
    let tokens = world.tokens("t.parquet", 120);
    let more = ["--label", "celltype", "--tokens", tokens.to_str().unwrap()];
    fails(&world, &more, 3, &["type, batch, stage"]);
}

#[test]
fn an_unknown_head_lists_those_there() {
    let says = ["fussion", "spliced, unspliced, expression, fusion"];
    fails(&world(), &["--label", "type", "--head", "fussion"], 2, &says);
}

fn scored(world: &World, more: &[&str]) -> Value {
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    world.evaluate(&embeddings, &[&["--label", "type"], more].concat()).unwrap()
}

/// Checks that scores of fusion are null and say why.
#[track_caller]
fn none(metrics: &Value, names: &[&str], why: &str) {
    for name in names {
        let row = row(metrics, ["all", "fusion", "", name]);
        assert!(row["value"].is_null(), "{row}");
        assert!(row["reason"].as_str().unwrap().contains(why), "{row}");
    }
}

const OF_LABELS: [&str; 7] = ["accuracy", "balanced_accuracy", "nmi", "ari", "asw_label", "clisi", "avg_bio"];
const OF_BATCHES: [&str; 6] = ["asw_batch", "pcr", "pcr_comparison", "ilisi", "kbet", "total"];

#[test]
fn labels_that_cannot_be_told_apart_have_no_score() {
    let mut world = world();
    world.labels = vec![Some("only".to_owned()); 120];
    let metrics = scored(&world, &[]);
    none(&metrics, &OF_LABELS[..6], "the same label");
    none(&metrics, &["avg_bio"], "parts");
    world.labels = vec![None; 120];
    std::fs::remove_file(world.path("metrics.json")).unwrap();
    fails(&world, &["--label", "type"], 3, &["no cell has a label"]);
}

#[test]
fn labels_of_one_cell_take_part_where_they_can() {
    let mut world = world();
    world.labels = (0..120).map(|cell| Some(format!("own {cell}"))).collect();
    let metrics = scored(&world, &["--batch-key", "batch"]);
    none(&metrics, &["accuracy"], "not defined");
    none(&metrics, &["asw_batch"], "no label");
    none(&metrics, &["kbet"], "ten cells");
}

#[test]
fn without_batches_or_with_one_nothing_is_said_of_mixing() {
    let world = world();
    none(&scored(&world, &[]), &OF_BATCHES, "--batch-key");
    let one = scored(&world, &["--batch-key", "type"]);
    assert!(value(&one, ["all", "fusion", "", "pcr"]) > 0.5, "labels as batches lie apart");
    none(&one, &["pcr_comparison"], "--before");
    none(&one, &["asw_batch"], "no label");
    let before = scored(&world, &["--batch-key", "batch", "--before", "spliced", "--head", "fusion"]);
    assert!((0.0..=1.0).contains(&value(&before, ["all", "fusion", "", "pcr_comparison"])));
}

#[test]
fn a_label_of_one_cell_is_scored_with_the_others() {
    let mut world = world();
    world.labels[0] = Some("alone".to_owned());
    let metrics = scored(&world, &["--batch-key", "batch"]);
    for name in [
        "accuracy",
        "balanced_accuracy",
        "nmi",
        "asw_label",
        "clisi",
        "graph_connectivity",
        "asw_batch",
        "kbet",
    ] {
        let found = value(&metrics, ["all", "fusion", "", name]);
        assert!((0.0..=1.0).contains(&found), "{name}: {found}");
    }
    assert_eq!(row(&metrics, ["all", "fusion", "", "accuracy"])["n"], 108);
}

#[test]
fn cells_of_one_batch_are_not_mixed() {
    let mut world = world();
    world.labels.iter_mut().skip(60).for_each(|label| *label = None);
    none(&scored(&world, &["--batch-key", "dataset"]), &OF_BATCHES, "one batch");
}

#[test]
fn a_constant_embedding_has_no_score_at_all() {
    let mut world = world();
    world.heads[3] = vec![0.5; 4 * 120];
    let metrics = scored(&world, &["--batch-key", "batch"]);
    let names = [&OF_LABELS[..], &OF_BATCHES, &["graph_connectivity", "uniformity"]].concat();
    none(&metrics, &names, "the same vector");
    // Another head of a constant column is scored.
    world.heads[2].chunks_exact_mut(4).for_each(|row| row[3] = 7.0);
    assert!(value(&scored(&world, &[]), ["all", "expression", "", "asw_label"]) > 0.5);
}

#[test]
fn islands_are_scored_by_what_they_are() {
    let mut world = World::new(180);
    // Six islands, two of each label: no edge of the graph joins them.
    let place =
        |cell: usize, of: usize| if of == 0 { 1000.0 * (cell % 6) as f32 } else { noise(cell, of, 0) };
    world.heads[3] = (0..360).flat_map(|cell| (0..4).map(move |of| place(cell, of))).collect();
    let metrics = scored(&world, &["--batch-key", "batch"]);
    let of = |name| value(&metrics, ["all", "fusion", "", name]);
    // Labels were taken from a fifth of the cells of every other island: 60 of 108 are one piece.
    assert!((of("graph_connectivity") - 60.0 / 108.0).abs() < 1e-12, "the larger island of a label");
    assert_eq!([of("accuracy"), of("clisi")], [1.0, 1.0]);
    assert!(of("nmi") > 0.5 && of("ilisi") < 0.01, "an island is of one batch");
    assert!(of("kbet") < 0.1, "hardly a neighbourhood holds both batches");
}

#[test]
fn fewer_cells_than_neighbours_have_no_score() {
    let mut world = world();
    world.labels.iter_mut().skip(18).for_each(|label| *label = None);
    none(&scored(&world, &[]), &["accuracy"], "too few cells");
    none(&scored(&world, &[]), &["clisi"], "at least 90");
    assert!(value(&scored(&world, &["--neighbors", "5"]), ["all", "fusion", "", "accuracy"]) > 0.5);
}

#[test]
fn nan_is_no_score_but_a_missing_modality_may_hold_it() {
    let mut world = world();
    world.heads[0][4 * 100] = f32::NAN;
    assert!(value(&scored(&world, &[]), ["with spliced, unspliced", "spliced", "", "accuracy"]) > 0.5);
    world.heads[3][4 * 100] = f32::NAN;
    let metrics = scored(&world, &[]);
    none(&metrics, &OF_LABELS, "1 of 108 cells hold NaN");
    assert!(value(&metrics, ["all", "expression", "", "accuracy"]) > 0.5, "another head is scored");
    assert!(row(&metrics, ["all", "expression", "fusion", "foscttm"])["value"].is_null());
}

#[test]
fn tokens_of_other_cells_are_refused() {
    let (one, mut other) = (world(), world());
    // All cells of the other world are of the data set `plain`.
    other.n = 0;
    let tokens = other.tokens("t.parquet", 60);
    let more = ["--label", "type", "--tokens", tokens.to_str().unwrap()];
    fails(&one, &more, 3, &["none of the embedded cells"]);
}

#[test]
fn settings_and_outputs_that_cannot_be_are_wrong_usage() {
    let world = world();
    fails(&world, &["--label", "type", "--folds", "1"], 2, &["--folds 1"]);
    fails(&world, &["--label", "type", "--obsm", "X_pca"], 2, &["h5ad"]);
    fails(&world, &["--label", "type", "--scatter", "-", "--report", "-"], 2, &["standard output"]);
    let nowhere = world.path("none/page.html");
    fails(&world, &["--label", "type", "--report", nowhere.to_str().unwrap()], 2, &["mkdir -p"]);
    let page = world.path("page.html");
    let page = page.to_str().unwrap();
    fails(&world, &["--label", "type", "--report", page, "--table", page], 2, &["two outputs would go to"]);
}

#[test]
fn an_existing_output_is_kept_without_force() {
    let world = world();
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let kept = world.path("kept.json");
    std::fs::write(&kept, "mine").unwrap();
    let args = ["mfdoom-evaluate", "embedding", embeddings.to_str().unwrap(), "--label", "type", "-o"];
    let args = args.into_iter().chain([kept.to_str().unwrap()]);
    let error = mfdoom_evaluate::run(clap::Parser::parse_from(args)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "mine");
}

#[test]
fn what_is_no_table_is_said_so() {
    let world = world();
    let text = world.path("text.parquet");
    std::fs::write(&text, "no table at all").unwrap();
    let error = world.evaluate(&text, &["--label", "type"]).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let error = world.evaluate(&world.path("nowhere.parquet"), &["--label", "type"]).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let tokens = world.tokens("t.parquet", 20);
    let error = world.evaluate(&tokens, &["--label", "type"]).unwrap_err();
    assert!(matches!(error.exit_code(), 3 | 4), "{error}");
}
