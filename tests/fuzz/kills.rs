//! Stages killed at random moments: what has a name is whole, and the same command again gives the same bytes.
//!
//! A run is killed several times in a row, which leaves what a bad night leaves, before it may end: a kill costs a part
//! of a run, and the check of the bytes is shared by [`IN_A_ROW`] kills.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mfdoom_artifact::sha256_file;
use mfdoom_tests::{run, stage};

use crate::mutate::Random;
use crate::{State, files, is_wanted, number, until};

/// Kills before a run may end.
const IN_A_ROW: u64 = 10;

/// Least time that a run is thought to take.
const LEAST: Duration = Duration::from_millis(20);

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
    /// Names of what it publishes.
    outputs: &'static [&'static str],
    before: Before,
}

impl Stage {
    /// A stage that begins with nothing and may be killed while it trains.
    const fn training(name: &'static str, arguments: &'static str, outputs: &'static [&'static str]) -> Self {
        Self { name, arguments, again: "--resume", outputs, before: Before::Nothing }
    }

    /// A stage that replaces an earlier result.
    const fn replacing(
        name: &'static str,
        arguments: &'static str,
        outputs: &'static [&'static str],
    ) -> Self {
        Self { name, arguments, again: "", outputs, before: Before::Result }
    }

    /// A stage that adds to a copy of a file.
    const fn adding(
        name: &'static str,
        arguments: &'static str,
        outputs: &'static [&'static str],
        source: &'static str,
    ) -> Self {
        Self { name, arguments, again: "", outputs, before: Before::CopyOf(source) }
    }

    /// What the stage is called in messages and in the file of `MFDOOM_FUZZ_STATE`.
    fn title(&self) -> String {
        format!("{} {}", self.name, self.arguments)
    }
}

const TRAINING: &str = "--batch-cells 16 --checkpoint-every 2";

const STAGES: [Stage; 18] = [
    Stage::training("mfdoom-pretrain", "tokens.parquet -o m --epochs 2", &["m"]),
    Stage::training(
        "mfdoom-finetune-decoder",
        "tokens.parquet --model model --task expression -o d --epochs 3",
        &["d"],
    ),
    Stage::training(
        "mfdoom-finetune-decoder",
        "tokens.parquet --model model --task next-state --targets graph/ -o n --epochs 2",
        &["n"],
    ),
    Stage::replacing("mfdoom-simulate", "-o s.h5ad --cells 60 --genes 60 --force", &["s.h5ad"]),
    Stage::replacing("mfdoom-preprocess", "a.h5ad -o t.parquet --force", &["t.parquet"]),
    Stage::replacing("mfdoom-embed", "tokens.parquet --model model -o e.parquet --force", &["e.parquet"]),
    Stage::adding("mfdoom-embed", "tokens.parquet --model model --into e.h5ad", &["e.h5ad"], "a.h5ad"),
    Stage::replacing(
        "mfdoom-decode",
        "tokens.parquet --model model --decoder decoder -o p.parquet --force",
        &["p.parquet"],
    ),
    Stage::adding(
        "mfdoom-decode",
        "tokens.parquet --model model --decoder decoder --into p.h5ad",
        &["p.h5ad"],
        "a.h5ad",
    ),
    Stage::replacing("mfdoom-velocity", "fit a.h5ad -o v --force", &["v"]),
    Stage::replacing("mfdoom-velocity", "graph fit -o g --force", &["g"]),
    Stage::replacing(
        "mfdoom-velocity",
        "predict tokens.parquet --model model --decoder velocities -o vp --force",
        &["vp"],
    ),
    Stage::replacing(
        "mfdoom-generate",
        "tokens.parquet --model model --decoder velocities --n-trajectories 4 --steps 3 -o tr --force",
        &["tr"],
    ),
    Stage::replacing("mfdoom-annotate", "a.h5ad --velocity fit -o b.h5ad --force", &["b.h5ad"]),
    Stage::replacing("mfdoom-gather", "s1.parquet s2.parquet -o w.parquet --force", &["w.parquet"]),
    Stage::replacing("mfdoom-gather", "v1 v2 -o w --force", &["w"]),
    Stage::replacing(
        "mfdoom-evaluate",
        "embedding embedded.parquet -o ev.json --report ev.html --scatter ev.svg --force",
        &["ev.json", "ev.html", "ev.svg"],
    ),
    Stage::replacing(
        "mfdoom-evaluate",
        "trajectories walked --graph graph --label cell_type --terminal fate_1 -o et.json --report et.html --force",
        &["et.json", "et.html"],
    ),
];

