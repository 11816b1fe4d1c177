//! The token table: what is written is read back, as file, stream and FIFO; what breaks its promise is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float32Array, LargeListArray, RecordBatch, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_artifact::{
    Column, Input, Manifest, ObsField, ObsType, Output, TableFormat, TableOptions, TableReader, TableWriter,
};
use mfdoom_error::Kind;
use mfdoom_tokens::table::to_arrow;
use mfdoom_tokens::{
    Gene, Measured, ModalityTokens, TokenBatch, TokenReader, TokenSchema, TokenWriter, Vocabulary,
};
use serde_json::json;

fn schema() -> TokenSchema {
    let vocabulary = Vocabulary::new((1..=9).map(|i| Gene::new(format!("g{i}"), format!("Gene{i}"))));
    let mut measured = Measured::default();
    measured.insert("a", "spliced", vec![1, 2, 3, 4, 5, 6, 7, 8, 9]);
    measured.insert("a", "expression", vec![1, 2, 3, 7, 8, 9]);
    measured.insert("b", "expression", vec![1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let manifest = Manifest::new("mfdoom-preprocess", "0.1.0", 1, json!({"min_counts": 0}), vec![]);
    TokenSchema::new(vec!["spliced".into(), "expression".into()], Arc::new(vocabulary), measured, manifest)
        .unwrap()
        .with_obs(vec![
            ObsField::new("clusters", ObsType::String),
            ObsField::new("dataset", ObsType::Int),
            ObsField::new("score", ObsType::Float),
            ObsField::new("doublet", ObsType::Bool),
        ])
        .unwrap()
}

/// Cells 3k are measured in both modalities, 3k + 1 are empty, 3k + 2 lack spliced.
fn batch(start: usize, n: usize) -> TokenBatch {
    let mut batch = TokenBatch {
        obs: [ObsType::String, ObsType::Int, ObsType::Float, ObsType::Bool].map(Column::empty).into(),
        modalities: vec![ModalityTokens::default(); 2],
        ..TokenBatch::default()
    };
    for i in start..start + n {
        batch.dataset.push(if i % 3 == 2 { "b" } else { "a" }.to_owned());
        batch.cell_id.push(format!("cell{i}"));
        let obs = [
            Column::String(vec![(i % 2 == 0).then(|| format!("type {}", i % 4))]),
            Column::Int(vec![Some(i as i64)]),
            Column::Float(vec![i as f64 / 7.0]),
            Column::Bool(vec![(i % 5 != 0).then_some(i % 2 == 0)]),
        ];
        batch.obs.iter_mut().zip(&obs).for_each(|(column, value)| column.append(value).unwrap());
        let count = (i % 11 + 1) as f32;
        match i % 3 {
            0 => {
                batch.modalities[0].push(1e9 + i as f64, [(1, count), (4, 2.0), (9, 1.0)]);
                batch.modalities[1].push(100.0, [(2, count), (7, 3.0)]);
            }
            1 => batch.modalities.iter_mut().for_each(|tokens| tokens.push(0.0, [])),
            _ => {
                batch.modalities[0].push_absent();
                batch.modalities[1].push(7.0, [(5, count)]);
            }
        }
    }
    batch
}

fn write(path: &Path, sizes: &[usize]) -> TokenSchema {
    let schema = schema();
    let mut writer = TokenWriter::create(&Output::file(path, false), &schema).unwrap();
    let mut start = 0;
    for &n in sizes {
        writer.write(&batch(start, n)).unwrap();
        start += n;
    }
    assert_eq!(writer.finish().unwrap(), start);
    schema
}

fn append(all: &mut TokenBatch, part: &TokenBatch) {
    all.dataset.extend_from_slice(&part.dataset);
    all.cell_id.extend_from_slice(&part.cell_id);
    for (to, from) in all.obs.iter_mut().zip(&part.obs) {
        to.append(from).unwrap();
    }
    for (to, from) in all.modalities.iter_mut().zip(&part.modalities) {
        (0..from.len()).for_each(|cell| to.push_from(from, cell));
    }
}

fn read(input: &Input) -> mfdoom_error::Result<TokenBatch> {
    let mut all = batch(0, 0);
    for part in TokenReader::open(input)? {
        append(&mut all, &part?);
    }
    Ok(all)
}

fn path(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

#[test]
fn a_file_gives_back_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "tokens.parquet");
    let schema = write(&file, &[3000, 1, 2500]);
    let reader = TokenReader::open(&Input::Path(file.clone())).unwrap();
    assert_eq!(**reader.schema(), schema);
    assert_eq!(reader.n_cells(), Some(5501));
    assert_eq!(reader.row_groups(), Some(vec![2048, 2048, 1405]));
    let names: Vec<&str> = schema.obs.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["clusters", "obs_dataset", "score", "doublet"]);
    assert_eq!(read(&Input::Path(file)).unwrap(), batch(0, 5501));
}

