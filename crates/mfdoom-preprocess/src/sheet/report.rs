//! The sheet written in full, as the workflow engines read it.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use mfdoom_artifact::{Output, OutputFile};
use mfdoom_error::{Error, Result};

use super::parse::{ADDED, Sample, Sheet, place};
use crate::args::Args;
use crate::inputs::{CountsInput, Named};
use crate::job::Reading;
use crate::modalities::Modalities;

/// Opens every file of the sheet and writes a tab-separated line per sample: `sample`, `counts` (absolute),
/// `dataset`, `modalities`, `kind`, `measured` (modalities of the file, separated by commas), `cells`, further columns.
///
/// # Errors
/// Contract, naming the line: a file that cannot be taken as asked.
pub fn write(args: &Args, output: Option<&Output>) -> Result<()> {
    let Some(path) = &args.sheet else {
        return Err(Error::usage("--sheet-only checks a sheet").help("give --sheet SHEET.csv"));
    };
    let sheet = Sheet::read(path)?;
    let names = ["sample", "counts", "dataset", "modalities", "kind"];
    let columns = sheet.columns.iter().map(String::as_str);
    let header: Vec<&str> = names.into_iter().chain(ADDED).chain(columns).collect();
    let mut text = header.join("\t") + "\n";
    for sample in &sheet.samples {
        let line =
            line(args, &sheet, sample).map_err(|error| error.context(place(&sheet.name, sample.line)))?;
        let _ = writeln!(text, "{line}");
    }
    if let Some(output) = output {
        let mut file = OutputFile::create(output)?;
        file.write_all(text.as_bytes())?;
        file.commit()?;
    }
    tracing::info!("{}: {} samples", sheet.name, sheet.samples.len());
    Ok(())
}

fn line(args: &Args, sheet: &Sheet, sample: &Sample) -> Result<String> {
    let named = Named {
        path: sample.counts.clone(),
        with: sample.with.clone(),
        modality: sample.modalities.clone(),
        kind: sample.kind,
        ..Named::default()
    };
    let file = CountsInput::open(&named)?;
    if file.n_obs() == 0 {
        return Err(Error::contract(format!("{}: no cell is in it", sample.counts.display()))
            .wanted("at least one cell")
            .help("leave the sample out of the sheet"));
    }
    let measured =
        Modalities::find(&file, &Reading::new(args).of(&named), &named.modality)?.names().join(",");
    let absolute = |path: &PathBuf| -> Result<String> {
        let found = std::path::absolute(path).map_err(|error| Error::io(path, error))?;
        Ok(found.display().to_string())
    };
    let files = std::iter::once(&sample.counts).chain(&sample.with);
    let counts = files.map(absolute).collect::<Result<Vec<_>>>()?.join(";");
    let modalities: Vec<String> = sample.modalities.iter().map(ToString::to_string).collect();
    let value = |name: &String| {
        let found = sample.columns.iter().find(|column| column.name == *name);
        found.map(|column| column.value.clone()).unwrap_or_default()
    };
    let own = [
        sample.sample.clone(),
        counts,
        sample.dataset.clone(),
        modalities.join(";"),
        sample.kind.map(|kind| kind.name()).unwrap_or_default(),
        measured,
        file.n_obs().to_string(),
    ];
    Ok(own.into_iter().chain(sheet.columns.iter().map(value)).collect::<Vec<_>>().join("\t"))
}
