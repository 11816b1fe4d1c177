//! Stages killed at random moments: what has a name is whole, and the same command again gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mfdoom_artifact::sha256_file;
use mfdoom_tests::{run, stage};

use crate::mutate::Random;
use crate::{State, files, number};

/// What lies where a stage publishes, before it begins.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    /// The result of an earlier run, to be replaced.
    Result,
    /// A copy of this file, to be added to.
    CopyOf(&'static str),
}

/// A command that publishes something, and what.
struct Stage {
    name: &'static str,
    arguments: &'static str,
    /// Appended when it is run again: to go on from a checkpoint.
    again: &'static str,
    output: &'static str,
    before: Before,
}

impl Stage {
    const fn new(
        name: &'static str,
        arguments: &'static str,
        again: &'static str,
        output: &'static str,
        before: Before,
    ) -> Self {
        Self { name, arguments, again, output, before }
    }

    /// What the stage is called in messages and in the file of `MFDOOM_FUZZ_STATE`.
    fn title(&self) -> String {
        format!("{} {}", self.name, self.arguments)
    }
}

const TRAINING: &str = "--batch-cells 16 --checkpoint-every 2 --threads 1";

const STAGES: [Stage; 14] = [
    Stage::new("mfdoom-simulate", "-o s.h5ad --cells 60 --genes 60", "", "s.h5ad", Before::Nothing),
    Stage::new("mfdoom-preprocess", "a.h5ad -o t.parquet --force", "", "t.parquet", Before::Result),
    Stage::new("mfdoom-pretrain", "tokens.parquet -o m --epochs 2", "--resume", "m", Before::Nothing),
    Stage::new(
        "mfdoom-finetune-decoder",
        "tokens.parquet --model model --task expression -o d --epochs 3",
        "--resume",
        "d",
        Before::Nothing,
    ),
    Stage::new(
        "mfdoom-embed",
        "tokens.parquet --model model -o e.parquet --force",
        "",
        "e.parquet",
        Before::Result,
    ),
    Stage::new(
        "mfdoom-embed",
        "tokens.parquet --model model --into e.h5ad",
        "",
        "e.h5ad",
        Before::CopyOf("a.h5ad"),
    ),
    Stage::new(
        "mfdoom-decode",
        "tokens.parquet --model model --decoder decoder -o p.parquet --force",
        "",
        "p.parquet",
        Before::Result,
    ),
    Stage::new(
        "mfdoom-decode",
        "tokens.parquet --model model --decoder decoder --into p.h5ad",
        "",
        "p.h5ad",
        Before::CopyOf("a.h5ad"),
    ),
    Stage::new("mfdoom-velocity", "fit a.h5ad -o v --force", "", "v", Before::Result),
    Stage::new("mfdoom-velocity", "graph fit -o g --force", "", "g", Before::Result),
    Stage::new(
        "mfdoom-velocity",
        "predict tokens.parquet --model model --decoder velocities -o vp --force",
        "",
        "vp",
        Before::Result,
    ),
    Stage::new("mfdoom-annotate", "a.h5ad --velocity fit -o b.h5ad --force", "", "b.h5ad", Before::Result),
    Stage::new(
        "mfdoom-gather",
        "s1.parquet s2.parquet -o w.parquet --force",
        "",
        "w.parquet",
        Before::Result,
    ),
    Stage::new(
        "mfdoom-evaluate",
        "embedding embedded.parquet -o ev.json --force",
        "",
        "ev.json",
        Before::Result,
    ),
];

fn prepare(folder: &Path) {
    let decoder = |task: &str| {
        let arguments = format!("tokens.parquet --model model {task} --epochs 0");
        run(folder, "mfdoom-finetune-decoder", &arguments);
    };
    run(folder, "mfdoom-simulate", "-o a.h5ad --cells 80 --genes 60 --seed 1");
    run(folder, "mfdoom-preprocess", "a.h5ad -o tokens.parquet");
    run(folder, "mfdoom-preprocess", "a.h5ad -o s1.parquet --shard 1/2");
    run(folder, "mfdoom-preprocess", "a.h5ad -o s2.parquet --shard 2/2");
    run(folder, "mfdoom-pretrain", "tokens.parquet -o model --epochs 1");
    run(folder, "mfdoom-embed", "tokens.parquet --model model -o embedded.parquet");
    run(folder, "mfdoom-velocity", "fit a.h5ad -o fit");
    decoder("--task expression -o decoder");
    decoder("--task velocity --targets fit -o velocities");
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

/// A stage, what it gives, and how long that takes.
struct Victim<'a> {
    of: &'a Stage,
    folder: &'a Path,
    arguments: String,
    whole: BTreeMap<String, String>,
    took: Duration,
}

