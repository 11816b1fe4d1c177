//! Snakemake alone: lint and report, configuration, what jobs there are and what they ask for, names with spaces.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use mfdoom_tests::engines::{Place, Way, engines, path, root, text, tree};
use mfdoom_tests::stage;

/// The stages that run a model.
const MODEL_RULES: [&str; 4] = ["pretrain", "embed", "finetune_decoder", "velocity_predict"];

#[test]
fn snakemake_is_linted_and_reports() {
    let Some(engines) = engines() else { return };
    let place = Place::new();
    let mut command = place.command(Way::Snakemake, "sheet.csv", "out", &[]);
    command.arg("--lint");
    let said = text(command, true);
    assert!(said.contains("in a good condition"), "{said}");
    text(place.command(Way::Snakemake, "sheet.csv", "out", &[("velocity", "false")]), true);
    let mut command = place.command(Way::Snakemake, "sheet.csv", "out", &[("velocity", "false")]);
    command.args(["--report", "report.html"]);
    text(command, true);
    let report = String::from_utf8(place.bytes("report.html")).unwrap();
    assert!(report.contains("The card of the model"), "{} wrote no caption", engines.snakemake);
}

/// A job of a dry run, or a try of one.
struct Job {
    rule: String,
    lines: Vec<String>,
}

impl Job {
    /// Returns what follows the name of a line.
    fn line(&self, name: &str) -> &str {
        self.lines.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
    }

    fn sample(&self) -> &str {
        self.line("wildcards:").split(", ").find_map(|word| word.strip_prefix("sample=")).unwrap_or_default()
    }

    /// Returns a request, 0 where there is none.
    fn asks(&self, name: &str) -> u64 {
        let asked =
            self.line("resources:").split(", ").find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        asked.map_or(0, |value| value.parse().unwrap_or_else(|_| panic!("{}: {name}={value}", self.rule)))
    }
}

/// Returns the jobs that Snakemake names, in order.
fn jobs(said: &str) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut open = false;
    for line in said.lines().map(str::trim) {
        let begun = line.strip_prefix("rule ").or(line.strip_prefix("localrule "));
        if let Some(rule) = begun.and_then(|rest| rest.strip_suffix(':')) {
            jobs.push(Job { rule: rule.to_owned(), lines: Vec::new() });
            open = true;
        } else if line.starts_with('[') {
            open = false;
        } else if let (true, Some(job)) = (open, jobs.last_mut()) {
            job.lines.push(line.to_owned());
        }
    }
    jobs
}

/// Returns the jobs of a dry run.
fn dry(place: &Place, outdir: &str, more: &[(&str, &str)]) -> Vec<Job> {
    let mut command = place.command(Way::Snakemake, "sheet.csv", outdir, more);
    command.args(["--dry-run", "--printshellcmds"]);
    jobs(&text(command, true))
}

