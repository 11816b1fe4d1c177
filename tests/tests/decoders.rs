//! Decoders as users train and apply them: velocities, profiles, sampled counts, labels; killed runs, threads,
//! shards, and what is refused.

use std::path::Path;
use std::process::Command;

use mfdoom_artifact::velocity::open_velocities;
use mfdoom_artifact::{Column, read_metrics, read_safetensors_header};
use mfdoom_tests::{attempt, bytes, killed_at_a_checkpoint, run, stage};
use tempfile::TempDir;

const SMALL: &str = "--features 64 --components 10 --rank 8 --hidden 16 --batch-cells 32";

/// A folder with simulated cells, half of them expression-only, their tokens, a model and fitted velocities.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    run(to, "mfdoom-simulate", "-o sim.h5ad --cells 200 --genes 120 --batches 2 --drop-modalities 0.5");
    run(to, "mfdoom-preprocess", "sim.h5ad sim.expression.h5ad --obs cell_type -o tokens.parquet");
    run(to, "mfdoom-preprocess", "sim.expression.h5ad -o lacking.parquet");
    run(to, "mfdoom-pretrain", "tokens.parquet --preset tiny --max-tokens 64 --epochs 1 -o model");
    folder
}

fn velocities(folder: &Path) {
    run(folder, "mfdoom-velocity", "fit sim.h5ad -o fit --min-shared-counts 5");
}

