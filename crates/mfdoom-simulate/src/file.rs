//! One h5ad file: its matrices, its annotation, its settings.

use mfdoom_counts::{H5adWriter, MatrixKind, NewFile, NewMatrix, Source, Value};
use mfdoom_error::{Error, Result};

use crate::write::Rows;
use crate::{Args, Measured, Part, Plan, TruthLevel, frames};

/// The key of the settings in `uns`.
const UNS: &str = "mfdoom_simulate";

/// Writes the cells of one part.
pub(crate) struct PartWriter {
    writer: H5adWriter,
    measured: Measured,
}

impl PartWriter {
    /// Begins the file of a part.
    pub(crate) fn create(plan: &Plan, part: &Part, args: &Args) -> Result<Self> {
        let genes = plan.simulation.genes().len();
        let counts = match part.measured {
            Measured::All => vec![Source::X, layer("spliced"), layer("unspliced")],
            Measured::Expression => vec![Source::X],
        };
        let truth = match plan.truth {
            TruthLevel::Full => TRUE_LAYERS.map(layer).to_vec(),
            TruthLevel::None | TruthLevel::Cells => Vec::new(),
        };
        let of_kind = |kind| move |source: &Source| NewMatrix::new(source, kind, genes);
        let counts = counts.iter().map(of_kind(MatrixKind::Counts));
        let matrices = counts.chain(truth.iter().map(of_kind(MatrixKind::Dense))).collect();
        let uns = vec![(UNS.to_owned(), settings(args)?)];
        let new = NewFile { var: frames::var(plan), matrices, uns };
        let writer = H5adWriter::create(&part.path, args.force.force, &new)?;
        Ok(Self { writer, measured: part.measured })
    }

    /// Appends a run of cells.
    pub(crate) fn append(&mut self, rows: Rows) -> Result<()> {
        let Rows { counts, truth, .. } = rows;
        self.writer.append(&Source::X, &counts.total)?;
        if self.measured == Measured::All {
            self.writer.append(&layer("spliced"), &counts.spliced)?;
            self.writer.append(&layer("unspliced"), &counts.unspliced)?;
        }
        if let Some(truth) = truth {
            let layers = [truth.unspliced, truth.spliced, truth.velocity];
            for (name, rows) in TRUE_LAYERS.into_iter().zip(layers) {
                self.writer.append_dense(&layer(name), &rows)?;
            }
        }
        Ok(())
    }

    /// Annotates the cells and publishes the file.
    pub(crate) fn finish(self, plan: &Plan, part: &Part) -> Result<()> {
        self.writer.finish(&frames::obs(plan, part))
    }
}

/// Layers of the true state and its velocity.
const TRUE_LAYERS: [&str; 3] = ["true_unspliced", "true_spliced", "true_velocity"];

fn layer(name: &str) -> Source {
    Source::Layer(name.to_owned())
}

/// Returns version and settings as an entry of `uns`.
fn settings(args: &Args) -> Result<Value> {
    let mut members = vec![("version".to_owned(), Value::Text(env!("CARGO_PKG_VERSION").to_owned()))];
    let settings = mfdoom_cli::settings(args)?;
    for (name, value) in settings.as_object().into_iter().flatten() {
        members.push((name.clone(), uns_value(value)?));
    }
    Ok(Value::Dict(members))
}

fn uns_value(value: &serde_json::Value) -> Result<Value> {
    let number = || value.as_i64().map(Value::Int);
    let text = || value.as_str().map(|text| Value::Text(text.to_owned()));
    // a seed above the largest int64 keeps its digits as text
    let large = || value.as_u64().map(|number| Value::Text(number.to_string()));
    let found = number().or_else(text).or_else(large).or_else(|| value.as_f64().map(Value::Float));
    found.ok_or_else(|| Error::failed(format!("the setting {value} cannot be stored")))
}
