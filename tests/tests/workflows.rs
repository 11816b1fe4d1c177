//! The three ways to run the workflow: shell, Snakemake and Nextflow give the same; what is lost is repeated.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use mfdoom_tests::engines::{Place, WAYS, Way, engines, path, root, statuses, text, tree};
use mfdoom_tests::stage;

/// What must be equal, whoever made it: not metrics.parquet, which holds times.
fn results(place: &Place, outdir: &str) -> Vec<(String, Vec<u8>)> {
    let kept = |name: &str| {
        let info =
            name.starts_with("pipeline_info/") || name.starts_with("shards/") || name.starts_with("pipes/");
        !info && !name.ends_with("metrics.parquet") && !name.ends_with(".snakemake_timestamp")
    };
    tree(&place.path(outdir)).into_iter().filter(|(name, _)| kept(name)).collect()
}

#[test]
fn shell_snakemake_and_nextflow_give_the_same_bytes() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let more = [("shards", "2"), ("seed", "3")];
    for way in WAYS {
        text(place.command(way, "sheet.csv", &format!("{way:?}"), &more), true);
    }
    let wanted = results(&place, "Shell");
    let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    for sample in ["adult", "young", "public"] {
        for result in ["tokens/S.parquet", "embeddings/S.parquet", "h5ad/S.h5ad"] {
            assert!(names.contains(&result.replace('S', sample).as_str()), "{sample}: {result}: {names:?}");
        }
        assert!(names.contains(&format!("velocity/{sample}/predict/velocity.parquet").as_str()));
        let fitted = names.contains(&format!("velocity/{sample}/fit/velocity.parquet").as_str());
        assert_eq!(fitted, sample != "public", "{sample}");
    }
    for way in ["Snakemake", "Nextflow"] {
        let found = results(&place, way);
        let others: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(others, names, "{way}");
        for ((name, a), (_, b)) in found.iter().zip(&wanted) {
            assert!(a == b, "{way}: {name} differs from the shell's");
        }
    }
    // A given model, with tokens handed on by a pipe, makes the same embeddings as without shards.
    let more = [("model", "Shell/model"), ("velocity", "false")];
    for way in [Way::Shell, Way::Snakemake] {
        text(place.command(way, "sheet.csv", &format!("given{way:?}"), &more), true);
    }
    for (name, _) in wanted.iter().filter(|(name, _)| name.starts_with("embeddings/")) {
        let [a, b] = ["givenShell", "givenSnakemake"].map(|of| place.bytes(&format!("{of}/{name}")));
        assert!(a == b, "{name} differs when tokens come by a pipe");
    }
    assert!(!place.path("givenShell/model").exists(), "a given model is not made again");
}

/// Puts an `mfdoom-embed` before the real one that fails for the sample `public` as long as `broken` is there.
fn break_embed(place: &Place, how: &str) {
    fs::create_dir_all(place.path("bin")).unwrap();
    let real = stage("mfdoom-embed").display().to_string();
    let script = format!(
        "#!/bin/sh\nif [ -e '{}' ]; then case \"$*\" in *public.parquet*) {} ;; esac; fi\nexec '{real}' \"$@\"\n",
        place.path("broken").display(),
        how.replace("REAL", &real)
    );
    let path = place.path("bin/mfdoom-embed");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(place.path("broken"), "").unwrap();
}

fn run(place: &Place, way: Way, well: bool) -> String {
    let mut command = place.command(way, "sheet.csv", &format!("{way:?}"), &[("velocity", "false")]);
    command.env("PATH", path(&[&place.path("bin")]));
    if way == Way::Nextflow {
        command.arg("-resume");
    }
    text(command, well)
}

#[test]
fn a_failing_sample_keeps_the_others_and_a_repeat_does_only_what_is_missing() {
    if engines().is_none() {
        return;
    }
    for way in [Way::Shell, Way::Snakemake] {
        let place = Place::new();
        break_embed(&place, "exec 'REAL' \"$@\" --heads nonsense");
        let failed = run(&place, way, false);
        assert!(
            failed.contains("the model has no head 'nonsense'"),
            "{way:?}: our message is not in view: {failed}"
        );
        assert!(!failed.contains("Traceback"), "{failed}");
        for sample in ["adult", "young"] {
            assert!(
                place.path(&format!("{way:?}/embeddings/{sample}.parquet")).is_file(),
                "{way:?} {sample}"
            );
        }
        assert!(!place.path(&format!("{way:?}/embeddings/public.parquet")).exists());
        let made =
            |name: &str| fs::metadata(place.path(&format!("{way:?}/{name}"))).unwrap().modified().unwrap();
        let kept = [
            "tokens/public.parquet",
            "embeddings/adult.parquet",
            "embeddings/young.parquet",
            "model/config.json",
        ];
        let before: Vec<_> = kept.iter().map(|name| made(name)).collect();
        fs::remove_file(place.path("broken")).unwrap();
        run(&place, way, true);
        assert!(place.path(&format!("{way:?}/h5ad/public.h5ad")).is_file());
        let after: Vec<_> = kept.iter().map(|name| made(name)).collect();
        assert_eq!(after, before, "{way:?} made again what was there");
    }
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
    fs::remove_file(place.path("broken")).unwrap();
    run(&place, Way::Nextflow, true);
    // Sheet (never cached), embedding and h5ad of the sample that was lost, and what had not begun of the others:
    // of 12 tasks, the vocabulary, 3 tables of tokens, the model and 2 embeddings were there.
    let after = statuses(&trace);
    let cached = after.get("CACHED").copied().unwrap_or_default();
    assert!(cached >= 7, "{}", fs::read_to_string(&trace).unwrap());
    assert_eq!(cached + after["COMPLETED"], 12);
    let text = fs::read_to_string(&trace).unwrap();
    let again = text.lines().filter(|line| line.contains("COMPLETED")).filter(|line| {
        let lost =
            line.contains("MFDOOM_SHEET") || line.contains("(public)") || line.contains("MFDOOM_ANNOTATE");
        !lost
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

#[test]
fn bad_sheets_stop_every_way_with_our_message() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    let sheets = [
        ("missing", "sample,counts\na,counts/nowhere.h5ad\n", "line 2: counts: no such file"),
        (
            "twice",
            "\u{feff}sample,counts\r\n\r\na,counts/adult.h5ad\r\na,counts/young.h5ad\r\n",
            "line 4: sample 'a' is there twice",
        ),
        ("type", "sample,counts,modalities\na,counts/adult.h5ad,spliced=table/x\n", "unknown type of matrix"),
    ];
    for (name, sheet, message) in sheets {
        fs::write(place.path(&format!("{name}.csv")), sheet).unwrap();
        for way in WAYS.into_iter().filter(|way| name == "twice" || *way != Way::Nextflow) {
            let command = place.command(way, &format!("{name}.csv"), "out", &[]);
            let said = text(command, false);
            assert!(said.contains(message), "{way:?}: {said}");
            assert!(!said.contains("Traceback") && !said.contains("at nextflow."), "{way:?}: {said}");
        }
    }
    assert!(!place.path("out/tokens").exists());
}

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

#[test]
fn schemas_hold_for_good_input_and_refuse_bad() {
    let Some(engines) = engines() else { return };
    let mut command = Command::new(&engines.python);
    command.arg(root().join("tests/check_schemas.py")).arg(root());
    let said = text(command, true);
    assert!(said.contains("schemas hold"), "{said}");
}
