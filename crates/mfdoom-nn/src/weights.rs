//! A safetensors file, read tensor by tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use candle_core::{DType, Device, Error, Result, Tensor, bail};
use safetensors::tensor::{Metadata, TensorInfo};

/// Largest header that the format allows, in bytes.
const MAX_HEADER: u64 = 100_000_000;

/// The header of a safetensors file, and the file to read its tensors from.
#[derive(Debug)]
pub(crate) struct WeightFile {
    file: File,
    /// Where the data starts.
    start: u64,
    tensors: BTreeMap<String, TensorInfo>,
}

impl WeightFile {
    /// Reads the header; the file must be as long as it says.
    pub(crate) fn open(path: &Path) -> Result<WeightFile> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut size = [0; 8];
        file.read_exact(&mut size)?;
        let header = u64::from_le_bytes(size);
        if header > MAX_HEADER || header.saturating_add(8) > len {
            bail!("not a safetensors file: a header of {header} bytes in a file of {len}");
        }
        let mut text = vec![0; header as usize];
        file.read_exact(&mut text)?;
        // reading the places of the tensors checks that they follow one another and fit their shapes
        let metadata: Metadata = serde_json::from_slice(&text).map_err(Error::wrap)?;
        let start = header + 8;
        if metadata.data_len() as u64 + start != len {
            bail!("{len} bytes where the header says {}", metadata.data_len() as u64 + start);
        }
        let tensors = metadata.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        Ok(WeightFile { file, start, tensors })
    }

    /// Returns the shape of a tensor, if there is one of this name.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|info| info.shape.as_slice())
    }

    /// Returns the names of all tensors.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Reads a tensor of finite numbers.
    pub(crate) fn read(&mut self, name: &str) -> Result<Tensor> {
        let Some(info) = self.tensors.get(name) else { bail!("{name} is missing") };
        let (first, end) = info.data_offsets;
        let mut bytes = vec![0; end - first];
        self.file.seek(SeekFrom::Start(self.start + first as u64))?;
        self.file.read_exact(&mut bytes)?;
        let tensor = Tensor::from_raw_buffer(&bytes, info.dtype.try_into()?, &info.shape, &Device::Cpu)?;
        let values = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(i) => bail!("{name} holds {} at position {i}, wanted finite numbers", values[i]),
            None => Ok(tensor),
        }
    }
}
