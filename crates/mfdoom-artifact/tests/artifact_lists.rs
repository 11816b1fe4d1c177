//! Lists of ids and counts, whose parquet pages we write ourselves, come back as they went.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, LargeListArray, RecordBatch, StringArray, UInt32Array};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_artifact::{Input, Output, TableFormat, TableOptions, TableReader, TableWriter};

/// Compares a parquet file, its checksums checked, with the stream of the same rows.
const SCRIPT: &str = "
import sys, pyarrow as pa, pyarrow.parquet as pq
stream = pa.ipc.open_stream(sys.argv[2]).read_all()
table = pq.read_table(sys.argv[1], page_checksum_verification=True)
assert table.schema.equals(stream.schema), (table.schema, stream.schema)
for name in stream.schema.names:
    a, b = table[name].combine_chunks(), stream[name].combine_chunks()
    assert a.is_null().equals(b.is_null()), name
    if pa.types.is_large_list(a.type):
        assert a.offsets.equals(b.offsets), name
        assert a.flatten().view(pa.uint32()).equals(b.flatten().view(pa.uint32())), name
    else: assert a.equals(b), name
groups = pq.ParquetFile(sys.argv[1]).metadata
ids = [groups.row_group(i).column(1).statistics for i in range(groups.num_row_groups)]
flat = stream['ids'].combine_chunks().flatten().to_pylist()
assert min(s.min for s in ids) == min(flat) and max(s.max for s in ids) == max(flat)
assert sum(s.null_count for s in ids) == sum(not x for x in stream['ids'].to_pylist())
";

fn schema(nullable: bool) -> SchemaRef {
    let list = |name: &str, kind| {
        let item = Arc::new(Field::new_list_field(kind, false));
        Field::new(name, DataType::LargeList(item), nullable)
    };
    let key = Field::new("cell_id", DataType::Utf8, false);
    Arc::new(Schema::new(vec![key, list("ids", DataType::UInt32), list("counts", DataType::Float32)]))
}

/// Numbers that look random and are the same on every machine.
fn noise(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
}

/// How many values a row has; nothing where it is missing.
fn length(row: u64, nullable: bool) -> Option<usize> {
    match noise(row) % 10 {
        0 if nullable => None,
        0 | 1 => Some(0),
        other => Some((noise(row + 77) % (other * 9)) as usize),
    }
}

fn lists(values: ArrayRef, lengths: &[Option<usize>], schema: &SchemaRef, column: usize) -> ArrayRef {
    let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|len| len.unwrap_or(0)));
    let missing: NullBuffer = lengths.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let DataType::LargeList(item) = schema.field(column).data_type() else { panic!() };
    Arc::new(LargeListArray::new(item.clone(), offsets, values, Some(missing).filter(|m| m.null_count() > 0)))
}

/// Rows from `start`; `count` makes the counts.
fn rows(schema: &SchemaRef, start: u64, n: u64, count: fn(u64) -> f32) -> RecordBatch {
    let nullable = schema.field(1).is_nullable();
    let lengths: Vec<_> = (start..start + n).map(|row| length(row, nullable)).collect();
    let (mut ids, mut counts) = (Vec::new(), Vec::new());
    for (row, len) in (start..).zip(&lengths) {
        let mut of_row: Vec<u32> =
            (0..len.unwrap_or(0) as u64).map(|i| noise(row * 1000 + i) as u32).collect();
        // Most rows have the small ascending ids of tokens, some any numbers.
        if row % 7 > 0 {
            of_row.iter_mut().for_each(|id| *id %= 20_000);
            of_row.sort_unstable();
        }
        counts.extend((0..of_row.len() as u64).map(|i| count(noise(row * 1000 + i))));
        ids.extend(of_row);
    }
    let keys = StringArray::from_iter_values((start..start + n).map(|row| format!("cell_{row}")));
    let ids = lists(Arc::new(UInt32Array::from(ids)), &lengths, schema, 1);
    let counts = lists(Arc::new(Float32Array::from(counts)), &lengths, schema, 2);
    RecordBatch::try_new(schema.clone(), vec![Arc::new(keys), ids, counts]).unwrap()
}