impl<'a> Victim<'a> {
    /// Runs the stage once, undisturbed.
    fn new(of: &'a Stage, folder: &'a Path) -> Self {
        let trains = !of.again.is_empty();
        let arguments = if trains { format!("{} {TRAINING}", of.arguments) } else { of.arguments.to_owned() };
        if let Before::CopyOf(source) = of.before {
            fs::copy(folder.join(source), folder.join(of.output)).unwrap();
        }
        let begin = Instant::now();
        run(folder, of.name, &arguments);
        let took = begin.elapsed();
        Self { of, folder, arguments, whole: hashes(&folder.join(of.output)), took }
    }

    /// Brings back what is there before a run.
    fn reset(&self) {
        let output = self.folder.join(self.of.output);
        match self.of.before {
            Before::Nothing if output.is_dir() => fs::remove_dir_all(&output).unwrap(),
            Before::Nothing => fs::remove_file(&output).unwrap(),
            Before::Result => {}
            Before::CopyOf(source) => drop(fs::copy(self.folder.join(source), &output).unwrap()),
        }
    }

    /// Kills a run, checks what it left, and runs it again; returns whether the kill came before the end.
    fn kill(&self, case: u64) -> bool {
        let mut random = Random::new(number("MFDOOM_FUZZ_SEED", 1), &self.of.title(), case);
        self.reset();
        let mut child = start(self.folder, self.of.name, &self.arguments);
        let moment = random.below(self.took.as_micros() as usize * 11 / 10) as u64;
        std::thread::sleep(Duration::from_micros(moment));
        child.kill().unwrap();
        let killed = !child.wait().unwrap().success();
        let told = format!("{} case {case}", self.of.title());
        let output = self.folder.join(self.of.output);
        let found = output.exists().then(|| hashes(&output));
        let before = match self.of.before {
            Before::Nothing => None,
            Before::Result => Some(self.whole.clone()),
            Before::CopyOf(source) => hashes(&self.folder.join(source))
                .into_values()
                .next()
                .map(|hash| BTreeMap::from([(String::new(), hash)])),
        };
        assert!(found == before || found.as_ref() == Some(&self.whole), "{told}: something half");
        if found.as_ref() != Some(&self.whole) || matches!(self.of.before, Before::Result) {
            run(self.folder, self.of.name, &format!("{} {}", self.arguments, self.of.again));
        }
        assert_eq!(hashes(&output), self.whole, "{told}: other bytes after a kill");
        let names = fs::read_dir(self.folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let left: Vec<String> = names
            .filter(|name| [".tmp-", ".old-", ".checkpoint"].iter().any(|part| name.contains(part)))
            .collect();
        assert!(left.is_empty(), "{told}: left {left:?}");
        killed
    }
}

#[test]
#[ignore = "by hand: minutes of runs that are killed"]
fn a_killed_stage_leaves_nothing_half() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    prepare(folder);
    let state = State::open();
    let only = std::env::var("MFDOOM_FUZZ_ONLY").unwrap_or_default();
    for of in STAGES.iter().filter(|of| of.title().contains(&only)) {
        let victim = Victim::new(of, folder);
        let first = state.next(&of.title());
        let (mut killed, kills) = (0, number("MFDOOM_FUZZ_KILLS", 10));
        for case in first..first + kills {
            killed += u64::from(victim.kill(case));
            state.set(&of.title(), case + 1);
        }
        let late = kills - killed;
        println!(
            "{}: from case {first}: {killed} killed, {late} had ended; {:?} a run",
            of.title(),
            victim.took
        );
    }
}
