//! Predictions of a decoder: layers `mfdoom_<modality>`, `obs/mfdoom_predicted` and `obs/mfdoom_probability`.

use std::path::Path;

use mfdoom_artifact::gene_table::{PREDICTED, PREDICTIONS_FORMAT, PROBABILITY};
use mfdoom_artifact::{GeneTableReader, Input};
use mfdoom_error::Result;

use crate::matching::Matching;
use crate::target::Target;
use crate::velocity::layers::{Layer, matrix};

/// Adds a table of predictions.
///
/// # Errors
/// Contract: the table cannot be read, none of its cells or less than half of its genes are in the file.
pub(crate) fn write(target: &mut Target, table: &Path) -> Result<()> {
    let open = || GeneTableReader::open(&Input::Path(table.to_owned()), PREDICTIONS_FORMAT);
    let file = target.file()?;
    let matching = Matching::new(open()?, &table.display().to_string(), &file, &target.cells)?;
    let schema = open()?.schema().clone();
    for name in &schema.matrices {
        let layer = Layer { values: &matrix(open()?, name)?.1, rows: matching.cells(), matching: &matching };
        layer.write(&mut target.update, &format!("mfdoom_{name}"))?;
    }
    let is_label = |name: &str| [PREDICTED, PROBABILITY].contains(&name);
    if schema.obs.iter().any(|field| is_label(&field.name)) {
        let all = open()?.read_all()?;
        for (field, column) in schema.obs.iter().zip(&all.obs).filter(|(field, _)| is_label(&field.name)) {
            let column = column.take_or_missing(matching.cells());
            target.update.set_obs(&format!("mfdoom_{}", field.name), &column)?;
        }
    }
    target.note(matching.n_matched(), "a prediction");
    Ok(())
}
