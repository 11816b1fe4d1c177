//! `mfdoom-evaluate expression` on drawn counts, whose shares are known.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use mfdoom_artifact::gene_table::{PREDICTED, PREDICTIONS_FORMAT};
use mfdoom_artifact::{
    Column, GeneBatch, GeneTableSchema, GeneTableWriter, Manifest, ObsField, ObsType, Output, TableFormat,
};
use mfdoom_error::Result;
use mfdoom_evaluate::{Args, run};
use mfdoom_tokens::{Gene, Measured, ModalityTokens, TokenBatch, TokenSchema, TokenWriter, Vocabulary};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{noise, value};

const GENES: usize = 40;
const LIBRARY: f64 = 200.0;
const TRAINING: Range<usize> = 0..300;
const TEST: Range<usize> = 300..420;

/// Cells of three types, a third of the genes high in each; the last gene has no counts.
struct Drawn {
    folder: TempDir,
    modalities: [&'static str; 2],
}

/// Returns the true share of a gene in a cell.
fn share(cell: usize, gene: usize) -> f64 {
    let weight = |gene: usize| match gene {
        39 => 0.0,
        _ if gene % 3 == cell % 3 => 4.0,
        _ => 1.0,
    };
    weight(gene) / (0..GENES).map(weight).sum::<f64>()
}

/// Draws a Poisson count (Knuth's product of uniform numbers).
fn count(cell: usize, gene: usize, salt: usize) -> f32 {
    let least = (-LIBRARY * share(cell, gene)).exp();
    let mut product = 1.0;
    let drawn = |k: &usize| {
        product *= f64::from(noise(cell, gene + GENES * k, salt));
        product <= least
    };
    (0..).find(drawn).unwrap_or_default() as f32
}

fn genes(n: usize) -> Vec<Gene> {
    (0..n).map(|gene| Gene::new(format!("g{gene:02}"), "")).collect()
}

impl Drawn {
    fn new() -> Self {
        Self::of("spliced")
    }

    /// Draws for expression and another modality.
    fn of(other: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), modalities: ["expression", other] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes tokens with the counts that `of` returns by modality, cell and gene; none is a cell without counts.
    fn write_tokens(
        &self,
        name: &str,
        cells: Range<usize>,
        of: impl Fn(usize, usize) -> Option<Vec<f32>>,
    ) -> String {
        let mut measured = Measured::default();
        self.modalities.iter().for_each(|m| measured.insert("d", m, (1..=GENES as u32).collect::<Vec<_>>()));
        let manifest = Manifest::new("mfdoom-preprocess", "0.1.0", 1, Value::Null, Vec::new());
        let vocabulary = Arc::new(Vocabulary::new(genes(GENES)));
        let names = self.modalities.map(str::to_owned).to_vec();
        let schema = TokenSchema::new(names, vocabulary, measured, manifest).unwrap();
        let tokens = |modality: usize| {
            let mut tokens = ModalityTokens::default();
            for cell in cells.clone() {
                let counts = of(modality, cell).unwrap_or_default();
                let there = counts.iter().zip(1..).filter(|(count, _)| **count > 0.0);
                let total = counts.iter().map(|count| f64::from(*count)).sum();
                tokens.push(total, there.map(|(count, id)| (id, *count)));
            }
            tokens
        };
        let batch = TokenBatch {
            dataset: cells.clone().map(|_| "d".to_owned()).collect(),
            cell_id: cells.clone().map(|cell| format!("c{cell}")).collect(),
            obs: Vec::new(),
            modalities: (0..2).map(tokens).collect(),
        };
        let mut writer = TokenWriter::create(&Output::file(self.path(name), true), &schema).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        self.text(name)
    }

    /// Writes drawn counts; the first test cell has no spliced ones.
    fn tokens(&self, name: &str, cells: Range<usize>) -> String {
        let drawn =
            |modality: usize, cell: usize| (0..GENES).map(|gene| count(cell, gene, modality)).collect();
        let empty = |modality: usize, cell: usize| modality == 1 && cell == TEST.start;
        self.write_tokens(name, cells, |m, cell| (!empty(m, cell)).then(|| drawn(m, cell)))
    }

