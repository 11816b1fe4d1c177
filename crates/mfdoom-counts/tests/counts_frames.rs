//! Frames of every anndata version, and files that are no AnnData files.

mod make;

use hdf5::types::{FixedAscii, VarLenAscii};
use hdf5::{H5Type, ObjectReference1};
use mfdoom_counts::{Column, H5ad, Source};
use mfdoom_error::Kind;

use self::make::{attribute, attribute_list, columns, frame, line, scratch, skeleton, texts};

fn some<T: Clone>(values: &[T]) -> Vec<Option<T>> {
    values.iter().cloned().map(Some).collect()
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn categorical(codes: &[Option<u32>], categories: &[&str]) -> Column {
    Column::Categorical { codes: codes.to_vec(), categories: strings(categories) }
}

#[test]
fn columns_of_every_type_are_read() {
    let (_folder, path) = scratch("types.h5ad");
    let file = skeleton(&path);
    let obs = file.group("obs").unwrap();
    line(&obs, "text", &texts(&["é", "", "nan"]));
    line(&obs, "ascii", &["x", "y", "z"].map(|text| VarLenAscii::from_ascii(text).unwrap()));
    line(&obs, "fixed", &["x", "yy", "zzz"].map(|text| FixedAscii::<3>::from_ascii(text).unwrap()));
    line(&obs, "age(days)", &[1_u8, 2, 255]);
    line(&obs, "big", &[u64::MAX, 1, 0]);
    line(&obs, "single", &[0.5_f32, f32::NAN, 2.0]);
    line(&obs, "flag", &[true, false, true]);
    columns(&obs, &["age(days)", "text", "ascii", "fixed", "big", "single", "flag"]);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    assert_eq!(file.obs_columns(), ["age(days)", "text", "ascii", "fixed", "big", "single", "flag"]);
    assert_eq!(file.obs_column("text").unwrap(), Column::String(some(&strings(&["é", "", "nan"]))));
    assert_eq!(file.obs_column("ascii").unwrap(), Column::String(some(&strings(&["x", "y", "z"]))));
    assert_eq!(file.obs_column("fixed").unwrap(), Column::String(some(&strings(&["x", "yy", "zzz"]))));
    assert_eq!(file.obs_column("age(days)").unwrap(), Column::Int(some(&[1, 2, 255])));
    assert_eq!(file.obs_column("big").unwrap(), Column::Float(vec![u64::MAX as f64, 1.0, 0.0]));
    assert_eq!(file.obs_column("flag").unwrap(), Column::Bool(some(&[true, false, true])));
    let single = file.obs_column("single").unwrap().to_strings();
    assert_eq!(single, [Some("0.5".to_owned()), None, Some("2.0".to_owned())]);
    assert_eq!(file.obs_column_in("age(days)", 1..3).unwrap(), Column::Int(some(&[2, 255])));
    assert_eq!(file.obs_names_in(1..2).unwrap(), ["b"]);
    assert_eq!(file.var_names().unwrap(), ["w", "x", "y", "z"]);
    assert!(file.var_columns().is_empty());
    for error in [file.obs_column("none").unwrap_err(), file.obs_column_in("text", 1..9).unwrap_err()] {
        assert_eq!(error.kind(), Kind::Contract, "{error}");
    }
}

#[test]
fn groups_of_anndata_0_8_and_later_are_read() {
    let (_folder, path) = scratch("groups.h5ad");
    let file = skeleton(&path);
    let obs = file.group("obs").unwrap();
    let cluster = obs.create_group("cluster").unwrap();
    line(&cluster, "codes", &[1_i8, -1, 0]);
    line(&cluster, "categories", &[10_i64, 20]);
    {
        let group = obs.create_group("count").unwrap();
        line(&group, "values", &[1_i32, 2, 3]);
        line(&group, "mask", &[false, true, false]);
    }
    let flag = obs.create_group("flag").unwrap();
    line(&flag, "values", &[true, true, false]);
    line(&flag, "mask", &[true, false, false]);
    let word = obs.create_group("word").unwrap();
    line(&word, "values", &texts(&["a", "b", ""]));
    line(&word, "mask", &[false, false, true]);
    // Categories that are themselves such a group, as pandas 3 writes them.
    let nested = obs.create_group("nested").unwrap();
    line(&nested, "codes", &[1_u8, 0, 1]);
    let inner = nested.create_group("categories").unwrap();
    line(&inner, "values", &texts(&["p", "q"]));
    line(&inner, "mask", &[false, false]);
    columns(&obs, &["cluster", "count", "flag", "word", "nested"]);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    assert_eq!(file.obs_column("cluster").unwrap(), categorical(&[Some(1), None, Some(0)], &["10", "20"]));
    assert_eq!(file.obs_column_in("cluster", 2..3).unwrap(), categorical(&[Some(0)], &["10", "20"]));
    assert_eq!(file.obs_column("count").unwrap(), Column::Int(vec![Some(1), None, Some(3)]));
    assert_eq!(file.obs_column("flag").unwrap(), Column::Bool(vec![None, Some(true), Some(false)]));
    let words = vec![Some("a".to_owned()), Some("b".to_owned()), None];
    assert_eq!(file.obs_column("word").unwrap(), Column::String(words));
    assert_eq!(file.obs_column("nested").unwrap(), categorical(&[Some(1), Some(0), Some(1)], &["p", "q"]));
    assert_eq!(file.obs().unwrap().columns.len(), 5);
}

#[test]
fn an_unknown_column_harms_no_other() {
    let (_folder, path) = scratch("unknown.h5ad");
    let file = skeleton(&path);
    let obs = file.group("obs").unwrap();
    let odd = obs.create_group("odd").unwrap();
    attribute(&odd, "encoding-type", "awkward-array");
    obs.new_dataset::<f32>().shape((3, 2)).create("wide").unwrap();
    line(&obs, "short", &[1_i64, 2]);
    let codes = obs.create_group("codes_without").unwrap();
    line(&codes, "codes", &[0_i8, 1, 2]);
    line(&codes, "categories", &texts(&["only"]));
    line(&obs, "good", &[1_i64, 2, 3]);
    columns(&obs, &["odd", "wide", "short", "codes_without", "gone", "good"]);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    assert_eq!(file.obs_column("good").unwrap(), Column::Int(some(&[1, 2, 3])));
    for name in ["odd", "wide", "short", "codes_without", "gone"] {
        let error = file.obs_column(name).unwrap_err();
        assert_eq!(error.kind(), Kind::Contract, "{error}");
        assert!(error.to_string().contains(&format!("unknown.h5ad: obs/{name}")), "{error}");
    }
    let error = file.obs_column("codes_without").unwrap_err().to_string();
    assert!(error.contains("code 1") || error.contains("code 2"), "{error}");
}

#[test]
fn any_name_of_an_index_is_found() {
    for index in ["index", "_index", "CellID", "cell id"] {
        let (_folder, path) = scratch("index.h5ad");
        let file = hdf5::File::create(&path).unwrap();
        frame(&file, "obs", index, &["a", "b"]);
        let var = frame(&file, "var", "index", &["x"]);
        // Without the attribute, `index` is still found.
        var.delete_attr("_index").unwrap();
        var.delete_attr("column-order").unwrap();
        drop(file);
        let file = H5ad::open(&path).unwrap();
        assert_eq!(file.obs_names().unwrap(), ["a", "b"]);
        assert_eq!(file.var_names().unwrap(), ["x"]);
        assert!(file.obs_columns().is_empty() && file.var_columns().is_empty());
    }
    let (_folder, path) = scratch("numbers.h5ad");
    let file = skeleton(&path);
    let obs = file.group("obs").unwrap();
    obs.unlink("_index").unwrap();
    line(&obs, "_index", &[7_i64, 8, 9]);
    drop(file);
    assert_eq!(H5ad::open(&path).unwrap().obs_names().unwrap(), ["7", "8", "9"]);
}

#[test]
fn categories_of_anndata_0_7_are_followed() {
    let (_folder, path) = scratch("old.h5ad");
    let file = skeleton(&path);
    let obs = file.group("obs").unwrap();
    let categories = obs.create_group("__categories").unwrap();
    for name in ["cluster", "lost"] {
        line(&categories, name, &texts(&["B", "A"]));
        line(&obs, name, &[1_i8, -1, 0]);
    }
    let reference: ObjectReference1 = obs.reference("__categories/cluster").unwrap();
    let cluster = obs.dataset("cluster").unwrap();
    cluster.new_attr::<ObjectReference1>().create("categories").unwrap().write_scalar(&reference).unwrap();
    // A reference that leads nowhere: the categories are found by name.
    let lost = obs.dataset("lost").unwrap();
    lost.new_attr::<u64>().create("categories").unwrap().write_scalar(&7).unwrap();
    columns(&obs, &["cluster", "lost"]);
    drop(file);
    let file = H5ad::open(&path).unwrap();
    let wanted = categorical(&[Some(1), None, Some(0)], &["B", "A"]);
    assert_eq!(file.obs_column("cluster").unwrap(), wanted);
    assert_eq!(file.obs_column("lost").unwrap(), wanted);
}

#[derive(H5Type, Clone, Debug)]
#[repr(C)]
struct Cell {
    index: FixedAscii<6>,
    cluster: i8,
    n_genes: i32,
    score: f32,
    pass: bool,
    note: hdf5::types::VarLenUnicode,
}

#[derive(H5Type, Clone, Debug)]
#[repr(C)]
struct Gene {
    index: FixedAscii<4>,
}

#[derive(H5Type, Clone, Debug)]
#[repr(C)]
#[allow(non_snake_case)]
struct Coordinates {
    X_pca: [f64; 3],
    X_umap: [f32; 2],
    single: i16,
}

fn write_records(path: &std::path::Path) {
    let file = hdf5::File::create(path).unwrap();
    let name = |text: &str| FixedAscii::from_ascii(text).unwrap();
    let cell = |index: &str, cluster: i8, n_genes: i32| Cell {
        index: FixedAscii::from_ascii(index).unwrap(),
        cluster,
        n_genes,
        score: 0.5,
        pass: cluster > 0,
        note: index.parse().unwrap(),
    };
    line(&file, "obs", &[cell("AAAC-1", 1, 100), cell("b", -1, 200)]);
    line(&file, "var", &[Gene { index: name("G1") }, Gene { index: name("G2") }, Gene { index: name("G3") }]);
    let point =
        |at: f32| Coordinates { X_pca: [1.0, 0.0, f64::from(at)], X_umap: [at, 0.0], single: at as i16 };
    line(&file, "obsm", &[point(2.0), point(3.0)]);
    let uns = file.create_group("uns").unwrap();
    line(&uns, "cluster_categories", &["T", "B"].map(|text| FixedAscii::<2>::from_ascii(text).unwrap()));
    // Lists that do not fit stay what they are.
    line(&uns, "n_genes_categories", &["T"].map(|text| FixedAscii::<2>::from_ascii(text).unwrap()));
    line(&uns, "records", &[cell("x", 0, 0)]);
    let raw = file.create_group("raw.X").unwrap();
    attribute(&raw, "h5sparse_format", "csr");
    attribute_list(&raw, "h5sparse_shape", &[2_i64, 1]);
    line(&raw, "indptr", &[0_i32, 1, 1]);
    line(&raw, "indices", &[0_i32]);
    line(&raw, "data", &[3.0_f64]);
    line(&file, "raw.var", &[Gene { index: name("R1") }]);
}

#[test]
fn records_of_anndata_0_6_are_read() {
    let (_folder, path) = scratch("records.h5ad");
    write_records(&path);
    let file = H5ad::open(&path).unwrap();
    assert_eq!((file.n_obs(), file.n_vars()), (2, 3));
    assert_eq!(file.obs_names().unwrap(), ["AAAC-1", "b"]);
    assert_eq!(file.var_names().unwrap(), ["G1", "G2", "G3"]);
    assert_eq!(file.obs_columns(), ["cluster", "n_genes", "score", "pass", "note"]);
    assert_eq!(file.obs_column("cluster").unwrap(), categorical(&[Some(1), None], &["T", "B"]));
    assert_eq!(file.obs_column("n_genes").unwrap(), Column::Int(some(&[100, 200])));
    assert_eq!(file.obs_column("score").unwrap(), Column::Float(vec![0.5, 0.5]));
    assert_eq!(file.obs_column("pass").unwrap(), Column::Bool(some(&[true, false])));
    assert_eq!(file.obs_column_in("note", 1..2).unwrap(), Column::String(some(&strings(&["b"]))));
    let sources =
        ["raw/X", "obsm/X_pca", "obsm/X_umap", "obsm/single"].map(|text| text.parse::<Source>().unwrap());
    assert_eq!(file.sources(), sources);
    assert_eq!(file.var_names_of(&Source::RawX).unwrap(), ["R1"]);
    let read = |at: usize| {
        let mut matrix = file.matrix(&sources[at]).unwrap();
        matrix.read_rows(0..2).unwrap()
    };
    assert_eq!((read(0).values().to_vec(), read(0).n_cols()), (vec![3.0], 1));
    assert_eq!(
        (read(1).values().to_vec(), read(1).indices().to_vec()),
        (vec![1.0, 2.0, 1.0, 3.0], vec![0, 2, 0, 2])
    );
    assert_eq!((read(2).values().to_vec(), read(2).n_cols()), (vec![2.0, 3.0], 2));
    assert_eq!((read(3).values().to_vec(), read(3).n_cols()), (vec![2.0, 3.0], 1));
}

#[test]
fn what_is_no_anndata_file_is_refused_with_the_reason() {
    let (folder, path) = scratch("whole.h5ad");
    let file = skeleton(&path);
    line(&file, "X", &vec![1.0_f32; 100_000]);
    drop(file);
    let whole = std::fs::read(&path).unwrap();
    let refused = |name: &str, bytes: &[u8], reason: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = H5ad::open(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Contract, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.help_text().is_some(), "{error}");
    };
    refused("truncated.h5ad", &whole[..whole.len() / 2], "is truncated");
    refused("stump.h5ad", &whole[..20], "is a damaged HDF5 file");
    refused("empty.h5ad", b"", "an empty file");
    refused("text.h5ad", b"cell,gene\n", "text beginning with");
    refused("packed.h5ad", b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip data");
    refused("random.h5ad", b"\x01\x02\x03\x04\x05\x06\x07\x08", "bytes 01 02");
    let error = H5ad::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("found: a folder"), "{error}");
    let error = H5ad::open(folder.path().join("none.h5ad")).unwrap_err();
    assert!(error.kind() == Kind::Contract && error.to_string().contains("no such file"), "{error}");

    let loom = folder.path().join("x.loom");
    let file = hdf5::File::create(&loom).unwrap();
    file.create_group("row_attrs").unwrap();
    file.create_group("col_attrs").unwrap();
    line(&file, "matrix", &[0_u8]);
    drop(file);
    let error = H5ad::open(&loom).unwrap_err();
    assert!(error.to_string().contains("is not an AnnData file"), "{error}");
    assert!(error.to_string().contains("found: loom"), "{error}");
    let other = folder.path().join("x.h5");
    hdf5::File::create(&other).unwrap().create_group("stuff").unwrap();
    let error = H5ad::open(&other).unwrap_err().to_string();
    assert!(error.contains("is not an AnnData file") && error.contains("found: stuff"), "{error}");
}