fn finetune(folder: &Path, output: &str, more: &str) -> String {
    let arguments = format!("tokens.parquet --model model -o {output} {SMALL} {more}");
    let done = run(folder, "mfdoom-finetune-decoder", &arguments);
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// Keys and velocities of a folder, as bits.
fn rows(folder: &Path, name: &str) -> (Vec<String>, Vec<u32>) {
    let all = open_velocities(&folder.join(name)).unwrap().read_all().unwrap();
    (all.cell_id, all.matrices.concat().into_iter().map(f32::to_bits).collect())
}

fn code(folder: &Path, name: &str, arguments: &str) -> (Option<i32>, String) {
    let output = attempt(folder, name, arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn velocities_of_cells_with_expression_only() {
    let folder = folder();
    let folder = folder.path();
    velocities(folder);
    let log = finetune(folder, "decoder", "--task velocity --targets fit --epochs 2");
    assert!(log.contains("cells with velocities are among"), "{log}");
    let arguments = "predict lacking.parquet --model model --decoder decoder -o velocity";
    run(folder, "mfdoom-velocity", arguments);
    let all = open_velocities(&folder.join("velocity")).unwrap().read_all().unwrap();
    let Column::Float(uncertainty) = &all.obs[0] else { panic!("{:?}", all.obs) };
    assert!(
        !uncertainty.is_empty() && uncertainty.iter().all(|u| u.is_finite() && *u > 0.0),
        "{uncertainty:?}"
    );
    run(folder, "mfdoom-velocity", "graph velocity -o graph --n-neighbors 10 --n-pcs 5");

    let piped = format!(
        "mkdir fifo && mkfifo fifo/lacking.parquet && {{ '{}' sim.expression.h5ad -o - > fifo/lacking.parquet & \
         '{}' predict fifo/lacking.parquet --model model --decoder decoder -o piped; }}",
        stage("mfdoom-preprocess").display(),
        stage("mfdoom-velocity").display()
    );
    let piped = Command::new("sh").current_dir(folder).args(["-c", &piped]).output().unwrap();
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    assert!(bytes(folder, "piped/velocity.parquet") == bytes(folder, "velocity/velocity.parquet"));

    for shard in 1..=2 {
        let arguments = format!(
            "predict lacking.parquet --model model --decoder decoder -o part{shard} --shard {shard}/2"
        );
        run(folder, "mfdoom-velocity", &arguments);
    }
    run(folder, "mfdoom-gather", "part1 part2 -o whole");
    assert!(rows(folder, "whole") == rows(folder, "velocity"));
    let into =
        "lacking.parquet --model model --decoder decoder -o velocity --force --into sim.expression.h5ad";
    run(folder, "mfdoom-velocity", &format!("predict {into} --use-modalities expression"));

    run(
        folder,
        "mfdoom-pretrain",
        "tokens.parquet --preset tiny --max-tokens 64 --epochs 0 --seed 7 -o other",
    );
    let other = "predict lacking.parquet --model other --decoder decoder -o refused";
    let (status, message) = code(folder, "mfdoom-velocity", other);
    assert!(status == Some(4) && message.contains("another model"), "{message}");
    let wrong = "lacking.parquet --model model --decoder decoder -o refused.parquet";
    let (status, message) = code(folder, "mfdoom-decode", wrong);
    assert!(status == Some(4) && message.contains("mfdoom-velocity predict"), "{message}");
    let strangers = format!("lacking.parquet --model model --task velocity --targets fit -o refused {SMALL}");
    let (status, message) = code(folder, "mfdoom-finetune-decoder", &strangers);
    assert!(status == Some(3) && message.contains("none of the cells with targets"), "{message}");
    assert!(!folder.join("refused").exists() && !folder.join("refused.parquet").exists());
}

/// The bytes of a tensor of a decoder.
fn tensor(folder: &Path, decoder: &str, name: &str) -> Vec<u8> {
    let path = folder.join(decoder).join("model.safetensors");
    let (start, metadata) = read_safetensors_header(&path).unwrap();
    let (from, to) = metadata.info(name).unwrap_or_else(|| panic!("{decoder} has no {name}")).data_offsets;
    bytes(folder, &format!("{decoder}/model.safetensors"))[start as usize + from..start as usize + to]
        .to_vec()
}

#[test]
fn a_velocity_decoder_keeps_its_path_and_is_chosen_by_cosine() {
    let folder = folder();
    let folder = folder.path();
    velocities(folder);
    let task = "--task velocity --targets fit --lr 0.01 --penalty 30";
    finetune(folder, "start", &format!("{task} --validation 0 --epochs 0"));
    finetune(folder, "kept", &format!("{task} --validation 0 --epochs 1"));
    finetune(folder, "trained", &format!("{task} --validation 0 --epochs 1 --profile trained"));
    for fitted in ["decoder.profile.expression.map", "decoder.queries", "decoder.bias"] {
        let start = tensor(folder, "start", fitted);
        assert!(tensor(folder, "kept", fitted) == start, "{fitted} was trained");
        assert!(tensor(folder, "trained", fitted) != start, "{fitted} was not trained");
    }
    let network = "decoder.mlp.out.weight";
    assert!(tensor(folder, "kept", network) != tensor(folder, "start", network), "no network was trained");

    finetune(folder, "chosen", &format!("{task} --epochs 2"));
    let rows = read_metrics(&folder.join("chosen/metrics.parquet")).unwrap();
    let of = |epoch: f64, wanted: &dyn Fn(&str) -> bool| -> Vec<f64> {
        let here = rows.iter().filter(|row| row.split == "validation" && row.epoch == epoch);
        here.filter(|row| wanted(&row.name)).map(|row| row.value).collect()
    };
    for epoch in [0.0, 1.0, 2.0] {
        let cosines = of(epoch, &|name| name.starts_with("cosine/"));
        assert_eq!(cosines.len(), 4, "all modalities, and each alone");
        let distance = 1.0 - cosines.iter().sum::<f64>() / 4.0;
        let selection = of(epoch, &|name| name == "selection");
        assert!((selection[0] - distance).abs() < 1e-9, "{selection:?} against {distance}");
    }
}

#[test]
fn threads_and_a_killed_run_change_no_byte_of_a_decoder() {
    let folder = folder();
    let folder = folder.path();
    velocities(folder);
    let task = "--task velocity --targets fit --epochs 6 --patience 20 --hide-genes 0.1 --unfreeze 1";
    finetune(folder, "one", &format!("{task} --threads 1"));
    finetune(folder, "two", &format!("{task} --threads 2"));
    for file in ["model.safetensors", "config.json", "manifest.json", "genes.json"] {
        let same = bytes(folder, &format!("one/{file}")) == bytes(folder, &format!("two/{file}"));
        assert!(same, "{file} differs");
    }
    let arguments = format!("tokens.parquet --model model {SMALL} {task} --checkpoint-every 1 -o killed");
    killed_at_a_checkpoint(folder, "mfdoom-finetune-decoder", &arguments);
    let resumed = run(folder, "mfdoom-finetune-decoder", &format!("{arguments} --resume"));
    let log = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(log.contains("going on from the checkpoint of step "), "{log}");
    assert!(bytes(folder, "killed/model.safetensors") == bytes(folder, "one/model.safetensors"));
    assert!(bytes(folder, "killed/manifest.json") == bytes(folder, "one/manifest.json"));
}

#[test]
fn profiles_samples_and_labels() {
    let folder = folder();
    let folder = folder.path();
    for (task, more) in [
        ("expression", "--architecture attention --epochs 1"),
        ("generative", "--loss zinb --epochs 1"),
        ("classification", "--targets cell_type --epochs 3 --lr 0.003"),
    ] {
        let log = finetune(folder, task, &format!("--task {task} {more}"));
        assert!(log.contains("epoch 1 of "), "{log}");
    }
    let decode = |decoder: &str, output: &str, more: &str| {
        let arguments = format!("lacking.parquet --model model --decoder {decoder} -o {output} {more}");
        run(folder, "mfdoom-decode", &arguments);
        bytes(folder, output)
    };
    let profiles = decode("expression", "profiles.parquet", "");
    let tables = "--tokens lacking.parquet --train tokens.parquet --input expression -o metrics.json";
    run(folder, "mfdoom-evaluate", &format!("expression profiles.parquet {tables}"));
    let metrics: serde_json::Value = serde_json::from_slice(&bytes(folder, "metrics.json")).unwrap();
    let of = |at: usize, what: &str| metrics["modalities"][at][what].clone();
    assert_eq!([of(0, "modality"), of(2, "modality")], ["spliced", "expression"]);
    assert_eq!(of(0, "skipped"), "not in the tokens", "cells that lack a modality cannot be scored in it");
    let rows = metrics["scores"].as_array().unwrap().iter();
    let row = rows.filter(|row| row["set"] == "expression" && row["head"] == "predicted");
    let explained =
        row.filter(|row| row["name"] == "explained").find_map(|row| row["value"].as_f64()).unwrap();
    assert!(explained > 0.0, "better than the mean of each gene: {metrics}");
    let genes = String::from_utf8(bytes(folder, "expression/genes.json")).unwrap();
    let ids = genes.lines().filter_map(|line| line.strip_prefix("{\"id\":\"")?.split('"').next());
    std::fs::write(folder.join("genes.txt"), ids.take(3).collect::<Vec<_>>().join("\n")).unwrap();
    let three = decode("expression", "three.parquet", "--genes genes.txt");
    assert!(three.len() * 4 < profiles.len(), "{} {}", three.len(), profiles.len());
    let once = decode("generative", "once.parquet", "--sample 2 --seed 5");
    assert!(once == decode("generative", "again.parquet", "--sample 2 --seed 5 --threads 1"));
    assert!(once != decode("generative", "other.parquet", "--sample 2 --seed 6"));
    decode("classification", "labels.parquet", "");
    run(
        folder,
        "mfdoom-decode",
        "lacking.parquet --model model --decoder classification --into sim.expression.h5ad",
    );
    run(
        folder,
        "mfdoom-decode",
        "lacking.parquet --model model --decoder expression --into sim.expression.h5ad",
    );
    let (status, message) = code(
        folder,
        "mfdoom-decode",
        "lacking.parquet --model model --decoder classification --sample 1 -o x.parquet",
    );
    assert!(status == Some(2) && message.contains("--task generative"), "{message}");
    let wrong = format!(
        "tokens.parquet --model model --task classification --loss nb --targets cell_type -o x {SMALL}"
    );
    assert_eq!(code(folder, "mfdoom-finetune-decoder", &wrong).0, Some(2));
}

#[test]
fn cells_unlike_all_that_a_decoder_learned_from_are_warned_of() {
    let folder = folder();
    let folder = folder.path();
    velocities(folder);
    finetune(folder, "decoder", "--task velocity --targets fit --epochs 0");
    let predict = |tokens: &str| {
        let arguments =
            format!("predict {tokens}.parquet --model model --decoder decoder -o velocity --force");
        String::from_utf8_lossy(&run(folder, "mfdoom-velocity", &arguments).stderr).into_owned()
    };
    let like = predict("lacking");
    assert!(!like.contains("are unlike all cells"), "{like}");
    // Each of these has counts of about half of the genes, whichever these are: no combination of components has them.
    let genes: Vec<String> = (1..=120).map(|gene| format!("gene_{gene:05}")).collect();
    let mut text = format!("cell,{}\n", genes.join(","));
    for cell in 0..40 {
        let mixed = |gene: usize| (gene * gene + 7) * (cell + 3) * (gene + cell * cell + 1) % 11;
        let counts: Vec<&str> = (0..120).map(|gene| if mixed(gene) < 3 { "30" } else { "0" }).collect();
        text += &format!("cell{cell},{}\n", counts.join(","));
    }
    std::fs::write(folder.join("strange.csv"), text).unwrap();
    run(folder, "mfdoom-preprocess", "strange.csv --modality expression=X -o strange.parquet");
    let unlike = predict("strange");
    assert!(unlike.contains("are unlike all cells that the decoder learned from"), "{unlike}");
}
