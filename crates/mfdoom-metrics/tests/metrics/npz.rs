//! Reads the reference arrays (.npz: a zip of .npy), where they are.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// Arrays by name.
pub struct Npz(BTreeMap<String, Array>);

struct Array {
    descr: String,
    bytes: Vec<u8>,
}

/// Returns a file below the shared folder, or says on standard error that the test is skipped.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MFDOOM_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let file = root.join(path);
    if !file.exists() {
        eprintln!("SKIPPED: {} is absent (set MFDOOM_SHARED)", file.display());
        return None;
    }
    Some(file)
}

fn le(bytes: &[u8], at: usize, width: usize) -> usize {
    bytes[at..at + width].iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

impl Npz {
    pub fn open(path: &str) -> Option<Self> {
        let zip = std::fs::read(shared(path)?).unwrap();
        let end = zip.windows(4).rposition(|word| word == b"PK\x05\x06").unwrap();
        let (n, mut at) = (le(&zip, end + 10, 2), le(&zip, end + 16, 4));
        let mut arrays = BTreeMap::new();
        for _ in 0..n {
            let (method, size, name_len) = (le(&zip, at + 10, 2), le(&zip, at + 20, 4), le(&zip, at + 28, 2));
            let local = le(&zip, at + 42, 4);
            let name = String::from_utf8(zip[at + 46..at + 46 + name_len].to_vec()).unwrap();
            let start = local + 30 + le(&zip, local + 26, 2) + le(&zip, local + 28, 2);
            let mut npy = Vec::new();
            match method {
                0 => npy.extend_from_slice(&zip[start..start + size]),
                _ => drop(
                    flate2::read::DeflateDecoder::new(&zip[start..start + size])
                        .read_to_end(&mut npy)
                        .unwrap(),
                ),
            }
            arrays.insert(name.trim_end_matches(".npy").to_owned(), parse(&npy));
            at += 46 + name_len + le(&zip, at + 30, 2) + le(&zip, at + 32, 2);
        }
        Some(Self(arrays))
    }

    /// Returns the numbers of an array, row by row.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let Array { descr, bytes } = &self.0[name];
        macro_rules! read {
            ($kind:ty) => {
                bytes
                    .chunks_exact(size_of::<$kind>())
                    .map(|b| <$kind>::from_le_bytes(b.try_into().unwrap()) as f64)
                    .collect()
            };
        }
        match descr.as_str() {
            "<f4" => read!(f32),
            "<f8" => read!(f64),
            "<i2" => read!(i16),
            "<u2" => read!(u16),
            "<i4" => read!(i32),
            "<i8" => read!(i64),
            other => panic!("{name}: {other}"),
        }
    }

    /// Returns the numbers of an array as f32.
    pub fn floats(&self, name: &str) -> Vec<f32> {
        self.numbers(name).into_iter().map(|value| value as f32).collect()
    }

    /// Returns the numbers of an array as u32.
    pub fn indices(&self, name: &str) -> Vec<u32> {
        self.numbers(name).into_iter().map(|value| value as u32).collect()
    }

    /// Returns the truth values of an array.
    pub fn flags(&self, name: &str) -> Vec<bool> {
        let Array { descr, bytes } = &self.0[name];
        assert_eq!(descr, "|b1", "{name}");
        bytes.iter().map(|&byte| byte != 0).collect()
    }

    /// Returns the strings of an array as codes, in the order of their sorted names.
    pub fn codes(&self, name: &str) -> Vec<u32> {
        let Array { descr, bytes } = &self.0[name];
        let width: usize = descr.strip_prefix("<U").unwrap().parse().unwrap();
        let strings: Vec<&[u8]> = bytes.chunks_exact(4 * width).collect();
        let mut sorted = strings.clone();
        sorted.sort_unstable();
        sorted.dedup();
        strings.iter().map(|string| sorted.binary_search(string).unwrap() as u32).collect()
    }
}

fn parse(npy: &[u8]) -> Array {
    let (length, start) = if npy[6] == 1 { (le(npy, 8, 2), 10) } else { (le(npy, 8, 4), 12) };
    let header = String::from_utf8_lossy(&npy[start..start + length]).into_owned();
    assert!(header.contains("'fortran_order': False"), "{header}");
    let descr = header.split("'descr': '").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    Array { descr, bytes: npy[start + length..].to_vec() }
}