#[test]
fn a_stream_gives_back_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "tokens.arrows");
    let schema = write(&file, &[10, 0, 5]);
    let reader = TokenReader::open(&Input::Path(file.clone())).unwrap();
    assert_eq!(**reader.schema(), schema);
    assert_eq!(reader.n_cells(), None);
    assert_eq!(read(&Input::Path(file)).unwrap(), batch(0, 15));
}

#[test]
fn missing_is_not_empty() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tokens.parquet", "tokens.arrows"] {
        let file = path(&folder, name);
        write(&file, &[3]);
        let read = read(&Input::Path(file)).unwrap();
        assert_eq!(read.modalities[0].present, [true, true, false]);
        assert_eq!(read.modalities[0].offsets, [0, 3, 3, 3]);
        assert_eq!(read.modalities[1].present, [true, true, true]);
    }
}

#[test]
fn a_table_without_cells_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tokens.parquet", "tokens.arrows"] {
        let file = path(&folder, name);
        let schema = write(&file, &[]);
        assert_eq!(**TokenReader::open(&Input::Path(file.clone())).unwrap().schema(), schema);
        assert!(read(&Input::Path(file)).unwrap().is_empty());
    }
}

#[test]
fn equal_tables_have_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (path(&folder, "1.parquet"), path(&folder, "2.parquet"));
    write(&one, &[3000, 1000]);
    write(&two, &[3000, 1000]);
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    let (one, two) = (path(&folder, "1.arrows"), path(&folder, "2.arrows"));
    write(&one, &[30]);
    write(&two, &[30]);
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
}

#[test]
fn row_groups_and_ranges_are_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "tokens.parquet");
    write(&file, &[5000]);
    let reader = TokenReader::open(&Input::Path(file)).unwrap();
    let collect = |parts: mfdoom_tokens::TokenBatches| {
        let mut all = batch(0, 0);
        parts.for_each(|part| append(&mut all, &part.unwrap()));
        all
    };
    assert_eq!(collect(reader.read_row_group(1).unwrap()), batch(2048, 2048));
    assert_eq!(collect(reader.read_cells(2000..2100).unwrap()), batch(2000, 100));
    assert_eq!(reader.read_row_group(3).err().unwrap().kind(), Kind::Contract);
}

#[test]
fn a_fifo_is_read_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = path(&folder, "fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let (sent, received) = std::sync::mpsc::channel();
    let target = fifo.clone();
    let writer = std::thread::spawn(move || {
        let mut writer = TokenWriter::create(&Output::file(target, false), &schema()).unwrap();
        writer.write(&batch(0, 4)).unwrap();
        // The first block must arrive before the second is made.
        received.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        writer.write(&batch(4, 3)).unwrap();
        writer.finish().unwrap()
    });
    let mut reader = TokenReader::open(&Input::Path(fifo.clone())).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), batch(0, 4));
    sent.send(()).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), batch(4, 3));
    assert!(reader.next().is_none());
    assert_eq!(writer.join().unwrap(), 7);
    assert!(fs::symlink_metadata(&fifo).is_ok(), "the FIFO was replaced by a file");
}

#[test]
fn a_reader_that_goes_away_is_a_closed_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = path(&folder, "fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let source = fifo.clone();
    let reader = std::thread::spawn(move || drop(TokenReader::open(&Input::Path(source)).unwrap()));
    let mut writer = TokenWriter::create(&Output::file(fifo, false), &schema()).unwrap();
    reader.join().unwrap();
    let error = (0..1000).find_map(|i| writer.write(&batch(i * 10, 10)).err()).unwrap();
    assert_eq!(error.kind(), Kind::ClosedPipe);
}

/// Writes a new file: some file systems wait for the disk when an old one is cut to nothing first.
fn put_anew(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_cut_input_is_an_error_wherever_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tokens.parquet", "tokens.arrows"] {
        let file = path(&folder, name);
        write(&file, &[6, 6, 6]);
        let whole = fs::read(&file).unwrap();
        let cut = path(&folder, "cut");
        for len in 0..whole.len() {
            put_anew(&cut, &whole[..len]);
            let error = read(&Input::Path(cut.clone())).expect_err(&format!("{name} cut at {len}"));
            assert_eq!(error.kind(), Kind::Contract, "{name} cut at {len}: {error}");
        }
    }
}

