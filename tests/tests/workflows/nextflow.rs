//! Nextflow alone: its tasks, what is resumed, what a stub makes, what is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mfdoom_tests::engines::{Engines, Place, Way, engines, path, root, statuses, text, tree};
use mfdoom_tests::stage;

use crate::{break_embed, results, run};

/// Returns name, status and work folder of every task of a run, by name.
fn tasks(place: &Place, outdir: &str) -> Vec<(String, String, PathBuf)> {
    let trace = place.bytes(&format!("{outdir}/pipeline_info/execution_trace.txt"));
    let trace = String::from_utf8(trace).unwrap();
    let header: Vec<&str> = trace.lines().next().unwrap().split('\t').collect();
    let column = |wanted: &str| header.iter().position(|name| *name == wanted).unwrap();
    let task = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let name = fields[column("name")].trim_start_matches("MFDOOM:").to_owned();
        let (folder, start) = fields[column("hash")].split_once('/').unwrap();
        let entries = fs::read_dir(place.path("work").join(folder)).unwrap().map(|entry| entry.unwrap());
        let work = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start)).last();
        (name, fields[column("status")].to_owned(), work.unwrap().path())
    };
    let mut tasks: Vec<_> = trace.lines().skip(1).map(task).collect();
    tasks.sort();
    tasks
}

/// Returns a run in a folder with no profile and no parameter yet.
fn plain(engines: &Engines, folder: &Path) -> Command {
    let mut command = Command::new(&engines.nextflow);
    command.arg("run").arg(root().join("nextflow")).args(["-ansi-log", "false"]);
    command.current_dir(folder).env("NXF_HOME", folder.join(".nxf"));
    command
}

#[test]
fn a_finished_run_is_resumed_whole_and_its_model_and_decoder_serve_the_next() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let command = |outdir, more: &[_]| place.command(Way::Nextflow, "sheet.csv", outdir, more);
    text(command("out", &[]), true);
    let wanted = [
        ("ANNOTATE", "mfdoom-annotate", vec!["adult", "public", "young"]),
        ("EMBED", "mfdoom-embed", vec!["adult", "public", "young"]),
        ("FINETUNEDECODER", "mfdoom-finetune-decoder", vec!["velocity"]),
        ("PREPROCESS", "mfdoom-preprocess", vec!["adult", "public", "young"]),
        ("PRETRAIN", "mfdoom-pretrain", vec!["3 tables"]),
        ("REPORT", "mfdoom-evaluate", vec!["3 tables"]),
        ("SHEET", "mfdoom-preprocess", vec!["sheet.csv"]),
        ("VELOCITYFIT", "mfdoom-velocity", vec!["adult", "young"]),
        ("VELOCITYPREDICT", "mfdoom-velocity", vec!["adult", "public", "young"]),
        ("VOCABULARY", "mfdoom-preprocess", vec!["3 samples"]),
    ];
    let done = tasks(&place, "out");
    let names: Vec<&String> = done.iter().map(|(name, ..)| name).collect();
    let tagged = wanted
        .iter()
        .flat_map(|(name, _, tags)| tags.iter().map(move |tag| format!("MFDOOM_{name} ({tag})")));
    assert!(names.iter().copied().eq(&tagged.collect::<Vec<_>>()), "{names:?}");
    for (name, status, work) in &done {
        assert_eq!(status, "COMPLETED", "{name}");
        let called = fs::read_to_string(work.join(".command.sh")).unwrap();
        assert!(called.contains("mfdoom-") && !called.contains("chain.sh"), "{name}: {called}");
    }
    let versions = wanted.map(|(name, tool, _)| {
        let mut asked = Command::new(stage(tool));
        asked.arg("--version");
        let said = text(asked, true);
        format!("MFDOOM_{name}:\n    {tool}: {}\n", said.trim().rsplit(' ').next().unwrap())
    });
    let collected = String::from_utf8(place.bytes("out/pipeline_info/mfdoom_versions.yml")).unwrap();
    assert_eq!(collected, versions.concat());

    // Neither the run nor its repeat writes into the folder of a task that is over.
    let decoder = &done.iter().find(|(name, ..)| name.contains("FINETUNEDECODER")).unwrap().2;
    let held = || tree(&decoder.join("decoder/velocity")).into_keys().collect::<Vec<_>>();
    let files = ["config.json", "genes.json", "manifest.json", "metrics.parquet", "model.safetensors"];
    assert_eq!(held(), files);
    let made = results(&place, "out");
    let mut again = command("out", &[]);
    again.arg("-resume");
    text(again, true);
    for (name, status, _) in tasks(&place, "out") {
        assert_eq!(status == "CACHED", !name.contains("SHEET"), "{name}: {status}");
    }
    assert_eq!(held(), files);
    assert!(results(&place, "out") == made, "the repeat changed results");

    text(command("next", &[("model", "out/model"), ("decoder", "out/decoder/velocity")]), true);
    assert!(results(&place, "out") == made, "what was given was changed");
    let rest =
        made.into_iter().filter(|(name, _)| !name.starts_with("model/") && !name.starts_with("decoder/"));
    assert!(rest.eq(results(&place, "next")), "a given model and decoder make other results");
}

