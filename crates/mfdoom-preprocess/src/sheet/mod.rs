//! The sample sheet: which files there are, and what they are.
//!
//! A CSV file with the columns `sample` and `counts`, optionally `dataset`, `modalities` and `kind`, and any further
//! column, which is carried along as an obs column. Paths are absolute or relative to the sheet's folder.

mod parse;
mod report;
pub mod rows;

use mfdoom_error::{Error, Result};
pub use parse::{Sample, Sheet};
pub use report::write;

use crate::args::Args;
use crate::inputs::Named;

/// Returns the arguments of a run on one sample, as if they had been typed, where `--sample` names one.
///
/// # Errors
/// Those of [`Sheet::read`]; contract where the sheet has no such sample.
pub fn one_sample(mut args: Args) -> Result<Args> {
    let (Some(path), Some(name)) = (args.sheet.clone(), args.sample.take()) else { return Ok(args) };
    let sheet = Sheet::read(&path)?;
    let sample = sheet.sample(&name)?;
    args.sheet = None;
    args.inputs = vec![sample.counts.clone()];
    args.with = sample.with.clone();
    args.dataset = Some(sample.dataset.clone());
    args.modality = sample.modalities.clone();
    args.kind = sample.kind.or(args.kind);
    args.set.extend(sample.columns.iter().cloned());
    Ok(args)
}

/// Returns the files of a run: those of the sheet, or those named as arguments.
///
/// # Errors
/// Those of [`Sheet::read`]; usage where neither a sheet nor a file is given.
pub fn files(args: &Args) -> Result<Vec<Named>> {
    let Some(path) = &args.sheet else {
        if args.inputs.is_empty() {
            return Err(Error::usage("no input")
                .wanted("files of raw counts")
                .help("mfdoom-preprocess data.h5ad -o tokens.parquet"));
        }
        let named = |path: &std::path::PathBuf| Named {
            path: path.clone(),
            with: args.with.clone(),
            dataset: args.dataset.clone(),
            modality: args.modality.clone(),
            kind: None,
            columns: Vec::new(),
        };
        return Ok(args.inputs.iter().map(named).collect());
    };
    let named = |sample: Sample| Named {
        path: sample.counts,
        with: sample.with,
        dataset: Some(sample.dataset),
        modality: sample.modalities,
        kind: sample.kind,
        columns: sample.columns,
    };
    Ok(Sheet::read(path)?.samples.into_iter().map(named).collect())
}
