//! The closed form and profile tokens through the stages: one thread or two, killed and resumed, batches of a column.

use std::path::Path;

use mfdoom_tests::{attempt, bytes, killed_at_a_checkpoint, run};
use tempfile::TempDir;

const CLOSED: &str = "tokens.parquet --preset tiny --anchor-dim 8";
const PROFILES: &str = "tokens.parquet --preset tiny --anchor-dim 8 --profile-tokens 2 --max-tokens 0 --batch-cells 16 \
                        --objective neighbours=1 --objective contrastive=0.1 --objective invariance=0 \
                        --objective reconstruction=1 --epochs 3";

/// A folder with simulated cells, half of them expression-only, and their tokens.
fn tokens() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    run(to, "mfdoom-simulate", "-o sim.h5ad --cells 200 --genes 120 --batches 2 --drop-modalities 0.5");
    run(to, "mfdoom-preprocess", "sim.h5ad sim.expression.h5ad --obs cell_type -o tokens.parquet");
    folder
}

fn train(folder: &Path, settings: &str, output: &str, more: &str) {
    run(folder, "mfdoom-pretrain", &format!("{settings} -o {output} {more}"));
}

fn assert_same(folder: &Path, one: &str, other: &str) {
    let of = |name: &str| bytes(folder, &format!("{name}/model.safetensors"));
    assert!(of(one) == of(other), "{one} and {other} differ");
}

#[test]
fn threads_change_no_byte_of_closed_form_and_profiles() {
    let folder = tokens();
    let folder = folder.path();
    for (name, settings) in [
        ("closed", format!("{CLOSED} --anchor only")),
        ("column", format!("{CLOSED} --anchor only --batch-column cell_type")),
        ("profiles", PROFILES.to_owned()),
    ] {
        train(folder, &settings, &format!("{name}1"), "--threads 1");
        train(folder, &settings, &format!("{name}2"), "--threads 2");
        assert_same(folder, &format!("{name}1"), &format!("{name}2"));
    }
    // A column of batches is looked at by the removal alone.
    let keep = format!("{CLOSED} --anchor only --batch-column cell_type --batch-effects keep");
    train(folder, &keep, "kept", "");
    assert_same(folder, "kept", "closed1");
    let unknown = attempt(folder, "mfdoom-pretrain", &format!("{CLOSED} --batch-column lane -o none"));
    assert!(!unknown.status.success() && !folder.join("none").exists());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("lane"));
}

#[test]
fn a_killed_run_with_profiles_resumes_to_the_same_weights() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, PROFILES, "whole", "");
    killed_at_a_checkpoint(folder, "mfdoom-pretrain", &format!("{PROFILES} -o killed --checkpoint-every 1"));
    let resumed = run(folder, "mfdoom-pretrain", &format!("{PROFILES} -o killed --resume"));
    let log = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(log.contains("going on from the checkpoint of step "), "{log}");
    assert_same(folder, "killed", "whole");
}

#[test]
fn threads_change_no_byte_of_embeddings_with_profiles() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, PROFILES, "model", "");
    for threads in [1, 2] {
        let arguments = format!("tokens.parquet --model model --threads {threads} -o e{threads}.parquet");
        run(folder, "mfdoom-embed", &arguments);
    }
    assert!(bytes(folder, "e1.parquet") == bytes(folder, "e2.parquet"));
}

#[test]
fn a_decoder_that_would_see_nothing_of_a_cell_is_refused() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, PROFILES, "profiles", "--threads 2");
    let labels = "tokens.parquet --model profiles --task classification --targets cell_type -o labels";
    let refused = attempt(folder, "mfdoom-finetune-decoder", labels);
    assert_eq!(refused.status.code(), Some(4));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("would see nothing of a cell") && text.contains("--max-tokens 128"), "{text}");
    assert!(!folder.join("labels").exists());
    run(
        folder,
        "mfdoom-finetune-decoder",
        "tokens.parquet --model profiles --task expression --targets expression --epochs 0 -o expression",
    );
}

#[test]
fn a_run_that_was_killed_after_its_end_is_done_when_resumed() {
    let folder = tokens();
    let folder = folder.path();
    train(folder, PROFILES, "model", "");
    let weights = bytes(folder, "model/model.safetensors");
    killed_at_a_checkpoint(folder, "mfdoom-pretrain", &format!("{PROFILES} -o killed --checkpoint-every 1"));
    std::fs::rename(folder.join("killed.checkpoint"), folder.join("model.checkpoint")).unwrap();
    train(folder, PROFILES, "model", "--resume");
    assert!(!folder.join("model.checkpoint").exists());
    assert!(weights == bytes(folder, "model/model.safetensors"));
}