#[test]
fn a_damaged_input_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tokens.parquet", "tokens.arrows"] {
        let file = path(&folder, name);
        write(&file, &[20]);
        let whole = fs::read(&file).unwrap();
        let damaged = path(&folder, "damaged");
        let mut refused = 0;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= [0xff, 0x01, 0x80][at % 3];
            put_anew(&damaged, &bytes);
            if let Err(error) = read(&Input::Path(damaged.clone())) {
                let known = [Kind::Contract, Kind::Incompatible];
                assert!(known.contains(&error.kind()), "{name} byte {at}: {error}");
                refused += 1;
            }
        }
        assert!(refused > whole.len() / 4, "{name}: {refused} of {} refused", whole.len());
    }
}

#[test]
fn foreign_inputs_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[u8], &str); 4] = [
        (b"", "is empty"),
        (b"cell,gene\n", "not a table"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"ARROW1\0\0", "an Arrow IPC file"),
    ];
    for (bytes, wanted) in cases {
        let file = path(&folder, "foreign");
        fs::write(&file, bytes).unwrap();
        let error = TokenReader::open(&Input::Path(file)).err().unwrap();
        assert_eq!(error.kind(), Kind::Contract);
        assert!(error.message().contains(wanted), "{error}");
    }
    let missing = TokenReader::open(&Input::Path(path(&folder, "none"))).err().unwrap();
    assert_eq!(missing.kind(), Kind::Contract);
    let error = TokenReader::open(&Input::Path(folder.path().into())).err().unwrap();
    assert!(error.message().contains("is a folder"), "{error}");
}

/// Rewrites the table of `batch` after `change` of its schema and columns.
fn rewritten(change: impl Fn(SchemaRef, Vec<ArrayRef>) -> (SchemaRef, Vec<ArrayRef>)) -> mfdoom_error::Error {
    let folder = tempfile::tempdir().unwrap();
    let file = path(&folder, "tokens.parquet");
    let schema = schema().to_arrow();
    let record = to_arrow(batch(0, 6), &schema).unwrap();
    let (schema, columns) = change(schema, record.columns().to_vec());
    let mut writer = TableWriter::create(
        &Output::file(&file, false),
        schema.clone(),
        TableOptions::new(TableFormat::Parquet),
    )
    .unwrap();
    writer.write(&RecordBatch::try_new(schema, columns).unwrap()).unwrap();
    writer.finish().unwrap();
    read(&Input::Path(file)).expect_err("a broken table was accepted")
}

fn with_metadata(schema: &Schema, key: &str, value: Option<&str>) -> SchemaRef {
    let mut metadata: HashMap<String, String> =
        schema.metadata().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    metadata.remove(key);
    metadata.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    Arc::new(Schema::new(schema.fields().clone()).with_metadata(metadata))
}

#[test]
fn other_formats_and_versions_are_told_apart() {
    let cases = [
        (None, Kind::Contract),
        (Some("embeddings/1"), Kind::Contract),
        (Some("tokens/2"), Kind::Incompatible),
    ];
    for (format, kind) in cases {
        let error = rewritten(|schema, columns| (with_metadata(&schema, "mfdoom.format", format), columns));
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn damaged_metadata_is_an_error() {
    for key in ["mfdoom.vocab", "mfdoom.measured", "mfdoom.manifest"] {
        for value in [None, Some("{}"), Some("nonsense")] {
            let error = rewritten(|schema, columns| (with_metadata(&schema, key, value), columns));
            assert_eq!(error.kind(), Kind::Contract, "{key}: {error}");
        }
    }
    let outside = r#"{"sets":["1-10"],"datasets":{"a":{"spliced":0}}}"#;
    let error =
        rewritten(|schema, columns| (with_metadata(&schema, "mfdoom.measured", Some(outside)), columns));
    assert!(error.message().contains("measured genes"), "{error}");
}

/// Replaces the lists of column `name`; `None` items are cells that were not measured.
fn with_lists<T>(name: &str, lists: [Option<Vec<T>>; 6]) -> mfdoom_error::Error
where
    T: Clone,
    Vec<T>: IntoArray,
{
    rewritten(|schema, mut columns| {
        let at = schema.index_of(name).unwrap();
        let lengths = lists.iter().map(|list| list.as_ref().map_or(0, Vec::len));
        let present: Vec<bool> = lists.iter().map(Option::is_some).collect();
        let values: Vec<T> = lists.iter().flatten().flatten().cloned().collect();
        let values = values.into_array();
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), false));
        let offsets = OffsetBuffer::<i64>::from_lengths(lengths);
        columns[at] = Arc::new(LargeListArray::new(item, offsets, values, Some(present.into())));
        (schema, columns)
    })
}

