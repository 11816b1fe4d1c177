//! `mfdoom-evaluate retention` on simulated cells, half of them with expression alone.

use std::path::Path;

use mfdoom_tests::{attempt, bytes, run};
use serde_json::Value;
use tempfile::TempDir;

const RETENTION: &str = "retention tokens.parquet --model model --neighbors 5";
/// Names that every embedding has.
const NAMES: &str = "accuracy balanced_accuracy nmi ari asw_label clisi avg_bio graph_connectivity asw_batch pcr \
                     pcr_comparison ilisi kbet total uniformity";
/// Names that every pair has.
const PAIR: &str = "recall_at_1 recall_at_5 recall_at_10 median_rank foscttm nearest_same_label alignment";

/// A folder with tokens of two batches, the second with expression alone, and a closed-form model of them.
fn made() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path();
    run(to, "mfdoom-simulate", "-o sim.h5ad --cells 240 --genes 120 --batches 2 --drop-modalities 0.5");
    run(to, "mfdoom-preprocess", "sim.h5ad sim.expression.h5ad --obs all -o tokens.parquet");
    run(to, "mfdoom-pretrain", "tokens.parquet -o model --anchor only --preset tiny");
    folder
}

fn scores(folder: &Path, more: &str) -> Vec<Value> {
    run(folder, "mfdoom-evaluate", &format!("{RETENTION} {more} -o r.json --force"));
    let all: Value = serde_json::from_slice(&bytes(folder, "r.json")).unwrap();
    assert_eq!(all["command"], "retention");
    all["scores"].as_array().unwrap().clone()
}

/// Rows of a head from modalities, joined with +, on a set.
fn rows<'a>(scores: &'a [Value], set: &str, head: &str, from: &str) -> Vec<&'a Value> {
    let from: Vec<&str> = from.split('+').collect();
    let is = |row: &&Value| {
        row["set"] == set
            && row["head"] == head
            && row["from"] == serde_json::json!(from)
            && row["against"].is_null()
    };
    scores.iter().filter(is).collect()
}

#[track_caller]
fn value(rows: &[&Value], name: &str) -> f64 {
    let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {rows:?}"));
    row["value"].as_f64().unwrap_or_else(|| panic!("{row}"))
}

#[test]
fn every_subset_has_every_score_and_its_share_of_the_whole() {
    let folder = made();
    let scores =
        scores(folder.path(), "--label cell_type --group-key batch --table r.parquet --multiqc r_mqc.json");
    for row in &scores {
        let keys = ["set", "head", "kind", "from", "against", "n", "name", "value", "reason", "low", "high"];
        keys.iter().for_each(|key| assert!(row.get(key).is_some(), "{key} in {row}"));
        assert_eq!(row["value"].is_null(), row["reason"].is_string(), "{row}");
    }
    let all = "spliced+unspliced+expression";
    let both = "with spliced, unspliced";
    for (set, from, n) in [
        ("all", all, 240),
        ("all", "expression", 240),
        (both, all, 120),
        (both, "spliced", 120),
        (both, "unspliced", 120),
        (both, "spliced+unspliced", 120),
        (both, "unspliced+expression", 120),
        ("batch=batch_1", "unspliced", 120),
        ("batch=batch_2", "expression", 120),
    ] {
        let found = rows(&scores, set, "fusion", from);
        assert!(!found.is_empty(), "nothing on {set} from {from}");
        assert_eq!(found[0]["n"], n, "{set} from {from}");
        let logistic = "accuracy_logistic balanced_accuracy_logistic";
        for name in NAMES.split_whitespace().chain(logistic.split_whitespace()) {
            assert_eq!(
                found.iter().filter(|row| row["name"] == name).count(),
                1,
                "{name} on {set} from {from}"
            );
        }
    }
    let (whole, part) = (rows(&scores, both, "fusion", all), rows(&scores, both, "fusion", "unspliced"));
    let share = value(&part, "accuracy") / value(&whole, "accuracy");
    assert!((value(&part, "accuracy_retention") - share).abs() < 1e-12);
    let of_whole = whole.iter().find(|row| row["name"] == "avg_bio_retention").unwrap();
    assert!(of_whole["reason"].as_str().unwrap().contains("all modalities"), "{of_whole}");
    // Where cells have one modality only, from it is from all: there is nothing to share.
    let alone = rows(&scores, "batch=batch_2", "fusion", "expression");
    assert!(alone.iter().find(|row| row["name"] == "accuracy_retention").unwrap()["value"].is_null());
    assert!(value(&whole, "accuracy") > 0.35, "the model knows nothing of the types");
}

