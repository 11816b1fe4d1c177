//! The stages chained as users chain them: files, pipes, one thread or two, killed and resumed.

use std::path::Path;
use std::process::Command;

use mfdoom_artifact::{EmbeddingBatch, EmbeddingReader, Input, read_metrics};
use mfdoom_tests::{attempt, bytes, killed_at_a_checkpoint, run, stage};
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
    // A quiet stage does the same work: what a log line shows is not made for the line.
    run(folder, "mfdoom-embed", "-qq tokens.parquet --model model -o quiet.parquet");
    assert!(bytes(folder, "quiet.parquet") == bytes(folder, "embeddings.parquet"));
    let pipe = format!(
        "'{}' sim.h5ad sim.expression.h5ad --obs cell_type | '{}' --model model > piped.parquet",
        stage("mfdoom-preprocess").display(),
        stage("mfdoom-embed").display()
    );
    let piped = Command::new("sh").current_dir(folder).args(["-c", &pipe]).output().unwrap();
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    assert!(bytes(folder, "piped.parquet").starts_with(b"PAR1"));
    assert!(rows(folder, "piped.parquet") == rows(folder, "embeddings.parquet"), "the pipe gives others");
    run(folder, "mfdoom-embed", "tokens.parquet --model model -o part.parquet --use-modalities expression");
    assert_ne!(bytes(folder, "part.parquet"), bytes(folder, "embeddings.parquet"));
    for table in ["embeddings", "piped"] {
        let arguments = format!("embedding {table}.parquet --label cell_type -o {table}.json --neighbors 5");
        run(folder, "mfdoom-evaluate", &arguments);
    }
    let scores = |name: &str| {
        let text = String::from_utf8(bytes(folder, name)).unwrap();
        text[text.find("\"scores\"").unwrap()..].to_owned()
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
    killed_at_a_checkpoint(
        folder,
        "mfdoom-pretrain",
        &format!("{TRAINING} --epochs 4 -o killed --checkpoint-every 1"),
    );

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
    assert_eq!(broken.status.code(), Some(4), "{}", String::from_utf8_lossy(&broken.stderr));
    assert!(!folder.join("e.parquet").exists() && bytes(folder, "sim.h5ad") == before);

    train(folder, "model", "--epochs 0 --force");
    run(folder, "mfdoom-embed", "tokens.parquet --model model --into sim.h5ad");
    assert!(bytes(folder, "sim.h5ad") != before);
    run(folder, "mfdoom-evaluate", "embedding sim.h5ad --obsm X_mfdoom --label cell_type -o h5ad.json");
}

#[test]
fn results_go_into_a_copy_of_the_counts() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, "model", "--epochs 0");
    run(folder, "mfdoom-embed", "tokens.parquet --model model -o embeddings.parquet");
    run(folder, "mfdoom-velocity", "fit sim.h5ad -o fit --min-shared-counts 5");
    let before = bytes(folder, "sim.h5ad");
    let results = "--embeddings embeddings.parquet --velocity fit";
    let checked = run(folder, "mfdoom-annotate", &format!("sim.h5ad {results} -o copy.h5ad --check"));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("wrote nothing"));
    assert!(!folder.join("copy.h5ad").exists());
    run(folder, "mfdoom-annotate", &format!("sim.h5ad {results} -o copy.h5ad"));
    assert!(bytes(folder, "sim.h5ad") == before, "the counts were touched");

    let embed = "tokens.parquet --model model --into into.h5ad";
    std::fs::write(folder.join("into.h5ad"), &before).unwrap();
    run(folder, "mfdoom-embed", embed);
    for file in ["copy", "into"] {
        let arguments = format!("{file}.h5ad --obsm X_mfdoom --label cell_type -o {file}.json --neighbors 5");
        run(folder, "mfdoom-evaluate", &format!("embedding {arguments}"));
    }
    let scores = |name: &str| {
        let scores: serde_json::Value = serde_json::from_slice(&bytes(folder, name)).unwrap();
        scores["scores"].clone()
    };
    assert!(!scores("copy.json").is_null());
    assert_eq!(scores("copy.json"), scores("into.json"));
    let none =
        attempt(folder, "mfdoom-preprocess", "copy.h5ad --modality expression=layers/none -o t.parquet");
    let matrices = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(matrices.contains("layers/velocity"), "{matrices}");

    for (arguments, code) in [
        ("sim.h5ad -o other.h5ad".to_owned(), 2),
        (format!("sim.h5ad {results}"), 2),
        (format!("sim.h5ad {results} -o copy.h5ad"), 2),
        ("sim.expression.h5ad --velocity fit -o other.h5ad".to_owned(), 3),
        ("nowhere.h5ad --velocity fit -o other.h5ad".to_owned(), 3),
        ("sim.h5ad --velocity nowhere -o other.h5ad".to_owned(), 3),
    ] {
        let refused = attempt(folder, "mfdoom-annotate", &arguments);
        assert_eq!(
            refused.status.code(),
            Some(code),
            "{arguments}: {}",
            String::from_utf8_lossy(&refused.stderr)
        );
        assert!(!folder.join("other.h5ad").exists(), "{arguments} left something");
    }
    assert!(bytes(folder, "sim.h5ad") == before);
}

