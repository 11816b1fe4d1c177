//! Reads embeddings from safetensors, a block of cells at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use mfdoom_error::{Error, Result};
use safetensors::tensor::{Dtype, Metadata};

use super::super::batch::EmbeddingBatch;
use super::super::schema::{EmbeddingSchema, Head, present_name, read_metadata};
use crate::key::{CELL_ID, DATASET};
use crate::weights::read_safetensors_header;

/// Cells of a block.
const BLOCK: usize = 1024;

/// Reader of the safetensors form.
pub(in crate::embeddings) struct SafetensorsReader {
    name: String,
    n: usize,
    done: usize,
    dims: Vec<usize>,
    heads: Vec<BufReader<File>>,
    present: Vec<BufReader<File>>,
    dataset: BufReader<File>,
    cell_id: BufReader<File>,
}

/// Returns whether a regular file starts like safetensors: a length, then a JSON object.
pub(in crate::embeddings) fn is_safetensors(path: &Path) -> bool {
    let regular = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    let mut start = [0; 9];
    let read = regular && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok();
    read && start[8] == b'{' && &start[..4] != b"PAR1"
}

impl SafetensorsReader {
    /// Opens `path`; the schema has no obs columns.
    ///
    /// # Errors
    /// Contract, when the file is damaged or holds something else than embeddings.
    pub(in crate::embeddings) fn open(path: &Path) -> Result<(EmbeddingSchema, Self)> {
        let name = path.display().to_string();
        let (start, metadata) = read_safetensors_header(path)?;
        let texts = metadata.metadata().clone().unwrap_or_default();
        let (manifest, modalities) = read_metadata(|key| texts.get(key).map(String::as_str), &name)?;
        let tensors = Tensors { path, name: &name, start, metadata: &metadata };
        let mut heads: Vec<Head> = metadata
            .tensors()
            .into_iter()
            .filter_map(|(name, info)| match (info.dtype, info.shape.as_slice()) {
                (Dtype::F32, &[_, dim]) => Some(Head { name, dim }),
                _ => None,
            })
            .collect();
        // The header's keys are sorted; the data is in the order of the writer's heads.
        let places: HashMap<String, usize> =
            metadata.tensors().into_iter().map(|(name, info)| (name, info.data_offsets.0)).collect();
        heads.sort_by_key(|head| (places[&head.name], head.name.clone()));
        let n = heads.first().map_or(0, |head| metadata.info(&head.name).map_or(0, |info| info.shape[0]));
        let reader = Self {
            n,
            done: 0,
            dims: heads.iter().map(|head| head.dim).collect(),
            heads: heads
                .iter()
                .map(|head| tensors.open(&head.name, Dtype::F32, Some(n)))
                .collect::<Result<_>>()?,
            present: modalities
                .iter()
                .map(|modality| tensors.open(&present_name(modality), Dtype::U8, Some(n)))
                .collect::<Result<_>>()?,
            dataset: tensors.open(DATASET, Dtype::U8, None)?,
            cell_id: tensors.open(CELL_ID, Dtype::U8, None)?,
            name: name.clone(),
        };
        Ok((EmbeddingSchema { obs: Vec::new(), heads, modalities, manifest }, reader))
    }

    /// Reads the next block of cells.
    pub(in crate::embeddings) fn next(&mut self) -> Option<Result<EmbeddingBatch>> {
        let n = BLOCK.min(self.n - self.done);
        if n == 0 {
            return None;
        }
        self.done += n;
        let block = self.block(n);
        if block.is_err() {
            self.done = self.n;
        }
        Some(block)
    }

    fn block(&mut self, n: usize) -> Result<EmbeddingBatch> {
        let fail = |error| Error::io(self.name.as_ref(), error);
        let mut batch = EmbeddingBatch::default();
        for (reader, dim) in self.heads.iter_mut().zip(&self.dims) {
            let mut bytes = vec![0; n * dim * 4];
            reader.read_exact(&mut bytes).map_err(fail)?;
            let values =
                bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
            batch.heads.push(values.collect());
        }
        for reader in &mut self.present {
            let mut bytes = vec![0; n];
            reader.read_exact(&mut bytes).map_err(fail)?;
            batch.present.push(bytes.into_iter().map(|byte| byte != 0).collect());
        }
        batch.dataset = lines(&mut self.dataset, n, &self.name)?;
        batch.cell_id = lines(&mut self.cell_id, n, &self.name)?;
        Ok(batch)
    }
}

/// Reads `n` lines.
fn lines(reader: &mut BufReader<File>, n: usize, name: &str) -> Result<Vec<String>> {
    let damaged =
        || Error::contract(format!("{name}: the text of the keys does not fit the number of cells"));
    let line = || {
        let mut line = String::new();
        reader.read_line(&mut line).map_err(|_| damaged())?;
        line.strip_suffix('\n').map(str::to_owned).ok_or_else(damaged)
    };
    std::iter::repeat_with(line).take(n).collect()
}

/// Tensors of a file whose data begins at `start`.
struct Tensors<'a> {
    path: &'a Path,
    name: &'a str,
    start: u64,
    metadata: &'a Metadata,
}

impl Tensors<'_> {
    /// Opens a tensor at its first byte; its first dimension must be `n`, where that is known.
    fn open(&self, tensor: &str, dtype: Dtype, n: Option<usize>) -> Result<BufReader<File>> {
        let info = self
            .metadata
            .info(tensor)
            .ok_or_else(|| Error::contract(format!("{}: no tensor {tensor:?}", self.name)))?;
        if info.dtype != dtype || n.is_some_and(|n| info.shape.first() != Some(&n)) {
            return Err(Error::contract(format!("{}: tensor {tensor:?} has an unexpected shape", self.name))
                .found(format!("{:?} {:?}", info.dtype, info.shape)));
        }
        let fail = |error| Error::io(self.path, error);
        let mut file = File::open(self.path).map_err(fail)?;
        file.seek(SeekFrom::Start(self.start + info.data_offsets.0 as u64)).map_err(fail)?;
        Ok(BufReader::new(file))
    }
}
