//! Velocity folders and gene tables, written and read back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, FixedSizeListArray, Float32Array, LargeListArray, ListArray, RecordBatch, StringArray,
};
use arrow_schema::{Field, Schema};
use mfdoom_artifact::velocity::{
    self, CellTable, Kinetics, Pairs, VELOCITY, fit_schema, moments_schema, open_velocities,
    prediction_schema, projection_schema,
};
use mfdoom_artifact::{
    Column, EmbeddingBatch, GENES_KEY, Gene, GeneBatch, GeneTableReader, GeneTableSchema, Input, Manifest,
    Output, TableFormat, TableOptions, TableReader, TableWriter, VelocityDir, VelocityDirWriter,
};
use mfdoom_error::Kind;
use mfdoom_matrix::Csr;
use serde_json::json;

fn manifest() -> Manifest {
    Manifest::new("mfdoom-velocity", "0.1.0", velocity::VELOCITY_DIR_FORMAT, json!({"mode": "x"}), vec![])
}

fn genes(n: usize) -> Vec<Gene> {
    (0..n).map(|i| Gene::new(format!("g{i}"), format!("Sym{i}"))).collect()
}

fn block(schema: &GeneTableSchema, cells: std::ops::Range<usize>) -> GeneBatch {
    let n_genes = schema.genes.len();
    let value = |m: usize, i: usize, j: usize| match (i + j) % 5 {
        0 => f32::NAN,
        _ => (m * 100_000 + i * 10 + j) as f32,
    };
    GeneBatch {
        dataset: cells.clone().map(|i| format!("d{}", i % 2)).collect(),
        cell_id: cells.clone().map(|i| format!("c{i}")).collect(),
        obs: schema
            .obs
            .iter()
            .map(|_| Column::Float(cells.clone().map(|i| i as f64 / 7.0).collect()))
            .collect(),
        matrices: (0..schema.matrices.len())
            .map(|m| cells.clone().flat_map(|i| (0..n_genes).map(move |j| value(m, i, j))).collect())
            .collect(),
    }
}

/// Compares with NaN equal to NaN.
fn assert_same(found: &GeneBatch, wanted: &GeneBatch) {
    let bits = |batch: &GeneBatch| -> Vec<Vec<u32>> {
        batch.matrices.iter().map(|m| m.iter().map(|v| v.to_bits()).collect()).collect()
    };
    assert_eq!((&found.dataset, &found.cell_id, &found.obs), (&wanted.dataset, &wanted.cell_id, &wanted.obs));
    assert_eq!(bits(found), bits(wanted));
}

fn write_folder(path: &Path, n: usize, n_genes: usize) {
    let folder = VelocityDirWriter::create(path, true).unwrap();
    for (kind, schema) in [
        ("velocity", prediction_schema(genes(n_genes), manifest())),
        ("moments", moments_schema(genes(n_genes), manifest())),
    ] {
        let mut writer =
            if kind == "velocity" { folder.velocities(schema) } else { folder.moments(schema) }.unwrap();
        let schema = writer.schema().clone();
        for start in (0..n).step_by(1000) {
            writer.write(block(&schema, start..n.min(start + 1000))).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), n);
    }
    folder.kinetics(&kinetics(n_genes)).unwrap();
    let mut pairs = folder.neighbors().unwrap();
    pairs.write_csr(&Csr::new(3, vec![0, 2, 2, 3], vec![1, 2, 0], vec![0.5, 1.5, 0.0]).unwrap()).unwrap();
    assert_eq!(pairs.finish().unwrap(), 3);
    folder.cells(&cells()).unwrap();
    let mut projection = folder.projection("umap", projection_schema(2, manifest()).unwrap()).unwrap();
    projection.write(&points()).unwrap();
    projection.finish().unwrap();
    folder.commit(&manifest()).unwrap();
}

fn points() -> EmbeddingBatch {
    EmbeddingBatch {
        dataset: vec!["d".into()],
        cell_id: vec!["c".into()],
        heads: vec![vec![1.0, 2.0], vec![0.5, f32::NAN]],
        ..EmbeddingBatch::default()
    }
}

fn kinetics(n: usize) -> Kinetics {
    Kinetics {
        groups: vec!["Alpha".into(); n],
        genes: genes(n),
        gamma: (0..n).map(|i| i as f64 / 3.0).collect(),
        r2: vec![0.25; n],
        velocity_gene: (0..n).map(|i| i % 2 == 0).collect(),
        unspliced_cells: vec![3.0; n],
        fits: vec![("fit_alpha".into(), vec![1.5; n])],
    }
}

