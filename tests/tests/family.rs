//! Every published system as a preset: trained by its name, killed and resumed, and used by every stage.

use std::path::Path;

use mfdoom_artifact::read_metrics;
use mfdoom_tests::{attempt, bytes, killed_at_a_checkpoint, run};
use tempfile::TempDir;

const FAMILY: [&str; 7] =
    ["mfdoom", "zorro", "mca", "everything-at-once", "flava", "unseen-modality", "vatt"];
const SIZE: &str = "--max-tokens 24 --batch-cells 16";
const DECODER: &str = "--features 32 --components 8 --rank 8 --hidden 8 --batch-cells 32 --epochs 1";

/// A folder with simulated cells, half of them expression-only, their tokens and velocities.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    run(to, "mfdoom-simulate", "-o sim.h5ad --cells 160 --genes 100 --batches 2 --drop-modalities 0.5");
    let obs = "--obs cell_type --obs true_t --obs true_capture";
    run(to, "mfdoom-preprocess", &format!("sim.h5ad sim.expression.h5ad {obs} -o tokens.parquet"));
    run(to, "mfdoom-preprocess", "sim.expression.h5ad -o lacking.parquet");
    run(to, "mfdoom-velocity", "fit sim.h5ad -o fit --min-shared-counts 5");
    folder
}

fn flags(family: &str) -> String {
    format!("tokens.parquet --family {family} {SIZE}")
}

/// A head that every stage can be asked for.
fn head(family: &str) -> &'static str {
    if family == "vatt" { "expression" } else { "fusion" }
}

fn config(folder: &Path, model: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(folder, &format!("{model}/config.json"))).unwrap()
}

/// Mean of the second half.
fn later(values: &[f64]) -> f64 {
    let half = &values[values.len() / 2..];
    half.iter().sum::<f64>() / half.len() as f64
}

#[test]
fn systems_train_resume_and_do_not_depend_on_threads() {
    let folder = folder();
    let folder = folder.path();
    for family in FAMILY {
        let flags = format!("{} --epochs 3", flags(family));
        run(folder, "mfdoom-pretrain", &format!("{flags} -o {family} --threads 1"));
        killed_at_a_checkpoint(
            folder,
            "mfdoom-pretrain",
            &format!("{flags} -o killed --checkpoint-every 1 --threads 2 --force"),
        );
        let resumed = format!("{flags} -o killed --threads 2 --resume");
        run(folder, "mfdoom-pretrain", &resumed);
        for file in ["model.safetensors", "config.json"] {
            let [whole, resumed] = [family, "killed"].map(|run| bytes(folder, &format!("{run}/{file}")));
            assert!(whole == resumed, "{family}: {file} differs");
        }
        std::fs::remove_dir_all(folder.join("killed")).unwrap();
        let metrics = read_metrics(&folder.join(format!("{family}/metrics.parquet"))).unwrap();
        let mut terms = metrics.iter().filter(|m| m.split == "train" && m.name == "loss/total");
        assert!(terms.all(|m| m.value.is_finite()), "{family}");
    }
    let first = |model: &str, name: &str| {
        let rows = read_metrics(&folder.join(format!("{model}/metrics.parquet"))).unwrap();
        rows.iter().any(|row| row.split == "train" && row.name == format!("loss/{name}"))
    };
    // every kind of term of every system was computed
    for (model, term) in [
        ("mca", "contrastive/fusion|fusion_of_spliced_unspliced"),
        ("everything-at-once", "combinatorial/expression|fusion_of_spliced_unspliced"),
        ("flava", "masked-value/expression"),
        ("flava", "masked-value/spliced|fusion"),
        ("flava", "matching/global"),
        ("unseen-modality", "pseudo-supervision/fusion|spliced"),
        ("vatt", "multiple-positives/spliced|draws of expression"),
    ] {
        assert!(first(model, term), "{model} has no term {term}");
    }
}

