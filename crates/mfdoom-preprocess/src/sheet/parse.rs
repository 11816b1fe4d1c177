//! Reads a sample sheet and checks everything that can be checked without opening the files of counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use mfdoom_cli::Assignment;
use mfdoom_counts::Source;
use mfdoom_error::{Error, Result};

use super::rows;
use crate::kind::Kind;

const SAMPLE: &str = "sample";
const COUNTS: &str = "counts";
const DATASET: &str = "dataset";
const MODALITIES: &str = "modalities";
const KIND: &str = "kind";
/// Columns that the sheet written in full adds.
pub(super) const ADDED: [&str; 2] = ["measured", "cells"];

/// A checked sample sheet.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The path as given, for messages.
    pub name: String,
    /// Names of the further columns.
    pub columns: Vec<String>,
    /// The samples in the order of the sheet.
    pub samples: Vec<Sample>,
}

/// A line of the sheet.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its number, from 1.
    pub line: usize,
    /// Name of the sample, also of its files.
    pub sample: String,
    /// The file of counts.
    pub counts: PathBuf,
    /// Further files of the same cells.
    pub with: Vec<PathBuf>,
    /// The data set; the sample where the sheet names none.
    pub dataset: String,
    /// Which matrix is which modality, as `--modality` has it.
    pub modalities: Vec<Assignment>,
    /// The kind of measurement, as `--kind` has it.
    pub kind: Option<Kind>,
    /// Further columns that have a value here.
    pub columns: Vec<Assignment>,
}

impl Sheet {
    /// Reads a sheet.
    ///
    /// # Errors
    /// Contract, naming the line: no `sample` or `counts`, a sample twice, a file that is not there, a modality
    /// that is not `NAME=SOURCE`, a line of another number of fields.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::contract(format!("{name}: not UTF-8 text"))
                .wanted("a comma-separated sample sheet")
                .help("save it as CSV UTF-8")
        })?;
        let mut rows = rows::read(&text, &name)?.into_iter();
        let Some((line, mut header)) = rows.next() else {
            return Err(Error::contract(format!("{name}: is empty")).wanted("the header sample,counts"));
        };
        drop_nameless(&mut header, 0);
        let header = Header::new(header).map_err(|error| error.context(place(&name, line)))?;
        // Engines hand the sheet on by a symbolic link: its folder is where it really lies. A pipe lies nowhere.
        let folder = match path.is_file() {
            true => {
                let real = path.canonicalize().map_err(|error| Error::io(path, error))?;
                real.parent().unwrap_or(Path::new("")).to_owned()
            }
            false => std::path::PathBuf::new(),
        };
        let mut samples: Vec<Sample> = Vec::new();
        for (line, mut fields) in rows {
            drop_nameless(&mut fields, header.names.len());
            let at = |error: Error| error.context(place(&name, line));
            let sample = header.sample(line, &fields, &folder).map_err(at)?;
            if let Some(first) = samples.iter().find(|other| other.sample == sample.sample) {
                return Err(at(Error::contract(format!("sample '{}' is there twice", sample.sample))
                    .found(format!("also in line {}", first.line))
                    .wanted("every sample once")
                    .help(
                        "give each its own name; files of one data set can share a name under 'dataset'",
                    )));
            }
            samples.push(sample);
        }
        if samples.is_empty() {
            return Err(Error::contract(format!("{name}: no sample")).wanted("a line per sample"));
        }
        Ok(Self { name, columns: header.further, samples })
    }

    /// Returns the sample of a name.
    ///
    /// # Errors
    /// Contract, naming those that are there.
    pub fn sample(&self, name: &str) -> Result<&Sample> {
        self.samples.iter().find(|sample| sample.sample == name).ok_or_else(|| {
            let names: Vec<&str> = self.samples.iter().map(|sample| sample.sample.as_str()).collect();
            Error::contract(format!("{}: no sample '{name}'", self.name)).found(names.join(", "))
        })
    }
}

/// Returns file and line, as messages begin.
pub(super) fn place(name: &str, line: usize) -> String {
    format!("{name}, line {line}")
}

/// Drops empty fields at the end of a line, beyond `n`: spreadsheets write columns that have neither name nor value.
fn drop_nameless(fields: &mut Vec<String>, n: usize) {
    while fields.len() > n && fields.last().is_some_and(String::is_empty) {
        fields.pop();
    }
}

/// The columns of a sheet.
struct Header {
    names: Vec<String>,
    further: Vec<String>,
}

