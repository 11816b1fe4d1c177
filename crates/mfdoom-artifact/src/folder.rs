//! Folders of MFDOOM: a manifest, and files that it lists with their hashes.
//!
//! What is read of a folder lies in it: a name in the manifest that leads out of it is refused, and so is a symbolic
//! link that does. A file that the manifest lists is read only when its hash is right.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mfdoom_error::{Error, Result};

use crate::digest::sha256_file;
use crate::manifest::Manifest;
use crate::model_dir::METRICS;
use crate::publish::AtomicDir;

/// What made the folder.
pub const MANIFEST: &str = "manifest.json";
/// A page about the folder for people, who may change it.
pub const README: &str = "README.md";

/// A folder opened for reading.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    manifest: Manifest,
    /// Files whose hash was found right.
    checked: Arc<Mutex<BTreeSet<String>>>,
}

impl Folder {
    /// Opens a folder and reads its manifest; `what` and `wanted` describe it in messages.
    ///
    /// # Errors
    /// Contract: no such folder, or no manifest that names files of the folder alone.
    pub fn open(path: &Path, what: &str, wanted: &str) -> Result<Self> {
        let shown = path.display();
        if !path.is_dir() {
            let missing = || Error::contract(format!("{shown}: no such {what}")).wanted(wanted);
            return Err(Error::dangling(path).unwrap_or_else(missing));
        }
        if !path.join(MANIFEST).exists() {
            return Err(Error::contract(format!("{shown}: no {MANIFEST}, so no {what}")).wanted(wanted));
        }
        let file = inside(path, MANIFEST)?;
        let manifest = Manifest::from_json(&read_text(&file)?, &file.display().to_string())?;
        if let Some(name) = manifest.files.keys().find(|name| !is_below(name)) {
            return Err(Error::contract(format!("{}: names a file outside its folder", file.display()))
                .found(format!("{name:?}"))
                .wanted("files of the folder")
                .help("do not use this folder: somebody made it to read other files"));
        }
        Ok(Self { path: path.to_owned(), manifest, checked: Arc::default() })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the path of a file, where there is one, after checking its hash.
    ///
    /// # Errors
    /// Contract: the file is listed and missing, differs from its hash, or is a link out of the folder.
    pub fn find(&self, name: &str) -> Result<Option<PathBuf>> {
        let listed = self.manifest.files.get(name);
        match self.path.join(name).symlink_metadata() {
            Err(_) if listed.is_none() => Ok(None),
            Err(_) => Err(Error::contract(format!("{}: no {name}", self.path.display()))
                .wanted(format!("every file that {MANIFEST} lists"))
                .help("copy the whole folder again")),
            Ok(_) => self.checked(name, listed.map(String::as_str)).map(Some),
        }
    }

    /// Returns the path of a file that must be there, after checking its hash.
    ///
    /// # Errors
    /// Contract: those of [`find`](Self::find), or the file is missing.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        self.find(name)?.ok_or_else(|| {
            let path = self.path.join(name);
            Error::contract(format!("{}: no such file", path.display())).help("copy the whole folder again")
        })
    }

    /// Checks the hashes of all files but the page for people.
    ///
    /// # Errors
    /// Contract: those of [`find`](Self::find).
    pub fn check(&self) -> Result<()> {
        self.manifest
            .files
            .keys()
            .filter(|name| *name != README)
            .try_for_each(|name| self.find(name).map(drop))
    }

    /// Returns the names of the files of the folder but the manifest, in alphabetical order; hidden files, which workflow
    /// engines leave, are none of them.
    ///
    /// # Errors
    /// Failed: the folder cannot be read.
    pub fn names(&self) -> Result<BTreeSet<String>> {
        let fail = |error| Error::io(&self.path, error);
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.path().is_dir() && name != MANIFEST && !name.starts_with('.') {
                names.insert(name);
            }
        }
        Ok(names)
    }

    fn checked(&self, name: &str, wanted: Option<&str>) -> Result<PathBuf> {
        let path = inside(&self.path, name)?;
        if path.is_dir() {
            return Err(Error::contract(format!("{}: is a folder, a file was wanted", path.display()))
                .help("copy the whole folder again"));
        }
        let lock = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wanted) = wanted.filter(|_| !lock().contains(name)) else { return Ok(path) };
        let found = sha256_file(&path)?;
        if found != wanted {
            return Err(Error::contract(format!("{}: differs from its manifest", path.display()))
                .found(format!("sha256 {found}"))
                .wanted(format!("sha256 {wanted}"))
                .help("the file was damaged or changed: copy the folder again"));
        }
        lock().insert(name.to_owned());
        Ok(path)
    }
}

/// Returns whether a name stays below the folder that it is relative to.
fn is_below(name: &str) -> bool {
    let path = Path::new(name);
    !name.is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Returns the path of a file of a folder.
fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let real = fs::canonicalize(&path).map_err(|error| Error::io(&path, error))?;
    let root = fs::canonicalize(folder).map_err(|error| Error::io(folder, error))?;
    match real.starts_with(root) {
        true => Ok(path),
        false => Err(Error::contract(format!("{}: is a link out of its folder", path.display()))
            .found(real.display().to_string())
            .wanted("files in the folder itself")
            .help("copy the folder with what its links lead to: cp -rL")),
    }
}

/// Adds the hashes of all files of a folder but `metrics.parquet` to its manifest, writes it and publishes the folder.
///
/// # Errors
/// Failed where the disk does.
pub fn publish(folder: AtomicDir, mut manifest: Manifest) -> Result<()> {
    manifest.files.clear();
    add_hashes(folder.path(), "", &mut manifest)?;
    let value = serde_json::to_value(&manifest)
        .map_err(|error| Error::failed("the manifest cannot be written").source(error))?;
    let path = folder.path().join(MANIFEST);
    fs::write(&path, format!("{value:#}\n")).map_err(|error| Error::io(&path, error))?;
    folder.commit()
}

fn add_hashes(folder: &Path, below: &str, manifest: &mut Manifest) -> Result<()> {
    let fail = |error| Error::io(folder, error);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => add_hashes(&entry.path(), &format!("{name}/"), manifest)?,
            // Its speeds differ from run to run; equal runs have equal manifests.
            false if name == METRICS => {}
            false => drop(manifest.files.insert(name, sha256_file(&entry.path())?)),
        }
    }
    Ok(())
}

/// Reads a small text file.
///
/// # Errors
/// Contract: there is none, or it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::contract(format!("{}: not text", path.display())),
        std::io::ErrorKind::IsADirectory => Error::contract(format!("{}: is a folder", path.display())),
        _ => Error::io(path, error),
    })
}