fn prepare(folder: &Path) {
    let decoder = |task: &str| {
        let arguments = format!("tokens.parquet --model model {task} --epochs 0");
        run(folder, "mfdoom-finetune-decoder", &arguments);
    };
    let predict = |more: &str| {
        let arguments = format!("predict tokens.parquet --model model --decoder velocities {more}");
        run(folder, "mfdoom-velocity", &arguments);
    };
    run(folder, "mfdoom-simulate", "-o a.h5ad --cells 80 --genes 60 --seed 1");
    run(folder, "mfdoom-preprocess", "a.h5ad -o tokens.parquet");
    run(folder, "mfdoom-preprocess", "a.h5ad -o s1.parquet --shard 1/2");
    run(folder, "mfdoom-preprocess", "a.h5ad -o s2.parquet --shard 2/2");
    run(folder, "mfdoom-pretrain", "tokens.parquet -o model --epochs 1");
    run(folder, "mfdoom-embed", "tokens.parquet --model model -o embedded.parquet");
    run(folder, "mfdoom-velocity", "fit a.h5ad --obs cell_type -o fit");
    run(folder, "mfdoom-velocity", "graph fit -o graph");
    decoder("--task expression -o decoder");
    decoder("--task velocity --targets fit -o velocities");
    predict("--shard 1/2 -o v1");
    predict("--shard 2/2 -o v2");
    let walk = "tokens.parquet --model model --decoder velocities --n-trajectories 4 --steps 3 -o walked";
    run(folder, "mfdoom-generate", walk);
}

/// Hashes of files, or of all files of folders but the metrics, which hold speeds.
type Hashes = BTreeMap<String, String>;

fn hashes(path: &Path) -> Hashes {
    let all = if path.is_dir() { files(path) } else { vec![path.to_owned()] };
    let name = |file: &Path| file.strip_prefix(path).unwrap_or(file).display().to_string();
    let kept = all.iter().filter(|file| !file.ends_with("metrics.parquet"));
    kept.map(|file| (name(file), sha256_file(file).unwrap())).collect()
}

fn start(folder: &Path, name: &str, arguments: &str) -> Child {
    let mut command = Command::new(stage(name));
    command.current_dir(folder).args(arguments.split_whitespace()).env("MFDOOM_THREADS", "1");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A stage, what it gives, and how long that takes.
struct Victim<'a> {
    of: &'a Stage,
    folder: &'a Path,
    arguments: String,
    whole: Vec<Hashes>,
    took: Duration,
}

impl<'a> Victim<'a> {
    /// Runs the stage once, undisturbed, to know what it gives.
    fn new(of: &'a Stage, folder: &'a Path) -> Self {
        let trains = !of.again.is_empty();
        let arguments = if trains { format!("{} {TRAINING}", of.arguments) } else { of.arguments.to_owned() };
        let mut victim = Self { of, folder, arguments, whole: Vec::new(), took: Duration::ZERO };
        victim.reset();
        let begin = Instant::now();
        assert!(start(folder, of.name, &victim.arguments).wait().unwrap().success(), "{}", of.title());
        victim.took = begin.elapsed();
        victim.whole = of.outputs.iter().map(|output| hashes(&folder.join(output))).collect();
        victim.reset();
        victim
    }

    /// Brings back what is there before a run.
    fn reset(&self) {
        for output in self.of.outputs.iter().map(|output| self.folder.join(output)) {
            match self.of.before {
                Before::Nothing if output.is_dir() => fs::remove_dir_all(&output).unwrap(),
                Before::Nothing | Before::Result => {}
                Before::CopyOf(source) => drop(fs::copy(self.folder.join(source), &output).unwrap()),
            }
        }
    }

