//! The header of a safetensors file, read without its data.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use mfdoom_error::{Error, Result};
use safetensors::tensor::Metadata;

/// Largest header the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// Checks that the header of a safetensors file is sound and the file as long as it says; returns where
/// the data starts, and the tensors.
///
/// # Errors
/// Contract, when the file is missing, truncated or something else.
pub fn read_safetensors_header(path: &Path) -> Result<(u64, Metadata)> {
    let fail = |error| Error::io(path, error);
    let damaged = |why: String| {
        Error::contract(format!("{}: not a whole safetensors file", path.display()))
            .found(why)
            .help("the file was damaged or cut off: copy it again")
    };
    let mut file = File::open(path).map_err(fail)?;
    let len = file.metadata().map_err(fail)?.len();
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| damaged(format!("{len} bytes")))?;
    let header = u64::from_le_bytes(start);
    if header > MAX_HEADER || header + 8 > len {
        return Err(damaged(format!("a header of {header} bytes in a file of {len}")));
    }
    let mut text = vec![0; header as usize];
    file.read_exact(&mut text).map_err(fail)?;
    // Reading the tensors' places checks that they are contiguous and fit their shapes.
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    let wanted = metadata.data_len() as u64 + header + 8;
    match wanted == len {
        true => Ok((header + 8, metadata)),
        false => Err(damaged(format!("{len} bytes where the header says {wanted}"))),
    }
}
