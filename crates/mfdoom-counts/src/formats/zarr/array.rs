//! One array of a Zarr store, of version 2 or 3: metadata, and values chunk by chunk.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mfdoom_error::Result;
use serde_json::Value;

use super::packing::Codec;
use super::values::{Type, Values};
use crate::place::Place;

/// An array.
#[derive(Debug)]
pub(super) struct Array {
    folder: PathBuf,
    /// Length of each dimension.
    pub(super) shape: Vec<usize>,
    chunk: Vec<usize>,
    /// What its elements are.
    pub(super) kind: Type,
    codecs: Vec<Codec>,
    /// What stands between the numbers of a chunk, and before them.
    key: (String, &'static str),
    fill: Value,
    /// Whether columns come first within a chunk.
    columns_first: bool,
    /// The chunk that was read last.
    last: Mutex<Option<(usize, Arc<Values>)>>,
    place: Place,
}

/// Reads a file of JSON; none where there is no such file.
pub(super) fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

impl Array {
    /// Opens the array in a folder, where there is one.
    ///
    /// # Errors
    /// Contract: metadata that are damaged, or a form that is not read.
    pub(super) fn open(folder: &Path, place: Place) -> Result<Option<Self>> {
        let found = match (json(&folder.join(".zarray")), json(&folder.join("zarr.json"))) {
            (Some(metadata), _) => Self::v2(folder, &metadata, &place),
            (None, Some(metadata)) if metadata["node_type"] == "array" => Self::v3(folder, &metadata, &place),
            _ => return Ok(None),
        };
        found.map(Some).map_err(|found| {
            place
                .broken("is an array of a form that is not read")
                .found(found)
                .wanted("numbers, text or booleans, packed by zstd, gzip, lz4 or Blosc, not sharded")
                .help("write the store as .h5ad with anndata")
        })
    }

    fn v2(folder: &Path, metadata: &Value, place: &Place) -> Result<Self, String> {
        let mut codecs: Vec<Codec> = Vec::new();
        if !metadata["compressor"].is_null() {
            codecs.push(Codec::of(&metadata["compressor"])?);
        }
        let filters = metadata["filters"].as_array().into_iter().flatten();
        let text = |filter: &&Value| filter["id"].as_str().is_some_and(|id| id.starts_with("vlen-"));
        let (texts, others): (Vec<_>, Vec<_>) = filters.partition(text);
        if let Some(other) = others.first() {
            return Err(format!("filtered by {}", other["id"]));
        }
        let kind = if texts.is_empty() {
            Type::v2(metadata["dtype"].as_str().unwrap_or_default())
                .ok_or(format!("elements {}", metadata["dtype"]))?
        } else {
            Type::Text
        };
        let separator = metadata["dimension_separator"].as_str().unwrap_or(".").to_owned();
        let columns_first = metadata["order"] == "F";
        Self::new(folder, (&metadata["shape"], &metadata["chunks"]), kind, codecs, place).map(|array| Self {
            key: (separator, ""),
            fill: metadata["fill_value"].clone(),
            columns_first,
            ..array
        })
    }

    fn v3(folder: &Path, metadata: &Value, place: &Place) -> Result<Self, String> {
        let (mut codecs, mut big) = (Vec::new(), false);
        for codec in metadata["codecs"].as_array().into_iter().flatten() {
            match codec["name"].as_str().unwrap_or_default() {
                "bytes" => big = codec["configuration"]["endian"] == "big",
                "vlen-utf8" => {}
                _ => codecs.push(Codec::of(codec)?),
            }
        }
        // Packed last is unpacked first.
        codecs.reverse();
        let kind =
            Type::v3(&metadata["data_type"], big).ok_or(format!("elements {}", metadata["data_type"]))?;
        let encoding = &metadata["chunk_key_encoding"];
        let default = encoding["name"] != "v2";
        let separator =
            encoding["configuration"]["separator"].as_str().unwrap_or(if default { "/" } else { "." });
        let chunks = &metadata["chunk_grid"]["configuration"]["chunk_shape"];
        Self::new(folder, (&metadata["shape"], chunks), kind, codecs, place).map(|array| Self {
            key: (separator.to_owned(), if default { "c" } else { "" }),
            fill: metadata["fill_value"].clone(),
            ..array
        })
    }

