//! The input files: their hashes, the names of their data sets, and an order that arguments do not change.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use mfdoom_artifact::sha256_file;
use mfdoom_cli::Assignment;
use mfdoom_cli::{Progress, is_stream};
use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};

/// A file of counts as the user named it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Where it is.
    pub path: PathBuf,
    /// The name of its data set, where it is given.
    pub dataset: Option<String>,
    /// Which matrix is which modality.
    pub modality: Vec<Assignment>,
    /// Obs columns of one value, from a sample sheet.
    pub columns: Vec<Assignment>,
}

/// One file of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is, and what the user said of it.
    pub named: Named,
    /// The name of its data set.
    pub dataset: String,
    /// SHA-256 of the file.
    pub content_id: String,
}

/// An open file of counts, with its name for messages.
#[derive(Debug)]
pub struct Counted {
    h5ad: H5ad,
    /// The path as the user gave it.
    pub name: String,
    /// Obs columns of one value, from a sample sheet.
    pub columns: Vec<Assignment>,
}

impl InputFile {
    /// Opens the file.
    pub fn open(&self) -> Result<Counted> {
        Counted::open(&self.named)
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.named.path
    }
}

impl Counted {
    /// Opens a file.
    pub fn open(named: &Named) -> Result<Self> {
        let (path, columns) = (&named.path, named.columns.clone());
        Ok(Self { h5ad: H5ad::open(path)?, name: path.display().to_string(), columns })
    }
}

impl Deref for Counted {
    type Target = H5ad;

    fn deref(&self) -> &H5ad {
        &self.h5ad
    }
}

/// Returns the files, sorted by (data set, content).
///
/// A data set without a name is named after its file; files of one name are numbered by content.
///
/// # Errors
/// Usage: a stream. Contract: no such file, or the same file twice.
pub fn resolve(named: Vec<Named>) -> Result<Vec<InputFile>> {
    named.iter().try_for_each(|file| check(&file.path))?;
    let progress = Progress::new("hashing", Some(named.len() as u64), "files");
    let unnamed = named.iter().all(|file| file.dataset.is_none());
    let mut files = Vec::with_capacity(named.len());
    for named in named {
        let dataset = named.dataset.clone().unwrap_or_else(|| stem(&named.path));
        files.push(InputFile { dataset, content_id: sha256_file(&named.path)?, named });
        progress.inc(1);
    }
    files.sort_by(|a, b| (&a.dataset, &a.content_id).cmp(&(&b.dataset, &b.content_id)));
    for pair in files.windows(2) {
        if pair[0].content_id == pair[1].content_id && pair[0].dataset == pair[1].dataset {
            return Err(Error::contract(format!("{}: given twice", pair[1].path().display()))
                .found(format!("the same content as {}", pair[0].path().display()))
                .help("name each file once"));
        }
    }
    if unnamed {
        number(&mut files);
        files.sort_by(|a, b| (&a.dataset, &a.content_id).cmp(&(&b.dataset, &b.content_id)));
    }
    warn_of_copies(&files);
    Ok(files)
}

fn check(path: &Path) -> Result<()> {
    if is_stream(path) {
        return Err(Error::usage("AnnData files cannot be read from a stream").help("name the file"));
    }
    let found = std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    if found.is_file() {
        return Ok(());
    }
    let kind = if found.is_dir() { "a folder" } else { "a pipe or device" };
    Err(Error::contract(format!("{}: not a file", path.display()))
        .found(kind)
        .wanted("an AnnData file (.h5ad)"))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Gives files of the same name `name`, `name_2`, `name_3` in the order of their content.
fn number(files: &mut [InputFile]) {
    let mut taken: BTreeSet<String> = files.iter().map(|file| file.dataset.clone()).collect();
    for i in 1..files.len() {
        let first = files[..i].iter().any(|file| file.dataset == files[i].dataset);
        if !first {
            continue;
        }
        let free = (2..).map(|n| format!("{}_{n}", files[i].dataset)).find(|name| !taken.contains(name));
        if let Some(name) = free {
            taken.insert(name.clone());
            files[i].dataset = name;
        }
    }
}

fn warn_of_copies(files: &[InputFile]) {
    for (i, file) in files.iter().enumerate() {
        if let Some(same) = files[..i].iter().find(|other| other.content_id == file.content_id) {
            tracing::warn!(
                "{} and {} are the same file under two names: its cells come twice",
                same.path().display(),
                file.path().display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_numbered_and_stay_unique() {
        let names = ["a", "a", "a", "a_2", "b"];
        let mut files: Vec<InputFile> = names
            .iter()
            .map(|name| InputFile {
                named: Named::default(),
                dataset: (*name).into(),
                content_id: String::new(),
            })
            .collect();
        number(&mut files);
        let names: Vec<&str> = files.iter().map(|file| file.dataset.as_str()).collect();
        assert_eq!(names, ["a", "a_3", "a_4", "a_2", "b"]);
    }
}
