//! Trajectories as users generate them: starts, shards, threads, drift, and what is refused.

use std::path::Path;

use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::trajectories::{DRIFT, EMBEDDINGS_FILE, STATES_FILE, STEP, TRAJECTORY};
use mfdoom_artifact::velocity::{VELOCITY_FORMAT, open_velocities};
use mfdoom_artifact::{
    Column, EmbeddingReader, Gene, GeneBatch, GeneTableReader, GeneTableSchema, GeneTableWriter, Input,
    Manifest, Output, TableFormat, read_metrics,
};
use mfdoom_tests::{attempt, bytes, run};
use mfdoom_tokens::TokenReader;
use tempfile::TempDir;

const SMALL: &str = "--features 64 --components 10 --rank 8 --hidden 16 --batch-cells 32";
const WALK: &str =
    "tokens.parquet --model model --obs cell_type --obs true_t --n-trajectories 12 --steps 6 --batch-cells 5";

/// A folder with simulated cells, their tokens, a model, velocities and a decoder of them.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    run(to, "mfdoom-simulate", "-o sim.h5ad --cells 300 --genes 120");
    run(to, "mfdoom-preprocess", "sim.h5ad --obs cell_type --obs true_t -o tokens.parquet");
    run(to, "mfdoom-pretrain", "tokens.parquet --preset tiny --max-tokens 64 --epochs 1 -o model");
    run(to, "mfdoom-velocity", "fit sim.h5ad -o fit --min-shared-counts 5");
    finetune(to, "--task velocity --targets fit -o velocity");
    folder
}

fn finetune(folder: &Path, arguments: &str) {
    let epochs = if arguments.contains("--epochs") { "" } else { "--epochs 1" };
    let arguments = format!("tokens.parquet --model model {SMALL} {epochs} {arguments}");
    run(folder, "mfdoom-finetune-decoder", &arguments);
}

fn generate(folder: &Path, output: &str, more: &str) -> String {
    let done = run(folder, "mfdoom-generate", &format!("{WALK} --decoder velocity -o {output} {more}"));
    String::from_utf8_lossy(&done.stderr).into_owned()
}

