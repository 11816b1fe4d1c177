//! A small world of files: two data sets, one with three modalities, one with expression only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use mfdoom_artifact::{
    Column, EmbeddingBatch, EmbeddingFormat, EmbeddingSchema, EmbeddingWriter, Head, Manifest, ObsField,
    ObsType, Output,
};
use mfdoom_error::Result;
use mfdoom_evaluate::{Args, run};
use mfdoom_tokens::{Gene, Measured, ModalityTokens, TokenBatch, TokenSchema, TokenWriter, Vocabulary};
use serde_json::Value;
use tempfile::TempDir;

pub const MODALITIES: [&str; 3] = ["spliced", "unspliced", "expression"];
const GENES: usize = 30;

/// Cells of the world, with their files in a folder of their own.
pub struct World {
    pub folder: TempDir,
    /// Cells of the data set `both`, then as many of `plain`.
    pub n: usize,
    pub labels: Vec<Option<String>>,
    /// Vectors of the heads spliced, unspliced, expression, fusion; each [2 n, 4].
    pub heads: Vec<Vec<f32>>,
}

/// Returns a number in [0, 1) that depends on all arguments.
pub fn noise(cell: usize, of: usize, salt: usize) -> f32 {
    let mut state = (cell * 7919 + of * 104_729 + salt * 1_299_709 + 1) as u64;
    for _ in 0..3 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^= state >> 29;
    }
    (state >> 40) as f32 / (1 << 24) as f32
}

