//! What a path leads to, told by content and not by name.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use super::{FORMATS, Format};
use crate::codec::deflate::{Frame, Inflating};
use crate::hdf;
use crate::place::Place;

/// Bytes that are looked at.
const HEAD: u64 = 4096;
/// Where an HDF5 signature may stand: at 0, or at 512 and its doubles, behind a user block.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// What a path leads to.
#[derive(Debug)]
pub struct Found {
    /// The path as the user gave it.
    pub path: PathBuf,
    /// The same, for messages.
    pub(crate) place: Place,
    /// What is there.
    pub content: Content,
}

/// What is there.
#[derive(Debug)]
pub enum Content {
    /// An HDF5 file and the names in its root, sorted.
    Hdf5(hdf5::File, Vec<String>),
    /// A folder and the names in it, sorted.
    Folder(Vec<String>),
    /// Any other file: its first bytes, unpacked where it is gzip.
    File {
        /// Up to 4 KiB from the start.
        head: Vec<u8>,
        /// Whether the file is compressed by gzip.
        gzip: bool,
    },
}

impl Found {
    /// Looks at a path.
    ///
    /// # Errors
    /// Contract: nothing there, a damaged HDF5 file, a pipe or device; failed: no permission.
    pub fn look(path: &Path) -> Result<Self> {
        let place = Place::root(path);
        let metadata = std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
        let content = if metadata.is_dir() {
            Content::Folder(names(path)?)
        } else if !metadata.is_file() {
            return Err(place
                .broken("is a pipe or device")
                .wanted("a file or folder of counts")
                .help("save what it gives to a file"));
        } else {
            let head = head(path).map_err(|error| Error::io(path, error))?;
            if head.starts_with(HDF5) || has_user_block(path) {
                let (file, _) = hdf::open_hdf5(path)?;
                let members = hdf::members(&file);
                Content::Hdf5(file, members)
            } else {
                unpack(path, head)
            }
        };
        Ok(Self { path: path.to_owned(), place, content })
    }

    /// Whether the root of an HDF5 file, or a folder, has a member of this name.
    pub fn has(&self, name: &str) -> bool {
        match &self.content {
            Content::Hdf5(_, names) | Content::Folder(names) => names.iter().any(|found| found == name),
            Content::File { .. } => false,
        }
    }

    /// Whether it is an HDF5 file.
    pub fn is_hdf5(&self) -> bool {
        matches!(self.content, Content::Hdf5(..))
    }

    /// The error where nothing but AnnData will do: results are written into it.
    pub(crate) fn not_anndata(&self) -> Error {
        let known = FORMATS.iter().find(|format| format.recognises(self));
        let found = match (known, &self.content) {
            (Some(format), _) => format.name().to_owned(),
            (None, Content::Hdf5(_, members)) => listing(members),
            (None, Content::Folder(_)) => "a folder".to_owned(),
            (None, Content::File { .. }) => return self.unknown(&FORMATS[..1]),
        };
        self.place
            .broken("is not an AnnData file")
            .found(found)
            .wanted("AnnData (.h5ad)")
            .help("write it as .h5ad with anndata or scanpy")
    }

    /// The error for something of none of the given formats.
    pub(super) fn unknown(&self, formats: &[&dyn Format]) -> Error {
        let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
        let (what, found, help) = match &self.content {
            Content::Hdf5(_, members) => hdf5_of_others(members),
            Content::Folder(names) => {
                ("is a folder without counts", listing(names), "name the folder that holds the matrix")
            }
            Content::File { head, gzip } => file_of_others(head, *gzip),
        };
        self.place.broken(what).found(found).wanted(names.join(", ")).help(help)
    }
}

fn names(path: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(path).map_err(|error| Error::io(path, error))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether HDF5 begins behind a block of something else, as it does in MATLAB files.
fn has_user_block(path: &Path) -> bool {
    use std::io::{Seek, SeekFrom};
    let Ok(mut file) = File::open(path) else { return false };
    let len = file.metadata().map_or(0, |metadata| metadata.len());
    let mut at = 512;
    let mut signature = [0; 8];
    while at + 8 <= len && at <= 1 << 20 {
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut signature));
        if read.is_ok() && signature == HDF5 {
            return true;
        }
        at *= 2;
    }
    false
}

