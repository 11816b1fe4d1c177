//! Schema of a table with one value per cell and gene.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_error::{Error, Result, missing};
use serde_json::Value;

use crate::gene::{GENES_KEY, Gene, genes_from_json, genes_to_json};
use crate::key::{CELL_ID, DATASET};
use crate::manifest::{Manifest, check_format};
use crate::obs::{ObsField, ObsType, free_names};
use crate::table::vectors::{fixed_len, is_open_list, vector_type};
use crate::table::{FORMAT_KEY, MANIFEST_KEY, column};

/// Columns of a gene table, in this order: key, obs, matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneTableSchema {
    /// Kind and version, such as `velocity/1`; empty for a table that others wrote.
    pub format: String,
    /// The genes every matrix has a value for, [G].
    pub genes: Vec<Gene>,
    /// Obs columns under their names in this table.
    pub obs: Vec<ObsField>,
    /// Names of the columns with one value a gene.
    pub matrices: Vec<String>,
    /// What made the table; empty for a table that others wrote.
    pub manifest: Manifest,
}

impl GeneTableSchema {
    /// Builds a schema; an obs column whose name is taken by a column of the table gets the prefix `obs_`.
    pub fn new(format: &str, genes: Vec<Gene>, matrices: &[&str], manifest: Manifest) -> Self {
        let matrices = matrices.iter().map(|&name| name.to_owned()).collect();
        Self { format: format.to_owned(), genes, obs: Vec::new(), matrices, manifest }
    }

    /// Adds obs columns; one whose name is taken gets the prefix `obs_`.
    pub fn with_obs(mut self, obs: Vec<ObsField>) -> Self {
        let names: Vec<String> = obs.iter().map(|field| field.name.clone()).collect();
        let reserved = [DATASET, CELL_ID].into_iter().chain(self.matrices.iter().map(String::as_str));
        let names = free_names(&names, reserved);
        self.obs = obs.into_iter().zip(names).map(|(field, name)| ObsField { name, ..field }).collect();
        self
    }

    /// Returns the position of a matrix column.
    ///
    /// # Errors
    /// Contract, naming the columns that are there.
    pub fn matrix(&self, name: &str) -> Result<usize> {
        self.matrices.iter().position(|known| known == name).ok_or_else(|| {
            let there = self.matrices.iter().map(String::as_str);
            missing("genes' values", "column", name, there, "")
        })
    }

    /// Returns the Arrow schema with its metadata.
    pub fn to_arrow(&self) -> SchemaRef {
        let mut fields =
            vec![Field::new(DATASET, DataType::Utf8, false), Field::new(CELL_ID, DataType::Utf8, false)];
        fields.extend(self.obs.iter().map(ObsField::to_arrow));
        fields
            .extend(self.matrices.iter().map(|name| Field::new(name, vector_type(self.genes.len()), false)));
        let metadata: HashMap<String, String> = [
            (FORMAT_KEY, self.format.clone()),
            (MANIFEST_KEY, self.manifest.to_json()),
            (GENES_KEY, genes_to_json(&self.genes)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        Arc::new(Schema::new(fields).with_metadata(metadata))
    }

    /// Reads the Arrow schema of a gene table; `source` names it in messages.
    ///
    /// A table without the mark of MFDOOM is taken when its metadata lists its genes.
    ///
    /// # Errors
    /// Contract: another kind of table, no genes, a column that is missing or has not one value a gene.
    /// Incompatible: another version of the format.
    pub fn from_arrow(schema: &Schema, format: &str, source: &str) -> Result<Self> {
        let get = |key: &str| schema.metadata().get(key).map(|value| value.as_ref());
        let genes = genes_from_json(get(GENES_KEY).ok_or_else(|| no_genes(source, format))?, source)?;
        let ours = get(FORMAT_KEY).is_some();
        let manifest = if ours {
            check_format(get(FORMAT_KEY), format, source)?;
            Manifest::from_json(get(MANIFEST_KEY).unwrap_or_default(), source)?
        } else {
            Manifest::new("", "", 0, Value::Null, Vec::new())
        };
        for name in [DATASET, CELL_ID] {
            schema.field_with_name(name).map_err(|_| column::missing(schema, name, source))?;
        }
        let format = if ours { format.to_owned() } else { String::new() };
        let mut read = Self { format, genes, obs: Vec::new(), matrices: Vec::new(), manifest };
        for field in schema.fields() {
            read.take(field, ours, source)?;
        }
        Ok(read)
    }

    /// Adds a column that is not part of the key; others may have columns of types we do not know.
    fn take(&mut self, field: &Field, ours: bool, source: &str) -> Result<()> {
        let name = field.name();
        match fixed_len(field.data_type()) {
            Some(len) if len == self.genes.len() => self.matrices.push(name.clone()),
            Some(len) if ours || name == "velocity" => {
                return Err(Error::contract(format!("{source}: column {name:?} does not fit its genes"))
                    .found(format!("{len} values a cell"))
                    .wanted(format!("{}, one for each gene of {GENES_KEY}", self.genes.len())));
            }
            Some(_) => {}
            None if is_open_list(field.data_type()) && !ours => self.matrices.push(name.clone()),
            None if name == DATASET || name == CELL_ID => {}
            None if ours => self.obs.push(ObsField::from_arrow(field, source)?),
            None => self.obs.extend(ObsType::of_any(field.data_type()).map(|kind| ObsField::new(name, kind))),
        }
        Ok(())
    }
}

/// Returns the error for a table that does not say which genes its vectors are for.
fn no_genes(source: &str, format: &str) -> Error {
    Error::contract(format!("{source}: does not say which genes its values are for"))
        .found(format!("no {GENES_KEY} in the schema"))
        .wanted(format!("a table {format}, or any table with dataset, cell_id and {GENES_KEY}"))
}