    /// Writes predictions of both modalities: shares that `of` returns by cell and gene.
    fn profiles(
        &self,
        name: &str,
        cells: Range<usize>,
        n_genes: usize,
        of: impl Fn(usize, usize) -> f64,
    ) -> String {
        let value = |cell: usize, gene: usize| (1e4 * of(cell, gene)).ln_1p() as f32;
        let values: Vec<f32> = cells
            .clone()
            .flat_map(|cell| (0..n_genes).map(move |gene| (cell, gene)))
            .map(|(cell, gene)| value(cell, gene))
            .collect();
        self.write_profiles(name, cells, n_genes, vec![values.clone(), values])
    }

    fn write_profiles(&self, name: &str, cells: Range<usize>, n: usize, matrices: Vec<Vec<f32>>) -> String {
        let schema =
            GeneTableSchema::new(PREDICTIONS_FORMAT, genes(n), &self.modalities, manifest(json!({})));
        let dataset = cells.clone().map(|_| "d".to_owned()).collect();
        let cell_id = cells.map(|cell| format!("c{cell}")).collect();
        self.write(name, schema, GeneBatch { dataset, cell_id, obs: Vec::new(), matrices })
    }

    fn write(&self, name: &str, schema: GeneTableSchema, batch: GeneBatch) -> String {
        let output = Output::file(self.path(name), true);
        let mut table = GeneTableWriter::create(&output, schema, TableFormat::Parquet).unwrap();
        table.write(batch).unwrap();
        table.finish().unwrap();
        self.text(name)
    }

    fn score(&self, more: &[&str]) -> Result<String> {
        let output = self.text("m.json");
        let args = ["mfdoom-evaluate", "expression", "-o", &output, "--force"];
        run(Args::parse_from(args.iter().chain(more)))?;
        Ok(std::fs::read_to_string(output).unwrap())
    }

    fn json(&self, more: &[&str]) -> Value {
        serde_json::from_str(&self.score(more).unwrap()).unwrap()
    }