fn cells() -> CellTable {
    let mut cells =
        CellTable { dataset: vec!["d".into(); 2], cell_id: vec!["a".into(), "b".into()], columns: vec![] };
    cells.set_numbers("confidence", [0.0, 9.0]);
    cells.set("group", Column::String(vec![Some("x".into()), None]));
    cells.set_numbers("confidence", [0.25, 0.5]);
    cells
}

#[test]
fn a_velocity_folder_is_read_back_in_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("velocity");
    write_folder(&path, 2500, 7);
    let dir = VelocityDir::open(&path).unwrap();
    let mut made_by = dir.manifest().clone();
    let files: Vec<String> = std::mem::take(&mut made_by.files).into_keys().collect();
    assert_eq!(made_by, manifest());
    let all = ["cells", "kinetics", "moments", "neighbors", "projection_umap", "velocity"];
    assert_eq!(files, all.map(|name| format!("{name}.parquet")));
    let reader = dir.velocities().unwrap();
    assert_eq!(reader.schema(), &prediction_schema(genes(7), manifest()));
    assert_eq!(reader.n_rows(), Some(2500));
    assert_same(&reader.read_all().unwrap(), &block(&prediction_schema(genes(7), manifest()), 0..2500));
    let mut read = 0;
    for part in dir.moments().unwrap().unwrap() {
        let part = part.unwrap();
        assert!(part.len() <= 2048, "{} cells in one block", part.len());
        assert_same(&part, &block(&moments_schema(genes(7), manifest()), read..read + part.len()));
        read += part.len();
    }
    assert_eq!(read, 2500);
    let mu = dir.moments().unwrap().unwrap().select(&["Mu"]).unwrap();
    assert_eq!(mu.schema().matrices, ["Mu"]);
    let mu = mu.read_all().unwrap();
    assert_eq!(mu.matrices.len(), 1);
    assert_eq!(mu.matrices[0][1], 100_001.0);
    assert_eq!(dir.kinetics().unwrap().unwrap(), kinetics(7));
    let pairs = dir.neighbors().unwrap().unwrap().read_all().unwrap();
    assert_eq!(pairs, Pairs { rows: vec![0, 0, 2], cols: vec![1, 2, 0], values: vec![0.5, 1.5, 0.0] });
    assert_eq!(pairs.row_starts(3, "x").unwrap(), [0, 2, 2, 3]);
    assert_eq!(pairs.row_starts(2, "x").unwrap_err().kind(), Kind::Contract);
    assert!(dir.graph().unwrap().is_none());
    assert_eq!(dir.cells().unwrap().unwrap(), cells());
    assert_eq!(dir.bases().unwrap(), ["umap"]);
    let projection = dir.projection("umap").unwrap().unwrap().next().unwrap().unwrap();
    assert_eq!(projection.heads[0], [1.0, 2.0]);
    assert!(dir.projection("tsne").unwrap().is_none());
}

#[test]
fn equal_folders_have_equal_bytes_whatever_the_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = [1, 100, 2048].map(|step| {
        let path = folder.path().join("velocity");
        let writer = VelocityDirWriter::create(&path, true).unwrap();
        let mut table = writer.velocities(fit_schema(genes(3), manifest())).unwrap();
        let schema = table.schema().clone();
        for start in (0..300).step_by(step) {
            table.write(block(&schema, start..300.min(start + step))).unwrap();
        }
        table.finish().unwrap();
        writer.commit(&manifest()).unwrap();
        (fs::read(path.join("velocity.parquet")).unwrap(), fs::read(path.join("manifest.json")).unwrap())
    });
    assert_eq!(bytes[0].1, bytes[1].1);
    assert_eq!(bytes[1].0, bytes[2].0);
}

#[test]
fn row_groups_shrink_with_the_genes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("velocity");
    let writer = VelocityDirWriter::create(&path, false).unwrap();
    let mut table = writer.velocities(fit_schema(genes(20_000), manifest())).unwrap();
    assert_eq!(table.block_rows(), 419);
    let schema = table.schema().clone();
    table.write(block(&schema, 0..900)).unwrap();
    table.finish().unwrap();
    let table = TableReader::open(&Input::Path(writer.path().join("velocity.parquet"))).unwrap();
    assert_eq!(table.row_groups().unwrap(), [419, 419, 62]);
}

#[test]
fn a_copy_leaves_out_what_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    write_folder(&old, 10, 3);
    let writer = VelocityDirWriter::create(&new, false).unwrap();
    writer.copy(&VelocityDir::open(&old).unwrap(), |name| name == velocity::CELLS_FILE).unwrap();
    writer.commit(&manifest()).unwrap();
    let dir = VelocityDir::open(&new).unwrap();
    assert!(dir.cells().unwrap().is_none());
    assert_eq!(dir.velocities().unwrap().read_all().unwrap().len(), 10);
    assert!(dir.kinetics().unwrap().is_some());
}

