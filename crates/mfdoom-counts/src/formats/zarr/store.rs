//! Where the groups and arrays of a store lie: in a folder, or in a zip archive.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::zip::Archive;
use crate::formats::{Content, Found};

/// Most bytes of a member.
pub(super) const MAX_BYTES: u64 = 1 << 31;
/// What tells a group, of version 2 and 3.
const GROUP: [&str; 2] = [".zgroup", "zarr.json"];

/// A group or array.
#[derive(Clone, Debug)]
pub(super) struct Node {
    store: Store,
    path: String,
}

#[derive(Clone, Debug)]
enum Store {
    Folder(PathBuf),
    Zip(Arc<Archive>),
}

/// Which bytes of a member.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span {
    All,
    /// From a place, so many.
    From(u64, u64),
    /// So many at the end.
    Last(u64),
}

impl Span {
    /// The range within `len` bytes.
    pub(super) fn of(self, len: u64) -> io::Result<Range<u64>> {
        let (start, n) = match self {
            Self::All => (Some(0), len),
            Self::From(start, n) => (Some(start), n),
            Self::Last(n) => (len.checked_sub(n), n),
        };
        match start.and_then(|start| Some(start..start.checked_add(n)?)) {
            Some(range) if range.end <= len && n <= MAX_BYTES => Ok(range),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{n} bytes wanted of {len}"))),
        }
    }
}

impl Node {
    /// The root of a store, where there is one.
    pub(super) fn root(found: &Found) -> Option<Self> {
        match &found.content {
            Content::Folder(_) if GROUP.iter().any(|name| found.has(name)) => {
                Some(Self { store: Store::Folder(found.path.clone()), path: String::new() })
            }
            Content::File { head, gzip: false } if head.starts_with(b"PK\x03\x04") => {
                let archive = Archive::open(&found.path).ok()?;
                // Packing a folder puts its name before all members.
                let groups = archive.names("").filter_map(|name| {
                    let folder = GROUP.iter().find_map(|group| name.strip_suffix(group))?;
                    (folder.is_empty() || folder.ends_with('/')).then_some(folder)
                });
                let path = groups.min_by_key(|folder| folder.len())?.trim_end_matches('/').to_owned();
                Some(Self { store: Store::Zip(Arc::new(archive)), path })
            }
            _ => None,
        }
    }

    /// A group or array in this one.
    pub(super) fn at(&self, name: &str) -> Self {
        Self { store: self.store.clone(), path: self.joined(name) }
    }

    fn joined(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// The path of a member; none where a name of metadata leads out of the store.
    fn key(&self, name: &str) -> Option<String> {
        let path = self.joined(name);
        path.split('/').all(|part| !matches!(part, "" | "." | "..")).then_some(path)
    }

    /// Whether there is something of this name.
    pub(super) fn is_there(&self) -> bool {
        let inside = !self.path.split('/').any(|part| part == "..");
        match &self.store {
            Store::Folder(root) => inside && root.join(&self.path).is_dir(),
            Store::Zip(archive) => archive.names(&format!("{}/", self.path)).next().is_some(),
        }
    }

    /// Reads bytes of a member; none where there is none of this name.
    pub(super) fn bytes(&self, name: &str, span: Span) -> io::Result<Option<Vec<u8>>> {
        let Some(key) = self.key(name) else { return Ok(None) };
        match &self.store {
            Store::Folder(root) => read(&root.join(key), span),
            Store::Zip(archive) => archive.read(&key, span),
        }
    }

    /// Reads a member that is JSON; none where there is no such member.
    pub(super) fn json(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(&self.bytes(name, Span::All).ok()??).ok()
    }

    /// Attributes of the group or array.
    pub(super) fn attributes(&self) -> Value {
        let v3 = || self.json("zarr.json").map(|metadata| metadata["attributes"].clone());
        self.json(".zattrs").or_else(v3).unwrap_or(Value::Null)
    }

    /// Names of the groups and arrays in this one, sorted.
    pub(super) fn members(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.store {
            Store::Folder(root) => {
                let entries = std::fs::read_dir(root.join(&self.path)).into_iter().flatten();
                let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
                folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
            }
            Store::Zip(archive) => {
                let prefix = format!("{}/", self.path);
                let inner = archive.names(&prefix).map(|name| &name[prefix.len()..]);
                inner.filter_map(|name| Some(name.split_once('/')?.0.to_owned())).collect()
            }
        };
        names.sort();
        names.dedup();
        names
    }
}

/// Reads bytes of a file; none where there is no such file.
fn read(path: &Path, span: Span) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let range = span.of(file.metadata()?.len())?;
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Some(bytes))
}
