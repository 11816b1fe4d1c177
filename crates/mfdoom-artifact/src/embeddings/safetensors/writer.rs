//! Writes embeddings as safetensors.
//!
//! The header comes first and needs the number of cells, so each tensor is spooled to an unnamed file
//! next to the target and copied behind the header at the end: memory does not grow with the cells.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use mfdoom_error::{Error, Result};
use serde_json::{Map, Value, json};

use super::super::batch::EmbeddingBatch;
use super::super::schema::{EmbeddingSchema, present_name};
use crate::key::{CELL_ID, DATASET};
use crate::place::Output;
use crate::publish::OutputFile;

/// Writer of the safetensors form; the file is whole after `finish`.
pub(in crate::embeddings) struct SafetensorsWriter {
    target: OutputFile,
    heads: Vec<Spool>,
    present: Vec<Spool>,
    dataset: Spool,
    cell_id: Spool,
    n: usize,
}

struct Spool {
    file: BufWriter<File>,
    len: u64,
}

impl SafetensorsWriter {
    pub(in crate::embeddings) fn create(output: &Output, schema: &EmbeddingSchema) -> Result<Self> {
        let target = OutputFile::create(output)?;
        let folder = match &target {
            OutputFile::File(file) => file.path().parent().map(Path::to_owned),
            OutputFile::Stream(_) => None,
        };
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        let spool = || Spool::create(&folder);
        let spools = |n| (0..n).map(|_| spool()).collect::<Result<Vec<Spool>>>();
        Ok(Self {
            target,
            heads: spools(schema.heads.len())?,
            present: spools(schema.modalities.len())?,
            dataset: spool()?,
            cell_id: spool()?,
            n: 0,
        })
    }

    pub(in crate::embeddings) fn write(&mut self, batch: &EmbeddingBatch) -> Result<()> {
        for (spool, values) in self.heads.iter_mut().zip(&batch.heads) {
            for value in values {
                spool.write(&value.to_le_bytes())?;
            }
        }
        for (spool, present) in self.present.iter_mut().zip(&batch.present) {
            let bytes: Vec<u8> = present.iter().map(|&present| u8::from(present)).collect();
            spool.write(&bytes)?;
        }
        for (spool, names) in [(&mut self.dataset, &batch.dataset), (&mut self.cell_id, &batch.cell_id)] {
            for name in names {
                if name.contains('\n') {
                    return Err(Error::contract(format!("the id {name:?} holds a line break"))
                        .help("write parquet instead"));
                }
                spool.write(name.as_bytes())?;
                spool.write(b"\n")?;
            }
        }
        self.n += batch.len();
        Ok(())
    }

    pub(in crate::embeddings) fn finish(self, schema: &EmbeddingSchema) -> Result<usize> {
        let Self { target, heads, present, dataset, cell_id, n } = self;
        let mut tensors = Vec::new();
        for (head, spool) in schema.heads.iter().zip(heads) {
            tensors.push(Tensor {
                name: head.name.clone(),
                dtype: "F32",
                shape: json!([n, head.dim]),
                spool,
            });
        }
        for (name, spool) in schema.modalities.iter().zip(present) {
            tensors.push(Tensor { name: present_name(name), dtype: "U8", shape: json!([n]), spool });
        }
        for (name, spool) in [(DATASET, dataset), (CELL_ID, cell_id)] {
            tensors.push(Tensor { name: name.to_owned(), dtype: "U8", shape: json!([spool.len]), spool });
        }
        let header = header(schema, &tensors);
        let mut out = BufWriter::new(target);
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for tensor in tensors {
            tensor.spool.copy_to(&mut out)?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.commit()?;
        Ok(n)
    }
}

struct Tensor {
    name: String,
    dtype: &'static str,
    shape: Value,
    spool: Spool,
}

/// Returns the header, padded so that the data behind it is aligned.
fn header(schema: &EmbeddingSchema, tensors: &[Tensor]) -> Vec<u8> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!(schema.metadata()));
    let mut start = 0;
    for Tensor { name, dtype, shape, spool } in tensors {
        let end = start + spool.len;
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
        start = end;
    }
    let mut text = crate::manifest::canonical_json(&Value::Object(header)).into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    text
}

impl Spool {
    fn create(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder).map_err(|error| Error::io(folder, error))?;
        Ok(Self { file: BufWriter::new(file), len: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.len += bytes.len() as u64;
        Ok(self.file.write_all(bytes)?)
    }

    fn copy_to(self, out: &mut impl Write) -> Result<()> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        io::copy(&mut file, out)?;
        Ok(())
    }
}