fn counted(jobs: &[Job]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for job in jobs {
        *counts.entry(job.rule.as_str()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn the_test_configuration_in_the_working_folder_is_taken() {
    let Some(engines) = engines() else { return };
    let place = Place::new();
    fs::create_dir(place.path("config")).unwrap();
    fs::copy(root().join("snakemake/.test/config/config.yaml"), place.path("config/config.yaml")).unwrap();
    let local = root().join("snakemake/profiles/local").display().to_string();
    for profile in [&["--cores", "2", "--printshellcmds"][..], &["--profile", &local]] {
        let mut command = Command::new(&engines.snakemake);
        command.current_dir(place.path("")).env("PATH", path(&[]));
        command.arg("-s").arg(root().join("snakemake/workflow/Snakefile")).arg("--dry-run");
        command.args(profile).args(["--config", "input=sheet.csv", "outdir=out"]);
        let jobs = jobs(&text(command, true));
        let wanted = [
            ("all", 1),
            ("annotate", 3),
            ("embed", 3),
            ("finetune_decoder", 1),
            ("preprocess", 3),
            ("pretrain", 1),
            ("report", 1),
            ("velocity_fit", 2),
            ("velocity_predict", 3),
            ("vocabulary", 1),
        ];
        assert_eq!(counted(&jobs), BTreeMap::from(wanted), "{profile:?}");
        let command = jobs.iter().find(|job| job.rule == "pretrain").unwrap().line("Shell command:");
        assert!(command.contains("--preset tiny --epochs 1 --max-tokens 32 "), "{profile:?}: {command}");
    }
}

#[test]
fn every_stage_is_a_job_of_a_sample_or_shard_and_quotes_its_paths() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let jobs = dry(&place, "lay sm", &[("shards", "2")]);
    let wanted = [
        ("all", 1),
        ("annotate", 3),
        ("embed_shard", 6),
        ("finetune_decoder", 1),
        ("gather_embeddings", 3),
        ("gather_predictions", 3),
        ("gather_tokens", 3),
        ("preprocess_shard", 6),
        ("pretrain", 1),
        ("report", 1),
        ("velocity_fit", 2),
        ("velocity_predict_shard", 6),
        ("vocabulary", 1),
    ];
    assert_eq!(counted(&jobs), BTreeMap::from(wanted));
    for job in jobs.iter().filter(|job| job.rule != "all") {
        let command = job.line("Shell command:");
        assert!(command.starts_with("mfdoom-"), "{}: {command}", job.rule);
        assert_eq!(command.matches("mfdoom-").count(), 1, "{}: {command}", job.rule);
        assert!(!command.contains(" lay sm"), "{}: a path without quotes: {command}", job.rule);
    }
}

#[test]
fn a_gpu_is_asked_for_by_what_runs_a_model_on_it() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    for (device, gpus) in [("cuda", 1), ("cpu", 0)] {
        let jobs = dry(&place, "out", &[("device", device)]);
        assert_eq!(jobs.len(), 19);
        for job in jobs {
            let wanted = if MODEL_RULES.contains(&job.rule.as_str()) { gpus } else { 0 };
            // What comes of other jobs has no size yet to make memory and time of; the GPU is known.
            assert_eq!(job.asks("gpu"), wanted, "{device}: {}: {}", job.rule, job.line("resources:"));
        }
    }
}

/// Makes a file longer without filling the disk.
fn lengthen(file: &Path, megabytes: u64) {
    fs::File::options().create(true).append(true).open(file).unwrap().set_len(megabytes * 1_000_000).unwrap();
}

#[test]
fn memory_and_time_grow_with_the_input_the_part_of_a_shard_and_the_attempt() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    // All that the stages read is there, so that a dry run knows the sizes.
    for folder in ["model", "decoder", "out/tokens"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    for name in ["model/vocab.json", "out/vocab.json"] {
        fs::write(place.path(name), "{}").unwrap();
    }
    lengthen(&place.path("counts/young.h5ad"), 100_000);
    lengthen(&place.path("out/tokens/adult.parquet"), 100_000);
    let given = [("model", "model"), ("decoder", "decoder"), ("stream", "false")];
    let [whole, shards] = ["1", "100"].map(|n| dry(&place, "out", &[&given[..], &[("shards", n)]].concat()));
    let asked = |jobs: &[Job], rule: &str, sample: &str| {
        let job = jobs.iter().find(|job| job.rule == rule && job.sample() == sample);
        let job = job.unwrap_or_else(|| panic!("no {rule} of {sample}"));
        ["mem_mb", "runtime"].map(|name| job.asks(name))
    };
    for (rule, sample) in [("preprocess", "young"), ("embed", "adult"), ("velocity_predict", "adult")] {
        let of_whole = asked(&whole, rule, sample);
        let of_shard = asked(&shards, &format!("{rule}_shard"), sample);
        for (whole, shard) in of_whole.into_iter().zip(of_shard) {
            assert!(whole > 10 * shard, "{rule}: {of_whole:?}, a shard {of_shard:?}");
        }
    }
    let [small, large] = ["adult", "young"].map(|sample| asked(&whole, "velocity_fit", sample));
    assert!(large[0] > 100 * small[0] && large[1] > 100 * small[1], "{small:?}, {large:?}");

    place.script("mfdoom-velocity", "exit 1");
    let mut command = place.command(Way::Snakemake, "sheet.csv", "out", &[]);
    command.args(["--retries", "1", "out/velocity/adult/fit"]).env("PATH", path(&[&place.path("bin")]));
    let tries = jobs(&text(command, false));
    let asked: Vec<_> =
        tries.iter().filter(|job| job.rule == "velocity_fit").map(|job| job.asks("mem_mb")).collect();
    assert!(asked.len() == 2 && asked[1].abs_diff(2 * asked[0]) < 2, "{asked:?}");
}

/// Lets one end of the pipe fail and returns whether the other one, which waits for it, ends.
fn other_end_ends(place: &Place, failing: &str, waiting: &str) -> bool {
    let ended = place.path(&format!("{waiting}.ended"));
    let waits = format!("\"$real\" \"$@\"; touch '{}'", ended.display());
    for (name, does) in [(failing, "sleep 1"), (waiting, &waits)] {
        let real = stage(&format!("mfdoom-{name}")).display().to_string();
        let lines =
            format!("real='{real}'\ncase \"$*\" in *pipes/*) {does}; exit 1 ;; esac\nexec \"$real\" \"$@\"");
        place.script(&format!("mfdoom-{name}"), &lines);
    }
    let given = [("model", "first run/model"), ("velocity", "false")];
    let mut command = place.command(Way::Snakemake, "sheet.csv", failing, &given);
    command.env("PATH", path(&[&place.path("bin")])).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(!command.status().unwrap().success(), "{failing} failed, not so the run");
    (0..100).any(|_| {
        sleep(Duration::from_millis(100));
        ended.exists()
    })
}

#[test]
fn a_decoder_is_used_again_from_and_into_folders_with_spaces_and_all_is_measured() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    text(place.command(Way::Snakemake, "sheet.csv", "first run", &[]), true);
    let decoder = "first run/decoder/velocity";
    let state = || {
        let made = |name: &String| fs::metadata(place.path(decoder).join(name)).unwrap().modified().unwrap();
        let files = tree(&place.path(decoder));
        files.into_iter().map(|(name, bytes)| (made(&name), name, bytes)).collect::<Vec<_>>()
    };
    let before = state();
    let given = [("model", "first run/model/"), ("decoder", decoder)];
    let said = text(place.command(Way::Snakemake, "sheet.csv", "second run", &given), true);
    let jobs = jobs(&said);
    let counts = counted(&jobs);
    assert!(!counts.contains_key("pretrain") && !counts.contains_key("finetune_decoder"), "{counts:?}");
    assert_eq!(counts["stream_tokens"], 3, "{said}");
    assert!(state() == before, "the decoder's folder is not as it was");
    assert!(!place.path("second run/decoder").exists());
    for sample in ["adult", "young", "public"] {
        for result in ["velocity/S/predict/velocity.parquet", "embeddings/S.parquet"] {
            let result = result.replace('S', sample);
            let [a, b] = ["first run", "second run"].map(|run| place.bytes(&format!("{run}/{result}")));
            assert!(a == b, "{result} differs");
        }
        assert!(place.path(&format!("second run/h5ad/{sample}.h5ad")).is_file());
    }
    let measured = tree(&place.path("first run/pipeline_info/benchmarks"));
    assert_eq!(measured.len(), 18, "{:?}", measured.keys());
    for (name, table) in measured {
        let table = String::from_utf8(table).unwrap();
        let seconds = table.lines().nth(1).and_then(|row| row.split('\t').next()?.parse::<f64>().ok());
        assert!(table.starts_with("s\t") && seconds.is_some_and(|s| s > 0.0), "{name}: {table}");
    }
    for (failing, waiting) in [("embed", "preprocess"), ("preprocess", "embed")] {
        assert!(other_end_ends(&place, failing, waiting), "{waiting} waits for ever after {failing} failed");
    }
}

#[test]
fn settings_are_taken_as_meant_or_refused_in_plain_words() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let jobs = dry(&place, "2024_01", &[("velocity", "false")]);
    let vocabulary = jobs.iter().find(|job| job.rule == "vocabulary").unwrap();
    assert_eq!(vocabulary.line("output:"), "2024_01/vocab.json");
    fs::create_dir(place.path("model")).unwrap();
    fs::write(place.path("model/vocab.json"), "{}").unwrap();
    for (setting, cores, message) in [
        (("velocity", "[1]"), "2", "is not of type 'boolean'"),
        (("device", "tpu"), "2", "'tpu' does not match"),
        (("model", "model"), "1", "or use --config stream=false"),
    ] {
        let mut command = place.command(Way::Snakemake, "sheet.csv", "out", &[setting]);
        command.args(["--dry-run", "--cores", cores]);
        let said = text(command, false);
        assert!(said.contains(message) && !said.contains("TypeError"), "{setting:?}: {said}");
    }
}
