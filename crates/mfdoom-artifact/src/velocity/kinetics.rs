//! `kinetics.parquet`: the rates of every gene.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use mfdoom_error::{Error, Result};

use crate::column::Column;
use crate::gene::Gene;
use crate::place::{Input, Output};
use crate::table::{FORMAT_KEY, TableFormat, TableOptions, TableReader, TableWriter, column, internal};

/// Format tag of the table.
const KINETICS_FORMAT: &str = "kinetics/1";

/// Rates, one entry per gene, or per gene and group where every group was fitted by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kinetics {
    /// Group of each entry; empty where all cells were fitted together.
    pub groups: Vec<String>,
    /// Gene of each entry.
    pub genes: Vec<Gene>,
    /// Degradation over splicing (beta = 1) in the steady-state modes; NaN where not fitted.
    pub gamma: Vec<f64>,
    /// Share of the variance of Mu that the fit explains; NaN where not fitted.
    pub r2: Vec<f64>,
    /// Whether the gene takes part in the graph.
    pub velocity_gene: Vec<bool>,
    /// Number of cells with unspliced counts; NaN where not known.
    pub unspliced_cells: Vec<f64>,
    /// Columns `fit_*` of the dynamical mode; NaN where not fitted.
    pub fits: Vec<(String, Vec<f64>)>,
}

impl Kinetics {
    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.genes.len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.genes.is_empty()
    }

    /// Returns a column `fit_*`.
    pub fn fit(&self, name: &str) -> Option<&[f64]> {
        self.fits.iter().find(|(known, _)| known == name).map(|(_, values)| values.as_slice())
    }

    /// Writes the table.
    ///
    /// # Errors
    /// Failed, when the columns differ in length.
    pub fn write(&self, output: &Output) -> Result<()> {
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        if !self.groups.is_empty() {
            columns.push(("group", Arc::new(StringArray::from_iter_values(&self.groups))));
        }
        let ids = self.genes.iter().map(|gene| &gene.id);
        let symbols = self.genes.iter().map(|gene| &gene.symbol);
        columns.push(("gene_id", Arc::new(StringArray::from_iter_values(ids))));
        columns.push(("symbol", Arc::new(StringArray::from_iter_values(symbols))));
        columns.push(("gamma", Arc::new(Float64Array::from(self.gamma.clone()))));
        columns.push(("r2", Arc::new(Float64Array::from(self.r2.clone()))));
        columns.push(("velocity_gene", Arc::new(BooleanArray::from(self.velocity_gene.clone()))));
        columns.push(("unspliced_cells", Arc::new(Float64Array::from(self.unspliced_cells.clone()))));
        for (name, values) in &self.fits {
            columns.push((name, Arc::new(Float64Array::from(values.clone()))));
        }
        let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), false);
        let metadata = [(FORMAT_KEY.to_owned(), KINETICS_FORMAT.to_owned())];
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>()).with_metadata(metadata);
        let schema = Arc::new(schema);
        let options = TableOptions { row_group_rows: 1 << 16, ..TableOptions::new(TableFormat::Parquet) };
        let mut table = TableWriter::create(output, schema.clone(), options)?;
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        table.write(&RecordBatch::try_new(schema, arrays).map_err(internal)?)?;
        table.finish().map(drop)
    }

    /// Reads the table; of a table that others wrote only `gene_id` and `gamma` are needed.
    ///
    /// # Errors
    /// Contract: a column is missing or of another type.
    pub fn read(path: &Path) -> Result<Self> {
        let table = TableReader::open(&Input::Path(path.into()))?;
        let name = table.name().to_owned();
        let schema = table.schema().clone();
        if let Some(format) = table.metadata(FORMAT_KEY) {
            crate::manifest::check_format(Some(format), KINETICS_FORMAT, &name)?;
        }
        let fits = schema.fields().iter().map(|field| field.name());
        let fits = fits.filter(|name| name.starts_with("fit_")).map(|name| (name.clone(), Vec::new()));
        let mut all = Self { fits: fits.collect(), ..Self::default() };
        for batch in table {
            all.append(&batch?, &name)?;
        }
        Ok(all)
    }

    fn append(&mut self, batch: &RecordBatch, source: &str) -> Result<()> {
        let n = batch.num_rows();
        let number = |name: &str, array: &ArrayRef| -> Result<Vec<f64>> {
            Column::from_any_arrow(array, source)?.to_numbers().ok_or_else(|| {
                Error::contract(format!("{source}: column {name:?} holds no numbers"))
                    .found(array.data_type().to_string())
            })
        };
        let optional = |name: &str| match batch.column_by_name(name) {
            Some(array) => number(name, array),
            None => Ok(vec![f64::NAN; n]),
        };
        let ids = texts(column::by_name(batch, "gene_id", source)?, source)?;
        let symbols = match batch.column_by_name("symbol") {
            Some(array) => texts(array, source)?,
            None => ids.clone(),
        };
        self.genes.extend(ids.into_iter().zip(symbols).map(|(id, symbol)| Gene { id, symbol }));
        if let Some(array) = batch.column_by_name("group") {
            self.groups.extend(texts(array, source)?);
        }
        let gamma = number("gamma", column::by_name(batch, "gamma", source)?)?;
        match batch.column_by_name("velocity_gene") {
            Some(array) => {
                let marks = column::cast::<BooleanArray>(array, source)?;
                self.velocity_gene.extend(marks.iter().map(|mark| mark.unwrap_or(false)));
            }
            None => self.velocity_gene.extend(gamma.iter().map(|gamma| gamma.is_finite())),
        }
        self.gamma.extend(gamma);
        self.r2.extend(optional("r2")?);
        self.unspliced_cells.extend(optional("unspliced_cells")?);
        for (name, values) in &mut self.fits {
            values.extend(optional(name)?);
        }
        Ok(())
    }
}

/// Returns the texts of a column, empty where null.
fn texts(array: &ArrayRef, source: &str) -> Result<Vec<String>> {
    Ok(column::strings(array, source)?.into_iter().map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_need_only_gene_and_gamma() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("gene_id", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("gamma", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut read = Kinetics::default();
        read.append(&batch, "x").unwrap();
        assert_eq!(read.velocity_gene, [true, false]);
        assert!(read.r2[0].is_nan() && read.gamma[1].is_nan());
    }
}