fn refused(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let output = attempt(folder, "mfdoom-generate", &format!("{arguments} -o refused"));
    assert!(!folder.join("refused").exists(), "{arguments}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The states of a folder and the numbers of some of its columns.
struct States {
    schema: GeneTableSchema,
    batch: GeneBatch,
}

impl States {
    fn read(folder: &Path, name: &str) -> Self {
        let reader = GeneTableReader::open(&Input::Path(folder.join(name)), PREDICTIONS_FORMAT).unwrap();
        Self { schema: reader.schema().clone(), batch: reader.read_all().unwrap() }
    }

    fn column(&self, name: &str) -> &Column {
        &self.batch.obs[self.schema.obs.iter().position(|field| field.name == name).unwrap()]
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        self.column(name).to_numbers().unwrap()
    }

    /// The mean of a column at a step.
    fn mean(&self, name: &str, step: f64) -> f64 {
        let steps = self.numbers(STEP);
        let here: Vec<f64> =
            self.numbers(name).into_iter().zip(steps).filter(|(_, s)| *s == step).map(|(x, _)| x).collect();
        here.iter().sum::<f64>() / here.len() as f64
    }
}

#[test]
fn cells_move_along_their_velocity_and_back() {
    let folder = folder();
    let folder = folder.path();
    let log = generate(folder, "forward", "--start cell_type=progenitor");
    assert!(log.contains("median drift from the observed cells by step: 0: "), "{log}");
    let states = States::read(folder, &format!("forward/{STATES_FILE}"));
    assert_eq!(states.schema.matrices, ["spliced"]);
    assert_eq!(states.batch.len(), 12 * 7);
    let counts = &states.batch.matrices[0];
    assert!(counts.iter().all(|x| x.fract() == 0.0 && *x >= 0.0) && counts.iter().any(|x| *x > 1.0));
    let numbers: Vec<(f64, f64)> = states.numbers(TRAJECTORY).into_iter().zip(states.numbers(STEP)).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "by trajectory, then by step");
    assert!(states.numbers(DRIFT).iter().all(|drift| *drift < 3.0));
    assert!(
        states.mean("true_t", 6.0) > states.mean("true_t", 0.0) + 0.02,
        "the true time of the neighbours rises"
    );
    assert_eq!(states.column("cell_type").to_strings()[0].as_deref(), Some("progenitor"));

    generate(folder, "backward", "--start cell_type=fate_1 --backward");
    let back = States::read(folder, &format!("backward/{STATES_FILE}"));
    assert!(back.mean("true_t", 6.0) < back.mean("true_t", 0.0) - 0.02, "and falls on the way back");
    assert!(back.mean("pseudo_time", 6.0) < 0.0);

    let vectors = EmbeddingReader::open(&Input::Path(folder.join("forward").join(EMBEDDINGS_FILE))).unwrap();
    assert_eq!(vectors.schema().heads.len(), 1);
    let rows: usize = vectors.map(|batch| batch.unwrap().len()).sum();
    assert_eq!(rows, states.batch.len());
}

#[test]
fn seeds_decide_and_threads_and_shards_do_not() {
    let folder = folder();
    let folder = folder.path();
    generate(folder, "one", "--threads 1");
    generate(folder, "two", "--threads 2");
    generate(folder, "other", "--seed 1");
    for file in [STATES_FILE, EMBEDDINGS_FILE, "trajectories.h5ad", "manifest.json"] {
        let of = |name: &str| bytes(folder, &format!("{name}/{file}"));
        assert!(of("one") == of("two"), "{file} depends on threads");
        assert!(of("one") != of("other"), "{file} does not depend on the seed");
    }
    for shard in 1..=3 {
        generate(folder, &format!("part{shard}"), &format!("--shard {shard}/3"));
    }
    for file in [STATES_FILE, EMBEDDINGS_FILE] {
        let parts = format!("part2/{file} part1/{file} part3/{file} -o {file}");
        run(folder, "mfdoom-gather", &parts);
    }
    run(folder, "mfdoom-gather", "part2 part1 part3 -o gathered");
    for file in [STATES_FILE, EMBEDDINGS_FILE] {
        assert!(bytes(folder, &format!("gathered/{file}")) == bytes(folder, file), "{file} of the folder");
    }
    let (whole, parts) =
        (States::read(folder, &format!("one/{STATES_FILE}")), States::read(folder, STATES_FILE));
    assert!(whole.batch == parts.batch && whole.schema == parts.schema);
}

/// Returns a score of `mfdoom-evaluate trajectories`.
fn score(document: &serde_json::Value, set: &str, head: &str, name: &str) -> f64 {
    let rows = document["scores"].as_array().unwrap();
    let row = rows.iter().find(|row| row["set"] == set && row["head"] == head && row["name"] == name);
    row.unwrap_or_else(|| panic!("{set}, {head}, {name}"))["value"].as_f64().unwrap()
}

#[test]
fn the_true_future_of_simulated_cells_is_told_from_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "mfdoom-simulate", "-o sim.h5ad --cells 500 --genes 120 --capture 0.6 --batches 1");
    run(folder, "mfdoom-preprocess", "sim.h5ad --obs cell_type --obs true_t --obs lineage -o tokens.parquet");
    run(folder, "mfdoom-pretrain", "tokens.parquet --preset tiny --max-tokens 64 --epochs 0 -o model");
    run(folder, "mfdoom-velocity", "fit sim.h5ad -o fit --obs cell_type --min-shared-counts 5");
    run(folder, "mfdoom-velocity", "graph fit -o graph");
    finetune(folder, "--task velocity --targets fit --epochs 0 -o velocity");
    let walk =
        "tokens.parquet --model model --decoder velocity --n-trajectories 120 --steps 8 --step-size 0.5";
    run(folder, "mfdoom-generate", &format!("{walk} --start cell_type=progenitor -o forward"));
    let scores = "trajectories forward --graph graph --label cell_type";
    let truth = "--truth tokens.parquet --time true_t --lineage lineage";
    run(folder, "mfdoom-evaluate", &format!("{scores} {truth} -o scores.json"));
    let document: serde_json::Value = serde_json::from_slice(&bytes(folder, "scores.json")).unwrap();
    for step in ["step 4", "step 8"] {
        let of = |head: &str, name: &str| score(&document, step, head, name);
        for name in ["future_mmd", "future_mean_distance"] {
            assert!(of("generated", name).is_finite() && of("linear extrapolation", name).is_finite());
        }
        let (still, other) = ("nothing moves", "real cells of that time");
        assert!(
            of(other, "future_mean_distance") < of(still, "future_mean_distance"),
            "{step}: cells do move"
        );
    }
    let still = |step: &str| score(&document, step, "nothing moves", "future_mean_distance");
    assert!(still("step 8") > 1.3 * still("step 2"), "the farther, the longer: {}", still("step 8"));

    let refuse = |more: &str| {
        let output = attempt(folder, "mfdoom-evaluate", &format!("{scores} {more} -o refused.json"));
        assert!(!folder.join("refused.json").exists());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, message) = refuse("--truth tokens.parquet --time cell_type");
    assert!(code == Some(3) && message.contains("--time cell_type holds no numbers"), "{message}");
    let (code, message) = refuse("--truth tokens.parquet --time nothing");
    assert!(code == Some(3) && message.contains("nothing"), "{message}");
    let (code, message) = refuse("--truth tokens.parquet");
    assert!(code == Some(2) && message.contains("--time"), "{message}");
}

