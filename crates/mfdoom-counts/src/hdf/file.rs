//! Opening a file, with the reason when it cannot be opened.

use std::path::{Path, PathBuf};

use hdf5::file::MetadataCacheConfig;
use mfdoom_error::Result;

use super::watch::{name_file, watched};
use crate::place::Place;

/// Bytes of HDF5's own cache, apart from decoded chunks.
const CACHE: usize = 512 << 10;

/// Opens a file that begins as HDF5 does, for reading.
///
/// # Errors
/// Contract: a damaged file, one that another program writes, or one that a program left open.
pub(crate) fn open_hdf5(path: &Path) -> Result<(hdf5::File, Place)> {
    let place = Place::root(path);
    let name = readable_name(path, &place)?;
    super::plugin::register();
    let mut options = hdf5::File::with_options();
    name_file(path);
    let options = options.with_fapl(|access| access.mdc_config(&small_cache()));
    match watched(|| options.open(name.path())) {
        Ok(file) => Ok((file, place)),
        Err(error) => Err(damaged(&place, &error)),
    }
}

/// A path that HDF5 takes, kept valid while it is needed.
enum Named {
    Path(PathBuf),
    #[cfg(target_os = "linux")]
    Handle(PathBuf, #[expect(dead_code, reason = "keeps the handle open")] std::fs::File),
}

impl Named {
    fn path(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            #[cfg(target_os = "linux")]
            Self::Handle(path, _) => path,
        }
    }
}

/// HDF5's wrapper takes UTF-8 alone; any other name is opened by its handle, where the system has a path for it.
fn readable_name(path: &Path, place: &Place) -> Result<Named> {
    if path.to_str().is_some() {
        return Ok(Named::Path(path.to_owned()));
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        if let Ok(file) = std::fs::File::open(path) {
            let handle = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            return Ok(Named::Handle(handle, file));
        }
    }
    Err(place.broken("has a name that is not UTF-8").help("rename the file"))
}

/// Keeps HDF5 from caching what it knows of a file, names of cells among it, in proportion to their number.
fn small_cache() -> MetadataCacheConfig {
    let defaults = MetadataCacheConfig::default();
    MetadataCacheConfig { initial_size: CACHE, min_size: CACHE, max_size: CACHE, ..defaults }
}

fn damaged(place: &Place, error: &hdf5::Error) -> mfdoom_error::Error {
    let stack = error.stack();
    let frames: Vec<String> =
        stack.iter().flat_map(|stack| stack.iter().map(|frame| frame.desc().to_owned())).collect();
    let reason = frames.last().cloned().unwrap_or_else(|| error.to_string());
    let says = |text: &str| frames.iter().any(|frame| frame.contains(text));
    if says("lock file") {
        return place
            .broken("is locked")
            .found(reason)
            .help("another program writes it: wait, or set HDF5_USE_FILE_LOCKING=FALSE");
    }
    if says("already open for write") || says("consistency flags") {
        return place
            .broken("was left open by a program that ended early, or is still being written")
            .found(reason)
            .wanted("a file that was closed")
            .help("once nothing writes it any more: h5clear -s FILE, or write it again");
    }
    let what = if says("truncated") { "is truncated" } else { "is a damaged HDF5 file" };
    place.broken(what).found(reason).wanted("a whole file").help("copy or download it again")
}
