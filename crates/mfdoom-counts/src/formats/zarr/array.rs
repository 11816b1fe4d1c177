//! One array of a Zarr store, of version 2 or 3: metadata, and values chunk by chunk.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use mfdoom_error::{Error, Result};
use serde_json::Value;

use super::packing::Codec;
use super::shard::Shards;
use super::store::{Node, Span};
use super::values::{Type, Values};
use crate::hdf::Convert;
use crate::place::Place;

/// The bytes of a chunk.
type Stored = Option<Arc<Vec<u8>>>;

/// An array.
#[derive(Debug)]
pub(super) struct Array {
    node: Node,
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
    /// How chunks lie in files, where a file has many.
    shards: Option<Shards>,
    /// Whether every chunk must be there: no writer leaves one out.
    is_whole: bool,
    /// The chunk that was read last.
    last: Mutex<Option<(usize, Arc<Values>)>>,
    /// The same, of numbers that were read as they are stored; nothing in it where nobody wrote it.
    stored: Mutex<Option<(usize, Stored)>>,
    /// For messages.
    pub(super) place: Place,
}

impl Array {
    /// Opens the array at a place of the store, where there is one.
    ///
    /// # Errors
    /// Contract: metadata that are damaged, or a form that is not read.
    pub(super) fn open(node: &Node, place: Place) -> Result<Option<Self>> {
        let found = match (node.json(".zarray"), node.json("zarr.json")) {
            (Some(metadata), _) => Self::v2(node, &metadata, &place),
            (None, Some(metadata)) if metadata["node_type"] == "array" => Self::v3(node, &metadata, &place),
            _ => return Ok(None),
        };
        found.map(Some).map_err(|found| {
            place
                .broken("is an array of a form that is not read")
                .found(found)
                .wanted("numbers, text or booleans, packed by zstd, gzip, lz4 or Blosc")
                .help("write the store as .h5ad with anndata")
        })
    }

    fn v2(node: &Node, metadata: &Value, place: &Place) -> Result<Self, String> {
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
        Self::new(node, (&metadata["shape"], &sizes(&metadata["chunks"])), kind, codecs, place).map(|array| {
            Self { key: (separator, ""), fill: metadata["fill_value"].clone(), columns_first, ..array }
        })
    }

    fn v3(node: &Node, metadata: &Value, place: &Place) -> Result<Self, String> {
        let mut chunk = sizes(&metadata["chunk_grid"]["configuration"]["chunk_shape"]);
        let outer = metadata["codecs"].as_array().cloned().unwrap_or_default();
        let (shards, inner) = match (&outer[..], &chunk) {
            ([only], Some(shape)) if only["name"] == "sharding_indexed" => {
                let (shards, inner) = Shards::new(&only["configuration"], shape)?;
                chunk = Some(inner);
                (Some(shards), only["configuration"]["codecs"].as_array().cloned().unwrap_or_default())
            }
            _ => (None, outer),
        };
        let Chain { codecs, big, columns_first } = Chain::new(&inner)?;
        let kind =
            Type::v3(&metadata["data_type"], big).ok_or(format!("elements {}", metadata["data_type"]))?;
        let encoding = &metadata["chunk_key_encoding"];
        let default = encoding["name"] != "v2";
        let separator =
            encoding["configuration"]["separator"].as_str().unwrap_or(if default { "/" } else { "." });
        Self::new(node, (&metadata["shape"], &chunk), kind, codecs, place).map(|array| Self {
            key: (separator.to_owned(), if default { "c" } else { "" }),
            fill: metadata["fill_value"].clone(),
            columns_first,
            shards,
            ..array
        })
    }