    #[track_caller]
    fn fails(&self, more: &[&str], code: i32, says: &[&str]) {
        let error = self.score(more).unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        says.iter().for_each(|text| assert!(error.to_string().contains(text), "{text:?} is not in: {error}"));
        assert!(!self.path("m.json").exists());
    }
}

fn manifest(config: Value) -> Manifest {
    Manifest::new("mfdoom-decode", "0.1.0", 1, config, Vec::new())
}

#[test]
fn proteins_are_predicted_as_centred_log_ratios() {
    let drawn = Drawn::of("protein");
    let (training, test) = (drawn.tokens("train.parquet", TRAINING), drawn.tokens("test.parquet", TEST));
    let truth = drawn.profiles("p.parquet", TEST, GENES, share);
    let learnt = ["--train", &training, "--input", "expression"];
    let metrics = drawn.json(&[&[truth.as_str(), "--tokens", &test], &learnt[..]].concat());
    let values = |at: usize| metrics["modalities"][at]["values"].as_str().unwrap();
    assert_eq!([values(0), values(1)], ["ln(1 + 1e4 x share)", "centred log-ratio"]);
    let of = |name: &str, key: &str| value(&metrics, ["protein", name, "", key]);
    assert_eq!(of("mean", "pearson"), 0.0);
    for method in ["predicted", "ridge_pca50", "kernel_ridge_pca30", "knn30_pca30"] {
        let (pearson, explained) = (of(method, "pearson"), of(method, "explained"));
        assert!(pearson > 0.5 && explained > 0.2, "{method}: {pearson}, {explained}");
        assert!(pearson <= of("predicted", "pearson") + 0.02, "{method} knows more than the truth");
    }
    // From proteins the inputs are log-ratios too.
    let back = ["--train", &training, "--input", "protein"];
    let metrics = drawn.json(&[&[truth.as_str(), "--tokens", &test], &back[..]].concat());
    assert!(value(&metrics, ["expression", "ridge_pca50", "", "pearson"]) > 0.5);
}

#[test]
fn the_truth_is_ahead_of_the_baselines_and_those_of_the_mean_gene() {
    let drawn = Drawn::new();
    let (training, test) = (drawn.tokens("train.parquet", TRAINING), drawn.tokens("test.parquet", TEST));
    // A cell that the tokens lack, and a gene that they do not know.
    let truth = drawn.profiles("p.parquet", TEST.start..TEST.end + 1, GENES + 1, |cell, gene| match gene {
        GENES => 0.1,
        _ => share(cell, gene),
    });
    let page = drawn.text("r.html");
    let learnt = ["--train", &training, "--input", "expression"];
    let metrics =
        drawn.json(&[&[truth.as_str(), "--tokens", &test, "--report", &page], &learnt[..]].concat());
    let cells = &metrics["cells"];
    assert_eq!([&cells["predicted"], &cells["matched"], &cells["training"]], [121, 120, 300]);
    assert_eq!([&metrics["genes"], &metrics["settings"]["reference"]], [&json!(41), &json!("training")]);
    let [expression, spliced] = [0, 1].map(|at: usize| &metrics["modalities"][at]);
    assert_eq!([&expression["cells"], &expression["without_counts"], &expression["genes"]], [120, 0, 39]);
    assert_eq!([&spliced["cells"], &spliced["without_counts"], &spliced["training"]], [119, 1, 300]);
    let of =
        |set: &str, name: &str| ["explained", "pearson"].map(|key| value(&metrics, [set, name, "", key]));
    assert_eq!([of("expression", "mean"), of("spliced", "mean")], [[0.0, 0.0]; 2]);
    let methods = ["predicted", "ridge_pca50", "kernel_ridge_pca30", "knn30_pca30"];
    let [truth, ridge, kernel, knn] = methods.map(|name| of("spliced", name));
    assert!(
        truth[0] > ridge[0] && truth[0] > knn[0] && truth[0] > kernel[0],
        "{truth:?} {ridge:?} {knn:?} {kernel:?}"
    );
    let worst = ridge[0].min(knn[0]).min(kernel[0]);
    assert!(truth[0] - worst < 0.1, "types are easily told apart: {ridge:?} {knn:?} {kernel:?}");
    assert!(ridge[0] > 0.2 && ridge[1] > 0.5 && knn[1] > 0.5 && kernel[1] > 0.5);
    assert!(of("expression", "ridge_pca50")[0] > 0.95, "components of all genes copy the input");
    let page = std::fs::read_to_string(page).unwrap();
    for text in ["Expression profiles of p.parquet", "119", "knn30_pca30", "explained"] {
        assert!(page.contains(text), "{text}");
    }
    let worse = drawn.profiles("w.parquet", TEST, GENES, |cell, gene| share(cell + 1, gene));
    let metrics = drawn.json(&[&[worse.as_str(), "--tokens", &test], &learnt[..]].concat());
    let wrong = ["explained", "pearson"].map(|key| value(&metrics, ["expression", "predicted", "", key]));
    assert!(wrong[0] < 0.0 && wrong[1] < 0.0, "{wrong:?}");
}

#[test]
fn deviance_and_correlation_are_those_by_hand() {
    let drawn = Drawn::new();
    // Gene 0: 0 2 4 2 and gene 1: 4 2 0 2, the rest of ten counts in gene 2.
    let counts = [[0.0, 4.0, 6.0], [2.0, 2.0, 6.0], [4.0, 0.0, 6.0], [2.0, 2.0, 6.0]];
    let tokens = drawn.write_tokens("t.parquet", 0..4, |_, cell| Some(counts[cell].to_vec()));
    let predicted = drawn.profiles("p.parquet", 0..4, 2, |cell, gene| f64::from(counts[cell][gene]) / 10.0);
    let metrics = drawn.json(&[&predicted, "--tokens", &tokens]);
    assert_eq!(metrics["settings"]["reference"], "scored");
    let learnt = metrics["scores"].as_array().unwrap().iter().filter(|row| row["head"] == "ridge_pca50");
    assert_eq!(learnt.count(), 0, "no baseline learns from the scored cells");
    let of = |method: &str, key: &str| value(&metrics, ["expression", method, "", key]);
    // Sums of squares equal sums of means, so there is no dispersion; of 2 expected, 0 has 4, 4 has 8 ln 2 - 4, 2 none.
    let of_mean = (4.0 + (8.0 * 2f64.ln() - 4.0)) / 4.0;
    assert!((of("mean", "deviance") - of_mean).abs() < 1e-5);
    // A hundredth of the mean: 0 has a mean of 0.02, 4 one of 3.98, 2 stays.
    let unit = |count: f64, mean: f64| 2.0 * (count * (count / mean).ln() - count + mean);
    let found = (2.0 * 0.02 + unit(4.0, 3.98)) / 4.0;
    assert!((of("predicted", "deviance") - found).abs() < 1e-5);
    assert!((of("predicted", "explained") - (1.0 - found / of_mean)).abs() < 1e-5);
    assert!((of("predicted", "pearson") - 1.0).abs() < 1e-6);
}

#[test]
fn threads_give_the_same_bytes_and_cells_are_drawn_by_the_seed() {
    let drawn = Drawn::new();
    let (training, test) = (drawn.tokens("train.parquet", TRAINING), drawn.tokens("test.parquet", TEST));
    let truth = drawn.profiles("p.parquet", TEST, GENES, share);
    let more = [&truth, "--tokens", &test, "--train", &training, "--input", "spliced", "--max-cells", "90"];
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| drawn.score(&more).unwrap())
    };
    let one = all(1);
    assert_eq!(one, all(3));
    let other = drawn.score(&[&more[..], &["--seed", "1"]].concat()).unwrap();
    assert_ne!(one, other);
    let metrics: Value = serde_json::from_str(&one).unwrap();
    let cells = &metrics["cells"];
    assert_eq!([&cells["predicted"], &cells["drawn"], &cells["training"]], [120, 90, 90]);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let drawn = Drawn::new();
    let test = drawn.tokens("test.parquet", TEST);
    let truth = drawn.profiles("p.parquet", TEST, GENES, share);
    let strangers = drawn.tokens("other.parquet", TRAINING);
    drawn.fails(&[&truth, "--tokens", &strangers], 3, &["none of the predicted cells", "\"c0\"", "\"c300\""]);
    let more = ["--train", &strangers, "--input", "protein"];
    drawn.fails(&[&[truth.as_str(), "--tokens", &test], &more[..]].concat(), 3, &["protein", "spliced"]);
    drawn.fails(&[&truth, "--tokens", &test, "--max-cells", "1"], 2, &["--max-cells 1"]);
    let values = vec![f32::NAN; TEST.len() * 2];
    let broken = drawn.write_profiles("n.parquet", TEST, 2, vec![values.clone(), values]);
    drawn.fails(&[&broken, "--tokens", &test], 3, &["NaN", "\"c300\"", "\"g00\""]);

    let keys = || (vec!["d".to_owned()], vec!["c300".to_owned()]);
    let (dataset, cell_id) = keys();
    let labels = vec![Column::String(vec![Some("alpha".to_owned())])];
    let schema = GeneTableSchema::new(PREDICTIONS_FORMAT, Vec::new(), &[], manifest(json!({})))
        .with_obs(vec![ObsField::new(PREDICTED, ObsType::String)]);
    let batch = GeneBatch { dataset, cell_id, obs: labels, matrices: Vec::new() };
    let labels = drawn.write("l.parquet", schema, batch);
    drawn.fails(&[&labels, "--tokens", &test], 3, &["no profiles", PREDICTED]);

    let (dataset, cell_id) = keys();
    let config = manifest(json!({ "sample": 1 }));
    let schema = GeneTableSchema::new(PREDICTIONS_FORMAT, genes(1), &["spliced"], config);
    let batch = GeneBatch { dataset, cell_id, obs: Vec::new(), matrices: vec![vec![3.0]] };
    let sampled = drawn.write("s.parquet", schema, batch);
    drawn.fails(&[&sampled, "--tokens", &test], 3, &["sampled counts", "without --sample"]);

    let (dataset, cell_id) = keys();
    let schema = GeneTableSchema::new(PREDICTIONS_FORMAT, genes(1), &["protein"], manifest(json!({})));
    let batch = GeneBatch { dataset, cell_id, obs: Vec::new(), matrices: vec![vec![3.0]] };
    let other = drawn.write("o.parquet", schema, batch);
    drawn.fails(&[&other, "--tokens", &test], 3, &["no predicted modality", "protein: not in the tokens"]);
}
