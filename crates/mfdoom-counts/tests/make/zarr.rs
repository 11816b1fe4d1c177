//! Makes Zarr stores by hand, as folders and as archives.

use std::path::Path;

/// Writes stores of one version.
pub struct Store<'a> {
    pub root: &'a Path,
    pub v3: bool,
}

impl Store<'_> {
    pub fn group(&self, path: &str, attributes: &str) {
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
    pub fn array(
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

    pub fn ints(&self, path: &str, values: &[i32]) {
        // Two elements a chunk, the last one filled up.
        let mut filled = values.to_vec();
        filled.resize(values.len().next_multiple_of(2), 0);
        let names: Vec<String> = (0..filled.len() / 2).map(|at| at.to_string()).collect();
        let bytes = filled.chunks(2).map(|pair| pair.iter().flat_map(|value| value.to_le_bytes()).collect());
        let chunks: Vec<(&str, Vec<u8>)> = names.iter().map(String::as_str).zip(bytes).collect();
        self.array(path, (&[values.len()], &[2]), ("<i4", "int32"), &chunks);
    }

    pub fn texts(&self, path: &str, values: &[&str]) {
        let mut bytes = (values.len() as u32).to_le_bytes().to_vec();
        for value in values {
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend(value.as_bytes());
        }
        self.array(path, (&[values.len()], &[values.len()]), ("|O", "string"), &[("0", bytes)]);
    }

    pub fn write(&self) {
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

/// CRC-32C, bit by bit.
pub fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

/// Packs a folder into an archive, every second member deflated; `prefix` stands before all names.
pub fn zip(folder: &Path, prefix: &str, to: &Path) {
    fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.sort();
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (number, path) in files.iter().enumerate() {
        let name = format!("{prefix}{}", path.strip_prefix(folder).unwrap().display());
        let data = std::fs::read(path).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(&data);
        let deflated = number % 2 == 1;
        let packed = if deflated {
            let mut reader = flate2::read::DeflateEncoder::new(data.as_slice(), flate2::Compression::fast());
            let mut packed = Vec::new();
            std::io::Read::read_to_end(&mut reader, &mut packed).unwrap();
            packed
        } else {
            data.clone()
        };
        let fields = |out: &mut Vec<u8>| {
            out.extend([20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0, 0]);
            [crc.sum(), packed.len() as u32, data.len() as u32]
                .iter()
                .for_each(|word| out.extend(word.to_le_bytes()));
            out.extend((name.len() as u16).to_le_bytes());
        };
        let at = out.len() as u32;
        directory.extend(b"PK\x01\x02\x14\0");
        fields(&mut directory);
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        fields(&mut out);
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(&packed);
    }
    let (start, n) = (out.len() as u32, files.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    [n, n].iter().for_each(|n| out.extend(n.to_le_bytes()));
    [directory.len() as u32, start].iter().for_each(|word| out.extend(word.to_le_bytes()));
    out.extend([0; 2]);
    std::fs::write(to, out).unwrap();
}
