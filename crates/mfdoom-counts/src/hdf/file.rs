//! Opening a file, with the reason when it cannot be opened.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use hdf5::file::MetadataCacheConfig;
use mfdoom_error::{Error, Result};

use crate::place::Place;

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Bytes of HDF5's own cache, apart from decoded chunks.
const CACHE: usize = 512 << 10;

/// Opens an HDF5 file for reading.
///
/// # Errors
/// Contract: no such file, a folder, another format, or a damaged file; failed: no permission.
pub(crate) fn open(path: &Path) -> Result<(hdf5::File, Place)> {
    let place = Place::root(path);
    let mut head = Vec::new();
    if path.is_dir() {
        return Err(place
            .broken("is a folder")
            .wanted("an .h5ad file")
            .help("a zarr store is not read: write it as .h5ad with anndata"));
    }
    let mut file = File::open(path).map_err(|error| Error::io(path, error))?;
    file.by_ref().take(8).read_to_end(&mut head).map_err(|error| Error::io(path, error))?;
    drop(file);
    match hdf5::File::with_options().with_fapl(|access| access.mdc_config(&small_cache())).open(path) {
        Ok(file) => Ok((file, place)),
        Err(error) if head == SIGNATURE => Err(damaged(&place, &error)),
        Err(_) => Err(place
            .broken("is not an HDF5 file")
            .found(guess(&head))
            .wanted("an .h5ad file")
            .help("unpack it, or write it as .h5ad with anndata")),
    }
}

/// Keeps HDF5 from caching what it knows of a file, names of cells among it, in proportion to their number.
fn small_cache() -> MetadataCacheConfig {
    let defaults = MetadataCacheConfig::default();
    MetadataCacheConfig { initial_size: CACHE, min_size: CACHE, max_size: CACHE, ..defaults }
}

fn damaged(place: &Place, error: &hdf5::Error) -> Error {
    let stack = error.stack();
    let frames = stack.iter().flat_map(|stack| stack.iter().map(|frame| frame.desc().to_owned()));
    let reason = frames.last().unwrap_or_else(|| error.to_string());
    if reason.contains("lock file") {
        return place
            .broken("is locked")
            .found(reason)
            .help("another program writes it: wait, or set HDF5_USE_FILE_LOCKING=FALSE");
    }
    let what = if reason.contains("truncated") { "is truncated" } else { "is a damaged HDF5 file" };
    place.broken(what).found(reason).wanted("a whole .h5ad file").help("copy or download it again")
}

fn guess(head: &[u8]) -> String {
    match head {
        [] => "an empty file".to_owned(),
        [0x1f, 0x8b, ..] => "gzip data".to_owned(),
        [b'P', b'K', 3, 4, ..] => "a zip archive".to_owned(),
        [b'P', b'A', b'R', b'1', ..] => "a parquet file".to_owned(),
        [b'B', b'Z', b'h', ..] => "bzip2 data".to_owned(),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd data".to_owned(),
        text if text.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            format!("text beginning with {:?}", String::from_utf8_lossy(text))
        }
        bytes => {
            format!("bytes {}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "))
        }
    }
}