#[test]
fn systems_are_served_by_every_stage() {
    let folder = folder();
    let folder = folder.path();
    for family in FAMILY {
        let head = head(family);
        run(folder, "mfdoom-pretrain", &format!("{} --epochs 1 -o model --force", flags(family)));
        run(folder, "mfdoom-embed", "tokens.parquet --model model -o e.parquet --force");
        for (task, targets) in [("velocity", "--targets fit"), ("expression", "")] {
            let decoder =
                format!("tokens.parquet --model model --task {task} {targets} --head {head} {DECODER}");
            run(folder, "mfdoom-finetune-decoder", &format!("{decoder} -o {task} --force"));
        }
        let predict = "predict lacking.parquet --model model --decoder velocity -o predicted --force";
        run(folder, "mfdoom-velocity", predict);
        let decode = "lacking.parquet --model model --decoder expression -o decoded.parquet --force";
        run(folder, "mfdoom-decode", decode);
        let scores = "retention tokens.parquet --model model --label cell_type -o scores.json --force";
        run(folder, "mfdoom-evaluate", &format!("{scores} --head {head}"));
        let scores: serde_json::Value = serde_json::from_slice(&bytes(folder, "scores.json")).unwrap();
        let accuracy = |row: &&serde_json::Value| row["name"] == "accuracy" && row["head"] == head;
        let found = scores["scores"].as_array().unwrap().iter().filter(accuracy).count();
        assert!(found > 0, "{family}: {scores}");
    }
}

#[test]
fn a_head_that_a_system_lacks_is_refused_with_those_that_it_has() {
    let folder = folder();
    let folder = folder.path();
    for (family, lacking, has) in [
        ("vatt", "fusion", "spliced, unspliced, expression"),
        ("everything-at-once", "global", "fusion_of_spliced_unspliced"),
        ("unseen-modality", "global", "spliced, unspliced, expression, fusion"),
        ("zorro", "fusion_without_spliced", "fusion, global"),
        ("flava", "fusion_of_spliced_unspliced", "fusion, global"),
        ("mca", "fusion_without_spliced", "fusion_of_spliced_unspliced"),
        ("mfdoom", "fusion_of_spliced_unspliced", "fusion_without_spliced"),
    ] {
        run(folder, "mfdoom-pretrain", &format!("{} --epochs 0 -o model --force", flags(family)));
        for (name, arguments) in [
            ("mfdoom-embed", format!("tokens.parquet --heads {lacking} -o e.parquet")),
            ("mfdoom-finetune-decoder", format!("tokens.parquet --task expression --head {lacking} -o d")),
            (
                "mfdoom-evaluate",
                format!("retention tokens.parquet --label cell_type --head {lacking} -o s.json"),
            ),
        ] {
            let refused = attempt(folder, name, &format!("{arguments} --model model"));
            let message = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(2), "{family} {name}: {message}");
            assert!(message.contains(lacking) && message.contains(has), "{family} {name}: {message}");
        }
    }
}

#[test]
fn numbers_of_cells_take_the_place_of_classes() {
    let folder = folder();
    let folder = folder.path();
    let flags = format!("{} --epochs 6 --target true_t,true_capture", flags("unseen-modality"));
    run(folder, "mfdoom-pretrain", &format!("{flags} -o whole --threads 1"));
    killed_at_a_checkpoint(
        folder,
        "mfdoom-pretrain",
        &format!("{flags} -o killed --checkpoint-every 1 --threads 2"),
    );
    run(folder, "mfdoom-pretrain", &format!("{flags} -o killed --threads 2 --resume"));
    assert!(bytes(folder, "whole/model.safetensors") == bytes(folder, "killed/model.safetensors"));
    let config = config(folder, "whole");
    assert_eq!((&config["numbers"], config.get("classes")), (&2.into(), None));
    let rows = read_metrics(&folder.join("whole/metrics.parquet")).unwrap();
    let values = |name: &str| -> Vec<f64> {
        let of = rows.iter().filter(|row| row.split == "train" && row.name == format!("loss/{name}"));
        of.map(|row| row.value).collect()
    };
    let (own, earlier) = (values("pseudo-supervision/fusion"), values("pseudo-supervision/fusion|spliced"));
    assert!(!earlier.is_empty() && earlier.iter().all(|x| x.is_finite()), "{earlier:?}");
    assert!(later(&own) < own[0], "what the numbers are is not learnt: {own:?}");
    // columns of any unit count alike: a guess of the mean has the error 1 on training cells
    assert!((0.3..3.0).contains(&own[0]), "{own:?}");
    for (more, code, wanted) in [
        ("--family unseen-modality --target cell_type", 3, "a value is no number"),
        ("--family unseen-modality --target true_t --label cell_type", 2, "--label"),
        ("--family zorro --target true_t", 2, "no objective learns from labels or numbers"),
        ("--objective pseudo-supervision=1 --init whole", 2, "learns from something else"),
        ("--family zorro --velocity fit", 2, "no objective learns from labels or numbers"),
        ("--family unseen-modality --velocity nothing", 3, "nothing"),
    ] {
        let refused = attempt(folder, "mfdoom-pretrain", &format!("tokens.parquet --epochs 0 -o no {more}"));
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(code), "{more}: {message}");
        assert!(message.contains(wanted), "{more}: {message}");
    }
}

