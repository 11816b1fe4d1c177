use mfdoom_artifact::{EmbeddingFormat, MetricRow, write_metrics};
use serde_json::Value;

use crate::world::{World, heads, noise, row, value};

fn accuracy(metrics: &Value, set: &str, head: &str) -> f64 {
    value(metrics, [set, head, "", "accuracy"])
}

#[test]
fn every_comparison_is_on_the_same_cells() {
    let world = World::new(150);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let tokens = world.tokens("t.parquet", 300);
    let metrics =
        world.evaluate(&embeddings, &["--label", "type", "--tokens", tokens.to_str().unwrap()]).unwrap();
    assert_eq!(metrics["cells"]["total"], 300);
    assert_eq!(metrics["cells"]["scored"], 270);
    assert_eq!(metrics["cells"]["without_label"], 30);
    assert_eq!(metrics["cells"]["without_tokens"], 0);
    let scored = |set: &str| -> Vec<&str> {
        heads(&metrics, set).into_iter().filter(|head| !head.starts_with("cca")).collect()
    };
    assert_eq!(scored("all"), ["expression", "fusion", "pca50_expression", "hvg2000_expression"]);
    let baseline = row(&metrics, ["all", "pca50_expression", "", "accuracy"]);
    assert_eq!([&baseline["n"], &baseline["kind"]], [&Value::from(270), &Value::from("baseline")]);
    assert_eq!(baseline["from"], serde_json::json!(["expression"]));
    let both = "with spliced, unspliced";
    let wanted = [
        "spliced",
        "unspliced",
        "expression",
        "fusion",
        "pca50_spliced",
        "hvg2000_spliced",
        "pca50_unspliced",
        "hvg2000_unspliced",
        "pca50_expression",
        "hvg2000_expression",
        "pca50_joined",
    ];
    assert_eq!(scored(both), wanted);
    assert_eq!(row(&metrics, [both, "fusion", "", "accuracy"])["n"], 135);
    assert!(accuracy(&metrics, both, "spliced") > 0.95 && accuracy(&metrics, both, "fusion") > 0.95);
    assert!(accuracy(&metrics, both, "unspliced") < 0.9 && accuracy(&metrics, both, "pca50_spliced") > 0.8);
}

#[test]
fn retrieval_is_between_modalities_and_with_fusion() {
    let world = World::new(150);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let metrics = world.evaluate(&embeddings, &["--label", "type"]).unwrap();
    let rows = metrics["scores"].as_array().unwrap().iter().filter(|row| row["name"] == "recall_at_10");
    let pairs: Vec<(&str, &str, u64)> = rows
        .map(|row| {
            (row["head"].as_str().unwrap(), row["against"].as_str().unwrap(), row["n"].as_u64().unwrap())
        })
        .collect();
    let wanted = [
        ("spliced", "unspliced", 150),
        ("spliced", "expression", 150),
        ("spliced", "fusion", 150),
        ("unspliced", "expression", 150),
        ("unspliced", "fusion", 150),
        ("expression", "fusion", 300),
    ];
    assert_eq!(pairs, wanted);
    let recall = row(&metrics, ["all", "spliced", "expression", "recall_at_10"]);
    let [found, low, high] = ["value", "low", "high"].map(|key| recall[key].as_f64().unwrap());
    assert!(found > 3.0 * 10.0 / 150.0 && low < found && found < high, "{recall}");
    let point = &metrics["retrieval_curves"][1]["points"][3];
    assert_eq!(point, &serde_json::json!([10, found]));
}

#[test]
fn heads_asked_for_are_the_only_ones() {
    let world = World::new(60);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let metrics = world.evaluate(&embeddings, &["--label", "type", "--head", "fusion"]).unwrap();
    assert_eq!(heads(&metrics, "all"), ["fusion"]);
    assert_eq!(metrics["retrieval_curves"], Value::Array(vec![]));
}

