//! Embeddings as safetensors: `<head>` f32 [n, dim], `<modality>_present` u8 [n], and the keys as UTF-8
//! text, one line per cell, in the u8 tensors `dataset` and `cell_id`.
//!
//! The metadata holds `mfdoom.format`, `mfdoom.manifest` and `mfdoom.modalities`, as in the tables. In
//! Python: `t = load_file(path)`, `ids = t["cell_id"].tobytes().decode().splitlines()`.

mod reader;
mod writer;

pub(super) use reader::{SafetensorsReader, is_safetensors};
pub(super) use writer::SafetensorsWriter;