#[test]
fn what_is_no_velocity_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("velocity");
    assert_eq!(VelocityDir::open(&path).unwrap_err().kind(), Kind::Contract);
    write_folder(&path, 10, 3);
    fs::remove_file(path.join("velocity.parquet")).unwrap();
    let error = VelocityDir::open(&path).unwrap_err();
    assert!(error.to_string().contains("no velocity.parquet"), "{error}");
    write_folder(&path, 10, 3);
    let mut other = manifest();
    other.format = 9;
    fs::write(path.join("manifest.json"), other.to_json()).unwrap();
    assert_eq!(VelocityDir::open(&path).unwrap_err().kind(), Kind::Incompatible);
    let empty = VelocityDirWriter::create(folder.path().join("empty"), false).unwrap();
    assert_eq!(empty.commit(&manifest()).unwrap_err().kind(), Kind::Failed);
    assert!(!folder.path().join("empty").exists());
    let moments = GeneTableReader::open(&Input::Path(path.join("moments.parquet")), "velocity/1");
    assert_eq!(moments.err().unwrap().kind(), Kind::Contract);
}

/// Writes a table as others would.
fn write_foreign(path: &Path, genes: Option<&str>, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let metadata = genes.map(|genes| (GENES_KEY.to_owned(), genes.to_owned()));
    let schema = Arc::new(
        Schema::new(fields).with_metadata(metadata.into_iter().collect::<std::collections::HashMap<_, _>>()),
    );
    let options = TableOptions::new(TableFormat::Parquet);
    let mut writer = TableWriter::create(&Output::file(path, true), schema.clone(), options).unwrap();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
    writer.finish().unwrap();
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn targets_of_others_are_read() {
    use arrow_array::types::{Float32Type, Float64Type};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("targets.parquet");
    let rows = [Some(vec![Some(1.0), None]), Some(vec![Some(3.0), Some(4.0)])];
    let narrow = rows.clone().map(|row| row.map(|row| row.into_iter().map(|v| v.map(|v: f64| v as f32))));
    let columns: [ArrayRef; 3] = [
        Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(narrow, 2)),
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows.clone())),
        Arc::new(LargeListArray::from_iter_primitive::<Float64Type, _, _>(rows)),
    ];
    for velocity in columns {
        let key = vec![("dataset", text(&["d", "d"])), ("cell_id", text(&["a", "b"]))];
        let columns = [key, vec![(VELOCITY, velocity), ("label", text(&["x", "y"]))]].concat();
        write_foreign(&path, Some(r#"["Ins1", "Gcg"]"#), columns);
        let reader = open_velocities(&path).unwrap();
        assert_eq!(reader.schema().genes, [Gene::new("Ins1", "Ins1"), Gene::new("Gcg", "Gcg")]);
        assert_eq!(reader.schema().obs.len(), 1);
        let read = reader.read_all().unwrap();
        assert!(read.matrices[0][1].is_nan());
        assert_eq!(read.matrices[0][2..], [3.0, 4.0]);
        assert_eq!(read.cell_id, ["a", "b"]);
    }
}

#[test]
fn tables_that_cannot_be_targets_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("targets.parquet");
    let vectors = || -> ArrayRef {
        let item = Arc::new(Field::new_list_field(arrow_schema::DataType::Float32, true));
        Arc::new(FixedSizeListArray::new(item, 2, Arc::new(Float32Array::from(vec![1.0; 4])), None))
    };
    let key = |ids: [&str; 2]| vec![("dataset", text(&["d", "d"])), ("cell_id", text(&ids))];
    let refused = |genes: Option<&str>, columns: Vec<(&str, ArrayRef)>, wanted: &str| {
        write_foreign(&path, genes, columns);
        let error = open_velocities(&path).and_then(GeneTableReader::read_all).expect_err(wanted);
        assert_eq!(error.kind(), Kind::Contract, "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
    };
    let with = |ids, name| [key(ids), vec![(name, vectors())]].concat();
    refused(None, with(["a", "b"], VELOCITY), "no mfdoom.genes");
    refused(Some("nonsense"), with(["a", "b"], VELOCITY), "no list of genes");
    refused(Some(r#"["x", "x"]"#), with(["a", "b"], VELOCITY), "gene \"x\" is there twice");
    refused(Some(r#"["x"]"#), with(["a", "b"], VELOCITY), "2 values a cell");
    refused(Some(r#"["x", "y"]"#), with(["a", "b"], "speed"), "no column 'velocity'");
    refused(Some(r#"["x", "y"]"#), with(["a", "a"], VELOCITY), "a cell is there twice");
    let keyless = vec![("cell_id", text(&["a", "b"])), (VELOCITY, vectors())];
    refused(Some(r#"["x", "y"]"#), keyless, "no column 'dataset'");
}
