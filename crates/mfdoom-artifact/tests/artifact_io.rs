//! Publishing, tables, manifests, embeddings and model folders on real files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeListArray, Float32Array, Float64Array, Int32Array, RecordBatch,
};
use arrow_schema::{DataType, Field, Schema};
use mfdoom_artifact::key::by_key;
use mfdoom_artifact::{
    AtomicDir, AtomicFile, Column, EmbeddingBatch, EmbeddingFormat, EmbeddingReader, EmbeddingSchema,
    EmbeddingWriter, Head, Input, InputId, KeySet, Manifest, MetricRow, ModelDir, ModelDirWriter, ObsField,
    ObsType, Output, TableFormat, TableOptions, TableReader, TableWriter, canonical_json, content_id,
    read_metrics, sha256_bytes, sha256_file, write_metrics,
};
use mfdoom_error::{Error, Kind, Result};
use serde_json::json;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn put(path: &Path, force: bool, text: &str) -> Result<()> {
    let mut file = AtomicFile::create(path, force)?;
    file.write_all(text.as_bytes())?;
    file.commit()
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = folder();
    let path = folder.path().join("x.json");
    let mut file = AtomicFile::create(&path, false).unwrap();
    file.write_all(b"half").unwrap();
    let partial = file.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert!(partial.starts_with("x.json.tmp-"));
    assert_eq!(names(folder.path()), [partial]);
    drop(file);
    assert!(names(folder.path()).is_empty());
    put(&path, false, "whole").unwrap();
    assert_eq!(names(folder.path()), ["x.json"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
}

#[test]
fn a_file_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
    put(&ours, false, "").unwrap();
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}

#[test]
fn what_exists_is_replaced_only_by_force() {
    let folder = folder();
    let path = folder.path().join("x");
    put(&path, false, "old").unwrap();
    let error = put(&path, false, "new").unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.help_text().unwrap().contains("--force"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    put(&path, true, "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}

#[test]
fn a_target_that_appears_meanwhile_is_kept() {
    let folder = folder();
    let path = folder.path().join("x");
    let file = AtomicFile::create(&path, false).unwrap();
    fs::write(&path, "theirs").unwrap();
    assert_eq!(file.commit().unwrap_err().kind(), Kind::Usage);
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    assert_eq!(names(folder.path()), ["x"]);
}

#[test]
fn targets_that_cannot_be_are_usage_errors() {
    let folder = folder();
    let create = |path: PathBuf| AtomicFile::create(path, true).unwrap_err();
    let missing = create(folder.path().join("none/x"));
    assert!(missing.help_text().unwrap().contains("mkdir -p"), "{missing}");
    for error in [missing, create(folder.path().into()), create("..".into())] {
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(AtomicDir::create(&file, true).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let folder = folder();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    put(&link, true, "new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    // Also where the target is yet to come, without --force.
    fs::remove_file(&real).unwrap();
    put(&link, false, "first").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "first");
}

#[test]
fn a_folder_appears_whole_or_not_at_all() {
    let folder = folder();
    let path = folder.path().join("model");
    let dir = AtomicDir::create(&path, false).unwrap();
    fs::write(dir.path().join("a"), "1").unwrap();
    assert!(!path.exists());
    drop(dir);
    assert!(names(folder.path()).is_empty());

    let write = |force, text: &str| -> Result<()> {
        let dir = AtomicDir::create(&path, force)?;
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/a"), text).unwrap();
        fs::write(dir.path().join("manifest.json"), "{}").unwrap();
        dir.commit()
    };
    write(false, "1").unwrap();
    assert_eq!(write(false, "2").unwrap_err().kind(), Kind::Usage);
    write(true, "3").unwrap();
    assert_eq!(names(folder.path()), ["model"]);
    assert_eq!(fs::read_to_string(path.join("sub/a")).unwrap(), "3");
}

#[test]
fn hashes_are_those_of_sha256() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256_bytes(b"abc"), abc);
    let folder = folder();
    let path = folder.path().join("abc");
    fs::write(&path, "abc").unwrap();
    assert_eq!(sha256_file(&path).unwrap(), abc);
    assert_eq!(sha256_file(&folder.path().join("none")).unwrap_err().kind(), Kind::Contract);
}

fn input(name: &str, id: &str) -> InputId {
    InputId { name: name.to_owned(), content_id: id.to_owned() }
}

#[test]
fn content_ids_know_inputs_and_configuration_only() {
    let config = json!({"b": [1, 2.5], "a": {"y": null, "x": true}});
    let inputs = [input("one.h5ad", "1"), input("two.h5ad", "2")];
    let id = content_id("s", &inputs, &config, None);
    let turned = [input("renamed.h5ad", "2"), input("-", "1")];
    assert_eq!(id, content_id("s", &turned, &config, None));
    assert_ne!(id, content_id("s", &inputs, &json!({"b": [1, 2.5]}), None));
    assert_ne!(id, content_id("s", &inputs[..1], &config, None));
    assert_ne!(id, content_id("s", &inputs, &config, Some(1)));
    assert_eq!(canonical_json(&config), r#"{"a":{"x":true,"y":null},"b":[1,2.5]}"#);
}

#[test]
fn manifests_are_read_back() {
    let manifest = Manifest::new("s", "1.2.3", 1, json!({"k": 1}), vec![input("x", "0")]).with_seed(7);
    assert_eq!(Manifest::from_json(&manifest.to_json(), "x").unwrap(), manifest);
    assert_eq!(Manifest::from_json("{}", "x").unwrap_err().kind(), Kind::Contract);
    assert_eq!(manifest.as_input(Path::new("/a/b/tokens.parquet")).name, "tokens.parquet");
}

#[test]
fn keys_are_pairs() {
    let mut keys = KeySet::default();
    assert!(keys.insert("a", "bc") && keys.insert("ab", "c") && keys.insert("a", "b"));
    assert!(!keys.insert("ab", "c"));
    assert_eq!(keys.len(), 3);
    let error = keys.add("a", "b", "x.parquet").unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
}

fn embedding_schema() -> EmbeddingSchema {
    EmbeddingSchema::new(
        vec![ObsField::new("fusion", ObsType::String), ObsField::new("n", ObsType::Int)],
        vec![Head { name: "fusion".into(), dim: 3 }, Head { name: "a_first".into(), dim: 2 }],
        vec!["spliced".into(), "expression".into()],
        Manifest::new("mfdoom-embed", "0.1.0", 1, json!({"heads": ["fusion"]}), vec![]),
    )
    .unwrap()
}

fn embeddings(start: usize, n: usize) -> EmbeddingBatch {
    let cells = start..start + n;
    EmbeddingBatch {
        dataset: cells.clone().map(|i| format!("d{}", i % 2)).collect(),
        cell_id: cells.clone().map(|i| format!("ü{i}")).collect(),
        obs: vec![
            Column::String(cells.clone().map(|i| (i % 3 > 0).then(|| format!("t{i}"))).collect()),
            Column::Int(cells.clone().map(|i| Some(i as i64)).collect()),
        ],
        heads: [3, 2]
            .map(|dim| cells.clone().flat_map(|i| (0..dim).map(move |k| (i * 10 + k) as f32)).collect())
            .into(),
        present: vec![cells.clone().map(|i| i % 2 == 0).collect(), cells.map(|_| true).collect()],
    }
}

fn read_embeddings(path: &Path) -> Result<(EmbeddingSchema, EmbeddingBatch)> {
    let reader = EmbeddingReader::open(&Input::Path(path.into()))?;
    let schema = reader.schema().clone();
    let mut all = EmbeddingBatch {
        obs: schema.obs.iter().map(|field| Column::empty(field.kind)).collect(),
        heads: vec![Vec::new(); schema.heads.len()],
        present: vec![Vec::new(); schema.modalities.len()],
        ..EmbeddingBatch::default()
    };
    for part in reader {
        let part = part?;
        all.dataset.extend(part.dataset);
        all.cell_id.extend(part.cell_id);
        all.obs.iter_mut().zip(&part.obs).try_for_each(|(to, from)| to.append(from))?;
        all.heads.iter_mut().zip(part.heads).for_each(|(to, from)| to.extend(from));
        all.present.iter_mut().zip(part.present).for_each(|(to, from)| to.extend(from));
    }
    Ok((schema, all))
}

fn write_embeddings(path: &Path, sizes: &[usize]) {
    let output = Output::file(path, true);
    let format = EmbeddingFormat::of_name(&output);
    let mut writer = EmbeddingWriter::create(&output, embedding_schema(), format).unwrap();
    let mut start = 0;
    for &n in sizes {
        writer.write(&embeddings(start, n)).unwrap();
        start += n;
    }
    assert_eq!(writer.finish().unwrap(), start);
}

#[test]
fn embeddings_are_read_back_from_every_form() {
    let folder = folder();
    for (name, with_obs) in [("e.parquet", true), ("e.arrows", true), ("e.safetensors", false)] {
        let path = folder.path().join(name);
        for sizes in [&[2000, 0, 1500][..], &[], &[1]] {
            write_embeddings(&path, sizes);
            let (schema, read) = read_embeddings(&path).unwrap();
            let (mut wanted_schema, mut wanted) = (embedding_schema(), embeddings(0, sizes.iter().sum()));
            assert_eq!(wanted_schema.obs[0].name, "obs_fusion");
            if !with_obs {
                wanted_schema.obs.clear();
                wanted.obs.clear();
            }
            if !wanted.is_empty() {
                assert_eq!(schema, wanted_schema, "{name} {sizes:?}");
                assert_eq!(read, wanted, "{name} {sizes:?}");
            }
            assert_eq!(read.len(), wanted.len());
        }
        assert_eq!(names(folder.path()).len(), 1, "{:?}", names(folder.path()));
        let bytes = fs::read(&path).unwrap();
        write_embeddings(&path, &[1]);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{name} changes its bytes");
        fs::remove_file(&path).unwrap();
    }
}

/// Writes a new file: some file systems wait for the disk when an old one is cut to nothing first.
fn put_anew(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

#[test]
fn cut_or_damaged_embeddings_are_errors() {
    let folder = folder();
    for name in ["e.parquet", "e.arrows", "e.safetensors"] {
        let (whole, cut) = (folder.path().join(name), folder.path().join("cut"));
        write_embeddings(&whole, &[5, 5]);
        let bytes = fs::read(&whole).unwrap();
        for len in 0..bytes.len() {
            put_anew(&cut, &bytes[..len]);
            let error = read_embeddings(&cut).expect_err(&format!("{name} cut at {len}"));
            assert_eq!(error.kind(), Kind::Contract, "{name} cut at {len}: {error}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= [0xff, 0x01, 0x80][at % 3];
            put_anew(&cut, &damaged);
            if let Err(error) = read_embeddings(&cut) {
                assert!([Kind::Contract, Kind::Incompatible].contains(&error.kind()), "{name} {at}: {error}");
            }
        }
    }
}

#[test]
fn a_cell_is_embedded_once() {
    let folder = folder();
    let path = folder.path().join("e.parquet");
    let output = Output::file(&path, false);
    let mut writer = EmbeddingWriter::create(&output, embedding_schema(), EmbeddingFormat::Parquet).unwrap();
    writer.write(&embeddings(0, 3)).unwrap();
    writer.write(&embeddings(2, 3)).unwrap();
    writer.finish().unwrap();
    assert!(read_embeddings(&path).unwrap_err().message().contains("twice"));
}

fn write_table(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let options = TableOptions::new(TableFormat::Parquet);
    let mut writer = TableWriter::create(&Output::file(path, true), schema.clone(), options).unwrap();
    writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn vectors_of_others_are_read() {
    let folder = folder();
    let path = folder.path().join("pca.parquet");
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let values = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0]));
    let vectors: ArrayRef = Arc::new(FixedSizeListArray::new(item, 2, values, None));
    let labels: DictionaryArray<arrow_array::types::Int8Type> = vec![Some("B"), None].into_iter().collect();
    let count: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    write_table(&path, vec![("X_pca", vectors), ("label", Arc::new(labels)), ("n", count.clone())]);
    let (schema, read) = read_embeddings(&path).unwrap();
    assert_eq!(schema.heads, [Head { name: "X_pca".into(), dim: 2 }]);
    assert_eq!(read.heads, [[1.0, 2.0, 3.0, 4.0]]);
    assert_eq!(read.cell_id, ["0", "1"]);
    assert_eq!(read.obs[0], Column::String(vec![Some("B".into()), None]));
    assert_eq!(read.obs[1], Column::Int(vec![Some(1), Some(2)]));

    write_table(&path, vec![("n", count)]);
    let error = read_embeddings(&path).unwrap_err();
    assert!(error.message().contains("no column holds vectors"), "{error}");
}

#[test]
fn nulls_are_not_vectors() {
    let folder = folder();
    let path = folder.path().join("pca.parquet");
    let item = Arc::new(Field::new_list_field(DataType::Float32, true));
    let values = Arc::new(Float32Array::from(vec![Some(1.0), None]));
    write_table(&path, vec![("x", Arc::new(FixedSizeListArray::new(item, 1, values, None)))]);
    assert!(read_embeddings(&path).unwrap_err().message().contains("holds nulls"));
}

#[test]
fn parquet_on_a_pipe_says_what_to_do() {
    let folder = folder();
    let (file, fifo) = (folder.path().join("e.parquet"), folder.path().join("fifo"));
    write_embeddings(&file, &[3]);
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let (bytes, target) = (fs::read(&file).unwrap(), fifo.clone());
    let writer = std::thread::spawn(move || fs::write(target, bytes));
    let error = TableReader::open(&Input::Path(fifo)).err().unwrap();
    let _ = writer.join().unwrap();
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.to_string().contains("pipe") && error.to_string().contains("IPC"), "{error}");
}

fn rows() -> Vec<MetricRow> {
    let row = |step: u64| MetricRow {
        step,
        epoch: step as f64 / 10.0,
        split: if step.is_multiple_of(2) { "train" } else { "validation" }.into(),
        name: "loss/contrastive".into(),
        value: f64::NAN.min(step as f64),
    };
    (0..5).map(row).collect()
}

#[test]
fn metrics_are_read_back() {
    let folder = folder();
    let path = folder.path().join("metrics.parquet");
    write_metrics(&path, &rows()).unwrap();
    assert_eq!(read_metrics(&path).unwrap(), rows());
    write_metrics(&path, &[]).unwrap();
    assert!(read_metrics(&path).unwrap().is_empty());
}

fn weights() -> Vec<u8> {
    let header = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let data = [1.0f32, 2.0].map(f32::to_le_bytes).concat();
    [&(header.len() as u64).to_le_bytes()[..], header, &data].concat()
}

fn write_model(path: &Path) {
    let model = ModelDirWriter::create(path, true).unwrap();
    model.write_config(&json!({"dim": 64})).unwrap();
    fs::write(model.weights_path(), weights()).unwrap();
    model.write_text("vocab.json", "{}").unwrap();
    model.write_text("README.md", "# Model").unwrap();
    model.write_metrics(&rows()).unwrap();
    model.commit(Manifest::new("mfdoom-pretrain", "0.1.0", 1, json!({}), vec![])).unwrap();
}

#[test]
fn a_model_folder_is_read_back() {
    let folder = folder();
    let path = folder.path().join("model");
    write_model(&path);
    let all =
        ["README.md", "config.json", "manifest.json", "metrics.parquet", "model.safetensors", "vocab.json"];
    assert_eq!(names(&path), all);
    let model = ModelDir::open(&path, 1).unwrap();
    assert_eq!(model.config(), &json!({"dim": 64}));
    assert_eq!(model.weights_sha256().unwrap(), sha256_bytes(&weights()));
    let hashed: Vec<&str> = model.manifest().files.keys().map(String::as_str).collect();
    let held = ["README.md", "config.json", "model.safetensors", "vocab.json"];
    assert_eq!(hashed, held, "all but the metrics, which hold speeds");
    assert_eq!(read_metrics(&model.metrics_path()).unwrap().len(), 5);
}

#[test]
fn a_broken_model_folder_is_refused() {
    let folder = folder();
    let path = folder.path().join("model");
    let open = |change: &dyn Fn()| -> Error {
        // A folder without a manifest is nobody's, and is not written over.
        let _ = fs::remove_dir_all(&path);
        write_model(&path);
        change();
        ModelDir::open(&path, 1).expect_err("a broken model was opened")
    };
    for name in ["config.json", "manifest.json", "model.safetensors", "vocab.json"] {
        let error = open(&|| fs::remove_file(path.join(name)).unwrap());
        assert_eq!(error.kind(), Kind::Incompatible, "{error}");
        assert!(error.message().contains(name), "{error}");
        let error = open(&|| fs::write(path.join(name), "nonsense").unwrap());
        assert_eq!(error.kind(), Kind::Incompatible, "{error}");
        assert!(error.message().contains(name), "{error}");
    }
    for len in 0..weights().len() {
        fs::write(path.join("model.safetensors"), &weights()[..len]).unwrap();
        let error = ModelDir::open(&path, 1).expect_err("cut weights were opened");
        assert_eq!(error.kind(), Kind::Incompatible, "{error}");
    }
    let mut flipped = weights();
    *flipped.last_mut().unwrap() ^= 1;
    let error = open(&|| fs::write(path.join("model.safetensors"), &flipped).unwrap());
    assert!(error.message().contains("differs from its manifest"), "{error}");
    write_model(&path);
    assert_eq!(ModelDir::open(&path, 2).unwrap_err().kind(), Kind::Incompatible);
    assert_eq!(ModelDir::open(folder.path().join("none"), 1).unwrap_err().kind(), Kind::Contract);
}

#[test]
fn the_page_for_people_may_be_changed() {
    let folder = folder();
    let path = folder.path().join("model");
    write_model(&path);
    fs::write(path.join("README.md"), "# Our model").unwrap();
    ModelDir::open(&path, 1).unwrap();
}

#[test]
fn nothing_outside_a_folder_is_read() {
    let folder = folder();
    let (path, secret) = (folder.path().join("model"), folder.path().join("secret"));
    write_model(&path);
    fs::copy(path.join("vocab.json"), &secret).unwrap();
    fs::remove_file(path.join("vocab.json")).unwrap();
    std::os::unix::fs::symlink(&secret, path.join("vocab.json")).unwrap();
    let error = ModelDir::open(&path, 1).unwrap_err();
    assert!(error.message().contains("vocab.json: is a link out of its folder"), "{error}");

    fs::remove_file(path.join("vocab.json")).unwrap();
    fs::create_dir(path.join("vocab.json")).unwrap();
    let error = ModelDir::open(&path, 1).unwrap_err();
    assert!(error.exit_code() == 4 && error.message().contains("vocab.json: is a folder"), "{error}");

    for name in ["../secret", "/etc/passwd", "./../secret", ""] {
        write_model(&path);
        let text = fs::read_to_string(path.join("manifest.json")).unwrap();
        let text = text.replace("vocab.json", name);
        fs::write(path.join("manifest.json"), text).unwrap();
        let error = ModelDir::open(&path, 1).unwrap_err();
        assert!(error.message().contains("names a file outside its folder"), "{error}");
        assert_eq!(error.exit_code(), 4);
    }
}

#[test]
fn a_model_without_weights_is_not_published() {
    let folder = folder();
    let path = folder.path().join("model");
    let model = ModelDirWriter::create(&path, false).unwrap();
    model.write_config(&json!({})).unwrap();
    let manifest = Manifest::new("s", "0", 1, json!({}), vec![]);
    assert!(model.commit(manifest).is_err());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_footer_that_ends_early_is_not_a_table_of_others() {
    let folder = folder();
    let path = folder.path().join("metrics.parquet");
    mfdoom_artifact::write_metrics(&path, &rows()).unwrap();
    let whole = fs::read(&path).unwrap();
    // The list of metadata begins before its first key; zeros there end the footer.
    let at = whole.windows(15).position(|bytes| bytes == b"mfdoom.checksum").unwrap();
    for from in at - 60..at {
        let mut damaged = whole.clone();
        damaged[from..at].fill(0);
        fs::write(&path, damaged).unwrap();
        assert!(read_metrics(&path).is_err(), "zeros from {from} to {at}");
    }
}

#[test]
fn what_a_cell_has_twice_is_refused() {
    let key = |cell: &str| ("a".to_owned(), cell.to_owned());
    let once = by_key("x.parquet", [(key("c1"), 1), (key("c2"), 2)]).unwrap();
    assert_eq!(once[&key("c2")], 2);
    let error = by_key("x.parquet", [(key("c1"), 1), (key("c1"), 2)]).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.to_string().contains("x.parquet") && error.to_string().contains("c1"), "{error}");
}