#[test]
fn labels_may_come_from_the_tokens() {
    let world = World::new(60);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let tokens = world.tokens("t.parquet", 100);
    let metrics =
        world.evaluate(&embeddings, &["--label", "stage", "--tokens", tokens.to_str().unwrap()]).unwrap();
    assert_eq!(metrics["labels"][0]["name"], "s0");
    assert_eq!((&metrics["cells"]["scored"], &metrics["cells"]["without_tokens"]), (&100.into(), &20.into()));
}

#[test]
fn file_and_stream_threads_and_repeats_give_the_same_bytes() {
    let world = World::new(150);
    let tokens = world.tokens("t.parquet", 300);
    let more = ["--label", "type", "--tokens", tokens.to_str().unwrap()];
    let parquet = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| world.evaluate_text(&parquet, &more).unwrap())
    };
    let first = on(1);
    assert_eq!(first, on(2));
    let stream = world.embeddings("e.arrows", EmbeddingFormat::Ipc);
    assert_eq!(first.replace("e.parquet", "e.arrows"), world.evaluate_text(&stream, &more).unwrap());
    let thinned = [&more[..], &["--max-cells", "90"]].concat();
    let of_file = world.evaluate_text(&parquet, &thinned).unwrap();
    assert_eq!(of_file.replace("e.parquet", "e.arrows"), world.evaluate_text(&stream, &thinned).unwrap());
    let drawn: Value = serde_json::from_str(&of_file).unwrap();
    assert_eq!((&drawn["cells"]["total"], &drawn["cells"]["drawn"]), (&300.into(), &90.into()));
}

#[test]
fn a_head_that_says_nothing_scores_like_chance() {
    let mut world = World::new(150);
    world.heads[3] = vec![0.5; 4 * 300];
    world.heads[0] = (0..300).flat_map(|cell| (0..4).map(move |of| noise(cell, of, 99))).collect();
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let metrics = world.evaluate(&embeddings, &["--label", "type"]).unwrap();
    let constant = row(&metrics, ["all", "fusion", "", "accuracy"]);
    assert_eq!(
        (&constant["value"], &constant["reason"]),
        (&Value::Null, &"all cells have the same vector".into())
    );
    assert!(accuracy(&metrics, "with spliced, unspliced", "spliced") < 0.5);
    let place = |name| ["all", "spliced", "fusion", name];
    assert!((value(&metrics, place("recall_at_10")) - 10.0 / 150.0).abs() < 1e-12);
    assert_eq!(value(&metrics, place("median_rank")), 75.5);
}

