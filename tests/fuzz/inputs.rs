//! Damaged inputs of every format: in this process where our own code reads them, else through the stage, since HDF5
//! itself may fail in ways that a process must survive.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mfdoom_counts::{DEFAULT_MEMORY, open};
use mfdoom_error::Result;

use crate::make::random::{Case, FORMATS, Write};
use crate::mutate::Random;
use crate::readers::Reader;

/// What our own code reads.
pub const READERS: [Reader; 5] = [
    reader("input table", |folder| write("table", folder), read),
    reader("input Matrix Market", |folder| write("Matrix Market", folder), read),
    reader("input EDS", |folder| write("EDS", folder), read),
    reader("input bustools", |folder| write("bustools", folder), read),
    reader("input Zarr", |folder| write("Zarr", folder), read),
];
/// What HDF5 reads.
pub const OF_HDF5: [&str; 4] = ["h5ad", "h5mu", "loom", "Cell Ranger"];

const fn reader(
    name: &'static str,
    write: fn(&Path) -> Result<()>,
    read: fn(&Path) -> Result<u64>,
) -> Reader {
    Reader { name, checked: false, write, read }
}

/// Returns how files of a format are written.
pub fn writer(name: &str) -> Write {
    FORMATS.iter().find(|(format, _)| *format == name).unwrap().1
}

/// Writes a few files of a format, each in a folder of its own.
fn write(name: &str, folder: &Path) -> Result<()> {
    for seed in 0..6 {
        let place = folder.join(seed.to_string());
        fs::create_dir(&place).unwrap();
        let (path, source) = writer(name)(&mut Case::new(seed), &place);
        let path = path.strip_prefix(folder).unwrap().display().to_string();
        // Beside the folder, where it is not damaged: this process knows it.
        fs::write(place.with_extension("what"), format!("{path}\n{source}")).unwrap();
    }
    let list = folder.with_extension("list");
    let entries = (0..6).map(|seed| {
        let what = folder.join(format!("{seed}.what"));
        let text = fs::read_to_string(&what).unwrap();
        fs::remove_file(what).unwrap();
        text
    });
    fs::write(list, entries.collect::<Vec<_>>().join("\n\n")).unwrap();
    Ok(())
}

/// Reads names and rows of all files; what is damaged in one of them is the result.
fn read(folder: &Path) -> Result<u64> {
    static READ: AtomicUsize = AtomicUsize::new(0);
    let mut hasher = DefaultHasher::new();
    let list = fs::read_to_string(folder.with_extension("list")).unwrap();
    for entry in list.split("\n\n") {
        let (path, source) = entry.split_once('\n').unwrap();
        let file = open(folder.join(path))?;
        file.obs_names_in(0..file.n_obs())?.hash(&mut hasher);
        let source = source.parse()?;
        file.var_names_of(&source)?.hash(&mut hasher);
        let mut matrix = file.matrix(&source)?;
        // Never the same memory: what an earlier reader of the same path set aside is of other bytes.
        matrix.set_memory(DEFAULT_MEMORY - READ.fetch_add(1, Ordering::Relaxed) % (1 << 20));
        for start in (0..matrix.n_rows().min(1 << 12)).step_by(17) {
            let block = matrix.read_rows(start..matrix.n_rows().min(start + 17))?;
            (block.indptr(), block.indices()).hash(&mut hasher);
            block.values().iter().for_each(|value| value.to_bits().hash(&mut hasher));
        }
    }
    Ok(hasher.finish())
}

/// Writes one file of a format that HDF5 reads.
pub fn whole(name: &str, case: u64, folder: &Path) -> Vec<u8> {
    let seed = Random::new(1, name, case).next();
    let (path, _) = writer(name)(&mut Case::new(seed), folder);
    fs::read(path).unwrap()
}