    fn new(
        node: &Node,
        lengths: (&Value, &Option<Vec<usize>>),
        kind: Type,
        codecs: Vec<Codec>,
        place: &Place,
    ) -> Result<Self, String> {
        let shape = sizes(lengths.0).ok_or("no shape")?;
        let chunk = lengths.1.clone().ok_or("no chunks")?;
        let elements = chunk.iter().try_fold(1_usize, |n, len| n.checked_mul(*len));
        if chunk.len() != shape.len() || chunk.contains(&0) || elements.is_none_or(|n| n > 1 << 30) {
            return Err(format!("chunks of {chunk:?} of shape {shape:?}"));
        }
        Ok(Self {
            node: node.clone(),
            shape,
            chunk,
            kind,
            codecs,
            key: (String::new(), ""),
            fill: Value::Null,
            columns_first: false,
            shards: None,
            is_whole: false,
            last: Mutex::new(None),
            stored: Mutex::new(None),
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

    /// Returns the array as one of which every chunk must be there.
    pub(super) fn whole(self) -> Self {
        Self { is_whole: true, ..self }
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

    /// Elements of a range, which lies within an array of one dimension, converted from the form in which they are stored;
    /// nothing where they have to be read in their widest form.
    pub(super) fn numbers<T: Copy + Default>(
        &self,
        range: Range<usize>,
        convert: &Convert<T>,
    ) -> Result<Option<Vec<T>>> {
        let Some(native) = self.kind.native().filter(|_| self.len().is_some_and(|len| range.end <= len))
        else {
            return Ok(None);
        };
        let mut to = vec![T::default(); range.len()];
        let (size, chunk) = (native.size(), self.chunk[0]);
        let (mut at, mut rest) = (range.start, &mut to[..]);
        while at < range.end {
            let number = at / chunk;
            let (part, more) = rest.split_at_mut(range.end.min((number + 1) * chunk) - at);
            let Some(bytes) = self.stored(number)? else { return Ok(None) };
            let first = (at - number * chunk) * size;
            if !convert(native, &bytes[first..first + part.len() * size], part) {
                return Ok(None);
            }
            (at, rest) = (at + part.len(), more);
        }
        Ok(Some(to))
    }

    fn stored(&self, number: usize) -> Result<Stored> {
        let mut stored = self.stored.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((held, bytes)) = &*stored
            && *held == number
        {
            return Ok(bytes.clone());
        }
        // Let go before the next one is unpacked.
        *stored = None;
        let bytes = self.bytes(&[number])?.map(Arc::new);
        *stored = Some((number, bytes.clone()));
        Ok(bytes)
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

    /// Chunks down and across, of an array of two dimensions.
    pub(super) fn grid(&self) -> (usize, usize) {
        (self.shape[0].div_ceil(self.chunk[0]), self.shape[1].div_ceil(self.chunk[1]))
    }

    /// Hands the values of one chunk of an array of two dimensions to `take`, with row and column.
    pub(super) fn visit(
        &self,
        (down, across): (usize, usize),
        mut take: impl FnMut(usize, usize, f64) -> Result<()>,
    ) -> Result<()> {
        let (height, width) = (self.chunk[0], self.chunk[1]);
        let chunk = self.unpacked(&[down, across])?.into_numbers();
        for row in down * height..self.shape[0].min((down + 1) * height) {
            for column in across * width..self.shape[1].min((across + 1) * width) {
                let (i, j) = (row - down * height, column - across * width);
                let at = if self.columns_first { j * height + i } else { i * width + j };
                take(row, column, chunk[at])?;
            }
        }
        Ok(())
    }

    fn unpacked(&self, numbers: &[usize]) -> Result<Values> {
        let n = self.chunk.iter().product();
        let Some(bytes) = self.bytes(numbers)? else { return Ok(Values::filled(&self.kind, &self.fill, n)) };
        Values::of(&self.kind, &bytes, n).map_err(|found| self.wrong(&self.name(numbers), found))
    }

    /// The name of the member that holds a chunk.
    fn name(&self, numbers: &[usize]) -> String {
        let (separator, first) = &self.key;
        let named = |numbers: &[usize]| {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            let name = numbers.join(separator);
            if first.is_empty() { name } else { format!("{first}{separator}{name}") }
        };
        named(&self.shards.as_ref().map_or(numbers.to_vec(), |shards| shards.shard(numbers)))
    }

    fn wrong(&self, name: &str, found: String) -> Error {
        self.place
            .at(name)
            .broken("could not be unpacked")
            .found(found)
            .help("the store is damaged: copy it again, or write it as .h5ad with anndata")
    }

    /// The bytes of a chunk; nothing where nobody wrote it.
    fn bytes(&self, numbers: &[usize]) -> Result<Option<Vec<u8>>> {
        let name = self.name(numbers);
        let wrong = |found: String| self.wrong(&name, found);
        let found = match &self.shards {
            Some(shards) => shards.chunk(&self.node, &name, numbers),
            None => self.node.bytes(&name, Span::All).map_err(|error| error.to_string()),
        };
        let Some(mut bytes) = found.map_err(wrong)? else {
            if self.is_whole {
                return Err(self
                    .place
                    .at(&name)
                    .broken("is missing")
                    .wanted("every chunk of the values and pointers of a sparse matrix")
                    .help(
                        "copy the whole store again; where a chunk holds nothing but zeros, write the store as .h5ad",
                    ));
            }
            return Ok(None);
        };
        for codec in &self.codecs {
            bytes = codec.unpack(bytes).map_err(wrong)?;
        }
        let wanted = self.kind.native().map(|native| self.chunk.iter().product::<usize>() * native.size());
        match wanted {
            Some(wanted) if wanted != bytes.len() => {
                Err(wrong(format!("{} bytes where {wanted} were promised", bytes.len())))
            }
            _ => Ok(Some(bytes)),
        }
    }
}

/// Takes a list of lengths.
fn sizes(value: &Value) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(|n| usize::try_from(n.as_u64()?).ok()).collect()
}

/// The codecs of an array of version 3, as they are undone.
struct Chain {
    codecs: Vec<Codec>,
    big: bool,
    columns_first: bool,
}

impl Chain {
    fn new(described: &[Value]) -> Result<Self, String> {
        let mut chain = Self { codecs: Vec::new(), big: false, columns_first: false };
        for codec in described {
            let configuration = &codec["configuration"];
            match codec["name"].as_str().unwrap_or_default() {
                "bytes" => chain.big = configuration["endian"] == "big",
                "vlen-utf8" => {}
                "transpose" => match sizes(&configuration["order"]).as_deref() {
                    Some([1, 0]) => chain.columns_first = true,
                    Some([0] | [0, 1]) => {}
                    _ => return Err(format!("dimensions in the order {}", configuration["order"])),
                },
                _ => chain.codecs.push(Codec::of(codec)?),
            }
        }
        // Packed last is unpacked first.
        chain.codecs.reverse();
        Ok(chain)
    }
}
