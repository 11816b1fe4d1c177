//! The three ways to run the workflow: shell, Snakemake and Nextflow give the same; what is lost is repeated.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod nextflow;
mod shell;
mod snakemake;

use std::fs;
use std::process::Command;

use mfdoom_tests::engines::{Place, WAYS, Way, engines, path, root, text, tree};
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
    let more = [
        ("shards", "2"),
        ("seed", "3"),
        ("label", "cell_type"),
        ("generate", "true"),
        ("start", "progenitor"),
    ];
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
        assert!(names.contains(&format!("trajectories/{sample}/states.parquet").as_str()));
        let fitted = names.contains(&format!("velocity/{sample}/fit/velocity.parquet").as_str());
        assert_eq!(fitted, sample != "public", "{sample}");
    }
    let report = |name: &str| String::from_utf8(place.bytes(&format!("Shell/report/{name}"))).unwrap();
    let multiqc: serde_json::Value = serde_json::from_str(&report("mfdoom_mqc.json")).unwrap();
    let rows = multiqc["data"].as_object().unwrap();
    let is_scored = |(name, row): (&String, &serde_json::Value)| {
        name.starts_with("fusion (all)") && row["nmi"].is_number()
    };
    assert!(rows.iter().any(is_scored), "{multiqc}");
    assert!(
        report("metrics.json").contains("\"training_curves\": ["),
        "one epoch is no curve to draw, but is told"
    );
    let page = report("report.html");
    for text in ["adult.parquet", "young.parquet", "Batches mixed", "UMAP of fusion"] {
        assert!(page.contains(text), "{text} is not on the page");
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
pub(crate) fn break_embed(place: &Place, how: &str) {
    let real = stage("mfdoom-embed").display().to_string();
    let lines = format!(
        "if [ -e '{}' ]; then case \"$*\" in *public.parquet*) {} ;; esac; fi\nexec '{real}' \"$@\"",
        place.path("broken").display(),
        how.replace("REAL", &real)
    );
    place.script("mfdoom-embed", &lines);
    fs::write(place.path("broken"), "").unwrap();
}

pub(crate) fn run(place: &Place, way: Way, well: bool) -> String {
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
        for way in WAYS {
            let command = place.command(way, &format!("{name}.csv"), "out", &[]);
            let said = text(command, false);
            assert!(said.contains(message), "{way:?}: {said}");
            assert!(!said.contains("Traceback") && !said.contains("at nextflow."), "{way:?}: {said}");
        }
    }
    assert!(!place.path("out/tokens").exists());
}

#[test]
fn a_model_of_another_vocabulary_stops_every_way_with_our_message() {
    if engines().is_none() {
        return;
    }
    let place = Place::new();
    mfdoom_tests::run(&place.path(""), "mfdoom-preprocess", "counts/adult.h5ad --vocab-only -o vocab.json");
    let mut vocabulary: serde_json::Value = serde_json::from_slice(&place.bytes("vocab.json")).unwrap();
    for (i, gene) in vocabulary["genes"].as_array_mut().unwrap().iter_mut().enumerate() {
        *gene = serde_json::json!({ "id": format!("other{i:03}"), "symbol": format!("Other{i:03}") });
    }
    fs::create_dir(place.path("model")).unwrap();
    fs::write(place.path("model/vocab.json"), vocabulary.to_string()).unwrap();
    fs::write(place.path("model/config.json"), "{}").unwrap();
    for way in WAYS {
        let outdir = format!("{way:?}");
        let more = [("model", "model"), ("velocity", "false")];
        let said = text(place.command(way, "sheet.csv", &outdir, &more), false);
        assert!(said.contains("shares too few genes with the vocabulary"), "{way:?}: {said}");
        assert!(!said.contains("Traceback") && !said.contains("at nextflow."), "{way:?}: {said}");
        for results in ["tokens", "embeddings", "h5ad"] {
            let folder = place.path(&format!("{outdir}/{results}"));
            assert!(!folder.exists() || fs::read_dir(folder).unwrap().next().is_none(), "{way:?}: {results}");
        }
    }
}

#[test]
fn schemas_hold_for_good_input_and_refuse_bad() {
    let Some(engines) = engines() else { return };
    let mut command = Command::new(&engines.python);
    command.arg(root().join("tests/check_schemas.py")).arg(root());
    let said = text(command, true);
    assert!(said.contains("schemas hold"), "{said}");
}