#[test]
fn wrong_parameters_are_named_and_help_is_given() {
    let Some(engines) = engines() else { return };
    let folder = tempfile::tempdir().unwrap();
    let ask = |arguments: &str, well| {
        let mut command = plain(engines, folder.path());
        command.args(arguments.split(' '));
        text(command, well)
    };
    let said =
        ask("--epoch 3 --max-tokens 9 --shards 0 --epochs abc --preset huge --device tpu -stub", false);
    for message in [
        "--epoch: there is no such parameter; --epochs was meant?",
        "--maxTokens: there is no such parameter; --max_tokens was meant?",
        "--input is missing",
        "--outdir is missing",
        "--shards 0: a whole number from 1 was wanted",
        "--epochs abc: a whole number from 0 was wanted",
        "--preset huge: one of tiny, small, base, paper was wanted",
        "--device tpu: auto, cpu, cuda, cuda:N or metal was wanted",
    ] {
        assert!(said.contains(message), "{message}: {said}");
    }
    let said = ask("--help", true);
    for part in ["--max_tokens", "Velocity decoder to use", "[default: true]", "tiny, small, base, paper"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> =
        left.filter(|name| !name.to_string_lossy().starts_with('.') && name != "work").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn slurm_is_asked_for_arrays_whatever_files_are_called() {
    let Some(engines) = engines() else { return };
    let place = Place::new();
    // Runs what is submitted, every task of an array, and notes what was asked for.
    let sbatch = r#"asked=$(sed -n 's/^#SBATCH --array/array/p; s/^#SBATCH --mem/mem/p' "$1" | tr '\n' ' ')
echo "$asked" >> 'ASKED'
last=$(sed -n 's/^array 0-\([0-9]*\).*/\1/p' <<< "$asked")
for i in $(seq 0 "${last:-0}"); do SLURM_ARRAY_TASK_ID=$i bash "$1" > /dev/null 2>&1; done
echo "Submitted batch job $$""#;
    place.script("sbatch", &sbatch.replace("ASKED", &place.path("asked").display().to_string()));
    place.script("squeue", "");
    // A site may have parameters of its own, and numbers as text. The strict parser wants every profile in every
    // file.
    let site = "executor.pollInterval = '100ms'\nparams.site = 'here'\nparams.top_genes = '50'\n\
                profiles { test {} \n slurm {} \n arrays {} }\n";
    fs::write(place.path("site.config"), site).unwrap();
    fs::copy(place.path("counts/adult.h5ad"), place.path("counts/br[1] ä.h5ad")).unwrap();
    let sheet =
        "sample,counts,who\n\nadult,\"counts/br[1] ä.h5ad\",\"a, \"\"b\"\"\"\r\nyoung,counts/young.h5ad,";
    fs::write(place.path("odd [1].csv"), sheet).unwrap();
    for folder in ["m1/best", "m2/best"] {
        fs::create_dir_all(place.path(folder)).unwrap();
        fs::write(place.path(folder).join("vocab.json"), "").unwrap();
    }
    let mut command = plain(engines, &place.path(""));
    command.args(["-profile", "test,slurm,arrays", "-c", "site.config", "-stub", "--input", "odd [1].csv"]);
    command.args("--outdir out --shards 2 --model m1/best --decoder m2/best".split(' '));
    command.env("PATH", path(&[&place.path("bin")]));
    // Our launcher sees to names whatever the locale; of another one that is not known.
    command.env("LC_ALL", if engines.nextflow.contains("mfdoom/nextflow-") { "C" } else { "C.UTF-8" });
    text(command, true);
    let all = tasks(&place, "out");
    assert_eq!(all.len(), 24, "{all:?}");
    assert!(all.iter().all(|(_, status, _)| status == "COMPLETED"), "{all:?}");
    let asked = String::from_utf8(place.bytes("asked")).unwrap();
    let arrays: Vec<&str> = asked.lines().filter(|line| line.contains("array")).collect();
    let gather = "array 0-1 mem 2048M ";
    assert_eq!(arrays, ["array 0-3 mem 1280M ", gather, gather, gather, "array 0-1 mem 3072M "], "{asked}");
}

#[test]
fn nothing_is_trained_without_tokens() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let real = stage("mfdoom-preprocess").display().to_string();
    let lines = format!("case \"$*\" in *'-o tokens/'*) exit 3 ;; esac\nexec '{real}' \"$@\"");
    place.script("mfdoom-preprocess", &lines);
    fs::write(place.path("one.csv"), "sample,counts\nadult,counts/adult.h5ad\n").unwrap();
    let mut command = place.command(Way::Nextflow, "one.csv", "out", &[("velocity", "false")]);
    command.env("PATH", path(&[&place.path("bin")]));
    text(command, false);
    let log = String::from_utf8(place.bytes(".nextflow.log")).unwrap();
    assert!(log.contains("MFDOOM_PREPROCESS (adult)") && !log.contains("MFDOOM_PRETRAIN ("), "{log}");
}

#[test]
fn nextflow_resumes_what_a_killed_and_a_failing_task_lost() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let trace = place.path("Nextflow/pipeline_info/execution_trace.txt");
    // Killed for want of memory: tried again twice with more, then given up.
    break_embed(&place, "kill -9 $$");
    run(&place, Way::Nextflow, false);
    let killed = fs::read_to_string(&trace).unwrap();
    let attempts = killed.lines().filter(|line| line.contains("MFDOOM_EMBED (public)")).count();
    assert_eq!(attempts, 3, "{killed}");
    // A wrong call is not tried again, and its message is in view.
    break_embed(&place, "exec 'REAL' \"$@\" --heads nonsense");
    let failed = run(&place, Way::Nextflow, false);
    assert!(failed.contains("the model has no head 'nonsense'"), "{failed}");
    assert_eq!(statuses(&trace).get("FAILED"), Some(&1), "{}", fs::read_to_string(&trace).unwrap());
    // What was made of the other samples stays.
    for (name, status, _) in tasks(&place, "Nextflow").iter().filter(|(name, ..)| name.contains("EMBED")) {
        let sample = name.trim_start_matches("MFDOOM_EMBED (").trim_end_matches(')');
        let there = place.path(&format!("Nextflow/embeddings/{sample}.parquet")).is_file();
        assert_eq!(there, status != "FAILED", "{name}: {status}");
        assert!(place.path(&format!("Nextflow/tokens/{sample}.parquet")).is_file(), "{name}");
    }
    fs::remove_file(place.path("broken")).unwrap();
    run(&place, Way::Nextflow, true);
    // Sheet (never cached), embedding and h5ad of the sample that was lost, and what had not begun of the others:
    // of 13 tasks, the vocabulary, 3 tables of tokens, the model and 2 embeddings were there.
    let after = statuses(&trace);
    let cached = after.get("CACHED").copied().unwrap_or_default();
    assert!(cached >= 7, "{}", fs::read_to_string(&trace).unwrap());
    assert_eq!(cached + after["COMPLETED"], 13);
    let text = fs::read_to_string(&trace).unwrap();
    let again = text.lines().filter(|line| line.contains("COMPLETED")).filter(|line| {
        // The report waits for every sample.
        let lost = ["MFDOOM_SHEET", "(public)", "MFDOOM_ANNOTATE", "MFDOOM_REPORT"];
        !lost.iter().any(|name| line.contains(name))
    });
    assert_eq!(again.count(), 0, "{text}");
}

#[test]
fn nextflow_runs_as_a_stub() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let more = [("shards", "2"), ("velocity", "true")];
    let mut command = place.command(Way::Nextflow, "sheet.csv", "out", &more);
    command.arg("-stub");
    text(command, true);
    for name in ["vocab.json", "model/config.json", "tokens/public.parquet", "embeddings/young.parquet"] {
        assert!(place.bytes(&format!("out/{name}")).is_empty(), "{name} is not a stub");
    }
    for name in ["decoder/velocity/config.json", "velocity/adult/predict", "h5ad/public.h5ad"] {
        assert!(place.path(&format!("out/{name}")).exists(), "{name}");
    }
}