#[test]
fn counts_of_other_modalities_and_means() {
    let folder = folder();
    let folder = folder.path();
    finetune(folder, "--task generative --targets spliced,unspliced -o counts");
    std::fs::write(folder.join("cells.txt"), "cell_0000001\ncell_0000002\n").unwrap();
    let more = "--decoder counts --cells cells.txt --anchor 0 --step-size 0.01";
    generate(folder, "drawn", more);
    let drawn = States::read(folder, &format!("drawn/{STATES_FILE}"));
    assert_eq!(drawn.schema.matrices, ["spliced", "unspliced"]);
    assert!(drawn.batch.matrices[1].iter().all(|x| x.fract() == 0.0));
    assert!(drawn.batch.matrices[1].iter().sum::<f32>() > 100.0);
    let starts = drawn.column("start").to_strings();
    assert!(starts.iter().flatten().all(|id| id == "cell_0000001" || id == "cell_0000002"));
    generate(folder, "mean", &format!("{more} --take mean"));
    let mean = States::read(folder, &format!("mean/{STATES_FILE}"));
    for counts in &mean.batch.matrices {
        assert!(counts.iter().any(|x| x.fract() != 0.0) && counts.iter().all(|x| *x >= 0.0));
    }
    // The other modality is what the decoder says of each state, and a drawn state is another one than its mean.
    let spliced = |states: &States| f64::from(states.batch.matrices[0].iter().sum::<f32>());
    let ratio = spliced(&drawn) / spliced(&mean);
    assert!((ratio - 1.0).abs() < 0.1, "draws have the mean: {ratio}");
    let scored =
        attempt(folder, "mfdoom-evaluate", "generated drawn/states.parquet --real tokens.parquet -o m.json");
    assert!(scored.status.success(), "{}", String::from_utf8_lossy(&scored.stderr));
    let scored =
        attempt(folder, "mfdoom-evaluate", "generated mean/states.parquet --real tokens.parquet -o n.json");
    assert_eq!(scored.status.code(), Some(3), "expected counts are no sample");
}

#[test]
fn the_next_state_is_learned_along_chains_and_generated() {
    let folder = folder();
    let folder = folder.path();
    run(folder, "mfdoom-velocity", "graph fit -o graph");
    let task = "--task next-state --targets graph/ --chain-length 3 --epochs 2";
    finetune(folder, &format!("{task} --threads 1 -o next"));
    finetune(folder, &format!("{task} --threads 2 -o again"));
    for file in ["model.safetensors", "manifest.json"] {
        let of = |name: &str| bytes(folder, &format!("{name}/{file}"));
        assert!(of("next") == of("again"), "{file} depends on threads");
    }
    let config = String::from_utf8(bytes(folder, "next/config.json")).unwrap();
    assert!(config.contains("\"length\": 3") && config.contains("\"spliced\""), "{config}");
    let rows = read_metrics(&folder.join("next/metrics.parquet")).unwrap();
    let held_back = rows.iter().filter(|row| row.name == "loss/total" && row.split == "validation");
    let losses: Vec<f64> = held_back.map(|row| row.value).collect();
    assert!(losses.len() == 3 && losses.iter().all(|loss| loss.is_finite()), "{losses:?}");

    let walk = format!("{WALK} --decoder next --start cell_type=progenitor");
    run(folder, "mfdoom-generate", &format!("{walk} -o forward"));
    run(folder, "mfdoom-generate", &format!("{walk} -o same --threads 1"));
    let of = |name: &str| bytes(folder, &format!("{name}/{STATES_FILE}"));
    assert!(of("forward") == of("same"));
    let states = States::read(folder, &format!("forward/{STATES_FILE}"));
    assert_eq!((states.batch.len(), &states.schema.matrices[..]), (12 * 7, &["spliced".to_owned()][..]));
    assert!(states.mean("true_t", 6.0) > states.mean("true_t", 0.0) + 0.02, "the true time rises");
    run(folder, "mfdoom-decode", "tokens.parquet --model model --decoder next -o following.parquet");

    finetune(folder, "--task next-state --targets obs:true_t,unspliced --epochs 0 -o timed");

    let (code, message) = refused(folder, &format!("{walk} --backward"));
    assert!(code == Some(2) && message.contains("--backward"), "{message}");
    for (targets, wanted, says) in [
        ("spliced", 2, "which cell follows which"),
        ("obs:cell_type", 3, "a time that is no number"),
        ("fit", 3, "no graph of cells"),
        ("graph/,protein", 2, "protein"),
        ("graph/ --architecture attention", 2, "attention"),
    ] {
        let arguments =
            format!("tokens.parquet --model model --task next-state --targets {targets} -o refused");
        let output = attempt(folder, "mfdoom-finetune-decoder", &arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(wanted) && message.contains(says), "{targets}: {message}");
    }
}

