//! AnnData in Zarr: stores of both versions, written by hand, and read back.

use std::path::Path;

use mfdoom_counts::{Column, CountsFile, Source, open};
use mfdoom_matrix::Csr;

/// [[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 4, 0]].
fn expected() -> Csr {
    Csr::new(4, vec![0, 2, 2, 4], vec![1, 3, 0, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap()
}

/// Writes stores of one version.
struct Store<'a> {
    root: &'a Path,
    v3: bool,
}

impl Store<'_> {
    fn group(&self, path: &str, attributes: &str) {
        let folder = self.root.join(path);
        std::fs::create_dir_all(&folder).unwrap();
        if self.v3 {
            let text = format!("{{\"node_type\":\"group\",\"zarr_format\":3,\"attributes\":{attributes}}}");
            std::fs::write(folder.join("zarr.json"), text).unwrap();
        } else {
            std::fs::write(folder.join(".zgroup"), "{\"zarr_format\":2}").unwrap();
            std::fs::write(folder.join(".zattrs"), attributes).unwrap();
        }
    }

    /// Writes an array, its chunks (by their numbers) packed by zstd.
    fn array(
        &self,
        path: &str,
        (shape, chunk): (&[usize], &[usize]),
        kind: (&str, &str),
        chunks: &[(&str, Vec<u8>)],
    ) {
        let folder = self.root.join(path);
        std::fs::create_dir_all(&folder).unwrap();
        let metadata = if self.v3 {
            let text = if kind.1 == "string" { "vlen-utf8" } else { "bytes" };
            format!(
                "{{\"node_type\":\"array\",\"shape\":{shape:?},\"data_type\":\"{}\",\"fill_value\":0,\"codecs\":\
                 [{{\"name\":\"{text}\"}},{{\"name\":\"zstd\"}}],\"chunk_key_encoding\":{{\"name\":\"default\"}},\
                 \"chunk_grid\":{{\"configuration\":{{\"chunk_shape\":{chunk:?}}}}},\"attributes\":{{}}}}",
                kind.1
            )
        } else {
            let filters = if kind.1 == "string" { "[{\"id\":\"vlen-utf8\"}]" } else { "null" };
            format!(
                "{{\"shape\":{shape:?},\"chunks\":{chunk:?},\"dtype\":\"{}\",\"fill_value\":0,\"order\":\"C\",\
                 \"filters\":{filters},\"compressor\":{{\"id\":\"zstd\"}}}}",
                kind.0
            )
        };
        std::fs::write(folder.join(if self.v3 { "zarr.json" } else { ".zarray" }), metadata).unwrap();
        for (numbers, bytes) in chunks {
            let name =
                if self.v3 { format!("c/{}", numbers.replace('.', "/")) } else { (*numbers).to_owned() };
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, zstd::encode_all(bytes.as_slice(), 0).unwrap()).unwrap();
        }
    }

    fn ints(&self, path: &str, values: &[i32]) {
        // Two elements a chunk, the last one filled up.
        let mut filled = values.to_vec();
        filled.resize(values.len().next_multiple_of(2), 0);
        let names: Vec<String> = (0..filled.len() / 2).map(|at| at.to_string()).collect();
        let bytes = filled.chunks(2).map(|pair| pair.iter().flat_map(|value| value.to_le_bytes()).collect());
        let chunks: Vec<(&str, Vec<u8>)> = names.iter().map(String::as_str).zip(bytes).collect();
        self.array(path, (&[values.len()], &[2]), ("<i4", "int32"), &chunks);
    }

    fn texts(&self, path: &str, values: &[&str]) {
        let mut bytes = (values.len() as u32).to_le_bytes().to_vec();
        for value in values {
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend(value.as_bytes());
        }
        self.array(path, (&[values.len()], &[values.len()]), ("|O", "string"), &[("0", bytes)]);
    }

    fn write(&self) {
        self.group("", "{\"encoding-type\":\"anndata\"}");
        self.group("obs", "{\"_index\":\"_index\",\"column-order\":[\"label\",\"n\"]}");
        self.texts("obs/_index", &["a", "b", "c"]);
        self.ints("obs/n", &[7, 8, 9]);
        self.group("obs/label", "{\"encoding-type\":\"categorical\"}");
        self.ints("obs/label/codes", &[1, -1, 0]);
        self.texts("obs/label/categories", &["x", "y"]);
        self.group("var", "{\"_index\":\"gene\",\"column-order\":[]}");
        self.texts("var/gene", &["g0", "g1", "g2", "g3"]);
        self.group("X", "{\"encoding-type\":\"csr_matrix\",\"shape\":[3,4]}");
        self.ints("X/indptr", &[0, 2, 2, 4]);
        self.ints("X/indices", &[1, 3, 0, 2]);
        self.ints("X/data", &[1, 2, 3, 4]);
        self.group("layers", "{}");
        self.group("layers/columns", "{\"encoding-type\":\"csc_matrix\",\"shape\":[3,4]}");
        self.ints("layers/columns/indptr", &[0, 1, 2, 3, 4]);
        self.ints("layers/columns/indices", &[2, 0, 2, 0]);
        self.ints("layers/columns/data", &[3, 1, 4, 2]);
        // Chunks of 2 x 3; the one of zeros alone is not there.
        let floats =
            |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let chunks = [
            ("0.0", floats(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0])),
            ("0.1", floats(&[2.0, 9.0, 9.0, 0.0, 9.0, 9.0])),
            ("1.0", floats(&[3.0, 0.0, 4.0, 9.0, 9.0, 9.0])),
        ];
        self.array("layers/dense", (&[3, 4], &[2, 3]), ("<f4", "float32"), &chunks);
    }
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
