//! A label of each cell, from an obs column.

use mfdoom_artifact::gene_table::{PREDICTED, PROBABILITY};
use mfdoom_artifact::{Column, ObsField, ObsType};
use mfdoom_error::{Error, Result};
use mfdoom_train::TrainingCells;

use super::{Chosen, Draws, Needs, Prediction, Request, Rows, Table, Task, table};
use crate::config::{DecoderConfig, PathUse};
use crate::likelihood::DecoderLoss;
use crate::target::LabelTargets;

/// The task `classification`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Classification;

impl Task for Classification {
    fn name(&self) -> &'static str {
        "classification"
    }

    fn losses(&self) -> &'static [DecoderLoss] {
        &[DecoderLoss::CrossEntropy]
    }

    fn path(&self) -> PathUse {
        PathUse::Off
    }

    fn needs(&self, names: &[String]) -> Result<Needs> {
        match names {
            [column] => Ok(Needs { obs: vec![column.clone()], ids: false }),
            other => Err(Error::usage("--targets: one obs column of labels")
                .found(format!("{} columns", other.len()))
                .help("--task classification --targets COLUMN")),
        }
    }

    fn read(&self, names: &[String], _: DecoderLoss, cells: &TrainingCells) -> Result<Chosen> {
        let column = names.first().map_or("", String::as_str);
        let targets = LabelTargets::from_obs(cells, column);
        let labelled = targets.label.iter().flatten().count();
        if targets.classes.len() < 2 {
            return Err(Error::contract(format!("column {column}: labels that cannot be told apart"))
                .found(format!("{} labels in {labelled} cells", targets.classes.len()))
                .wanted("at least 2 labels"));
        }
        tracing::info!("{} labels in {labelled} of {} cells", targets.classes.len(), cells.len());
        Ok(Chosen {
            classes: targets.classes.clone(),
            targets: Box::new(targets),
            names: vec![column.to_owned()],
            genes: Vec::new(),
            libraries: Vec::new(),
            inputs: Vec::new(),
        })
    }

    fn table(&self, config: &DecoderConfig, draws: Option<Draws>) -> Result<Table> {
        table::check_draws(config, draws)?;
        let obs = vec![ObsField::new(PREDICTED, ObsType::String), ObsField::new(PROBABILITY, ObsType::Float)];
        Ok(Table { matrices: Vec::new(), obs })
    }

    fn rows(&self, prediction: &Prediction<'_>, _: &Request<'_>) -> Result<Rows> {
        let classes = &prediction.decoder.config().classes;
        let best = |row: &[f32]| {
            let first = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]).then(b.cmp(a));
            (0..row.len()).max_by(first).unwrap_or_default()
        };
        let rows = prediction.values.chunks_exact(classes.len().max(1));
        let found: Vec<(usize, f32)> = rows.map(|row| (best(row), row[best(row)])).collect();
        let labels = found.iter().map(|(class, _)| Some(classes[*class].clone())).collect();
        let probabilities = found.iter().map(|(_, p)| f64::from(*p)).collect();
        Ok(Rows { matrices: Vec::new(), obs: vec![Column::String(labels), Column::Float(probabilities)] })
    }
}