#[test]
fn what_cannot_be_walked_is_refused() {
    let folder = folder();
    let folder = folder.path();
    let walk = format!("{WALK} --decoder velocity");
    let (code, message) = refused(folder, &format!("{walk} --start cell_type=nowhere"));
    assert!(code == Some(3) && message.contains("progenitor"), "{message}");
    std::fs::write(folder.join("strangers.txt"), "nobody\n").unwrap();
    let (code, message) = refused(folder, &format!("{walk} --cells strangers.txt"));
    assert!(code == Some(3) && message.contains("strangers.txt"), "{message}");
    let (code, message) = refused(folder, &format!("{walk} --obs nothing"));
    assert!(code == Some(3) && message.contains("nothing"), "{message}");
    let (code, message) = refused(folder, &format!("{walk} --anchor 0 --step-size 1000"));
    assert!(code == Some(1) && message.contains("by step 1"), "{message}");

    run(
        folder,
        "mfdoom-pretrain",
        "tokens.parquet --preset tiny --max-tokens 64 --epochs 0 --seed 7 -o other",
    );
    let (code, message) = refused(folder, "tokens.parquet --model other --decoder velocity");
    assert!(code == Some(4) && message.contains("another model"), "{message}");
    finetune(folder, "--task classification --targets cell_type -o labels");
    let (code, message) = refused(folder, "tokens.parquet --model model --decoder labels");
    assert!(code == Some(4) && message.contains("task classification"), "{message}");
    finetune(folder, "--task generative -o counts");
    let (code, message) = refused(folder, "tokens.parquet --model model --decoder counts");
    assert!(code == Some(4) && message.contains("no decoder of velocity"), "{message}");
    let (code, message) = refused(folder, &format!("{walk},velocity"));
    assert!(code == Some(2) && message.contains("second of its kind"), "{message}");
}

/// Writes the velocities of a fit anew, those of some genes, changed.
fn rewrite(folder: &Path, name: &str, keep: impl Fn(&Gene) -> bool, change: impl Fn(f32) -> f32) {
    let reader = open_velocities(&folder.join("fit")).unwrap();
    let all = reader.schema().genes.clone();
    let kept: Vec<usize> = (0..all.len()).filter(|at| keep(&all[*at])).collect();
    let manifest = Manifest::new("test", "0", 1, serde_json::Value::Null, Vec::new());
    let genes = kept.iter().map(|at| all[*at].clone()).collect();
    let schema = GeneTableSchema::new(VELOCITY_FORMAT, genes, &["velocity"], manifest);
    let mut batch = reader.select(&["velocity"]).unwrap().read_all().unwrap();
    let rows = batch.matrices[0].chunks_exact(all.len());
    batch.matrices[0] = rows.flat_map(|row| kept.iter().map(|at| change(row[*at]))).collect();
    let output = Output::file(folder.join(name), true);
    let mut writer = GeneTableWriter::create(&output, schema, TableFormat::Parquet).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
}

#[test]
fn decoders_that_move_nothing_are_refused() {
    let folder = folder();
    let folder = folder.path();
    rewrite(folder, "zero.parquet", |_| true, |_| 0.0);
    finetune(folder, "--task velocity --targets zero.parquet --epochs 0 -o still");
    let (code, message) = refused(folder, "tokens.parquet --model model --decoder still");
    assert!(code == Some(3) && message.contains("moves nothing"), "{message}");

    run(folder, "mfdoom-preprocess", "sim.h5ad --top-genes 60 --obs cell_type --obs true_t -o some.parquet");
    let some = TokenReader::open(&Input::Path(folder.join("some.parquet"))).unwrap();
    let lacks = |gene: &Gene| some.schema().vocabulary.lookup(&gene.id).is_none();
    rewrite(folder, "others.parquet", lacks, |v| v);
    finetune(folder, "--task velocity --targets others.parquet -o others");
    let (code, message) = refused(folder, "some.parquet --model model --decoder others");
    assert!(code == Some(4) && message.contains("the genes that the velocity decoder moves"), "{message}");
}
