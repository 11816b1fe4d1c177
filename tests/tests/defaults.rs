//! What a user gets without options: `chain.sh` on the data of the quickstart is as good as the quickstart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use mfdoom_tests::engines::root;
use mfdoom_tests::{run, stage};

/// Accuracy of the fusion head that this length of training has to reach; twice the epochs reach .81.
const LEAST: f64 = 0.6;

#[test]
fn the_chain_without_options_knows_the_types_of_the_quickstart() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    // As in quickstart.sh.
    run(to, "mfdoom-simulate", "-o sim.h5ad --batches 2 --drop-modalities 0.5 --seed 1");
    fs::write(to.join("sheet.csv"), "sample,counts\nsim,sim.h5ad\npublic,sim.expression.h5ad\n").unwrap();
    let built = stage("mfdoom-pretrain").parent().unwrap().display().to_string();
    let path = format!("{built}:{}", std::env::var("PATH").unwrap());
    let mut chain = Command::new("bash");
    chain.arg(root().join("workflows/chain.sh")).args(["--input", "sheet.csv", "--outdir", "out"]);
    chain.args(["--velocity", "false", "--epochs", "8"]).current_dir(to).env("PATH", path);
    let output = chain.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    run(to, "mfdoom-preprocess", "sim.h5ad sim.expression.h5ad --obs cell_type -o tokens.parquet");
    run(to, "mfdoom-embed", "tokens.parquet --model out/model -o embeddings.parquet");
    run(
        to,
        "mfdoom-evaluate",
        "embedding embeddings.parquet --label cell_type --head fusion -o metrics.json",
    );
    let metrics = fs::read_to_string(to.join("metrics.json")).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
    let accuracy = accuracy(&metrics).unwrap_or_else(|| panic!("no accuracy in {metrics}"));
    assert!(accuracy >= LEAST, "accuracy {accuracy}");
}

/// Returns the accuracy of the fusion head over all cells.
fn accuracy(metrics: &serde_json::Value) -> Option<f64> {
    let is = |row: &&serde_json::Value| {
        row["name"] == "accuracy" && row["head"] == "fusion" && row["set"] == "all"
    };
    metrics["scores"].as_array()?.iter().find(is)?["value"].as_f64()
}
