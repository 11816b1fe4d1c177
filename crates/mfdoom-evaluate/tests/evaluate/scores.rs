use mfdoom_artifact::EmbeddingFormat;
use serde_json::Value;

use crate::world::{World, noise};

fn set<'a>(metrics: &'a Value, cells: &str) -> &'a Value {
    let sets = metrics["label_transfer"].as_array().unwrap();
    sets.iter().find(|set| set["cells"] == cells).unwrap_or_else(|| panic!("no cells {cells:?}"))
}

fn names(set: &Value) -> Vec<&str> {
    set["scores"].as_array().unwrap().iter().map(|score| score["name"].as_str().unwrap()).collect()
}

fn accuracy(set: &Value, name: &str) -> f64 {
    let score = set["scores"].as_array().unwrap().iter().find(|score| score["name"] == name).unwrap();
    score["accuracy"].as_f64().unwrap()
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
    let all = set(&metrics, "all");
    assert_eq!(all["n"], 270);
    assert_eq!(names(all), ["expression", "fusion", "pca50_expression"]);
    // 27 genes only: those that both data sets measured.
    assert_eq!((&all["scores"][2]["genes"], &all["scores"][2]["dim"]), (&Value::from(27), &Value::from(27)));
    let both = set(&metrics, "with spliced, unspliced");
    assert_eq!(both["n"], 135);
    let wanted = [
        "spliced",
        "unspliced",
        "expression",
        "fusion",
        "pca50_spliced",
        "pca50_unspliced",
        "pca50_expression",
    ];
    assert_eq!(names(both), wanted);
    assert_eq!(both["scores"][6]["genes"], 30);
    assert!(accuracy(both, "spliced") > 0.95 && accuracy(both, "fusion") > 0.95);
    assert!(accuracy(both, "unspliced") < 0.9 && accuracy(both, "pca50_spliced") > 0.8);
}

#[test]
fn retrieval_is_between_modalities_and_with_fusion() {
    let world = World::new(150);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let metrics = world.evaluate(&embeddings, &["--label", "type"]).unwrap();
    let pairs: Vec<(&str, &str, u64)> = (metrics["retrieval"].as_array().unwrap().iter())
        .map(|pair| {
            (pair["first"].as_str().unwrap(), pair["second"].as_str().unwrap(), pair["n"].as_u64().unwrap())
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
    let spliced_expression = &metrics["retrieval"][1];
    let (recall, chance) = (&spliced_expression["recall_10"], &spliced_expression["chance_recall_10"]);
    assert!(recall.as_f64().unwrap() > 3.0 * chance.as_f64().unwrap(), "{recall} {chance}");
}

#[test]
fn heads_asked_for_are_the_only_ones() {
    let world = World::new(60);
    let embeddings = world.embeddings("e.parquet", EmbeddingFormat::Parquet);
    let metrics = world.evaluate(&embeddings, &["--label", "type", "--head", "fusion"]).unwrap();
    assert_eq!(names(set(&metrics, "all")), ["fusion"]);
    assert_eq!(metrics["retrieval"], Value::Array(vec![]));
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
    assert!(accuracy(set(&metrics, "all"), "fusion") < 0.45);
    assert!(accuracy(set(&metrics, "with spliced, unspliced"), "spliced") < 0.5);
    let constant = &metrics["retrieval"][2];
    assert_eq!(constant["second"], "fusion");
    assert!((constant["recall_10"].as_f64().unwrap() - 10.0 / 150.0).abs() < 1e-12);
    assert_eq!(constant["median_rank"], 75.5);
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
    assert_eq!(html.matches("<svg").count(), 2, "by label and by batch");
    let loads = ["<script", "src=", "@import", "url("];
    assert!(loads.iter().all(|load| !html.contains(load)) && !html.contains("<?xml"));
    assert!(html.contains("fusion") && html.contains("R@10") && html.ends_with("</html>\n"));
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
