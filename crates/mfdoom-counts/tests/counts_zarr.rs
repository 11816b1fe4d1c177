//! AnnData in Zarr: stores of both versions, written by hand, as folders and archives, and read back.

mod make;

use std::path::Path;

use make::zarr::{Store, crc32c, zip};
use mfdoom_counts::{Column, CountsFile, Source, open};
use mfdoom_matrix::Csr;

/// [[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 4, 0]].
fn expected() -> Csr {
    Csr::new(4, vec![0, 2, 2, 4], vec![1, 3, 0, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap()
}

fn read(file: &dyn CountsFile, source: &str) -> Csr {
    let mut matrix = file.matrix(&source.parse().unwrap()).unwrap();
    let mut whole = matrix.read_rows(0..1).unwrap();
    let rest = matrix.read_rows(1..3).unwrap();
    whole.extend(&rest, 0..2);
    whole
}

#[test]
fn stores_of_both_versions_are_read() {
    for v3 in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        Store { root: folder.path(), v3 }.write();
        let file = open(folder.path()).unwrap();
        assert_eq!(file.format(), "AnnData (.zarr)");
        assert!(file.parts().len() > 9);
        for source in ["X", "layers/columns", "layers/dense"] {
            assert_eq!(read(&*file, source), expected(), "{source} of version 3: {v3}");
        }
        assert_eq!(file.obs_names_in(1..3).unwrap(), ["b", "c"]);
        assert_eq!(file.var_names_of(&Source::X).unwrap(), ["g0", "g1", "g2", "g3"]);
        assert_eq!(file.obs_column_in("n", 1..3).unwrap(), Column::Int(vec![Some(8), Some(9)]));
        let label = file.obs_column_in("label", 0..3).unwrap().to_strings();
        assert_eq!(label, [Some("y".to_owned()), None, Some("x".to_owned())]);
    }
}

#[test]
fn damaged_chunks_and_other_forms_are_told() {
    let folder = tempfile::tempdir().unwrap();
    Store { root: folder.path(), v3: false }.write();
    std::fs::write(folder.path().join("X/data/1"), b"nothing").unwrap();
    let file = open(folder.path()).unwrap();
    let error = file.matrix(&Source::X).unwrap().read_rows(0..3).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("X/data/1"), "{error}");
    let metadata = std::fs::read_to_string(folder.path().join("X/data/.zarray")).unwrap();
    std::fs::write(folder.path().join("X/data/.zarray"), metadata.replace("zstd", "lzma")).unwrap();
    let file = open(folder.path()).unwrap();
    let unread = file.matrices().into_iter().find(|found| found.source == Source::X).unwrap().unread.unwrap();
    assert_eq!(unread, "packed by 'lzma'");
}

#[test]
fn a_store_that_was_not_copied_whole_is_refused() {
    for lost in ["X/data/0", "X/data/1", "X/indptr/0", "X/indptr/1"] {
        let folder = tempfile::tempdir().unwrap();
        Store { root: folder.path(), v3: false }.write();
        std::fs::remove_file(folder.path().join(lost)).unwrap();
        let file = open(folder.path()).unwrap();
        let error = file.matrix(&Source::X).unwrap().read_rows(0..3).unwrap_err();
        assert!(
            error.exit_code() == 3 && error.to_string().contains(&format!("{lost}: is missing")),
            "{error}"
        );
    }
    // Pointers of a matrix of another length.
    let folder = tempfile::tempdir().unwrap();
    let store = Store { root: folder.path(), v3: false };
    store.write();
    store.ints("X/indptr", &[0, 2, 2, 3]);
    let error = open(folder.path()).unwrap().matrix(&Source::X).unwrap().read_rows(0..3).unwrap_err();
    assert!(error.to_string().contains("do not go from 0 to 4"), "{error}");
}

#[test]
fn archives_are_read_as_folders_are() {
    for (v3, prefix) in [(false, ""), (true, ""), (true, "cells.zarr/")] {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("a");
        Store { root: &store, v3 }.write();
        let path = folder.path().join("a.zarr.zip");
        zip(&store, prefix, &path);
        let file = open(&path).unwrap();
        for source in ["X", "layers/columns", "layers/dense"] {
            assert_eq!(read(&*file, source), expected(), "{source} of version 3: {v3}");
        }
        assert_eq!(file.obs_names_in(0..3).unwrap(), ["a", "b", "c"]);
        assert_eq!(file.parts(), std::slice::from_ref(&path));
        let whole = std::fs::read(&path).unwrap();
        let broken = folder.path().join("b.zip");
        for len in (0..whole.len()).step_by(97) {
            std::fs::write(&broken, &whole[..len]).unwrap();
            let error = open(&broken).unwrap_err();
            assert_eq!(error.exit_code(), 3, "cut at {len}: {error}");
        }
    }
}

