//! Velocity folders in files that have results of their own, and folders whose tables do not belong together.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test file uses a part")]
mod make;

use std::fs;
use std::path::{Path, PathBuf};

use mfdoom_artifact::{EmbeddingBatch, EmbeddingSchema, Head, Manifest};
use mfdoom_counts::{H5adUpdate, Source, Value};
use mfdoom_error::{Kind, Result};
use mfdoom_into::{EmbeddingsInto, Target};
use mfdoom_matrix::Csr;

use self::make::{CELLS, Parts, World, dense, genes, layer, ring};

const GENES: [&str; 3] = ["A", "B", "C"];

fn file(world: &World) -> PathBuf {
    world.file("a.h5ad", &GENES, &[])
}

/// Adds a fit with these parts to a file; returns the file.
fn add(world: &World, parts: &Parts) -> Result<PathBuf> {
    let (file, folder) = (file(world), world.fit("v", &genes(&GENES), parts));
    mfdoom_into::velocity::add(&folder, &file).map(|()| file)
}

fn has(file: &Path, path: &str) -> bool {
    H5adUpdate::open(file).unwrap().has(path)
}

#[test]
fn neighbours_and_coordinates_of_the_file_stay() {
    let world = World::new();
    let file = file(&world);
    let mut update = H5adUpdate::open(&file).unwrap();
    let one = Csr::new(CELLS, (0..=CELLS).collect(), (0..CELLS as u32).collect(), vec![9.0; CELLS]).unwrap();
    // As if another program had written them: set, and the mark taken off.
    update.set_obsp("connectivities", &one).unwrap();
    update.set_obsp("distances", &one).unwrap();
    update
        .set_uns("neighbors", &Value::Dict(vec![("use_rep".into(), Value::Text("X_scVI".into()))]))
        .unwrap();
    update.set_obsm("X_umap", 2, &[7.0; 2 * CELLS]).unwrap();
    update.commit().unwrap();
    unmark(&file);
    let parts = Parts { neighbors: ring(), umap: true, ..Parts::default() };
    let folder = world.fit("v", &genes(&GENES), &parts);
    for _ in 0..2 {
        mfdoom_into::velocity::add(&folder, &file).unwrap();
        let obsm = |key: &str| dense(&file, &Source::Obsm(key.into()));
        assert_eq!(obsm("X_umap"), [7.0; 2 * CELLS]);
        assert_eq!(obsm("X_umap_mfdoom")[2..4], [1.0, 1.0]);
        assert_eq!(obsm("velocity_umap_mfdoom").len(), 2 * CELLS);
        assert!(has(&file, "obsp/mfdoom_connectivities") && has(&file, "uns/mfdoom"));
    }
}

#[test]
fn ours_are_replaced_and_free_names_are_taken() {
    let world = World::new();
    let file = file(&world);
    let parts = Parts { neighbors: ring(), umap: true, ..Parts::default() };
    let folder = world.fit("v", &genes(&GENES), &parts);
    for _ in 0..2 {
        mfdoom_into::velocity::add(&folder, &file).unwrap();
        assert!(has(&file, "obsp/connectivities") && has(&file, "obsm/velocity_umap"));
        assert!(!has(&file, "uns/mfdoom") && !has(&file, "obsm/X_umap_mfdoom"));
    }
}

/// Takes the marks off what was set, as a program that writes the file anew does.
fn unmark(file: &Path) {
    let file = hdf5::File::open_rw(file).unwrap();
    for path in ["obsp/connectivities", "obsp/distances", "uns/neighbors"] {
        file.group(path).unwrap().delete_attr("mfdoom").unwrap();
    }
    file.dataset("obsm/X_umap").unwrap().delete_attr("mfdoom").unwrap();
}

