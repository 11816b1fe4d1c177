//! What goes wrong with generated cells and their scores: names, pipes, sizes and outputs that cannot be.

#[path = "../../crates/mfdoom-counts/tests/make/mod.rs"]
mod make;

use std::path::Path;
use std::process::Command;

use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::velocity::projection_schema;
use mfdoom_artifact::{
    EmbeddingBatch, GeneTableReader, GeneTableSchema, Input, VelocityDir, VelocityDirWriter,
};
use mfdoom_counts::H5ad;
use mfdoom_tests::{attempt, bytes, run, stage};
use serde_json::Value;
use tempfile::TempDir;

use self::make::{Packing, Sparse, attribute, frame, line, sparse, texts};

const SMALL: &str = "--features 64 --components 10 --rank 8 --hidden 16 --batch-cells 32 --epochs 0";
const WALK: &str = "--model model --decoder velocity --n-trajectories 3 --steps 2";

/// A folder with cells, their tokens as file and stream, a model, a velocity graph, decoders and trajectories.
fn made() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    run(to, "mfdoom-simulate", "-o sim.h5ad --cells 200 --genes 80");
    run(to, "mfdoom-preprocess", "sim.h5ad --obs cell_type -o tokens.parquet");
    run(to, "mfdoom-preprocess", "sim.h5ad --obs cell_type -o tokens.arrows");
    run(to, "mfdoom-pretrain", "tokens.parquet --preset tiny --max-tokens 64 --epochs 0 -o model");
    run(to, "mfdoom-velocity", "fit sim.h5ad -o fit --min-shared-counts 5 --obs cell_type");
    run(to, "mfdoom-velocity", "graph fit -o graph --embedding umap");
    let decoder = format!("tokens.parquet --model model {SMALL}");
    run(to, "mfdoom-finetune-decoder", &format!("{decoder} --task velocity --targets fit -o velocity"));
    run(to, "mfdoom-finetune-decoder", &format!("{decoder} --task generative --targets spliced -o counts"));
    run(to, "mfdoom-generate", &format!("tokens.parquet {WALK} -o trajectories"));
    run(to, "mfdoom-decode", "tokens.parquet --model model --decoder counts --sample 1 -o drawn.parquet");
    folder
}

#[track_caller]
fn refused(folder: &Path, name: &str, arguments: &str, code: i32, says: &str) {
    let output = attempt(folder, name, arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(code) && message.contains(says), "{name} {arguments}: {message}");
    assert!(!folder.join("refused").exists() && !folder.join("refused.json").exists(), "{arguments}");
}

