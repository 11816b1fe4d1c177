//! Several modalities in one file: MuData with missing cells, and feature types of one matrix.

mod make;

use hdf5::{File, Group};
use mfdoom_counts::{Column, CountsFile, Source, open};

use self::make::{Packing, Sparse, attribute, columns, frame, line, scratch, skeleton, sparse, texts};

/// A modality of cells and features with the counts 10 x row + column + 1.
fn modality(file: &Group, name: &str, cells: &[&str], features: &[&str]) {
    let group = file.create_group(name).unwrap();
    attribute(&group, "encoding-type", "anndata");
    let obs = frame(&group, "obs", "_index", cells);
    columns(&obs, &["depth"]);
    let depth: Vec<i32> = (0..cells.len() as i32).collect();
    line(&obs, "depth", &depth);
    frame(&group, "var", "_index", features);
    let n = features.len();
    let indptr: Vec<i32> = (0..=cells.len()).map(|row| (row * n) as i32).collect();
    let indices: Vec<i32> = (0..cells.len()).flat_map(|_| 0..n as i32).collect();
    let data: Vec<f32> =
        (0..cells.len()).flat_map(|row| (0..n).map(move |at| (10 * row + at + 1) as f32)).collect();
    let shape = [cells.len() as i64, n as i64];
    let matrix = Sparse { encoding: "csr_matrix", shape, indptr: &indptr, indices: &indices, data: &data };
    sparse(&group, "X", &matrix, Packing::None);
}

/// Cells a to d; rna of a, b, d and adt of d, c, in an order of their own.
fn mosaic(path: &std::path::Path, maps: bool) {
    let file = File::create(path).unwrap();
    attribute(&file, "encoding-type", "MuData");
    frame(&file, "obs", "_index", &["a", "b", "c", "d"]);
    frame(&file, "var", "_index", &["CD4", "ACTB", "CD4-1"]);
    let mods = file.create_group("mod").unwrap();
    modality(&mods, "rna", &["a", "b", "d"], &["CD4", "ACTB"]);
    modality(&mods, "adt", &["d", "c"], &["CD4"]);
    if maps {
        let group = file.create_group("obsmap").unwrap();
        line(&group, "rna", &[1_u32, 2, 0, 3]);
        line(&group, "adt", &[0_u8, 0, 2, 1]);
    }
}

fn rows(file: &dyn CountsFile, source: &str) -> (Vec<Vec<f32>>, Option<Vec<bool>>) {
    let mut matrix = file.matrix(&source.parse().unwrap()).unwrap();
    let n = file.n_obs();
    let block = matrix.read_rows(0..n).unwrap();
    ((0..n).map(|row| block.row(row).1.to_vec()).collect(), matrix.present(0..n).unwrap())
}

#[test]
fn missing_cells_of_a_modality_are_absent_and_not_zero() {
    for maps in [true, false] {
        let (_folder, path) = scratch("mosaic.any_ending");
        mosaic(&path, maps);
        let file = open(&path).unwrap();
        assert_eq!((file.format(), file.n_obs()), ("MuData (.h5mu)", 4));
        let (rna, present) = rows(&*file, "mod/rna/X");
        assert_eq!(rna, [vec![1.0, 2.0], vec![11.0, 12.0], vec![], vec![21.0, 22.0]]);
        assert_eq!(present.unwrap(), [true, true, false, true]);
        let (adt, present) = rows(&*file, "mod/adt");
        assert_eq!(adt, [vec![], vec![], vec![11.0], vec![1.0]]);
        assert_eq!(present.unwrap(), [false, false, true, true]);
        assert_eq!(file.obs_columns(), ["adt:depth", "rna:depth"]);
        let depth = file.obs_column_in("adt:depth", 0..4).unwrap();
        assert_eq!(depth, Column::Int(vec![None, None, Some(1), Some(0)]));
        assert_eq!(file.var_names_of(&"mod/adt/X".parse().unwrap()).unwrap(), ["CD4"]);
    }
}

#[test]
fn a_map_that_leads_outside_is_refused() {
    let (_folder, path) = scratch("mosaic.h5mu");
    mosaic(&path, true);
    let file = File::append(&path).unwrap();
    file.group("obsmap").unwrap().unlink("adt").unwrap();
    line(&file.group("obsmap").unwrap(), "adt", &[0_u32, 0, 3, 1]);
    drop(file);
    let error = open(&path).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("obsmap/adt"), "{error}");
}

#[test]
fn a_map_that_names_contradict_is_refused_and_renamed_cells_are_not() {
    let (_folder, path) = scratch("mosaic.h5mu");
    mosaic(&path, true);
    let replace = |values: &[u8]| {
        let file = File::append(&path).unwrap();
        file.group("obsmap").unwrap().unlink("adt").unwrap();
        line(&file.group("obsmap").unwrap(), "adt", values);
    };
    for stale in [[0, 0, 1, 2], [0, 0, 2, 0]] {
        replace(&stale);
        let error = open(&path).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains("mdata.update()"), "{error}");
    }
    replace(&[0, 0, 2, 1]);
    let file = File::append(&path).unwrap();
    file.unlink("mod/adt/obs").unwrap();
    frame(&file.group("mod/adt").unwrap(), "obs", "_index", &["other", "names"]);
    drop(file);
    assert_eq!(rows(&*open(&path).unwrap(), "mod/adt/X").0[2..], [vec![11.0], vec![1.0]]);
}

#[test]
fn a_name_that_comes_twice_in_a_modality_is_refused() {
    let (_folder, path) = scratch("mosaic.h5mu");
    mosaic(&path, false);
    let file = File::append(&path).unwrap();
    file.unlink("mod/adt").unwrap();
    modality(&file.group("mod").unwrap(), "adt", &["d", "d"], &["CD4"]);
    drop(file);
    let error = open(&path).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("mod/adt"), "{error}");
}

#[test]
fn feature_types_are_matrices_of_their_own() {
    let (_folder, path) = scratch("cite.h5ad");
    let file = skeleton(&path);
    let var = file.group("var").unwrap();
    columns(&var, &["feature_types"]);
    line(
        &var,
        "feature_types",
        &texts(&["Gene Expression", "Antibody Capture", "Gene Expression", "Antibody Capture"]),
    );
    let matrix = Sparse {
        encoding: "csr_matrix",
        shape: [3, 4],
        indptr: &[0, 4, 4, 6],
        indices: &[0, 1, 2, 3, 1, 2],
        data: &[1_i32, 100, 2, 200, 300, 3],
    };
    sparse(&file, "X", &matrix, Packing::None);
    drop(file);
    let file = open(&path).unwrap();
    let names: Vec<String> = file.sources().iter().map(Source::to_string).collect();
    assert_eq!(names, ["X", "X[Antibody Capture]", "X[Gene Expression]"]);
    assert_eq!(rows(&*file, "X[Gene Expression]").0, [vec![1.0, 2.0], vec![], vec![3.0]]);
    assert_eq!(rows(&*file, "X[Antibody Capture]").0, [vec![100.0, 200.0], vec![], vec![300.0]]);
    let source: Source = "X[Antibody Capture]".parse().unwrap();
    assert_eq!(file.var_names_of(&source).unwrap(), ["x", "z"]);
    assert!(file.matrix(&Source::X.of_type("Peaks")).is_err());
}