fn write(path: &Path, batches: &[RecordBatch], row_group_rows: usize) -> usize {
    let output = Output::file(path, false);
    let options = TableOptions { format: TableFormat::of_name(&output), row_group_rows };
    let mut writer = TableWriter::create(&output, batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap()
}

/// A key with its ids and the bits of its counts.
type Row = (String, Option<Vec<u32>>, Option<Vec<u32>>);

fn values(path: &Path) -> Vec<Row> {
    let mut all = Vec::new();
    for batch in TableReader::open(&Input::Path(path.into())).unwrap() {
        let batch = batch.unwrap();
        let list = |column: usize, row: usize| {
            let lists = batch.column(column).as_any().downcast_ref::<LargeListArray>().unwrap();
            let bits = |list: ArrayRef| match list.as_any().downcast_ref::<UInt32Array>() {
                Some(ids) => ids.values().to_vec(),
                None => {
                    let counts = list.as_any().downcast_ref::<Float32Array>().unwrap();
                    counts.values().iter().map(|count| count.to_bits()).collect()
                }
            };
            lists.iter().nth(row).unwrap().map(bits)
        };
        let keys = batch.column(0).as_any().downcast_ref::<StringArray>().unwrap();
        all.extend((0..batch.num_rows()).map(|row| (keys.value(row).to_owned(), list(1, row), list(2, row))));
    }
    all
}

/// Writes the rows of one case in batches of several sizes and reads them, here and with pyarrow.
fn round_trip(nullable: bool, row_group_rows: usize, count: fn(u64) -> f32) {
    let folder = tempfile::tempdir().unwrap();
    let schema = schema(nullable);
    let sizes = [256, 256, 1, 700, 3, 0, 256];
    let starts = sizes.iter().scan(0, |at, n| Some(std::mem::replace(at, *at + n)));
    let batches: Vec<_> = starts.zip(sizes).map(|(start, n)| rows(&schema, start, n, count)).collect();
    let [table, stream] = ["x.parquet", "x.arrows"].map(|name| folder.path().join(name));
    assert_eq!(write(&table, &batches, row_group_rows), 1472);
    write(&stream, &batches, row_group_rows);
    assert_eq!(values(&table), values(&stream));
    if let Some(python) = mfdoom_testing::python("pyarrow.parquet") {
        let output = Command::new(python).args(["-c", SCRIPT]).arg(&table).arg(&stream).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn counts_come_back() {
    round_trip(true, 2048, |noise| if noise % 3 > 0 { 1.0 } else { (noise % 40) as f32 });
    round_trip(false, 512, |noise| (noise % 5000) as f32);
}

#[test]
fn one_count_alone_comes_back() {
    round_trip(true, 512, |_| 1.0);
}

#[test]
fn more_distinct_values_than_a_dictionary_takes_come_back() {
    round_trip(true, 2048, |noise| noise as f32 / 3.0);
}

#[test]
fn numbers_that_are_no_counts_come_back_bit_by_bit() {
    let odd = |noise: u64| match noise % 6 {
        0 => f32::NAN,
        1 => -0.0,
        2 => f32::NEG_INFINITY,
        3 => -1.0,
        4 => 1023.0,
        _ => 1024.0,
    };
    round_trip(true, 1000, odd);
}

#[test]
fn threads_and_batches_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let schema = schema(true);
    let batches: Vec<_> = (0..4).map(|i| rows(&schema, 256 * i, 256, |noise| (noise % 9) as f32)).collect();
    let of = |threads: usize| {
        let path = folder.path().join(format!("{threads}.parquet"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| write(&path, &batches, 512));
        std::fs::read(path).unwrap()
    };
    let one = of(1);
    assert!(one == of(2) && one == of(3));
}
