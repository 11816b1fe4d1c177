//! Embeddings in `obsm` of an AnnData file.

use std::path::PathBuf;

use mfdoom_counts::{Column, Frame, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
use serde_json::Value;

use crate::world::{World, noise, row, value};

const N: usize = 90;

/// Writes 90 cells of three types; `X_good` tells them apart, the first two cells have no embedding.
fn file(world: &World, broken: bool) -> PathBuf {
    let path = world.path("cells.h5ad");
    let source = Source::Obsm("X_good".to_owned());
    let matrix = NewMatrix::new(&source, MatrixKind::Dense, 3);
    let new = NewFile { var: Frame::new(vec!["g".to_owned()]), matrices: vec![matrix], uns: Vec::new() };
    let value = |cell: usize, of: usize| match cell {
        0 | 1 => f32::NAN,
        5 if broken && of == 1 => f32::NAN,
        _ => f32::from(u8::from(of == cell % 3)) + 0.2 * noise(cell, of, 0),
    };
    let rows: Vec<f32> = (0..N).flat_map(|cell| (0..3).map(move |of| value(cell, of))).collect();
    let codes = (0..N).map(|cell| (cell != 7).then_some((cell % 3) as u32)).collect();
    let types = Column::Categorical { codes, categories: ["a", "b", "c"].map(str::to_owned).to_vec() };
    let mut writer = H5adWriter::create(&path, true, &new).unwrap();
    writer.append_dense(&source, &rows).unwrap();
    let names = (0..N).map(|cell| format!("cell {cell}")).collect();
    let batches = Column::Int((0..N).map(|cell| (cell != 9).then_some((cell % 2) as i64)).collect());
    writer.finish(&Frame::new(names).with("type", types).with("batch", batches)).unwrap();
    path
}

#[test]
fn cells_without_embedding_or_label_are_counted_and_left_out() {
    let world = World::new(1);
    let path = file(&world, false);
    let metrics = world.evaluate(&path, &["--label", "type", "--obsm", "X_good"]).unwrap();
    let cells = &metrics["cells"];
    assert_eq!((&cells["total"], &cells["scored"]), (&N.into(), &(N - 3).into()));
    assert_eq!((&cells["without_embedding"], &cells["without_label"]), (&2.into(), &1.into()));
    assert_eq!(value(&metrics, ["all", "X_good", "", "accuracy"]), 1.0);
}

#[test]
fn a_cell_without_batch_leaves_mixing_unscored() {
    let world = World::new(1);
    let path = file(&world, false);
    let more = ["--label", "type", "--obsm", "X_good", "--batch-key", "batch"];
    let metrics = world.evaluate(&path, &more).unwrap();
    for name in ["asw_batch", "pcr", "pcr_comparison", "ilisi", "kbet", "total"] {
        let row = row(&metrics, ["all", "X_good", "", name]);
        let wanted = "cells without a batch in \"batch\"";
        assert_eq!((&row["value"], &row["reason"]), (&Value::Null, &wanted.into()));
    }
    assert_eq!(value(&metrics, ["all", "X_good", "", "accuracy"]), 1.0);
}

#[test]
fn a_vector_of_which_a_part_is_nan_is_not_scored() {
    let world = World::new(1);
    let path = file(&world, true);
    let metrics = world.evaluate(&path, &["--label", "type", "--obsm", "X_good"]).unwrap();
    let row = row(&metrics, ["all", "X_good", "", "accuracy"]);
    assert_eq!((&row["value"], &row["reason"]), (&Value::Null, &"1 of 87 cells hold NaN or infinity".into()));
}

#[test]
fn the_matrix_must_be_named_and_there() {
    let world = World::new(1);
    let path = file(&world, false);
    let error = world.evaluate(&path, &["--label", "type"]).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().contains("X_good")), (2, true), "{error}");
    let error = world.evaluate(&path, &["--label", "type", "--obsm", "X_umap"]).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().contains("X_good")), (3, true), "{error}");
    let error = world.evaluate(&path, &["--label", "kind", "--obsm", "X_good"]).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().contains("found: type, batch")), (3, true), "{error}");
}
