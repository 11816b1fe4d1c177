//! `metrics.parquet`: one row per step, split and name of a value.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_error::Result;

use crate::place::{Input, Output};
use crate::table::{TableFormat, TableOptions, TableReader, TableWriter, column};

/// A value measured during training.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    /// Optimiser steps done.
    pub step: u64,
    /// Epochs done, with the fraction of the current one.
    pub epoch: f64,
    /// `train` or `validation`.
    pub split: String,
    /// Name of the value, such as `loss/contrastive`.
    pub name: String,
    /// The value.
    pub value: f64,
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("step", DataType::UInt64, false),
        Field::new("epoch", DataType::Float64, false),
        Field::new("split", DataType::Utf8, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("value", DataType::Float64, false),
    ]))
}

/// Writes `rows` to `path`, replacing what is there.
pub fn write_metrics(path: &Path, rows: &[MetricRow]) -> Result<()> {
    let options = TableOptions { row_group_rows: 1 << 16, ..TableOptions::new(TableFormat::Parquet) };
    let mut writer = TableWriter::create(&Output::file(path, true), schema(), options)?;
    for rows in rows.chunks(1 << 16) {
        let batch = RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.step))),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.epoch))),
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.split))),
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.name))),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.value))),
            ],
        );
        writer.write(&batch.map_err(crate::table::internal)?)?;
    }
    writer.finish().map(drop)
}

/// Reads the rows of `path`.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricRow>> {
    let reader = TableReader::open(&Input::Path(path.into()))?;
    let name = reader.name().to_owned();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch?;
        let steps = column::cast::<UInt64Array>(column::by_name(&batch, "step", &name)?, &name)?;
        let epochs = column::cast::<Float64Array>(column::by_name(&batch, "epoch", &name)?, &name)?;
        let values = column::cast::<Float64Array>(column::by_name(&batch, "value", &name)?, &name)?;
        let splits = column::key(&batch, "split", &name)?;
        let names = column::key(&batch, "name", &name)?;
        rows.extend((0..batch.num_rows()).map(|i| MetricRow {
            step: steps.value(i),
            epoch: epochs.value(i),
            split: splits.value(i).to_owned(),
            name: names.value(i).to_owned(),
            value: values.value(i),
        }));
    }
    Ok(rows)
}
