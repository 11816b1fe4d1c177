//! Obs columns that are carried along, with one type over all files, and columns of one value.

use std::ops::Range;

use mfdoom_artifact::{Column, ObsField, ObsType};
use mfdoom_error::{Error, Result};

use crate::args::Args;
use crate::inputs::{Counted, InputFile};

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
    /// Contract: no file has a column. Usage: `--set` names a column twice.
    pub fn new(args: &Args, files: &[InputFile]) -> Result<Self> {
        let opened: Vec<Counted> = files.iter().map(InputFile::open).collect::<Result<_>>()?;
        let mut columns = Vec::new();
        for name in wanted(args, &opened) {
            let field = ObsField::new(&name, kind(&name, &opened)?);
            columns.push(Planned { field, origin: Origin::Obs });
        }
        for (i, constant) in args.set.iter().enumerate() {
            if args.set[..i].iter().any(|earlier| earlier.name == constant.name) {
                return Err(Error::usage(format!("--set {}= is given twice", constant.name)));
            }
            let field = ObsField::new(&constant.name, ObsType::String);
            columns.push(Planned { field, origin: Origin::Constant(constant.value.clone()) });
        }
        for name in of_sheet(&opened) {
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
    pub fn read(&self, file: &Counted, rows: Range<usize>) -> Result<Vec<Column>> {
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

/// Returns the names of the columns of a sample sheet, each once.
fn of_sheet(files: &[Counted]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in files.iter().flat_map(|file| &file.columns) {
        if !names.contains(&column.name) {
            names.push(column.name.clone());
        }
    }
    names
}

/// Returns the names that `--obs` asks for, without those that `--set` replaces.
fn wanted(args: &Args, files: &[Counted]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in &args.obs {
        // A column may really be called "all".
        let literal = files.iter().any(|file| file.obs_columns().contains(name));
        if name == ALL && !literal {
            names.extend(files.iter().flat_map(|file| file.obs_columns()));
        } else {
            names.push(name.clone());
        }
    }
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        let replaced = args.set.iter().any(|constant| constant.name == name);
        if replaced {
            tracing::info!("obs column '{name}' is replaced by --set");
        } else if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

/// Returns the type that holds a column of all files.
fn kind(name: &str, files: &[Counted]) -> Result<ObsType> {
    let mut kind = None;
    for file in files {
        if !file.obs_columns().iter().any(|column| column == name) {
            continue;
        }
        let found = file.obs_column_in(name, 0..file.n_obs().min(1))?.kind();
        kind = Some(match (kind, found) {
            (None, found) => found,
            (Some(known), found) if known == found => found,
            (Some(ObsType::Int | ObsType::Float), ObsType::Int | ObsType::Float) => ObsType::Float,
            _ => ObsType::String,
        });
    }
    let Some(kind) = kind else { return Err(missing(name, files)) };
    for file in files.iter().filter(|file| !file.obs_columns().iter().any(|column| column == name)) {
        tracing::warn!("{}: no obs column '{name}': its cells get nulls", file.name);
    }
    Ok(kind)
}

fn missing(name: &str, files: &[Counted]) -> Error {
    let mut columns: Vec<String> = files.iter().flat_map(|file| file.obs_columns()).collect();
    columns.sort_unstable();
    columns.dedup();
    let first = files.first().map_or("the input", |file| &file.name);
    mfdoom_error::missing(first, "column of obs", name, columns.iter().map(String::as_str), "--obs ")
        .or_help("--obs all carries every column; --set NAME=VALUE makes one")
}