#[test]
fn tables_in_another_order_are_joined_by_their_keys() {
    let world = World::new();
    let backwards: Vec<usize> = (0..CELLS).rev().collect();
    let parts = Parts { moments: Some(backwards.clone()), cells: Some(backwards), ..Parts::default() };
    let file = add(&world, &parts).unwrap();
    assert_eq!(layer(&file, "Ms")[3..6], [-100.0, -101.0, -102.0]);
    assert_eq!(layer(&file, "Mu")[3..6], [-200.0, -202.0, -204.0]);
    let confidence = mfdoom_counts::H5ad::open(&file).unwrap().obs_column("velocity_confidence").unwrap();
    assert_eq!(confidence.to_numbers().unwrap()[..3], [0.0, 1.0, 2.0]);
}

#[test]
fn tables_of_other_cells_are_refused() {
    let few: Vec<usize> = (0..CELLS - 3).collect();
    let wild = |row: u32, col: u32| Parts { neighbors: vec![(row, col, 1.0)], ..Parts::default() };
    for parts in [
        Parts { moments: Some(few.clone()), ..Parts::default() },
        Parts { cells: Some(few), ..Parts::default() },
        wild(u32::MAX, 0),
        wild(0, CELLS as u32),
    ] {
        let world = World::new();
        let error = add(&world, &parts).unwrap_err();
        assert_eq!(error.kind(), Kind::Contract, "{error}");
        assert!(!has(&world.path("a.h5ad"), "layers/velocity"));
    }
}

#[test]
fn a_copy_takes_several_results_and_leaves_the_file() {
    let world = World::new();
    let (file, copy) = (file(&world), world.path("b.h5ad"));
    let before = fs::read(&file).unwrap();
    let folder = world.fit("v", &genes(&GENES), &Parts::default());
    let mut target = Target::copy(&file, &copy, false).unwrap();
    target.add_velocity(&folder).unwrap();
    target.add_velocity(&folder).unwrap();
    target.commit().unwrap();
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(layer(&copy, "velocity")[..3], [0.0, 1.0, 2.0]);
    assert_eq!(Target::copy(&file, &copy, false).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn a_damaged_table_of_a_folder_is_refused() {
    let world = World::new();
    let (file, folder) = (file(&world), world.fit("v", &genes(&GENES), &Parts::default()));
    let table = folder.join("velocity.parquet");
    let whole = fs::read(&table).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&table, flipped).unwrap();
        let error = mfdoom_into::velocity::add(&folder, &file).unwrap_err();
        assert_eq!(error.kind(), Kind::Contract, "{error}");
    }
}

/// Writes embeddings of the cells of two data sets, which have the same barcodes, and adds them to a file.
fn add_two(world: &World, name: &str, datasets: [&str; 2]) -> Result<PathBuf> {
    let file = world.file(name, &GENES, &[]);
    let heads = vec![Head { name: "fusion".into(), dim: 1 }];
    let manifest = Manifest::new("mfdoom-embed", "0.1.0", 1, serde_json::json!({}), vec![]);
    let schema = EmbeddingSchema::new(vec![], heads, vec![], manifest).unwrap();
    let mut into = EmbeddingsInto::open(&file, &schema).unwrap();
    for (at, dataset) in datasets.into_iter().enumerate() {
        into.add(&EmbeddingBatch {
            dataset: vec![dataset.to_owned(); CELLS],
            cell_id: (0..CELLS).map(|cell| format!("c{cell}")).collect(),
            heads: vec![vec![at as f32; CELLS]],
            ..EmbeddingBatch::default()
        });
    }
    into.commit().map(|()| file)
}

#[test]
fn of_two_samples_with_the_same_barcodes_that_of_the_file_is_added() {
    let world = World::new();
    for (datasets, own) in [(["a", "b"], 0.0), (["b", "a"], 1.0)] {
        let file = add_two(&world, "a.h5ad", datasets).unwrap();
        assert_eq!(dense(&file, &Source::Obsm("X_mfdoom".into())), [own; CELLS]);
    }
    let error = add_two(&world, "c.h5ad", ["a", "b"]).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract);
    assert!(error.to_string().contains("two data sets"), "{error}");
}