trait IntoArray {
    fn into_array(self) -> ArrayRef;
}

impl IntoArray for Vec<u32> {
    fn into_array(self) -> ArrayRef {
        Arc::new(UInt32Array::from(self))
    }
}

impl IntoArray for Vec<f32> {
    fn into_array(self) -> ArrayRef {
        Arc::new(Float32Array::from(self))
    }
}

#[test]
fn broken_ids_are_errors() {
    let ids = |first: Vec<u32>| [Some(first), Some(vec![]), None, Some(vec![1, 4, 9]), Some(vec![]), None];
    let cases = [
        (vec![1, 4, 10], "outside the vocabulary"),
        (vec![0, 4, 9], "outside the vocabulary"),
        (vec![4, 1, 9], "not ascending"),
        (vec![4, 4, 9], "not ascending"),
        (vec![1, 4], "differ in number"),
    ];
    for (first, wanted) in cases {
        let error = with_lists("spliced_index", ids(first));
        assert_eq!(error.kind(), Kind::Contract);
        assert!(error.message().contains(wanted), "{error}");
        assert!(error.message().contains("spliced of cell \"cell0\" of \"a\""), "{error}");
    }
    let mut nulls = ids(vec![1, 4, 9]);
    nulls[1] = None;
    let error = with_lists("spliced_index", nulls);
    assert!(error.message().contains("null in some columns only"), "{error}");
}

#[test]
fn a_token_of_an_unmeasured_gene_is_an_error() {
    // Gene 4 was not measured as expression in data set a.
    let ids = [vec![2, 4], vec![], vec![5], vec![2, 7], vec![], vec![5]].map(Some);
    let error = with_lists("expression_index", ids);
    assert!(error.message().contains("did not measure"), "{error}");
}

#[test]
fn broken_counts_are_errors() {
    for bad in [f32::NAN, -1.0, 0.0, f32::INFINITY] {
        let counts = [vec![1.0, 2.0, bad], vec![], vec![], vec![4.0, 2.0, 1.0], vec![], vec![]];
        let mut counts = counts.map(Some);
        (counts[2], counts[5]) = (None, None);
        let error = with_lists("spliced_count", counts);
        assert!(error.message().contains("a count is not above zero"), "{error}");
    }
}

#[test]
fn sums_beyond_all_numbers_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = Output::file(path(&folder, "tokens.parquet"), false);
    let mut writer = TokenWriter::create(&output, &schema()).unwrap();
    let mut cells = batch(0, 6);
    let last = cells.modalities[0].count.len() - 1;
    cells.modalities[0].count[last] = f32::INFINITY;
    let error = writer.write(&cells).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.to_string().contains("spliced of cell \"cell"), "{error}");
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a partial file was left");
}

#[test]
fn a_cell_may_come_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer =
        TokenWriter::create(&Output::file(path(&folder, "tokens.parquet"), false), &schema()).unwrap();
    writer.write(&batch(0, 6)).unwrap();
    let error = writer.write(&batch(5, 1)).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.to_string().contains("\"cell5\""), "{error}");
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a partial file was left");

    let error = rewritten(|schema, mut columns| {
        let twice = arrow_select_repeat(&columns[1]);
        columns[1] = twice;
        (schema, columns)
    });
    assert!(error.message().contains("twice"), "{error}");
}

/// Gives every cell the id of the first.
fn arrow_select_repeat(ids: &ArrayRef) -> ArrayRef {
    let ids = ids.as_any().downcast_ref::<arrow_array::StringArray>().unwrap();
    Arc::new(arrow_array::StringArray::from_iter_values((0..ids.len()).map(|_| ids.value(0))))
}

#[test]
fn a_column_of_another_type_is_an_error() {
    let error = rewritten(|schema, mut columns| {
        let mut fields: Vec<Field> = schema.fields().iter().map(|field| (**field).clone()).collect();
        fields[0] = Field::new("dataset", DataType::UInt32, false);
        columns[0] = Arc::new(UInt32Array::from(vec![1; 6]));
        (Arc::new(Schema::new(fields).with_metadata(schema.metadata().clone())), columns)
    });
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.message().contains("dataset"), "{error}");
}

#[test]
fn only_wanted_columns_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tokens.parquet", "tokens.arrows"] {
        let file = path(&folder, name);
        write(&file, &[5]);
        let reader = TableReader::open(&Input::Path(file)).unwrap();
        let mut reader = reader.select(|name| name.ends_with("_id") || name == "score").unwrap();
        assert!(reader.metadata("mfdoom.vocab").is_some());
        let batch = reader.next().unwrap().unwrap();
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["cell_id", "score"]);
    }
}