impl Header {
    fn new(names: Vec<String>) -> Result<Self> {
        let all = names.join(",");
        for wanted in [SAMPLE, COUNTS] {
            if !names.iter().any(|name| name == wanted) {
                let error =
                    Error::contract(format!("no column '{wanted}'")).found(all).wanted("sample,counts");
                let nearest = mfdoom_cli::nearest(wanted, names.iter().map(String::as_str));
                return Err(match (names.as_slice(), nearest) {
                    ([only], _) if only.contains([';', '\t']) => error.help("separate the columns by commas"),
                    (_, Some(nearest)) => error.help(format!("rename '{nearest}' to '{wanted}'")),
                    (_, None) => error.help("the first line names the columns"),
                });
            }
        }
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                return Err(Error::contract(format!("column '{name}' is there twice")).found(all));
            }
            if name.is_empty()
                || ADDED.contains(&name.as_str())
                || name.contains(|c: char| c.is_control() || c == '=')
            {
                return Err(Error::contract(format!("'{name}' cannot name a column"))
                    .wanted("a name without '=', and neither 'measured' nor 'cells'"));
            }
        }
        let own = [SAMPLE, COUNTS, DATASET, MODALITIES, KIND];
        let further = names.iter().filter(|name| !own.contains(&name.as_str())).cloned().collect();
        Ok(Self { names, further })
    }

    fn sample(&self, line: usize, fields: &[String], folder: &Path) -> Result<Sample> {
        if fields.len() != self.names.len() {
            return Err(Error::contract("another number of fields than the header has")
                .found(format!("{} fields: {}", fields.len(), fields.join(",")))
                .wanted(format!("{}: {}", self.names.len(), self.names.join(",")))
                .help("put a value that holds a comma into quotes"));
        }
        let values: BTreeMap<&str, &str> =
            self.names.iter().map(String::as_str).zip(fields.iter().map(String::as_str)).collect();
        if let Some((name, _)) = values.iter().find(|(_, value)| value.contains(char::is_control)) {
            return Err(Error::contract(format!("'{name}' holds a tab or line break")).wanted("plain text"));
        }
        let value = |name: &str| values.get(name).copied().unwrap_or_default();
        let sample = named(value(SAMPLE))?;
        let dataset = if value(DATASET).is_empty() { &sample } else { value(DATASET) };
        let columns = self.further.iter().filter(|name| !value(name).is_empty());
        let mut files = value(COUNTS).split(';').map(|part| counts(part.trim(), folder));
        let first = files.next().unwrap_or_else(|| counts("", folder))?;
        Ok(Sample {
            line,
            counts: first,
            with: files.collect::<Result<_>>()?,
            dataset: dataset.to_owned(),
            modalities: modalities(value(MODALITIES))?,
            kind: kind(value(KIND))?,
            columns: columns
                .map(|name| Assignment { name: name.clone(), value: value(name).into() })
                .collect(),
            sample,
        })
    }
}

/// Checks the name of a sample, which also names its files.
fn named(name: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain) {
        return Ok(name.to_owned());
    }
    Err(Error::contract(format!("'{name}' cannot name a sample"))
        .wanted("letters, digits, '_', '-' and '.', beginning with a letter or digit")
        .help("it becomes the name of files"))
}

/// Returns the file of counts, found from the sheet's folder.
fn counts(value: &str, folder: &Path) -> Result<PathBuf> {
    let wrong = |what: &str| Error::contract(format!("counts: {what}")).wanted("a file or folder of counts");
    if value.is_empty() {
        return Err(wrong("no file is named"));
    }
    let path = folder.join(value);
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() || found.is_dir() => Ok(path),
        Ok(_) => Err(wrong("a pipe or device").found(path.display().to_string())),
        Err(_) => Err(wrong("no such file")
            .found(path.display().to_string())
            .help("paths are absolute or relative to the folder of the sheet")),
    }
}

/// Reads a kind of measurement; nothing stands for none.
fn kind(value: &str) -> Result<Option<Kind>> {
    if value.is_empty() {
        return Ok(None);
    }
    Kind::from_str(value, false).map(Some).map_err(|_| {
        let known: Vec<String> = Kind::value_variants().iter().map(|kind| kind.name()).collect();
        Error::contract(format!("kind: '{value}' is not known"))
            .wanted(format!("{} or nothing", known.join(", ")))
            .help("name modalities instead: NAME=SOURCE under 'modalities'")
    })
}

/// Reads `NAME=SOURCE;NAME=SOURCE`.
fn modalities(value: &str) -> Result<Vec<Assignment>> {
    let parts = value.split(';').map(str::trim).filter(|part| !part.is_empty());
    let read = |part: &str| -> Result<Assignment> {
        let assignment: Assignment = part.parse().map_err(|error: String| {
            Error::contract(format!("modalities: {error}"))
                .help("spliced=layers/mature;unspliced=layers/nascent")
        })?;
        if assignment.value != "none" {
            let source: Result<Source> = assignment.value.parse();
            source.map_err(|_| {
                Error::contract(format!("modalities: '{}' is an unknown type of matrix", assignment.value))
                    .found(part)
                    .wanted("X, raw/X, layers/NAME, obsm/NAME, mod/NAME or none")
            })?;
        }
        Ok(assignment)
    };
    parts.map(read).collect()
}