    /// Checks that each output is as before the run or as after it; returns whether all are as after it.
    fn check(&self, told: &str) -> bool {
        let mut all = true;
        for (output, whole) in self.of.outputs.iter().zip(&self.whole) {
            let path = self.folder.join(output);
            let found = path.exists().then(|| hashes(&path));
            let before = match self.of.before {
                Before::Nothing => None,
                Before::Result => Some(whole.clone()),
                Before::CopyOf(source) => {
                    let hash = hashes(&self.folder.join(source)).into_values().next().unwrap();
                    Some(Hashes::from([(String::new(), hash)]))
                }
            };
            let done = found.as_ref() == Some(whole);
            assert!(done || found == before, "{told}: {output} is something half");
            all &= done;
        }
        all
    }

    /// Kills a run and checks what it left; returns whether the kill came before the end.
    fn kill(&self, case: u64, resumes: bool) -> bool {
        let mut random = Random::new(number("MFDOOM_FUZZ_SEED", 1), &self.of.title(), case);
        let again = if resumes { self.of.again } else { "" };
        let mut child = start(self.folder, self.of.name, &format!("{} {again}", self.arguments));
        let took = self.took.as_micros() as usize;
        // A third of the kills is in the last quarter, where results are published.
        let moment = match random.below(3) {
            0 => took - random.below(took / 4),
            _ => random.below(took),
        };
        std::thread::sleep(Duration::from_micros(moment as u64));
        child.kill().unwrap();
        let killed = !child.wait().unwrap().success();
        self.check(&format!("{} case {case}", self.of.title()));
        killed
    }

    /// Returns whether a run has ended whose result another one would not make again: it would find its output there, or add
    /// to what was added to.
    fn is_done(&self) -> bool {
        let output = self.folder.join(self.of.outputs[0]);
        match self.of.before {
            Before::Nothing => output.exists(),
            Before::CopyOf(_) => hashes(&output) == self.whole[0],
            Before::Result => false,
        }
    }

    /// Lets a run end after kills, and checks that nothing tells of them.
    fn end(&self, case: u64) {
        let told = format!("{} up to case {case}", self.of.title());
        let checkpoint = self.folder.join(format!("{}.checkpoint", self.of.outputs[0]));
        if !self.is_done() || checkpoint.exists() {
            run(self.folder, self.of.name, &format!("{} {}", self.arguments, self.of.again));
        }
        assert!(self.check(&told), "{told}: other bytes after kills");
        let names = fs::read_dir(self.folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let left: Vec<String> = names
            .filter(|name| [".tmp-", ".old-", ".checkpoint"].iter().any(|part| name.contains(part)))
            .collect();
        assert!(left.is_empty(), "{told}: left {left:?}");
    }
}

/// Kills a stage until it was killed as often as wanted, or no time is left; prints how often.
fn kill_often(mut victim: Victim<'_>, state: &State, time: Instant) {
    let title = victim.of.title();
    let counted = format!("{title}: killed");
    let (mut case, before) = (state.next(&title), state.next(&counted));
    let wanted = number("MFDOOM_FUZZ_KILLS", 10);
    let (mut killed, mut in_a_row, mut late) = (0, 0, 0);
    while before + killed < wanted && Instant::now() < time && late <= 3 * wanted {
        // The machine is as busy as it is: a run takes what runs have taken lately.
        match victim.kill(case, in_a_row > 0) {
            true => {
                (killed, in_a_row) = (killed + 1, in_a_row + 1);
                victim.took = victim.took * 51 / 50;
            }
            false => {
                late += 1;
                victim.took = (victim.took * 4 / 5).max(LEAST);
            }
        }
        if in_a_row == IN_A_ROW || victim.is_done() {
            victim.end(case);
            victim.reset();
            in_a_row = 0;
        }
        case += 1;
    }
    victim.end(case);
    victim.reset();
    // Only what was checked to the end counts.
    state.set(&title, case);
    state.set(&counted, before + killed);
    println!("{title}: {} killed, {late} more had ended; about {:?} a run", before + killed, victim.took);
}

#[test]
#[ignore = "by hand: minutes of runs that are killed"]
fn a_killed_stage_leaves_nothing_half() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    prepare(folder);
    let state = State::open();
    let time = until();
    for of in STAGES.iter().filter(|of| is_wanted(&of.title())) {
        let wanted = number("MFDOOM_FUZZ_KILLS", 10);
        if Instant::now() < time && state.next(&format!("{}: killed", of.title())) < wanted {
            kill_often(Victim::new(of, folder), &state, time);
        }
    }
}
