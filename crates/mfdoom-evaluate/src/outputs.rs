//! Everything that a run writes, refused before any work when it cannot be.

use crate::report::Figure;
use mfdoom_artifact::{Output, OutputFile};
use mfdoom_cli::{OutputArgs, is_stream};
use mfdoom_error::{Error, Result};
use mfdoom_plot::{Format, Picture};
use std::io::Write;
use std::path::Path;

/// Where numbers, picture and page go.
pub(crate) struct Outputs {
    metrics: Output,
    picture: Option<(Output, Format)>,
    report: Option<Output>,
}

impl Outputs {
    /// Checks the outputs; a picture on standard output is SVG, in a file what its name ends in.
    ///
    /// # Errors
    /// Usage: a file that is there, another ending, or two outputs on standard output.
    pub(crate) fn plan(args: &OutputArgs, picture: Option<&Path>, report: Option<&Path>) -> Result<Self> {
        // JSON may go to a terminal: people read it.
        let output =
            |path: &Path| if is_stream(path) { Output::Stdout } else { Output::file(path, args.force) };
        let metrics = args.output.as_deref().map_or(Output::Stdout, output);
        let format = |path: &Path| if is_stream(path) { Ok(Format::Svg) } else { Format::of(path) };
        let picture = picture.map(|path| Ok::<_, Error>((output(path), format(path)?))).transpose()?;
        let report = report.map(output);
        let streams = [Some(&metrics), picture.as_ref().map(|(output, _)| output), report.as_ref()];
        if streams.into_iter().flatten().filter(|output| **output == Output::Stdout).count() > 1 {
            return Err(Error::usage("two outputs would go to standard output").help("name a file for each"));
        }
        Ok(Self { metrics, picture, report })
    }

    /// Returns whether anything is to be drawn.
    pub(crate) fn wants_pictures(&self) -> bool {
        self.picture.is_some() || self.report.is_some()
    }

    /// Writes the first figure, the page and the numbers.
    ///
    /// # Errors
    /// Failed, when a file cannot be written.
    pub(crate) fn write(&self, metrics: &str, figures: &[Figure], page: impl Fn() -> String) -> Result<()> {
        if let (Some((output, format)), Some(figure)) = (&self.picture, figures.first()) {
            write(output, &Picture::encode(&figure.picture, *format)?)?;
        }
        if let Some(output) = &self.report {
            write(output, page().as_bytes())?;
        }
        write(&self.metrics, metrics.as_bytes())
    }
}

fn write(output: &Output, bytes: &[u8]) -> Result<()> {
    let mut file = OutputFile::create(output)?;
    file.write_all(bytes)?;
    file.commit()
}
