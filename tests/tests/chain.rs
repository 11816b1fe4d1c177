//! The stages chained as users chain them: files, pipes, one thread or two, killed and resumed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mfdoom_tests::{attempt, bytes, run, stage};
use tempfile::TempDir;

const TRAINING: &str = "tokens.parquet --preset tiny --max-tokens 64 --batch-cells 16";

/// A folder with simulated cells, half of them expression-only, and their tokens.
fn tokens() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    run(to, "mfdoom-simulate", "-o sim.h5ad --cells 200 --genes 120 --batches 2 --drop-modalities 0.5");
    run(to, "mfdoom-preprocess", "sim.h5ad sim.expression.h5ad --obs cell_type -o tokens.parquet");
    folder
}

fn train(folder: &Path, output: &str, more: &str) {
    run(folder, "mfdoom-pretrain", &format!("{TRAINING} -o {output} {more}"));
}

#[test]
fn from_counts_to_scores_by_file_and_by_pipe() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, "model", "--epochs 2");
    run(folder, "mfdoom-embed", "tokens.parquet --model model -o embeddings.parquet");
    let pipe = format!(
        "'{}' sim.h5ad sim.expression.h5ad --obs cell_type | '{}' --model model > piped.parquet",
        stage("mfdoom-preprocess").display(),
        stage("mfdoom-embed").display()
    );
    let piped = Command::new("sh").current_dir(folder).args(["-c", &pipe]).output().unwrap();
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    assert!(bytes(folder, "piped.parquet").starts_with(b"PAR1"));
    run(folder, "mfdoom-embed", "tokens.parquet --model model -o part.parquet --use-modalities expression");
    assert_ne!(bytes(folder, "part.parquet"), bytes(folder, "embeddings.parquet"));
    for table in ["embeddings", "piped"] {
        let arguments = format!("embedding {table}.parquet --label cell_type -o {table}.json --neighbors 5");
        run(folder, "mfdoom-evaluate", &arguments);
    }
    let scores = |name: &str| {
        let text = String::from_utf8(bytes(folder, name)).unwrap();
        text[text.find("\"label_transfer\"").unwrap()..].to_owned()
    };
    assert_eq!(scores("embeddings.json"), scores("piped.json"));
}

#[test]
fn threads_change_no_byte_of_a_model() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, "one", "--epochs 2 --threads 1");
    train(folder, "two", "--epochs 2 --threads 2");
    for file in ["model.safetensors", "config.json", "manifest.json", "vocab.json"] {
        assert!(
            bytes(folder, &format!("one/{file}")) == bytes(folder, &format!("two/{file}")),
            "{file} differs"
        );
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_weights() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, "whole", "--epochs 4");
    let mut child = Command::new(stage("mfdoom-pretrain"))
        .current_dir(folder)
        .args(format!("{TRAINING} --epochs 4 -o killed --checkpoint-every 1").split_whitespace())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !folder.join("killed.checkpoint/state.json").is_file() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.join("killed").exists(), "the run ended before it was killed");

    let refused = attempt(folder, "mfdoom-pretrain", &format!("{TRAINING} --epochs 4 -o killed"));
    assert_eq!(refused.status.code(), Some(2), "a checkpoint is not thrown away unasked");
    let resumed = run(folder, "mfdoom-pretrain", &format!("{TRAINING} --epochs 4 -o killed --resume"));
    let log = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(log.contains("going on from the checkpoint of step "), "{log}");
    assert!(bytes(folder, "killed/model.safetensors") == bytes(folder, "whole/model.safetensors"));
    assert!(!folder.join("killed.checkpoint").exists());
}

#[test]
fn embeddings_go_into_the_h5ad_and_a_wrong_model_is_refused() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, "model", "--epochs 0");
    let before = bytes(folder, "sim.h5ad");
    let none = attempt(folder, "mfdoom-embed", "tokens.parquet --model nowhere -o e.parquet");
    assert_eq!(none.status.code(), Some(3));
    std::fs::write(folder.join("model/model.safetensors"), b"broken").unwrap();
    let broken = attempt(folder, "mfdoom-embed", "tokens.parquet --model model -o e.parquet");
    assert_eq!(broken.status.code(), Some(3), "{}", String::from_utf8_lossy(&broken.stderr));
    assert!(!folder.join("e.parquet").exists() && bytes(folder, "sim.h5ad") == before);

    train(folder, "model", "--epochs 0 --force");
    run(folder, "mfdoom-embed", "tokens.parquet --model model --into sim.h5ad");
    assert!(bytes(folder, "sim.h5ad") != before);
    run(folder, "mfdoom-evaluate", "embedding sim.h5ad --obsm X_mfdoom --label cell_type -o h5ad.json");
}
