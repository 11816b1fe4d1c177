use mfdoom_artifact::EmbeddingFormat;
use mfdoom_error::Error;

use crate::world::World;

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
    fails(&world, &["--label", "type", "--batch-key", "donor"], 3, &["donor", "type, batch", "--batch-key"]);
    let tokens = world.tokens("t.parquet", 120);
    let more = ["--label", "celltype", "--tokens", tokens.to_str().unwrap()];
    fails(&world, &more, 3, &["type, batch, stage"]);
}

#[test]
fn an_unknown_head_lists_those_there() {
    let says = ["fussion", "spliced, unspliced, expression, fusion"];
    fails(&world(), &["--label", "type", "--head", "fussion"], 2, &says);
}

#[test]
fn labels_that_cannot_be_told_apart_are_refused() {
    let mut world = world();
    world.labels = vec![Some("only".to_owned()); 120];
    fails(&world, &["--label", "type"], 3, &["one label only: only"]);
    world.labels = (0..120).map(|cell| Some(format!("own {cell}"))).collect();
    fails(&world, &["--label", "type"], 3, &["120 labels, 0 of them with more than one cell"]);
    world.labels = vec![None; 120];
    fails(&world, &["--label", "type"], 3, &["no cell has a label"]);
}

#[test]
fn fewer_cells_than_neighbours_are_refused() {
    let mut world = world();
    world.labels.iter_mut().skip(18).for_each(|label| *label = None);
    fails(&world, &["--label", "type"], 3, &["too few cells", "17 cells", "--neighbors"]);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    assert!(world.evaluate(&embeddings, &["--label", "type", "--neighbors", "5"]).is_ok());
}

#[test]
fn nan_names_head_and_cell_but_a_missing_modality_may_hold_it() {
    let mut world = world();
    world.heads[0][4 * 100] = f32::NAN;
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    assert!(world.evaluate(&embeddings, &["--label", "type"]).is_ok(), "cell 100 has no spliced counts");
    std::fs::remove_file(world.path("metrics.json")).unwrap();
    world.heads[3][4 * 100] = f32::NAN;
    fails(&world, &["--label", "type"], 3, &["\"fusion\" holds NaN", "\"c100\""]);
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
    fails(&world, &["--label", "type", "--neighbors", "0"], 2, &["--neighbors 0"]);
    fails(&world, &["--label", "type", "--obsm", "X_pca"], 2, &["h5ad"]);
    fails(&world, &["--label", "type", "--scatter", "-", "--report", "-"], 2, &["standard output"]);
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
