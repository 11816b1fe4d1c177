//! `drivers.parquet`: the genes whose velocity sets a cluster apart.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_error::Result;

use crate::gene::Gene;
use crate::manifest::check_format;
use crate::place::{Input, Output};
use crate::table::{FORMAT_KEY, TableFormat, TableOptions, TableReader, TableWriter, column, internal};

/// Format tag of the table.
const DRIVERS_FORMAT: &str = "drivers/1";

/// A driver gene of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    /// The cluster.
    pub cluster: String,
    /// From 1, the highest score first.
    pub rank: u32,
    /// The gene.
    pub gene: Gene,
    /// Welch's t of its velocity in the cluster against all other cells.
    pub score: f64,
}

fn schema() -> SchemaRef {
    let fields = vec![
        Field::new("cluster", DataType::Utf8, false),
        Field::new("rank", DataType::UInt32, false),
        Field::new("gene_id", DataType::Utf8, false),
        Field::new("symbol", DataType::Utf8, false),
        Field::new("score", DataType::Float64, false),
    ];
    let metadata = [(FORMAT_KEY.to_owned(), DRIVERS_FORMAT.to_owned())];
    Arc::new(Schema::new(fields).with_metadata(metadata))
}

/// Writes the drivers of all clusters.
pub(super) fn write(output: &Output, drivers: &[Driver]) -> Result<()> {
    let options = TableOptions { row_group_rows: 1 << 16, ..TableOptions::new(TableFormat::Parquet) };
    let mut table = TableWriter::create(output, schema(), options)?;
    let batch = RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(StringArray::from_iter_values(drivers.iter().map(|driver| &driver.cluster))),
            Arc::new(UInt32Array::from_iter_values(drivers.iter().map(|driver| driver.rank))),
            Arc::new(StringArray::from_iter_values(drivers.iter().map(|driver| &driver.gene.id))),
            Arc::new(StringArray::from_iter_values(drivers.iter().map(|driver| &driver.gene.symbol))),
            Arc::new(Float64Array::from_iter_values(drivers.iter().map(|driver| driver.score))),
        ],
    );
    table.write(&batch.map_err(internal)?)?;
    table.finish().map(drop)
}

/// Reads the drivers of all clusters.
pub(super) fn read(path: &Path) -> Result<Vec<Driver>> {
    let table = TableReader::open(&Input::Path(path.into()))?;
    let name = table.name().to_owned();
    check_format(table.metadata(FORMAT_KEY), DRIVERS_FORMAT, &name)?;
    let mut drivers = Vec::new();
    for batch in table {
        let batch = batch?;
        let text = |column| column::key(&batch, column, &name);
        let (clusters, ids, symbols) = (text("cluster")?, text("gene_id")?, text("symbol")?);
        let ranks = column::cast::<UInt32Array>(column::by_name(&batch, "rank", &name)?, &name)?;
        let scores = column::cast::<Float64Array>(column::by_name(&batch, "score", &name)?, &name)?;
        drivers.extend((0..batch.num_rows()).map(|row| Driver {
            cluster: clusters.value(row).to_owned(),
            rank: ranks.value(row),
            gene: Gene::new(ids.value(row), symbols.value(row)),
            score: scores.value(row),
        }));
    }
    Ok(drivers)
}