#[test]
fn velocities_take_the_place_of_classes() {
    let folder = folder();
    let folder = folder.path();
    let flags = format!("{} --velocity fit --epochs 6", flags("unseen-modality"));
    run(folder, "mfdoom-pretrain", &format!("{flags} -o model"));
    let n = config(folder, "model")["numbers"].as_u64().unwrap();
    assert!((2..=32).contains(&n), "{n}");
    let rows = read_metrics(&folder.join("model/metrics.parquet")).unwrap();
    let own = rows.iter().filter(|row| row.split == "train" && row.name == "loss/pseudo-supervision/fusion");
    let own: Vec<f64> = own.map(|row| row.value).collect();
    let (first, half) = (&own[..own.len() / 2], (own.len() / 2) as f64);
    assert!(later(&own) < first.iter().sum::<f64>() / half, "what the velocities are is not learnt: {own:?}");
    let manifest: serde_json::Value = serde_json::from_slice(&bytes(folder, "model/manifest.json")).unwrap();
    assert!(manifest["inputs"].to_string().contains("\"fit\""), "{manifest}");
}

#[test]
fn flags_stand_above_the_file_and_the_file_above_the_system() {
    let folder = folder();
    let folder = folder.path();
    let train = |more: &str| {
        run(folder, "mfdoom-pretrain", &format!("tokens.parquet --epochs 0 -o model --force {more}"));
        config(folder, "model")
    };
    let zorro = train("--family zorro");
    assert_eq!((&zorro["fusion"], &zorro["fusion_tokens"]), (&"zorro".into(), &6.into()));
    assert!(zorro["anchor"].is_null());
    let larger = train("--family zorro --preset small --fusion-tokens 3");
    assert_eq!((&larger["dim"], &larger["fusion_tokens"]), (&128.into(), &3.into()));
    // objectives add to those of the system, and change their weights
    let both = train("--family flava --objective matching=0 --objective invariance=0.5");
    let weights = &both["objectives"];
    assert_eq!((&weights["matching"], &weights["invariance"]), (&0.0.into(), &0.5.into()));
    assert_eq!(weights["masked-value"], 4.0);
    let text = "family = \"zorro\"\nfusion-tokens = 5\n";
    std::fs::write(folder.join("settings.toml"), text).unwrap();
    let file = train("--config settings.toml");
    assert_eq!((&file["fusion"], &file["fusion_tokens"]), (&"zorro".into(), &5.into()));
    let flag = train("--config settings.toml --fusion-tokens 4 --family mca");
    assert_eq!((&flag["fusion"], &flag["fusion_tokens"]), (&"modal-channel".into(), &4.into()));
    let labels = train("--family unseen-modality --label cell_type");
    assert_eq!(labels["classes"], 4);

    for (more, wanted) in [
        ("--family zoro", "zorro"),
        ("--family zorro --label cell_type", "no objective learns from labels"),
        ("--family vatt --objective invariance=1", "needs fusion tokens"),
        ("--family zorro --init model", "--init"),
    ] {
        let refused = attempt(folder, "mfdoom-pretrain", &format!("tokens.parquet --epochs 0 -o no {more}"));
        let message = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{more}: {message}");
        assert!(message.contains(wanted), "{more}: {message}");
    }
}
