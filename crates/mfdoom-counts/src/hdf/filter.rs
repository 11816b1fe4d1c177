//! Compression that HDF5 can only undo with a plugin.

use hdf5::Dataset;
use hdf5::filters::Filter;
use hdf5_sys::LOCK;
use hdf5_sys::h5z::H5Zfilter_avail;

/// Names of registered filters that are met in files of counts.
const NAMES: [(i32, &str); 9] = [
    (4, "szip"),
    (307, "bzip2"),
    (32001, "blosc"),
    (32004, "lz4"),
    (32008, "bitshuffle"),
    (32013, "zfp"),
    (32015, "zstd"),
    (32026, "blosc2"),
    (32024, "sz3"),
];

/// The filter of a dataset that is neither built in nor found as a plugin, by name and number.
pub(crate) fn missing_filter(dataset: &Dataset) -> Option<String> {
    let missing = |filter: &Filter| match filter {
        Filter::User(id, _) => {
            let _guard = LOCK.lock();
            // SAFETY: the library is locked, and any number may be asked for.
            (unsafe { H5Zfilter_avail(*id) } <= 0).then_some(*id)
        }
        _ => None,
    };
    let id = dataset.filters().iter().find_map(missing)?;
    let name = NAMES.iter().find(|(known, _)| *known == id).map_or("a filter", |(_, name)| name);
    Some(format!("{name} (HDF5 filter {id})"))
}
