//! Stages killed at random moments: what has a name is whole, and the same command again gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mfdoom_artifact::sha256_file;
use mfdoom_tests::{run, stage};

use crate::mutate::Random;
use crate::{files, number};

/// A command that publishes something, and what.
struct Stage {
    name: &'static str,
    arguments: &'static str,
    /// Appended when it is run again: to go on from a checkpoint.
    again: &'static str,
    output: &'static str,
}

const STAGES: [Stage; 10] = [
    Stage {
        name: "mfdoom-simulate",
        arguments: "-o s.h5ad --cells 300 --genes 200 --seed 2",
        again: "--force",
        output: "s.h5ad",
    },
    Stage {
        name: "mfdoom-preprocess",
        arguments: "a.h5ad -o t.parquet --force",
        again: "",
        output: "t.parquet",
    },
    Stage {
        name: "mfdoom-pretrain",
        arguments: "tokens.parquet -o m --preset tiny --epochs 2 --batch-cells 16 --checkpoint-every 5 --threads 1",
        again: "--resume",
        output: "m",
    },
    Stage {
        name: "mfdoom-finetune-decoder",
        arguments: "tokens.parquet --model model --task expression -o d --epochs 2 --batch-cells 16 --checkpoint-every 5 --threads 1",
        again: "--resume",
        output: "d",
    },
    Stage {
        name: "mfdoom-embed",
        arguments: "tokens.parquet --model model -o e.parquet --force",
        again: "",
        output: "e.parquet",
    },
    Stage {
        name: "mfdoom-decode",
        arguments: "tokens.parquet --model model --decoder decoder -o p.parquet --force",
        again: "",
        output: "p.parquet",
    },
    Stage { name: "mfdoom-velocity", arguments: "fit a.h5ad -o v --force", again: "", output: "v" },
    Stage { name: "mfdoom-velocity", arguments: "graph fit -o g --force", again: "", output: "g" },
    Stage {
        name: "mfdoom-annotate",
        arguments: "a.h5ad --velocity fit -o b.h5ad --force",
        again: "",
        output: "b.h5ad",
    },
    Stage {
        name: "mfdoom-gather",
        arguments: "s1.parquet s2.parquet -o w.parquet --force",
        again: "",
        output: "w.parquet",
    },
];

fn prepare(folder: &Path) {
    run(folder, "mfdoom-simulate", "-o a.h5ad --cells 300 --genes 200 --seed 1");
    run(folder, "mfdoom-preprocess", "a.h5ad -o tokens.parquet");
    run(folder, "mfdoom-preprocess", "a.h5ad -o s1.parquet --shard 1/2");
    run(folder, "mfdoom-preprocess", "a.h5ad -o s2.parquet --shard 2/2");
    run(folder, "mfdoom-pretrain", "tokens.parquet -o model --preset tiny --epochs 1");
    run(
        folder,
        "mfdoom-finetune-decoder",
        "tokens.parquet --model model --task expression -o decoder --epochs 0",
    );
    run(folder, "mfdoom-velocity", "fit a.h5ad -o fit");
}

/// Hashes of a file, or of all files of a folder but the metrics, which hold speeds.
fn hashes(path: &Path) -> BTreeMap<String, String> {
    let all = if path.is_dir() { files(path) } else { vec![path.to_owned()] };
    let name = |file: &Path| file.strip_prefix(path).unwrap_or(file).display().to_string();
    let kept = all.iter().filter(|file| !file.ends_with("metrics.parquet"));
    kept.map(|file| (name(file), sha256_file(file).unwrap())).collect()
}

fn start(folder: &Path, name: &str, arguments: &str) -> std::process::Child {
    let mut command = Command::new(stage(name));
    command.current_dir(folder).args(arguments.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
#[ignore = "by hand: minutes of runs that are killed"]
fn a_killed_stage_leaves_nothing_half() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    prepare(folder);
    let kills = number("MFDOOM_FUZZ_KILLS", 10);
    for (kind, of) in STAGES.iter().enumerate() {
        let begin = Instant::now();
        run(folder, of.name, of.arguments);
        let took = begin.elapsed();
        let output = folder.join(of.output);
        let whole = hashes(&output);
        let (mut killed, mut late) = (0, 0);
        for case in 0..kills {
            let mut random = Random::new(number("MFDOOM_FUZZ_SEED", 1), of.name, 1000 * kind as u64 + case);
            let replaces = of.arguments.contains("--force");
            if !replaces {
                if output.is_dir() { fs::remove_dir_all(&output) } else { fs::remove_file(&output) }.unwrap();
            }
            let mut child = start(folder, of.name, of.arguments);
            std::thread::sleep(Duration::from_micros(
                random.below(took.as_micros() as usize * 11 / 10) as u64
            ));
            child.kill().unwrap();
            match child.wait().unwrap().success() {
                true => late += 1,
                false => killed += 1,
            }
            let told = format!("{} {} case {case}", of.name, of.arguments);
            // The old one, the new one, which is the same, or where nothing was replaced none.
            match output.exists() {
                true => assert_eq!(hashes(&output), whole, "{told}: something half"),
                false => assert!(!replaces, "{told}: what was to be replaced is gone"),
            }
            if !output.exists() || replaces {
                run(folder, of.name, &format!("{} {}", of.arguments, of.again));
            }
            assert_eq!(hashes(&output), whole, "{told}: other bytes after a kill");
            let left: Vec<String> = fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|name| name.contains(".tmp-") || name.contains(".old-"))
                .collect();
            assert!(left.is_empty(), "{told}: left {left:?}");
        }
        println!("{} {}: {killed} killed, {late} had ended", of.name, of.arguments);
    }
}