/// Key, bits of the vector of each head, and which modalities are present.
type Row = (String, String, Vec<Vec<u32>>, Vec<bool>);

/// Rows of an embeddings file, one each.
fn rows(folder: &Path, name: &str) -> Vec<Row> {
    let reader = EmbeddingReader::open(&Input::Path(folder.join(name))).unwrap();
    let dims: Vec<usize> = reader.schema().heads.iter().map(|head| head.dim).collect();
    let row = |batch: &EmbeddingBatch, at: usize| {
        let head = |(values, dim): (&Vec<f32>, &usize)| {
            values[at * dim..(at + 1) * dim].iter().map(|value| value.to_bits()).collect()
        };
        let heads = batch.heads.iter().zip(&dims).map(head).collect();
        let present = batch.present.iter().map(|present| present[at]).collect();
        (batch.dataset[at].clone(), batch.cell_id[at].clone(), heads, present)
    };
    let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
    batches.iter().flat_map(|batch| (0..batch.len()).map(|at| row(batch, at)).collect::<Vec<_>>()).collect()
}

#[test]
fn shards_together_are_the_whole_row_for_row() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, "model", "--epochs 1");
    // 200 cells in batches of 32: no shard begins or ends where a batch of the whole does.
    let embed = "tokens.parquet --model model --batch-cells 32";
    run(folder, "mfdoom-embed", &format!("{embed} -o whole.parquet"));
    let whole = rows(folder, "whole.parquet");
    assert_eq!(whole.len(), 200);
    for n in [1, 3] {
        let mut parts = Vec::new();
        for i in 1..=n {
            run(folder, "mfdoom-embed", &format!("{embed} -o part.parquet --shard {i}/{n} --force"));
            let part = rows(folder, "part.parquet");
            assert!(part.len().abs_diff(200 / n) <= 1, "{} rows in shard {i}/{n}", part.len());
            parts.extend(part);
        }
        assert!(parts == whole, "{n} shards are not the whole");
    }
    for wrong in ["0/3", "4/3", "1", "1/0"] {
        let refused =
            attempt(folder, "mfdoom-embed", &format!("{embed} -o part.parquet --shard {wrong} --force"));
        assert_eq!(refused.status.code(), Some(2), "--shard {wrong}");
    }
}

/// The training loss of the first logged step of a model.
fn first_loss(folder: &Path, model: &str) -> f64 {
    let metrics = read_metrics(&folder.join(model).join("metrics.parquet")).unwrap();
    let first = metrics.into_iter().find(|row| row.split == "train" && row.name == "loss/total");
    first.expect("a training loss").value
}

#[test]
fn training_goes_on_from_another_model() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, "first", "--epochs 6 --lr 3e-3");
    let on = |output: &str, more: &str| {
        let arguments = "tokens.parquet --max-tokens 64 --batch-cells 16 --init first";
        run(folder, "mfdoom-pretrain", &format!("{arguments} -o {output} {more}"))
    };
    on("same", "--epochs 0");
    for file in ["model.safetensors", "config.json", "vocab.json"] {
        assert!(bytes(folder, &format!("same/{file}")) == bytes(folder, &format!("first/{file}")), "{file}");
    }
    on("second", "--epochs 1 --lr 1e-5");
    let (begun, gone_on) = (first_loss(folder, "first"), first_loss(folder, "second"));
    assert!(gone_on < 0.8 * begun, "the loss began at {begun}, then went on at {gone_on}");
    assert!(bytes(folder, "second/model.safetensors") != bytes(folder, "first/model.safetensors"));
}

#[test]
fn a_model_to_start_from_keeps_its_vocabulary() {
    let folder = tokens();
    let folder = folder.path();
    run(folder, "mfdoom-preprocess", "sim.h5ad --vocab-only -o vocab.json");
    let text = bytes(folder, "vocab.json");
    for (name, keep) in [("even", 0), ("odd", 1)] {
        let mut vocab: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let genes = vocab["genes"].as_array_mut().unwrap();
        *genes = genes.iter().skip(keep).step_by(2).cloned().collect();
        assert_eq!(genes.len(), 60);
        std::fs::write(folder.join(format!("{name}.json")), vocab.to_string()).unwrap();
        run(folder, "mfdoom-preprocess", &format!("sim.h5ad --vocab {name}.json -o {name}.parquet"));
    }
    run(folder, "mfdoom-pretrain", "even.parquet --preset tiny --epochs 1 -o even");
    let wider = run(folder, "mfdoom-pretrain", "tokens.parquet --init even --epochs 1 -o wider");
    let log = String::from_utf8_lossy(&wider.stderr);
    assert!(log.contains("has 60 of the 120 genes"), "the coverage is told: {log}");
    assert!(bytes(folder, "wider/vocab.json") == bytes(folder, "even/vocab.json"));
    let foreign = attempt(folder, "mfdoom-pretrain", "odd.parquet --init even --epochs 1 -o none");
    assert_eq!(foreign.status.code(), Some(4), "{}", String::from_utf8_lossy(&foreign.stderr));
    assert!(!folder.join("none").exists());
    let sizes = attempt(folder, "mfdoom-pretrain", "even.parquet --init even --preset small -o none");
    assert_eq!(sizes.status.code(), Some(2), "sizes are those of the model");
}