fn unpack(path: &Path, head: Vec<u8>) -> Content {
    if !head.starts_with(&[0x1f, 0x8b]) {
        return Content::File { head, gzip: false };
    }
    let mut text = Vec::new();
    let file = File::open(path).map(BufReader::new);
    let unpacked = file.map(|file| Inflating::new(file, Frame::Gzip).take(HEAD));
    match unpacked.and_then(|mut reader| reader.read_to_end(&mut text)) {
        Ok(_) => Content::File { head: text, gzip: true },
        Err(_) if !text.is_empty() => Content::File { head: text, gzip: true },
        Err(_) => Content::File { head, gzip: false },
    }
}

/// What an HDF5 file of no known format is.
fn hdf5_of_others(members: &[String]) -> (&'static str, String, &'static str) {
    let has = |name: &str| members.iter().any(|found| found == name);
    let found = listing(members);
    if has("assays") && has("meta.data") {
        return (
            "is an h5Seurat file",
            found,
            "write it as .h5ad: SeuratDisk::Convert(\"FILE.h5seurat\", dest = \"h5ad\") in R",
        );
    }
    ("is an HDF5 file without counts of a known form", found, "write it as .h5ad with anndata or scanpy")
}

/// What a file of no known format is, and what to do with it.
fn file_of_others(head: &[u8], gzip: bool) -> (&'static str, String, &'static str) {
    let what = if gzip { "is not a file of counts" } else { "is not an HDF5 file" };
    let inside = |name: &str| if gzip { format!("gzip of {name}") } else { name.to_owned() };
    let (found, help) = match head {
        [] => ("an empty file", "copy or download it again"),
        [0x1f, 0x8b, ..] => ("gzip data", "it is damaged: download it again"),
        [0x89, b'H', b'D', b'F', ..] => ("an HDF5 file", "unpack it: gunzip FILE"),
        [b'P', b'K', 3, 4, ..] => ("a zip archive", "unpack it: unzip FILE"),
        [b'P', b'A', b'R', b'1', ..] => ("a parquet file", "give the counts from which it was made"),
        [b'B', b'Z', b'h', ..] => ("bzip2 data", "unpack it: bunzip2 FILE"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("zstd data", "unpack it: unzstd FILE"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("xz data", "unpack it: unxz FILE"),
        [b'R', b'D', b'X' | b'A' | b'B', ..] | [b'X' | b'A' | b'B', b'\n', ..] => {
            ("an R object (RDS or RData)", "write it as .h5ad in R: anndata, zellkonverter or sceasy")
        }
        [0x80, 2..=5, ..] => ("a Python pickle", "write it as .h5ad: adata.write_h5ad(\"FILE.h5ad\")"),
        text if text.starts_with(b"version https://git-lfs") => {
            ("a pointer of git-lfs, not the file", "fetch the file: git lfs pull")
        }
        text if starts_with_tag(text) => ("a web page", "the download went wrong: download it again"),
        text if is_tar(text) => ("a tar archive", "unpack it: tar xf FILE"),
        text if is_text(text) => {
            let first = String::from_utf8_lossy(text.split(|byte| *byte == b'\n').next().unwrap_or_default());
            let short: String = first.chars().take(60).collect();
            return (what, inside(&format!("text beginning with {short:?}")), "write the counts as .h5ad");
        }
        bytes => {
            let hex: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            return (what, inside(&format!("bytes {}", hex.join(" "))), "write the counts as .h5ad");
        }
    };
    (what, inside(found), help)
}

fn starts_with_tag(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.first() == Some(&b'<') && text.contains(&b'>')
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

fn is_text(head: &[u8]) -> bool {
    head.iter().all(|byte| *byte >= 0x20 || byte.is_ascii_whitespace())
}

fn listing(names: &[String]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