#[test]
fn cells_are_sought_among_those_from_other_modalities() {
    let folder = made();
    let scores = scores(folder.path(), "--label cell_type");
    let pair = |head: &str, from: &str, against: &str| -> Vec<&Value> {
        let from = serde_json::json!([from]);
        let is = |row: &&Value| {
            row["set"] == "all" && row["head"] == head && row["from"] == from && row["against"] == against
        };
        scores.iter().filter(is).collect()
    };
    for (head, from, against) in [
        ("fusion", "spliced", "unspliced"),
        ("fusion", "expression", "spliced + unspliced + expression"),
        ("cca_spliced_unspliced", "spliced", "unspliced"),
    ] {
        let found = pair(head, from, against);
        let names: Vec<&str> = found.iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(names, PAIR.split_whitespace().collect::<Vec<_>>(), "{head} from {from}");
        assert_eq!(found[0]["n"], 120, "cells with one modality alone say nothing of {head} from {from}");
        let [one, five, ten] = ["recall_at_1", "recall_at_5", "recall_at_10"].map(|name| value(&found, name));
        assert!(10.0 / 120.0 < ten && one <= five && five <= ten, "{head}: {one} {five} {ten}");
    }
}

#[test]
fn labels_may_come_from_one_group_alone() {
    let folder = made();
    let folder = folder.path();
    let of = |more: &str| scores(folder, &format!("--label cell_type {more}"));
    let taught = of("--group-key batch --reference-key batch=batch_1");
    // All cells of the other batch, none of the teachers.
    let asked = rows(&taught, "batch=batch_2", "fusion", "expression");
    let other = rows(&taught, "all", "fusion", "expression");
    assert_eq!(value(&asked, "accuracy"), value(&other, "accuracy"), "the teachers themselves are not asked");
    let nobody = rows(&taught, "batch=batch_1", "fusion", "expression");
    let nobody = nobody.iter().find(|row| row["name"] == "accuracy").unwrap();
    assert!(nobody["value"].is_null() && nobody["reason"].is_string(), "its own cells teach it: {nobody}");
    // A baseline is taught by the same cells, in the same components.
    let plain = rows(&taught, "all", "pca50_expression", "expression");
    assert!((0.3..=1.0).contains(&value(&plain, "accuracy")));
    let alone = of("--reference-key batch=batch_1");
    assert_eq!(value(&rows(&alone, "all", "fusion", "expression"), "accuracy"), value(&other, "accuracy"));
    let refused = attempt(
        folder,
        "mfdoom-evaluate",
        &format!("{RETENTION} --label cell_type --reference-key batch=nobody"),
    );
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("batch_1, batch_2"));
}

#[test]
fn threads_change_no_byte_and_files_hold_the_same_rows() {
    let folder = made();
    let folder = folder.path();
    for threads in [1, 3] {
        let more = format!("--label cell_type --threads {threads} -o {threads}.json --report {threads}.html");
        run(folder, "mfdoom-evaluate", &format!("{RETENTION} {more}"));
    }
    assert!(bytes(folder, "1.json") == bytes(folder, "3.json"), "threads change the scores");
    assert!(bytes(folder, "1.html") == bytes(folder, "3.html"), "threads change the page");
    let page = String::from_utf8(bytes(folder, "1.html")).unwrap();
    for text in
        ["What is left from some of the modalities", "data-bar=", "<polyline", "from unspliced", "</html>"]
    {
        assert!(page.contains(text), "{text:?} is not on the page");
    }
}

#[test]
fn labels_that_say_nothing_are_said_to() {
    let folder = made();
    let folder = folder.path();
    run(folder, "mfdoom-preprocess", "sim.h5ad --set kind=one -o one.parquet");
    run(folder, "mfdoom-evaluate", "retention one.parquet --model model --label kind -o one.json");
    let one: Value = serde_json::from_slice(&bytes(folder, "one.json")).unwrap();
    let found = one["scores"].as_array().unwrap();
    let found = rows(found, "all", "fusion", "spliced+unspliced+expression");
    for name in ["accuracy", "nmi", "asw_label", "accuracy_logistic"] {
        let row = found.iter().find(|row| row["name"] == name).unwrap();
        assert!(row["reason"].as_str().unwrap().contains("same label"), "{row}");
    }
}
