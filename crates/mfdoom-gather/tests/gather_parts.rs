//! Shards put together equal the whole; what does not belong together is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use clap::Parser;
use mfdoom_artifact::{
    Column, EmbeddingBatch, EmbeddingFormat, EmbeddingReader, EmbeddingSchema, EmbeddingWriter, Head, Input,
    InputId, Manifest, ObsField, ObsType, Output, TableFormat, TableOptions, TableReader, TableWriter,
    sha256_file,
};
use mfdoom_gather::Args;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of made tables.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Gathers; `Ok` or the exit code and the message.
    fn gather(&self, parts: &[&str], output: &str) -> Result<(), (i32, String)> {
        let mut argv = vec!["mfdoom-gather".to_owned()];
        argv.extend(parts.iter().map(|part| self.path(part).to_str().unwrap().to_owned()));
        argv.extend(["-o".to_owned(), self.path(output).to_str().unwrap().to_owned()]);
        let ran = mfdoom_gather::run(Args::try_parse_from(argv).unwrap());
        ran.map_err(|error| (error.exit_code(), error.to_string()))
    }

    fn refused(&self, parts: &[&str]) -> (i32, String) {
        let refused = self.gather(parts, "refused").unwrap_err();
        assert!(!self.path("refused").exists());
        refused
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

/// What an embeddings table is made with.
struct Made {
    model: &'static str,
    config: Value,
    columns: Vec<ObsField>,
}

impl Made {
    fn new() -> Self {
        let columns = vec![ObsField::new("type", ObsType::String), ObsField::new("n", ObsType::Int)];
        Self { model: "m", config: json!({ "max_tokens": 64 }), columns }
    }

    /// Writes the cells of a range, as the shard named or as a whole.
    fn write(&self, path: &Path, shard: Option<&str>, cells: std::ops::Range<usize>) {
        let mut config = self.config.clone();
        if let Some(shard) = shard {
            config["shard"] = json!(shard);
        }
        let input = |name: &str, id: &str| InputId { name: name.into(), content_id: id.into() };
        let inputs = vec![input("tokens.parquet", "t"), input("model", self.model)];
        let manifest = Manifest::new("mfdoom-embed", "0.1.0", 1, config, inputs);
        let heads = vec![Head { name: "fusion".into(), dim: 4 }];
        let schema =
            EmbeddingSchema::new(self.columns.clone(), heads, vec!["expression".into()], manifest).unwrap();
        let output = Output::file(path, false);
        let mut writer = EmbeddingWriter::create(&output, schema, EmbeddingFormat::Parquet).unwrap();
        let rows: Vec<usize> = cells.collect();
        rows.chunks(100).for_each(|rows| writer.write(&batch(rows)).unwrap());
        writer.finish().unwrap();
    }

    fn shards(&self, folder: &Folder, name: &str, cells: usize, n: usize) -> Vec<String> {
        (1..=n)
            .map(|i| {
                let part = format!("{name}.{i}");
                let rows = (i - 1) * cells / n..i * cells / n;
                self.write(&folder.path(&part), Some(&format!("{i}/{n}")), rows);
                part
            })
            .collect()
    }
}

fn batch(rows: &[usize]) -> EmbeddingBatch {
    let vectors = rows.iter().flat_map(|i| (0..4).map(move |j| (i * 4 + j) as f32 / 7.0));
    EmbeddingBatch {
        dataset: rows.iter().map(|i| format!("d{}", i % 3)).collect(),
        cell_id: rows.iter().map(|i| format!("cell{i}")).collect(),
        obs: vec![
            Column::String(rows.iter().map(|i| (i % 5 > 0).then(|| format!("t{}", i % 7))).collect()),
            Column::Int(rows.iter().map(|i| Some(*i as i64)).collect()),
        ],
        heads: vec![vectors.collect()],
        present: vec![rows.iter().map(|i| i % 2 == 0).collect()],
    }
}

fn strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[test]
fn the_whole_is_equal_row_for_row_in_any_order() {
    let folder = Folder::new();
    let made = Made::new();
    made.write(&folder.path("whole"), None, 0..5000);
    let mut parts = made.shards(&folder, "part", 5000, 3);
    parts.rotate_left(1);
    folder.gather(&strs(&parts), "gathered").unwrap();
    let read = |name: &str| {
        let table = EmbeddingReader::open(&Input::Path(folder.path(name))).unwrap();
        let schema = table.schema().clone();
        let mut all =
            EmbeddingBatch { heads: vec![vec![]], present: vec![vec![]], ..EmbeddingBatch::default() };
        for batch in table.map(Result::unwrap) {
            all.dataset.extend(batch.dataset);
            all.cell_id.extend(batch.cell_id);
            all.heads[0].extend(&batch.heads[0]);
            all.present[0].extend(&batch.present[0]);
        }
        (schema, all)
    };
    assert_eq!(read("gathered"), read("whole"));
    let table = TableReader::open(&Input::Path(folder.path("gathered"))).unwrap();
    assert_eq!(table.row_groups().unwrap(), [1666, 1667, 1667], "row groups are those of the shards");
}

#[test]
fn where_row_groups_meet_the_whole_is_equal_byte_for_byte() {
    let folder = Folder::new();
    let made = Made::new();
    made.write(&folder.path("whole"), None, 0..4096);
    for n in [1, 2] {
        let parts = made.shards(&folder, &format!("of{n}"), 4096, n);
        folder.gather(&strs(&parts), &format!("gathered{n}")).unwrap();
        assert!(folder.bytes(&format!("gathered{n}")) == folder.bytes("whole"), "{n} shards");
    }
}

#[test]
fn an_empty_shard_is_a_shard() {
    let folder = Folder::new();
    let made = Made::new();
    made.write(&folder.path("whole"), None, 0..2);
    let parts = made.shards(&folder, "part", 2, 4);
    folder.gather(&strs(&parts), "gathered").unwrap();
    let table = TableReader::open(&Input::Path(folder.path("gathered"))).unwrap();
    assert_eq!(table.n_rows(), Some(2));
}

#[test]
fn there_may_be_more_shards_than_a_process_may_open_files() {
    let folder = Folder::new();
    let made = Made::new();
    made.write(&folder.path("whole"), None, 0..120);
    let tables = made.shards(&folder, "part", 120, 60);
    let folders: Vec<String> = (1..=60).map(|i| format!("folder.{i}")).collect();
    for (i, name) in folders.iter().enumerate() {
        made_folder(&folder.path(name), Some(&format!("{}/60", i + 1)), i..i + 1, 1);
    }
    for (parts, output) in [(tables, "gathered"), (folders, "folder")] {
        let gather = format!(
            "ulimit -n 40 && exec '{}' {} -o {output}",
            env!("CARGO_BIN_EXE_mfdoom-gather"),
            parts.join(" ")
        );
        let ran = Command::new("sh").current_dir(folder.path("")).args(["-c", &gather]).output().unwrap();
        assert!(ran.status.success(), "{output}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let table = TableReader::open(&Input::Path(folder.path("gathered"))).unwrap();
    assert_eq!(table.n_rows(), Some(120));
}

#[test]
fn a_missing_a_repeated_and_a_foreign_shard_are_refused() {
    let folder = Folder::new();
    let made = Made::new();
    made.write(&folder.path("whole"), None, 0..40);
    made.shards(&folder, "part", 40, 4);
    made.shards(&folder, "half", 40, 2);
    let (code, text) = folder.refused(&["part.1", "part.2", "part.4"]);
    assert!(code == 3 && text.contains("no shard 3/4") && text.contains("--shard 3/4"), "{text}");
    let (code, text) = folder.refused(&["part.1", "part.2", "part.4", "part.3", "part.2"]);
    assert!(code == 3 && text.contains("shard 2/4 is there twice"), "{text}");
    let (code, text) = folder.refused(&["part.1", "half.2"]);
    assert!(code == 3 && text.contains("shard 2/2") && text.contains("4 shards"), "{text}");
    let (code, text) = folder.refused(&["whole"]);
    assert!(code == 3 && text.contains("not a shard"), "{text}");
    assert_eq!(folder.refused(&["nowhere"]).0, 3);
}

#[test]
fn shards_of_other_models_settings_and_columns_are_refused() {
    let folder = Folder::new();
    Made::new().shards(&folder, "part", 40, 2);
    Made { model: "n", ..Made::new() }.shards(&folder, "model", 40, 2);
    Made { config: json!({ "max_tokens": 9 }), ..Made::new() }.shards(&folder, "config", 40, 2);
    let mut columns = Made::new().columns;
    columns[0].name = "kind".into();
    Made { columns, ..Made::new() }.shards(&folder, "columns", 40, 2);
    let (code, text) = folder.refused(&["part.1", "model.2"]);
    assert!(code == 4 && text.contains("model (n)") && text.contains("model (m)"), "{text}");
    let (code, text) = folder.refused(&["part.1", "config.2"]);
    assert!(code == 3 && text.contains("'max_tokens'") && text.contains('9'), "{text}");
    let (code, text) = folder.refused(&["part.1", "columns.2"]);
    assert!(code == 3 && text.contains("other columns") && text.contains("kind"), "{text}");
}

#[test]
fn streams_other_files_and_damaged_shards_are_refused() {
    let folder = Folder::new();
    let made = Made::new();
    made.shards(&folder, "part", 3000, 2);
    fs::write(folder.path("text"), "text, and more of it").unwrap();
    assert_eq!(folder.refused(&["part.1", "text"]).0, 3);
    plain(&folder.path("plain"), 3);
    let (code, text) = folder.refused(&["part.1", "plain"]);
    assert!(code == 3 && text.contains("not a table of cells"), "{text}");
    fs::create_dir(folder.path("folder")).unwrap();
    assert_eq!(folder.refused(&["part.1", "folder"]).0, 2);
    let bytes = folder.bytes("part.2");
    fs::write(folder.path("part.2"), &bytes[..bytes.len() - 100]).unwrap();
    let (code, text) = folder.refused(&["part.1", "part.2"]);
    assert!(code == 3 && text.contains("part.2"), "{text}");
}

/// Writes a table without a row per cell.
fn plain(path: &Path, value: i64) {
    let schema = Arc::new(Schema::new(vec![Field::new("gene", DataType::Int64, false)]));
    let batch =
        RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![value, 7]))]).unwrap();
    let options = TableOptions::new(TableFormat::Parquet);
    let mut writer = TableWriter::create(&Output::file(path, false), schema, options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

/// Writes a folder with a table of cells, a table of genes and a manifest.
fn made_folder(path: &Path, shard: Option<&str>, cells: std::ops::Range<usize>, gene: i64) {
    fs::create_dir(path).unwrap();
    Made::new().write(&path.join("velocity.parquet"), shard, cells);
    plain(&path.join("kinetics.parquet"), gene);
    let config = shard.map_or(json!({}), |shard| json!({ "shard": shard }));
    let mut manifest = Manifest::new("mfdoom-velocity", "0.1.0", 1, config, Vec::new());
    for name in ["velocity.parquet", "kinetics.parquet"] {
        manifest.files.insert(name.into(), sha256_file(&path.join(name)).unwrap());
    }
    let value = serde_json::to_value(&manifest).unwrap();
    fs::write(path.join("manifest.json"), format!("{value:#}\n")).unwrap();
}

#[test]
fn folders_are_gathered_table_by_table() {
    let folder = Folder::new();
    made_folder(&folder.path("whole"), None, 0..4096, 5);
    made_folder(&folder.path("b"), Some("2/2"), 2048..4096, 5);
    made_folder(&folder.path("a"), Some("1/2"), 0..2048, 5);
    for part in ["a", "b"] {
        fs::write(folder.path(part).join(".snakemake_timestamp"), "").unwrap();
    }
    folder.gather(&["b", "a"], "gathered").unwrap();
    assert!(
        !folder.path("gathered/.snakemake_timestamp").exists(),
        "what engines leave is no part of a result"
    );
    for name in ["velocity.parquet", "kinetics.parquet", "manifest.json"] {
        let [whole, gathered] = ["whole", "gathered"].map(|of| folder.bytes(&format!("{of}/{name}")));
        assert!(whole == gathered, "{name}");
    }
    made_folder(&folder.path("other"), Some("2/2"), 2048..4096, 6);
    let (code, text) = folder.refused(&["a", "other"]);
    assert!(code == 3 && text.contains("kinetics.parquet"), "{text}");
    fs::remove_file(folder.path("other/kinetics.parquet")).unwrap();
    let (code, text) = folder.refused(&["a", "other"]);
    assert!(code == 3 && text.contains("other: no kinetics.parquet"), "{text}");
}