#[test]
fn a_file_that_a_crash_left_open_is_not_called_damaged() {
    let (folder, path) = scratch("written.h5ad");
    let file = hdf5::File::with_options().with_fapl(|fapl| fapl.libver_latest()).create(&path).unwrap();
    file.create_group("obs").unwrap();
    file.flush().unwrap();
    // The mark of a writer is still set in the copy.
    let left = folder.path().join("left.h5ad");
    std::fs::copy(&path, &left).unwrap();
    let error = H5ad::open(&left).unwrap_err();
    assert!(error.kind() == Kind::Contract && error.to_string().contains("h5clear -s FILE"), "{error}");
}

/// Damage anywhere gives an error or a file that still reads, never a crash.
#[test]
fn damaged_bytes_never_panic() {
    let (folder, path) = scratch("whole.h5ad");
    write_records(&path);
    let file = hdf5::File::open_rw(&path).unwrap();
    frame(&file, "layers/nothing", "_index", &["a"]);
    drop(file);
    let whole = std::fs::read(&path).unwrap();
    let damaged = folder.path().join("damaged.h5ad");
    let mut readable = 0;
    for at in (8..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        std::fs::write(&damaged, &bytes).unwrap();
        let Ok(file) = H5ad::open(&damaged) else { continue };
        readable += 1;
        let _ = (file.obs(), file.var(), file.obs_names());
        for source in file.sources() {
            if let Ok(mut matrix) = file.matrix(&source) {
                let _ = matrix.read_rows(0..matrix.n_rows().min(100));
            }
        }
    }
    assert!(readable > 0);
}