/// Writes a 3 x 4 matrix as one shard of 4 x 4, in chunks of 2 x 2.
fn sharded(root: &Path, at_end: bool) {
    let folder = root.join("layers/sharded");
    std::fs::create_dir_all(folder.join("c/0")).unwrap();
    let location = if at_end { "end" } else { "start" };
    let metadata = format!(
        "{{\"node_type\":\"array\",\"shape\":[3,4],\"data_type\":\"float32\",\"fill_value\":0,\"codecs\":[{{\"name\":\
         \"sharding_indexed\",\"configuration\":{{\"chunk_shape\":[2,2],\"codecs\":[{{\"name\":\"bytes\"}},\
         {{\"name\":\"crc32c\"}}],\"index_codecs\":[{{\"name\":\"bytes\",\"configuration\":{{\"endian\":\"little\"}}}},\
         {{\"name\":\"crc32c\"}}],\"index_location\":\"{location}\"}}}}],\"chunk_key_encoding\":{{\"name\":\"default\"}},\
         \"chunk_grid\":{{\"configuration\":{{\"chunk_shape\":[4,4]}}}},\"attributes\":{{}}}}"
    );
    std::fs::write(folder.join("zarr.json"), metadata).unwrap();
    let chunks = [[0.0_f32, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0]];
    let (mut data, mut index) = (Vec::new(), Vec::new());
    let first = if at_end { 0 } else { 4 * 16 + 4 };
    for chunk in chunks {
        let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
        index.extend(((first + data.len()) as u64).to_le_bytes());
        index.extend(20_u64.to_le_bytes());
        data.extend(&bytes);
        data.extend(crc32c(&bytes).to_le_bytes());
    }
    index.extend(crc32c(&index).to_le_bytes());
    let whole = if at_end { [data, index].concat() } else { [index, data].concat() };
    std::fs::write(folder.join("c/0/0"), whole).unwrap();
}

#[test]
fn shards_are_read_by_their_chunks_and_checked() {
    for at_end in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        Store { root: folder.path(), v3: true }.write();
        sharded(folder.path(), at_end);
        let file = open(folder.path()).unwrap();
        assert_eq!(read(&*file, "layers/sharded"), expected());
        let path = folder.path().join("layers/sharded/c/0/0");
        let mut bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            bytes[at] ^= 0x10;
            let read = open(folder.path())
                .unwrap()
                .matrix(&"layers/sharded".parse().unwrap())
                .unwrap()
                .read_rows(0..3);
            assert_eq!(read.unwrap_err().exit_code(), 3, "byte {at}");
        }
        std::fs::remove_file(&path).unwrap();
        let file = open(folder.path()).unwrap();
        assert_eq!(read(&*file, "layers/sharded").nnz(), 0, "a shard that nobody wrote is fill");
    }
}

#[test]
fn frames_of_numbers_in_obsm_are_matrices() {
    for v3 in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { root: folder.path(), v3 };
        store.write();
        store.group("obsm", "{}");
        store.group(
            "obsm/adt",
            "{\"encoding-type\":\"dataframe\",\"_index\":\"_index\",\"column-order\":[\"CD3\",\"CD4\"]}",
        );
        store.texts("obsm/adt/_index", &["a", "b", "c"]);
        store.ints("obsm/adt/CD3", &[5, 0, 7]);
        store.ints("obsm/adt/CD4", &[0, 0, 9]);
        let file = open(folder.path()).unwrap();
        let source = Source::Obsm("adt".into());
        assert_eq!(file.var_names_of(&source).unwrap(), ["CD3", "CD4"]);
        assert_eq!(
            read(&*file, "obsm/adt"),
            Csr::new(2, vec![0, 1, 1, 3], vec![0, 0, 1], vec![5.0, 7.0, 9.0]).unwrap()
        );
    }
}

#[test]
fn modalities_of_a_store_keep_their_cells() {
    for v3 in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { root: folder.path(), v3 };
        store.group("", "{\"encoding-type\":\"MuData\"}");
        store.group("obs", "{\"_index\":\"_index\",\"column-order\":[\"n\"]}");
        store.texts("obs/_index", &["a", "b", "c", "d"]);
        store.ints("obs/n", &[1, 2, 3, 4]);
        store.group("mod", "{\"mod-order\":[\"rna\",\"adt\"]}");
        Store { root: &folder.path().join("mod/rna"), v3 }.write();
        let adt = folder.path().join("mod/adt");
        let adt = Store { root: &adt, v3 };
        adt.write();
        adt.texts("obs/_index", &["d", "x", "b"]);
        store.group("obsmap", "{}");
        store.ints("obsmap/adt", &[0, 3, 0, 1]);
        let file = open(folder.path()).unwrap();
        assert_eq!(file.format(), "MuData (.zarr)");
        // By name: a, b and c are cells of rna.
        let mut rna = file.matrix(&"mod/rna/X".parse().unwrap()).unwrap();
        assert_eq!(rna.present(0..4).unwrap().unwrap(), [true, true, true, false]);
        assert_eq!(rna.read_rows(0..4).unwrap().nnz(), 4);
        let mut adt = file.matrix(&"mod/adt/X".parse().unwrap()).unwrap();
        assert_eq!(adt.present(0..4).unwrap().unwrap(), [false, true, false, true]);
        assert_eq!(
            adt.read_rows(0..4).unwrap(),
            Csr::new(4, vec![0, 0, 2, 2, 4], vec![0, 2, 1, 3], vec![3.0, 4.0, 1.0, 2.0]).unwrap()
        );
        let n = file.obs_column_in("adt:n", 0..4).unwrap();
        assert_eq!(n, Column::Int(vec![None, Some(9), None, Some(7)]));
        store.ints("obsmap/adt", &[0, 9, 0, 1]);
        let Err(error) = open(folder.path()) else { panic!("a row beyond the cells was taken") };
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("obsmap/adt"), "{error}");
    }
}
