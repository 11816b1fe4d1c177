//! The input files: their hashes, the names of their data sets, and an order that arguments do not change.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use mfdoom_artifact::sha256_parts;
use mfdoom_cli::{Assignment, is_stream};
use mfdoom_counts::CountsFile;
use mfdoom_error::{Error, Result};

use crate::kind::Kind;

/// A file of counts as the user named it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Where it is.
    pub path: PathBuf,
    /// Further files of the same cells.
    pub with: Vec<PathBuf>,
    /// The name of its data set, where it is given.
    pub dataset: Option<String>,
    /// Which matrix is which modality.
    pub modality: Vec<Assignment>,
    /// The kind of measurement, where a sheet tells it.
    pub kind: Option<Kind>,
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
    /// SHA-256 of the file, or of the names and hashes of a folder's files.
    pub content_id: String,
}

/// An open file of counts, with its name for messages.
#[derive(Debug)]
pub struct CountsInput {
    file: Box<dyn CountsFile>,
    /// The path as the user gave it.
    pub name: String,
    /// Obs columns of one value, from a sample sheet.
    pub columns: Vec<Assignment>,
}

impl InputFile {
    /// Opens the file.
    pub fn open(&self) -> Result<CountsInput> {
        CountsInput::open(&self.named)
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.named.path
    }
}

impl Named {
    /// Returns the name of the data set: the given one, else that of the file.
    pub fn dataset(&self) -> String {
        self.dataset.clone().unwrap_or_else(|| stem(&self.path))
    }
}

impl CountsInput {
    /// Opens a file.
    pub fn open(named: &Named) -> Result<Self> {
        let (path, columns) = (&named.path, named.columns.clone());
        let others = named.with.iter().map(mfdoom_counts::open).collect::<Result<_>>()?;
        let file = mfdoom_counts::join(mfdoom_counts::open(path)?, others)?;
        Ok(Self { file, name: path.display().to_string(), columns })
    }

    /// Begins to hash what the file is made of, while other work goes on.
    pub fn hash(&self) -> Hashing {
        let parts = self.file.parts();
        Hashing(std::thread::spawn(move || sha256_parts(&parts)))
    }
}

impl Deref for CountsInput {
    type Target = dyn CountsFile;

    fn deref(&self) -> &Self::Target {
        &*self.file
    }
}

/// A hash that is being made.
pub struct Hashing(JoinHandle<Result<String>>);

impl Hashing {
    /// Waits for it.
    ///
    /// # Errors
    /// Failed: a part could not be read.
    pub fn finish(self) -> Result<String> {
        self.0.join().map_err(|_| Error::failed("hashing stopped"))?
    }
}

/// Refuses what cannot be read or named.
///
/// # Errors
/// Usage: a stream, or a data set of an unfit name.
pub fn check(named: &[Named]) -> Result<()> {
    if named.iter().any(|file| is_stream(&file.path)) {
        return Err(Error::usage("counts cannot be read from a stream").help("name the file"));
    }
    let unfit = |name: &String| name.is_empty() || name.starts_with('-') || name.contains(char::is_control);
    match named.iter().map(Named::dataset).find(unfit) {
        Some(name) => Err(Error::usage(format!("{name:?} cannot name a data set"))
            .wanted("a name that does not begin with '-' and holds no control character")
            .help("give it with --dataset NAME; without it a data set is named after its file")),
        None => Ok(()),
    }
}

/// Sorts files by (data set, content), and numbers data sets that got the same name from their files.
///
/// # Errors
/// Contract: the same file twice.
pub fn settle<T>(mut files: Vec<T>, input: impl Fn(&mut T) -> &mut InputFile) -> Result<Vec<T>> {
    fn sort<T>(files: &mut [T], input: &impl Fn(&mut T) -> &mut InputFile) {
        // Sorting by a key that needs `&mut` goes through the places instead.
        let mut keys: Vec<(String, String, usize)> = Vec::with_capacity(files.len());
        for (at, file) in files.iter_mut().enumerate() {
            let file = input(file);
            keys.push((file.dataset.clone(), file.content_id.clone(), at));
        }
        keys.sort_unstable();
        let mut place = vec![0; keys.len()];
        keys.iter().enumerate().for_each(|(to, (_, _, from))| place[*from] = to);
        for at in 0..place.len() {
            while place[at] != at {
                let to = place[at];
                files.swap(at, to);
                place.swap(at, to);
            }
        }
    }
    sort(&mut files, &input);
    let mut inputs: Vec<InputFile> = files.iter_mut().map(|file| input(file).clone()).collect();
    for pair in inputs.windows(2) {
        if pair[0].content_id == pair[1].content_id && pair[0].dataset == pair[1].dataset {
            return Err(Error::contract(format!("{}: given twice", pair[1].path().display()))
                .found(format!("the same content as {}", pair[0].path().display()))
                .help("name each file once"));
        }
    }
    if inputs.iter().all(|file| file.named.dataset.is_none()) {
        number(&mut inputs);
        files.iter_mut().zip(&inputs).for_each(|(file, named)| *input(file) = named.clone());
        sort(&mut files, &input);
        inputs = files.iter_mut().map(|file| input(file).clone()).collect();
    }
    warn_of_copies(&inputs);
    Ok(files)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Gives files of the same name `name`, `name_2`, `name_3` in the order of their content.
fn number(files: &mut [InputFile]) {
    let mut taken: BTreeSet<String> = files.iter().map(|file| file.dataset.clone()).collect();
    let mut first: BTreeSet<String> = BTreeSet::new();
    for file in files {
        if first.insert(file.dataset.clone()) {
            continue;
        }
        let free = (2..).map(|n| format!("{}_{n}", file.dataset)).find(|name| !taken.contains(name));
        if let Some(name) = free {
            taken.insert(name.clone());
            file.dataset = name;
        }
    }
}

fn warn_of_copies(files: &[InputFile]) {
    let mut known = std::collections::BTreeMap::new();
    for file in files {
        if let Some(same) = known.insert(&file.content_id, file) {
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