#[test]
fn plots_and_pages_stand_alone_and_are_escaped() {
    let mut world = World::new(60);
    world.labels.iter_mut().flatten().for_each(|label| *label = label.replace("type 1", "<b>&\"T\"</b>"));
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let (svg, html) = (world.path("s.svg"), world.path("r.html"));
    let more =
        ["--scatter", svg.to_str().unwrap(), "--report", html.to_str().unwrap(), "--batch-key", "batch"];
    world.evaluate(&embeddings, &[&["--label", "type"], &more[..]].concat()).unwrap();
    let (svg, html) = (std::fs::read_to_string(svg).unwrap(), std::fs::read_to_string(html).unwrap());
    assert_eq!(svg.matches("<circle").count(), 108 + 3, "cells with a label and the legend");
    for text in ["PC1 (", "PC2 (", "% of variance", "type 0 (36)", "fusion of e.parquet: type"] {
        assert!(svg.contains(text), "{text}");
    }
    for text in [&svg, &html] {
        assert!(!text.contains("<b>&\"") && text.contains("&lt;b&gt;&amp;"), "a label is not escaped");
    }
    let loads = ["src=", "@import", "url(", "<link", "http"];
    loads.iter().for_each(|load| assert!(!html.contains(load), "{load}"));
    for text in [
        "fusion",
        "R@10",
        "UMAP of fusion",
        "\"batch\"",
        "\"data set\"",
        "NMI",
        "</html>
",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn checking_writes_nothing() {
    let world = World::new(60);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    assert!(world.evaluate_text(&embeddings, &["--label", "no such", "--check"]).is_err());
    let args =
        ["mfdoom-evaluate", "embedding", embeddings.to_str().unwrap(), "--label", "type", "--check", "-o"];
    let output = world.path("m.json");
    let args = args.into_iter().chain([output.to_str().unwrap()]);
    mfdoom_evaluate::run(clap::Parser::parse_from(args)).unwrap();
    assert!(!output.exists());
}

#[test]
fn several_tables_are_scored_as_one_and_data_sets_are_batches() {
    let world = World::new(60);
    let one = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let two = world.embeddings("f.parquet", EmbeddingFormat::Parquet);
    let more = ["--label", "type", "--batch-key", "dataset"];
    let both = world.evaluate(&one, &[&[two.to_str().unwrap()], &more[..]].concat()).unwrap();
    assert_eq!((&both["cells"]["total"], &both["cells"]["scored"]), (&240.into(), &216.into()));
    let names: Vec<&str> =
        both["inputs"].as_array().unwrap().iter().map(|input| input["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["e.parquet", "f.parquet"]);
    assert!(accuracy(&both, "all", "fusion") > 0.95);
    assert!((0.0..=1.0).contains(&value(&both, ["all", "fusion", "", "ilisi"])));
    let once = world.evaluate(&one, &more).unwrap();
    assert!(value(&once, ["all", "fusion", "", "pcr"]) < 0.2, "data sets are drawn alike");
    let error = world.evaluate(&one, &["--label", "type", "--batch-key", "data set"]).unwrap_err();
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn correlated_directions_embed_from_either_modality() {
    let world = World::new(150);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let tokens = world.tokens("t.parquet", 300);
    let metrics =
        world.evaluate(&embeddings, &["--label", "type", "--tokens", tokens.to_str().unwrap()]).unwrap();
    let rows = metrics["scores"].as_array().unwrap();
    let name = "cca_spliced_unspliced";
    let of = |set: &str, from: &[&str], score: &str| {
        let is = |row: &&Value| {
            row["set"] == set
                && row["head"] == name
                && row["from"] == serde_json::json!(from)
                && row["name"] == score
                && row["against"].is_null()
        };
        rows.iter().find(is).unwrap_or_else(|| panic!("no {score} from {from:?}")).clone()
    };
    let both = "with spliced, unspliced";
    for from in [&["spliced", "unspliced"][..], &["spliced"], &["unspliced"]] {
        let row = of(both, from, "accuracy");
        assert_eq!(row["kind"], "baseline");
        assert!(row["value"].as_f64().unwrap() > 0.6, "{row}");
    }
    // Counts of both are drawn for themselves: what they share is the type.
    let found = value(&metrics, ["all", name, "unspliced", "nearest_same_label"]);
    assert!(found > 0.6, "{found}");
    assert_eq!(row(&metrics, ["all", name, "unspliced", "recall_at_1"])["n"], 150);
}

#[test]
fn a_model_lends_its_training_to_the_report() {
    let world = World::new(60);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let (model, page) = (world.path("model"), world.path("r.html"));
    std::fs::create_dir(&model).unwrap();
    let row = |epoch: u32, split: &str, name: &str| MetricRow {
        step: u64::from(epoch),
        epoch: f64::from(epoch),
        split: split.to_owned(),
        name: name.to_owned(),
        value: 1.0 / f64::from(epoch),
    };
    let rows: Vec<MetricRow> = (1..9)
        .flat_map(|epoch| {
            [
                row(epoch, "train", "loss/total"),
                row(epoch, "validation", "loss/total"),
                row(epoch, "train", "cells_per_second"),
            ]
        })
        .collect();
    write_metrics(&model.join("metrics.parquet"), &rows).unwrap();
    let more = ["--label", "type", "--model", model.to_str().unwrap(), "--report", page.to_str().unwrap()];
    let metrics = world.evaluate(&embeddings, &more).unwrap();
    let curves = metrics["training_curves"].as_array().unwrap();
    assert_eq!(curves.len(), 2, "how fast the machine was says nothing: {curves:?}");
    assert_eq!(curves[1]["points"][7], serde_json::json!([8.0, 0.125]));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("Training: loss") && page.contains("validation ends at 0.125"));
}