impl World {
    /// Makes 2 n cells of three types; every tenth has no label, and unspliced says little of the type.
    pub fn new(n: usize) -> Self {
        let label = |cell: usize| (cell % 10 != 9).then(|| format!("type {}", cell % 3));
        let head = |salt: usize, scale: f32| {
            let value = |cell: usize, of: usize| {
                let own = if of == cell % 3 { 1.0 } else { 0.0 };
                own * scale + 0.3 * noise(cell, of, 0) + 0.1 * noise(cell, of, salt)
            };
            (0..2 * n).flat_map(|cell| (0..4).map(move |of| value(cell, of))).collect()
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            n,
            labels: (0..2 * n).map(label).collect(),
            heads: vec![head(1, 1.0), head(2, 0.1), head(3, 1.0), head(4, 1.0)],
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keys(&self) -> (Vec<String>, Vec<String>) {
        let dataset = |cell: usize| if cell < self.n { "both" } else { "plain" };
        let cells = 0..self.labels.len();
        (
            cells.clone().map(|cell| dataset(cell).to_owned()).collect(),
            cells.map(|cell| format!("c{cell}")).collect(),
        )
    }

    fn present(&self) -> Vec<Vec<bool>> {
        let both: Vec<bool> = (0..self.labels.len()).map(|cell| cell < self.n).collect();
        vec![both.clone(), both, vec![true; self.labels.len()]]
    }

    /// Writes the embeddings; obs are `type` and `batch`.
    pub fn embeddings(&self, name: &str, format: EmbeddingFormat) -> PathBuf {
        let names = MODALITIES.iter().chain([&"fusion"]);
        let heads = names.map(|name| Head { name: (*name).to_owned(), dim: 4 }).collect();
        let obs = vec![ObsField::new("type", ObsType::String), ObsField::new("batch", ObsType::Int)];
        let manifest = Manifest::new("mfdoom-embed", "0.1.0", 1, Value::Null, Vec::new());
        let modalities = MODALITIES.map(str::to_owned).to_vec();
        let schema = EmbeddingSchema::new(obs, heads, modalities, manifest).unwrap();
        let (dataset, cell_id) = self.keys();
        let batch = (0..2 * self.n).map(|cell| Some((cell % 2) as i64)).collect();
        let obs = vec![Column::String(self.labels.clone()), Column::Int(batch)];
        let batch =
            EmbeddingBatch { dataset, cell_id, obs, heads: self.heads.clone(), present: self.present() };
        let path = self.path(name);
        let mut writer = EmbeddingWriter::create(&Output::file(&path, true), schema, format).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        path
    }

    /// Writes the tokens of the first `cells` cells; `plain` did not measure the last three genes.
    pub fn tokens(&self, name: &str, cells: usize) -> PathBuf {
        self.tokens_of(name, cells, 0)
    }

    /// Writes the same with counts drawn by a salt.
    pub fn tokens_of(&self, name: &str, cells: usize, salt: usize) -> PathBuf {
        let genes = (0..GENES).map(|gene| Gene::new(format!("g{gene:02}"), ""));
        let mut measured = Measured::default();
        let all: Vec<u32> = (1..=GENES as u32).collect();
        MODALITIES.iter().for_each(|modality| measured.insert("both", modality, all.clone()));
        measured.insert("plain", "expression", all[..GENES - 3].to_vec());
        let manifest = Manifest::new("mfdoom-preprocess", "0.1.0", 1, Value::Null, Vec::new());
        let modalities = MODALITIES.map(str::to_owned).to_vec();
        let schema =
            TokenSchema::new(modalities, Arc::new(Vocabulary::new(genes)), measured, manifest).unwrap();
        let schema = schema.with_obs(vec![ObsField::new("stage", ObsType::String)]).unwrap();
        let (mut dataset, mut cell_id) = self.keys();
        dataset.truncate(cells);
        cell_id.truncate(cells);
        let stages = (0..cells).map(|cell| Some(format!("s{}", cell % 2))).collect();
        let modalities = (0..3).map(|modality| self.counts(modality + 3 * salt, cells)).collect();
        let batch = TokenBatch { dataset, cell_id, obs: vec![Column::String(stages)], modalities };
        let path = self.path(name);
        let mut writer = TokenWriter::create(&Output::file(&path, true), &schema).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        path
    }

    fn counts(&self, modality: usize, cells: usize) -> ModalityTokens {
        let present = &self.present()[modality % 3];
        let mut tokens = ModalityTokens::default();
        for (cell, &present) in present.iter().enumerate().take(cells) {
            let genes = if cell < self.n { GENES } else { GENES - 3 };
            let count = |gene: usize| {
                let high = if gene % 3 == cell % 3 { 9.0 } else { 2.0 };
                (high * noise(cell, gene, 10 + modality)).round()
            };
            let counts: Vec<(u32, f32)> = (0..genes)
                .map(|gene| (gene as u32 + 1, count(gene)))
                .filter(|(_, count)| *count > 0.0)
                .collect();
            match present {
                true => tokens.push(counts.iter().map(|(_, count)| f64::from(*count)).sum(), counts),
                false => tokens.push_absent(),
            }
        }
        tokens
    }

    /// Runs `mfdoom-evaluate embedding` and returns `metrics.json`.
    pub fn evaluate(&self, embeddings: &Path, more: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(&self.evaluate_text(embeddings, more)?).unwrap())
    }

    pub fn evaluate_text(&self, embeddings: &Path, more: &[&str]) -> Result<String> {
        let output = self.path("metrics.json");
        let (embeddings, output_text) = (embeddings.to_str().unwrap(), output.to_str().unwrap());
        let args = ["mfdoom-evaluate", "embedding", embeddings, "-o", output_text, "--force"];
        run(Args::parse_from(args.iter().chain(more)))?;
        Ok(std::fs::read_to_string(output).unwrap())
    }
}

/// Returns the row of a score.
#[track_caller]
pub fn row<'a>(metrics: &'a Value, [set, head, against, name]: [&str; 4]) -> &'a Value {
    let is = |row: &&Value| {
        row["set"] == set
            && row["head"] == head
            && row["against"].as_str().unwrap_or_default() == against
            && row["name"] == name
    };
    let rows = metrics["scores"].as_array().unwrap();
    rows.iter().find(is).unwrap_or_else(|| panic!("no {name} of {head} ({against}) on {set}"))
}

/// Returns the value of a score.
#[track_caller]
pub fn value(metrics: &Value, place: [&str; 4]) -> f64 {
    let row = row(metrics, place);
    row["value"].as_f64().unwrap_or_else(|| panic!("no value: {row}"))
}

/// Returns the heads that are scored on a set, in order.
pub fn heads<'a>(metrics: &'a Value, set: &str) -> Vec<&'a str> {
    let rows = metrics["scores"].as_array().unwrap().iter();
    let rows = rows.filter(|row| row["set"] == set && row["name"] == "accuracy");
    rows.map(|row| row["head"].as_str().unwrap()).collect()
}