/// Runs a stage through bash, for what bash does with pipes.
#[track_caller]
fn through_bash(folder: &Path, name: &str, arguments: &str) {
    let mut command = Command::new("bash");
    command.current_dir(folder).args(["-c", &format!("exec {} {arguments}", stage(name).display())]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn schema(folder: &Path, name: &str) -> GeneTableSchema {
    let path = folder.join(name).join("states.parquet");
    GeneTableReader::open(&Input::Path(path), PREDICTIONS_FORMAT).unwrap().schema().clone()
}

#[test]
fn columns_that_are_named_as_ours_get_names_of_their_own() {
    let folder = made();
    let folder = folder.path();
    let set = "--set start=a --set fusion=b --set spliced=c --set x/y=d --set x_y=e --set predicted=f";
    run(folder, "mfdoom-preprocess", &format!("sim.h5ad --obs cell_type {set} -o named.parquet"));
    let obs = "--obs start --obs fusion --obs spliced --obs x/y --obs x_y --obs start";
    let output = run(folder, "mfdoom-generate", &format!("named.parquet {WALK} {obs} -o named"));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("'start' becomes 'obs_start'"), "{log}");
    let names: Vec<String> = schema(folder, "named").obs.into_iter().map(|field| field.name).collect();
    assert_eq!(names[9..], ["obs_start", "obs_fusion", "obs_spliced", "x/y", "x_y"]);
    let columns = H5ad::open(folder.join("named/trajectories.h5ad")).unwrap().obs_columns();
    let own: Vec<&String> = columns.iter().filter(|name| !names.contains(name)).collect();
    assert!(columns.len() == names.len() && own == ["x_y_"], "{columns:?}");

    let decoder = format!("named.parquet --model model {SMALL} --task classification --targets cell_type");
    run(folder, "mfdoom-finetune-decoder", &format!("{decoder} -o labels"));
    run(folder, "mfdoom-decode", "named.parquet --model model --decoder labels -o labels.parquet");
    let table = Input::Path(folder.join("labels.parquet"));
    let table = GeneTableReader::open(&table, PREDICTIONS_FORMAT).unwrap();
    let names: Vec<&str> = table.schema().obs.iter().map(|field| field.name.as_str()).collect();
    assert!(names.contains(&"obs_predicted") && names.contains(&"predicted"), "{names:?}");
}

#[test]
fn pipes_are_read_once() {
    let folder = made();
    let folder = folder.path();
    std::fs::write(folder.join("cells.txt"), "cell_0000001\n").unwrap();
    run(folder, "mfdoom-generate", &format!("tokens.parquet {WALK} --cells cells.txt -o listed"));
    let piped = format!("tokens.parquet {WALK} --cells <(cat cells.txt) -o piped");
    through_bash(folder, "mfdoom-generate", &piped);
    assert!(bytes(folder, "listed/manifest.json") == bytes(folder, "piped/manifest.json"));

    let sheet =
        r"--sheet <(printf 'sample,counts\nsim,sim.h5ad\n') --sample sim --obs cell_type -o sheet.parquet";
    through_bash(folder, "mfdoom-preprocess", sheet);
    assert!(folder.join("sheet.parquet").exists());

    let real = "--real tokens.parquet --components 5";
    let score = |arguments: &str| {
        through_bash(folder, "mfdoom-evaluate", &format!("generated {arguments} --force -o m.json"));
        let all: Value = serde_json::from_slice(&bytes(folder, "m.json")).unwrap();
        all["scores"].clone()
    };
    let wanted = score(&format!("tokens.parquet {real}"));
    assert_eq!(wanted, score(&format!("<(cat tokens.arrows) {real}")));
    assert_eq!(wanted, score(&format!("- {real} < tokens.arrows")));
    assert_eq!(wanted, score("tokens.parquet --components 5 --real - < tokens.arrows"));
    let folder_of_states = score(&format!("trajectories {real}"));
    assert_eq!(folder_of_states, score(&format!("trajectories/states.parquet {real}")));
    let evaluate = |arguments: &str, code, says| {
        refused(folder, "mfdoom-evaluate", &format!("{arguments} -o refused.json"), code, says);
    };
    evaluate("generated - --real -", 2, "named twice");
    evaluate("retention - --model model --label cell_type", 2, "read once for each subset");
}

#[test]
fn scores_that_cannot_be_are_refused() {
    let folder = made();
    let folder = folder.path();
    let evaluate = |arguments: &str, code, says| {
        refused(folder, "mfdoom-evaluate", &format!("{arguments} -o refused.json"), code, says);
    };
    evaluate("generated drawn.parquet --real tokens.parquet --label celltype", 3, "cell_type");
    evaluate("generated tokens.parquet --real tokens.parquet --per step", 2, "a table of tokens");
    let walks = "trajectories trajectories --graph graph --label cell_type --terminal fate_1";
    evaluate(&format!("{walks} --walks 2000000000"), 2, "fewer --walks");
    evaluate(&format!("{walks} --walk-steps 2000000000"), 2, "--walk-steps");
    evaluate(&format!("{walks} --report ./refused.json"), 2, "two outputs would go to");
    evaluate(&format!("{walks} --report none/page.html"), 2, "mkdir -p");
    // Before anything is read, not after all is scored.
    std::fs::write(folder.join("mine.html"), "mine").unwrap();
    evaluate(
        "trajectories none --graph none --label none --report mine.html",
        2,
        "mine.html: already exists",
    );
    assert_eq!(std::fs::read_to_string(folder.join("mine.html")).unwrap(), "mine");
}

#[test]
fn walks_that_cannot_be_are_refused() {
    let folder = made();
    let folder = folder.path();
    // Forward or back: which of both goes beyond all numbers depends on the sign of a velocity.
    let far = ["", "--backward"].map(|more| {
        let walk = format!("tokens.parquet {WALK} --anchor 0 --step-size 1e300 -o far --force {more}");
        let output = attempt(folder, "mfdoom-generate", &walk);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    });
    assert!(
        far.iter().any(|(code, told)| *code == Some(1) && told.contains("smaller --step-size")),
        "{far:?}"
    );
    let taken = attempt(folder, "mfdoom-generate", &format!("none.parquet {WALK} -o trajectories"));
    let message = String::from_utf8_lossy(&taken.stderr);
    assert!(taken.status.code() == Some(2) && message.contains("trajectories: already exists"), "{message}");
    let next =
        format!("tokens.parquet --model model {SMALL} --task next-state --targets obs:a,obs:b -o refused");
    refused(folder, "mfdoom-finetune-decoder", &next, 2, "two columns of times");
}

#[test]
fn a_reference_may_have_commas_and_a_head_counts_once() {
    let folder = made();
    let folder = folder.path();
    std::fs::write(folder.join("c.toml"), "set = [\"donor=A, left\"]\n").unwrap();
    run(folder, "mfdoom-preprocess", "sim.h5ad --obs cell_type --config c.toml -o one.parquet");
    let scores = |reference: &str, more: &str| {
        let arguments =
            format!("retention one.parquet --model model --label cell_type --folds 3 --force {more}");
        let mut command = Command::new(stage("mfdoom-evaluate"));
        command.current_dir(folder).args(arguments.split_whitespace());
        let output = command.args(["-o", "r.json", "--reference-key", reference]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let all: Value = serde_json::from_slice(&bytes(folder, "r.json")).unwrap();
        all["scores"].clone()
    };
    let plain = scores("donor=A, left", "");
    assert_eq!(plain, scores("donor=\"A, left\"", ""));
    assert_eq!(plain, scores("donor=A, left", "--head fusion --head fusion"));
}

#[test]
fn a_modality_without_raw_counts_is_left_out_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = hdf5::File::create(folder.path().join("cite.h5mu")).unwrap();
    attribute(&file, "encoding-type", "MuData");
    frame(&file, "obs", "_index", &["a", "b"]);
    frame(&file, "var", "_index", &["CD4", "P"]);
    let modalities = file.create_group("mod").unwrap();
    for (name, feature, data) in [("rna", "CD4", [0.5_f32, 1.5]), ("adt", "P", [3.0, 4.0])] {
        let group = modalities.create_group(name).unwrap();
        attribute(&group, "encoding-type", "anndata");
        frame(&group, "obs", "_index", &["a", "b"]);
        frame(&group, "var", "_index", &[feature]);
        let matrix = Sparse {
            encoding: "csr_matrix",
            shape: [2, 1],
            indptr: &[0, 1, 2],
            indices: &[0, 0],
            data: &data,
        };
        sparse(&group, "X", &matrix, Packing::None);
    }
    drop((modalities, file));
    let log = |more: &str| {
        let output =
            run(folder.path(), "mfdoom-preprocess", &format!("cite.h5mu -q -o t.parquet --force {more}"));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = log("");
    assert!(said.contains("modality 'rna' is left out") && said.contains("--allow-non-integer"), "{said}");
    assert!(!log("--allow-non-integer").contains("left out"));
}

/// Writes the graph anew, its projection with the last `kept` cells in the opposite order.
fn turned(folder: &Path, name: &str, kept: usize) {
    let dir = VelocityDir::open(folder.join("graph")).unwrap();
    let writer = VelocityDirWriter::create(folder.join(name), false).unwrap();
    writer.copy(&dir, |file| file.starts_with("projection_")).unwrap();
    let mut table = writer.projection("umap", projection_schema(2, dir.manifest().clone()).unwrap()).unwrap();
    let mut cells = EmbeddingBatch { heads: vec![Vec::new(); 2], ..EmbeddingBatch::default() };
    for batch in dir.projection("umap").unwrap().unwrap() {
        let batch = batch.unwrap();
        cells.dataset.extend(batch.dataset);
        cells.cell_id.extend(batch.cell_id);
        cells.heads.iter_mut().zip(batch.heads).for_each(|(to, from)| to.extend(from));
    }
    let rows: Vec<usize> = (0..cells.len()).rev().take(kept).collect();
    table
        .write(&EmbeddingBatch {
            dataset: rows.iter().map(|row| cells.dataset[*row].clone()).collect(),
            cell_id: rows.iter().map(|row| cells.cell_id[*row].clone()).collect(),
            heads: cells
                .heads
                .iter()
                .map(|head| rows.iter().flat_map(|row| head[2 * row..2 * row + 2].to_vec()).collect())
                .collect(),
            ..EmbeddingBatch::default()
        })
        .unwrap();
    table.finish().unwrap();
    writer.commit(dir.manifest()).unwrap();
}

#[test]
fn a_projection_in_another_order_is_joined_by_its_keys() {
    let folder = made();
    let folder = folder.path();
    turned(folder, "turned", 200);
    turned(folder, "cut", 150);
    let draw = |graph: &str| {
        format!(
            "trajectories trajectories --graph {graph} --label cell_type --terminal fate_1 --plot {graph}.svg -o {graph}.json"
        )
    };
    for graph in ["graph", "turned"] {
        run(folder, "mfdoom-evaluate", &draw(graph));
    }
    assert!(bytes(folder, "graph.svg") == bytes(folder, "turned.svg"));
    refused(folder, "mfdoom-evaluate", &draw("cut"), 3, "its tables do not belong together");
}

#[test]
fn a_model_that_knows_little_of_the_counts_warns() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, "mfdoom-simulate", "-o sim.h5ad --cells 60 --genes 80");
    run(folder, "mfdoom-preprocess", "sim.h5ad -o tokens.parquet");
    run(folder, "mfdoom-pretrain", "tokens.parquet --preset tiny --epochs 0 -o model");
    let var = hdf5::File::append(folder.join("sim.h5ad")).unwrap().group("var").unwrap();
    let names: Vec<String> =
        (1..=80).map(|at| if at < 7 { format!("gene_{at:05}") } else { format!("other_{at}") }).collect();
    var.unlink("gene_id").unwrap();
    line(&var, "gene_id", &texts(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    drop(var);
    run(folder, "mfdoom-preprocess", "sim.h5ad -o other.parquet");
    for (name, arguments, says) in [
        ("mfdoom-embed", "other.parquet --model model -o e.parquet -q", "6 of the 80 genes, with"),
        ("mfdoom-preprocess", "sim.h5ad --vocab model -o v.parquet -q", "6 of 80 genes are among"),
    ] {
        let log = String::from_utf8(run(folder, name, arguments).stderr).unwrap();
        assert!(log.lines().any(|line| line.contains("WARN") && line.contains(says)), "{name}: {log}");
    }
}
