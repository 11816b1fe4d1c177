//! Obs columns that are carried along, with one type over all files, and columns of one value.

use std::ops::Range;

use mfdoom_artifact::{Column, ObsField, ObsType};
use mfdoom_error::{Error, Result};

use crate::inputs::CountsInput;
use crate::job::Asked;
use crate::plan::FilePlan;

/// The value of `--obs` that stands for every column.
const ALL: &str = "all";

/// The annotation columns of the table.
#[derive(Clone, Debug, Default)]
pub struct Annotation {
    columns: Vec<Planned>,
}

#[derive(Clone, Debug)]
struct Planned {
    field: ObsField,
    origin: Origin,
}

#[derive(Clone, Debug)]
enum Origin {
    Obs,
    Constant(String),
    Sheet,
}

impl Annotation {
    /// Decides columns and types: integers and floats become floats, other mixtures text.
    ///
    /// # Errors
    /// Contract: no file has a column. Usage: a column comes from two places.
    pub fn new(asked: &Asked, files: &[FilePlan]) -> Result<Self> {
        let mut columns = Vec::new();
        for name in wanted(asked, files) {
            let field = ObsField::new(&name, kind(&name, files)?);
            columns.push(Planned { field, origin: Origin::Obs });
        }
        for constant in &asked.set {
            let field = ObsField::new(&constant.name, ObsType::String);
            columns.push(Planned { field, origin: Origin::Constant(constant.value.clone()) });
        }
        for name in of_sheet(files) {
            if columns.iter().any(|planned| planned.field.name == name) {
                return Err(Error::usage(format!("'{name}' is a column of the sheet and of --obs or --set")));
            }
            columns.push(Planned { field: ObsField::new(&name, ObsType::String), origin: Origin::Sheet });
        }
        Ok(Self { columns })
    }

    /// Returns name and type of every column.
    pub fn fields(&self) -> Vec<ObsField> {
        self.columns.iter().map(|column| column.field.clone()).collect()
    }

    /// Reads the columns of a range of cells; a file without a column gives nulls.
    pub fn read(&self, file: &CountsInput, rows: Range<usize>) -> Result<Vec<Column>> {
        let present = file.obs_columns();
        let read = |planned: &Planned| {
            let field = &planned.field;
            match &planned.origin {
                Origin::Constant(value) => Ok(Column::String(vec![Some(value.clone()); rows.len()])),
                Origin::Sheet => {
                    let found = file.columns.iter().find(|column| column.name == field.name);
                    Ok(Column::String(vec![found.map(|column| column.value.clone()); rows.len()]))
                }
                Origin::Obs if present.contains(&field.name) => {
                    file.obs_column_in(&field.name, rows.clone())?.into_kind(field.kind)
                }
                Origin::Obs => Ok(Column::missing(field.kind, rows.len())),
            }
        };
        self.columns.iter().map(read).collect()
    }
}

/// The columns of a file's obs, with the type of those that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Columns(Vec<(String, Option<ObsType>)>);

impl Columns {
    /// Reads names, and the first row of each column that was asked for.
    ///
    /// # Errors
    /// Contract: a column that was asked for cannot be read.
    pub fn read(file: &CountsInput, asked: &Asked) -> Result<Self> {
        let all = asked.obs.iter().any(|name| name == ALL);
        let first = 0..file.n_obs().min(1);
        let column = |name: String| {
            let wanted = all || asked.obs.contains(&name);
            let kind = wanted.then(|| file.obs_column_in(&name, first.clone()).map(|column| column.kind()));
            Ok((name, kind.transpose()?))
        };
        Ok(Self(file.obs_columns().into_iter().map(column).collect::<Result<_>>()?))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    fn kind(&self, name: &str) -> Option<ObsType> {
        self.0.iter().find(|(found, _)| found == name)?.1
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, _)| name.clone())
    }
}

/// Returns the names of the columns of a sample sheet, each once.
fn of_sheet(files: &[FilePlan]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in files.iter().flat_map(|file| &file.input.named.columns) {
        if !names.contains(&column.name) {
            names.push(column.name.clone());
        }
    }
    names
}

/// Returns the names that `--obs` asks for, without those that `--set` replaces.
fn wanted(asked: &Asked, files: &[FilePlan]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in &asked.obs {
        // A column may really be called "all".
        let literal = files.iter().any(|file| file.columns.has(name));
        if name == ALL && !literal {
            names.extend(files.iter().flat_map(|file| file.columns.names()));
        } else {
            names.push(name.clone());
        }
    }
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        let replaced = asked.set.iter().any(|constant| constant.name == name);
        if replaced {
            tracing::info!("obs column '{name}' is replaced by --set");
        } else if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

/// Returns the type that holds a column of all files.
fn kind(name: &str, files: &[FilePlan]) -> Result<ObsType> {
    let mut kind = None;
    for found in files.iter().filter_map(|file| file.columns.kind(name)) {
        kind = Some(match (kind, found) {
            (None, found) => found,
            (Some(known), found) if known == found => found,
            (Some(ObsType::Int | ObsType::Float), ObsType::Int | ObsType::Float) => ObsType::Float,
            _ => ObsType::String,
        });
    }
    let Some(kind) = kind else { return Err(missing(name, files)) };
    for file in files.iter().filter(|file| !file.columns.has(name)) {
        tracing::warn!("{}: no obs column '{name}': its cells get nulls", file.input.path().display());
    }
    Ok(kind)
}

fn missing(name: &str, files: &[FilePlan]) -> Error {
    let mut columns: Vec<String> = files.iter().flat_map(|file| file.columns.names()).collect();
    columns.sort_unstable();
    columns.dedup();
    let first =
        files.first().map_or_else(|| "the input".to_owned(), |file| file.input.path().display().to_string());
    mfdoom_error::missing(&first, "column of obs", name, columns.iter().map(String::as_str), "--obs ")
        .or_help("--obs all carries every column; --set NAME=VALUE makes one")
}
