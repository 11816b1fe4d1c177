//! Everything that a run writes, refused before any work when it cannot be.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use mfdoom_artifact::{Output, OutputFile};
use mfdoom_cli::is_stream;
use mfdoom_error::{Error, Result};
use mfdoom_plot::{Format, Picture};
use serde::Serialize;

use crate::report::{Figure, Page, multiqc};
use crate::scores::{Document, write_parquet};
use crate::shared::RunArgs;

/// Where numbers, pictures and page go.
pub(crate) struct Outputs {
    metrics: Output,
    /// In the order that they were asked for; nothing for one that is not wanted.
    pictures: Vec<Option<(Output, Format)>>,
    report: Option<Output>,
    table: Option<Output>,
    multiqc: Option<Output>,
}

impl Outputs {
    /// Checks the outputs; a picture on standard output is SVG, in a file what its name ends in.
    ///
    /// # Errors
    /// Usage: a file that is there, a folder that is not, another ending, or two outputs in one place.
    pub(crate) fn plan(args: &RunArgs, pictures: &[Option<&Path>]) -> Result<Self> {
        // JSON may go to a terminal: people read it.
        let output = |path: &Path| {
            if is_stream(path) { Output::Stdout } else { Output::file(path, args.output.force) }
        };
        let format = |path: &Path| if is_stream(path) { Ok(Format::Svg) } else { Format::of(path) };
        let picture = |path: &&Path| Ok::<_, Error>((output(path), format(path)?));
        let outputs = Self {
            metrics: args.output.output.as_deref().map_or(Output::Stdout, output),
            pictures: pictures
                .iter()
                .map(|path| path.as_ref().map(picture).transpose())
                .collect::<Result<_>>()?,
            report: args.report.as_deref().map(output),
            table: args.table.as_deref().map(output),
            multiqc: args.multiqc.as_deref().map(output),
        };
        let drawn = outputs.pictures.iter().flatten().map(|(output, _)| output);
        let pages = [&outputs.report, &outputs.table, &outputs.multiqc].into_iter().flatten();
        let all = std::iter::once(&outputs.metrics).chain(pages).chain(drawn);
        let all: Vec<&Output> = all.collect();
        if all.iter().filter(|output| ***output == Output::Stdout).count() > 1 {
            return Err(Error::usage("two outputs would go to standard output").help("name a file for each"));
        }
        let mut taken = BTreeSet::new();
        for output in all {
            if let Some(place) = OutputFile::check(output)?
                && !taken.insert(place)
            {
                return Err(
                    Error::usage(format!("two outputs would go to {output}")).help("name a file for each")
                );
            }
        }
        Ok(outputs)
    }

    /// Returns whether anything is to be drawn.
    pub(crate) fn wants_pictures(&self) -> bool {
        self.report.is_some() || self.pictures.iter().any(Option::is_some)
    }

    /// Writes the figures whose pictures were asked for, in that order, the page, the tables and the numbers.
    ///
    /// # Errors
    /// Failed, when a file cannot be written.
    pub(crate) fn write<'a>(
        &self,
        document: &Document,
        figures: &[Option<&Figure>],
        page: impl FnOnce() -> Result<Page<'a>>,
    ) -> Result<()> {
        for (picture, figure) in self.pictures.iter().zip(figures) {
            if let (Some((output, format)), Some(figure)) = (picture, figure) {
                write(output, &Picture::encode(&figure.picture, *format)?)?;
            }
        }
        if let Some(output) = &self.report {
            write(output, page()?.render()?.as_bytes())?;
        }
        if let Some(output) = &self.table {
            write_parquet(output, &document.scores)?;
        }
        if let Some(output) = &self.multiqc {
            write(output, &json(&multiqc(document))?)?;
        }
        write(&self.metrics, &json(document)?)
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| Error::failed("the metrics cannot be written as JSON").source(error))?;
    Ok((text + "\n").into_bytes())
}

fn write(output: &Output, bytes: &[u8]) -> Result<()> {
    let mut file = OutputFile::create(output)?;
    file.write_all(bytes)?;
    file.commit()
}
