//! Reads `.npz` files: a zip archive of `.npy` arrays, little-endian, C order, stored or deflated.

#![allow(clippy::unwrap_used, reason = "only tests read these files, and a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Arrays of one archive by name.
#[derive(Debug)]
pub struct Npz(BTreeMap<String, Array>);

/// One array: its dtype as numpy writes it, its shape, its bytes.
#[derive(Debug)]
pub struct Array {
    dtype: String,
    /// Numbers of elements along each axis.
    pub shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Npz {
    /// Reads an archive.
    ///
    /// # Panics
    /// Where it is not there or not of that form; so do all others here.
    pub fn open(path: &Path) -> Self {
        let file = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(entries(&file).into_iter().map(|(name, data)| (name, Array::parse(&data))).collect())
    }

    /// Reads an archive below the folder of shared data, or says that the test is skipped.
    ///
    /// # Panics
    /// Where it is there and not of that form.
    pub fn shared(path: &str) -> Option<Self> {
        crate::shared(path).map(|path| Self::open(&path))
    }

    /// Returns an array by its name.
    ///
    /// # Panics
    /// Where there is none.
    pub fn array(&self, name: &str) -> &Array {
        self.0.get(name).unwrap_or_else(|| panic!("no array {name}"))
    }

    /// Returns the numbers of an array as f32.
    ///
    /// # Panics
    /// Where there is none, or its dtype is not numeric.
    pub fn f32(&self, name: &str) -> Vec<f32> {
        self.f64(name).into_iter().map(|value| value as f32).collect()
    }

    /// Returns the numbers of an array as f64, row by row.
    ///
    /// # Panics
    /// Where there is none, or its dtype is not numeric.
    pub fn f64(&self, name: &str) -> Vec<f64> {
        let array = self.array(name);
        let bytes = &array.bytes;
        match array.dtype.as_str() {
            "<f4" => words(bytes).map(|w| f64::from(f32::from_le_bytes(w))).collect(),
            "<f8" => words(bytes).map(f64::from_le_bytes).collect(),
            "<u2" => words(bytes).map(|w| f64::from(u16::from_le_bytes(w))).collect(),
            "<i2" => words(bytes).map(|w| f64::from(i16::from_le_bytes(w))).collect(),
            "<i4" => words(bytes).map(|w| f64::from(i32::from_le_bytes(w))).collect(),
            "<i8" => words(bytes).map(|w| i64::from_le_bytes(w) as f64).collect(),
            "|b1" => bytes.iter().map(|&b| f64::from(b)).collect(),
            other => panic!("dtype {other}"),
        }
    }

    /// Returns the numbers of an array as u32.
    ///
    /// # Panics
    /// Where there is none, or its dtype is not numeric.
    pub fn u32(&self, name: &str) -> Vec<u32> {
        self.f64(name).into_iter().map(|value| value as u32).collect()
    }

    /// Returns the numbers of an array as usize.
    ///
    /// # Panics
    /// Where there is none, or its dtype is not numeric.
    pub fn usize(&self, name: &str) -> Vec<usize> {
        self.f64(name).into_iter().map(|value| value as usize).collect()
    }

    /// Returns the truth values of an array.
    ///
    /// # Panics
    /// Where there is none, or its dtype is not numeric.
    pub fn bool(&self, name: &str) -> Vec<bool> {
        self.f64(name).into_iter().map(|value| value != 0.0).collect()
    }

    /// Returns the strings of an array as codes, in the order of the sorted strings.
    ///
    /// # Panics
    /// Where there is none, or its dtype is not a string.
    pub fn codes(&self, name: &str) -> Vec<u32> {
        let array = self.array(name);
        let width: usize = array.dtype.strip_prefix("<U").expect("a dtype of strings").parse().unwrap();
        let strings: Vec<&[u8]> = array.bytes.chunks_exact(4 * width).collect();
        let mut sorted = strings.clone();
        sorted.sort_unstable();
        sorted.dedup();
        strings.iter().map(|string| sorted.binary_search(string).unwrap() as u32).collect()
    }
}

impl Array {
    fn parse(data: &[u8]) -> Self {
        assert_eq!(&data[..6], b"\x93NUMPY");
        let (start, length) = if data[6] == 1 {
            (10, usize::from(u16::from_le_bytes([data[8], data[9]])))
        } else {
            (12, u32::from_le_bytes([data[8], data[9], data[10], data[11]]) as usize)
        };
        let header = std::str::from_utf8(&data[start..start + length]).unwrap();
        assert!(header.contains("'fortran_order': False"), "{header}");
        let after = |key: &str| &header[header.find(key).unwrap() + key.len()..];
        let dtype = after("'descr': '").split('\'').next().unwrap().to_owned();
        let shape = after("'shape': (").split(')').next().unwrap();
        let shape = shape.split(',').filter_map(|part| part.trim().parse().ok()).collect();
        Self { dtype, shape, bytes: data[start + length..].to_vec() }
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.chunks_exact(N).map(|chunk| chunk.try_into().unwrap())
}

/// Lists the archive's files by the central directory, unpacked.
fn entries(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let end =
        (0..file.len() - 21).rev().find(|&at| &file[at..at + 4] == b"PK\x05\x06").expect("a zip archive");
    let mut at = u32_at(end + 16);
    let mut out = Vec::new();
    for _ in 0..u16_at(end + 10) {
        assert_eq!(&file[at..at + 4], b"PK\x01\x02");
        let (method, packed, unpacked) = (u16_at(at + 10), u32_at(at + 20), u32_at(at + 24));
        let (name, extra, comment) = (u16_at(at + 28), u16_at(at + 30), u16_at(at + 32));
        let local = u32_at(at + 42);
        let text = String::from_utf8(file[at + 46..at + 46 + name].to_vec()).unwrap();
        let first = local + 30 + u16_at(local + 26) + u16_at(local + 28);
        let data = &file[first..first + packed];
        let mut content = Vec::with_capacity(unpacked);
        match method {
            0 => content.extend_from_slice(data),
            8 => drop(flate2::read::DeflateDecoder::new(data).read_to_end(&mut content).unwrap()),
            other => panic!("zip method {other}"),
        }
        assert_eq!(content.len(), unpacked);
        out.push((text.trim_end_matches(".npy").to_owned(), content));
        at += 46 + name + extra + comment;
    }
    out
}