    fn new(
        folder: &Path,
        lengths: (&Value, &Value),
        kind: Type,
        codecs: Vec<Codec>,
        place: &Place,
    ) -> Result<Self, String> {
        let sizes = |value: &Value| -> Option<Vec<usize>> {
            value.as_array()?.iter().map(|n| usize::try_from(n.as_u64()?).ok()).collect()
        };
        let shape = sizes(lengths.0).ok_or("no shape")?;
        let chunk = sizes(lengths.1).ok_or("no chunks")?;
        let elements = chunk.iter().try_fold(1_usize, |n, len| n.checked_mul(*len));
        if chunk.len() != shape.len() || chunk.contains(&0) || elements.is_none_or(|n| n > 1 << 30) {
            return Err(format!("chunks of {chunk:?} of shape {shape:?}"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            shape,
            chunk,
            kind,
            codecs,
            key: (String::new(), ""),
            fill: Value::Null,
            columns_first: false,
            last: Mutex::new(None),
            place: place.clone(),
        })
    }

    /// The length of an array of one dimension.
    pub(super) fn len(&self) -> Option<usize> {
        match self.shape[..] {
            [len] => Some(len),
            _ => None,
        }
    }

    /// Rows that are packed together.
    pub(super) fn chunk_rows(&self) -> usize {
        self.chunk.first().copied().unwrap_or(1)
    }

    /// Elements of a range of an array of one dimension.
    pub(super) fn read(&self, range: Range<usize>) -> Result<Values> {
        if self.len().is_none_or(|len| range.end > len) {
            return Err(self
                .place
                .broken(format!("has no elements {range:?}"))
                .found(format!("shape {:?}", self.shape)));
        }
        let mut values = Values::empty(&self.kind);
        let mut at = range.start;
        while at < range.end {
            let number = at / self.chunk[0];
            let start = number * self.chunk[0];
            let end = range.end.min(start + self.chunk[0]);
            values.extend(&*self.held(number)?, at - start..end - start);
            at = end;
        }
        Ok(values)
    }

    fn held(&self, number: usize) -> Result<Arc<Values>> {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((held, values)) = &*last
            && *held == number
        {
            return Ok(values.clone());
        }
        let values = Arc::new(self.unpacked(&[number])?);
        *last = Some((number, values.clone()));
        Ok(values)
    }

    /// Rows of an array of two dimensions, one behind the other.
    pub(super) fn rows(&self, rows: Range<usize>) -> Result<Vec<f64>> {
        let (n_cols, [height, width]) = (self.shape[1], [self.chunk[0], self.chunk[1]]);
        let mut out = vec![0.0; rows.len() * n_cols];
        for down in rows.start / height..rows.end.div_ceil(height) {
            for across in 0..n_cols.div_ceil(width) {
                let chunk = self.unpacked(&[down, across])?.into_numbers();
                let here = rows.start.max(down * height)..rows.end.min((down + 1) * height);
                let columns = across * width..n_cols.min((across + 1) * width);
                for row in here {
                    for column in columns.clone() {
                        let (i, j) = (row - down * height, column - across * width);
                        let at = if self.columns_first { j * height + i } else { i * width + j };
                        out[(row - rows.start) * n_cols + column] = chunk[at];
                    }
                }
            }
        }
        Ok(out)
    }

    fn unpacked(&self, numbers: &[usize]) -> Result<Values> {
        let n = self.chunk.iter().product();
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let (separator, first) = &self.key;
        let name = numbers.join(separator);
        let name = if first.is_empty() { name } else { format!("{first}{separator}{name}") };
        let wrong = |found: String| {
            self.place
                .at(&name)
                .broken("could not be unpacked")
                .found(found)
                .help("the store is damaged: copy it again, or write it as .h5ad with anndata")
        };
        let mut bytes = match std::fs::read(self.folder.join(&name)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Values::filled(&self.kind, &self.fill, n));
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        for codec in &self.codecs {
            bytes = codec.unpack(bytes).map_err(wrong)?;
        }
        Values::of(&self.kind, &bytes, n).map_err(wrong)
    }
}
