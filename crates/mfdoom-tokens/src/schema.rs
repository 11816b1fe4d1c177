//! Schema of the token table.
//!
//! Columns: `dataset`, `cell_id`, obs columns, then per modality `<m>_library_size` (float64: exact for
//! any total), `<m>_index` (`large_list<uint32>`) and `<m>_count` (`large_list<float32>`), all three null
//! where the modality was not measured. Metadata: `mfdoom.format`, `mfdoom.vocab` (the text of
//! `vocab.json`), `mfdoom.measured`, `mfdoom.manifest`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_artifact::key::{CELL_ID, DATASET};
use mfdoom_artifact::manifest::check_format;
use mfdoom_artifact::table::{FORMAT_KEY, MANIFEST_KEY, column};
use mfdoom_artifact::{Manifest, ObsField, obs};
use mfdoom_error::{Error, Result, missing};

use crate::measured::Measured;
use crate::modality::check_modality_name;
use crate::vocabulary::Vocabulary;

/// Format tag of the token table.
pub const TOKENS_FORMAT: &str = "tokens/1";
/// Key of the metadata that holds `vocab.json`.
pub const VOCAB_KEY: &str = "mfdoom.vocab";
/// Key of the metadata that holds the measured genes.
pub const MEASURED_KEY: &str = "mfdoom.measured";

/// Columns and metadata of a token table.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSchema {
    /// Names of the modalities, in column order.
    pub modalities: Vec<String>,
    /// Obs columns under their names in this table.
    pub obs: Vec<ObsField>,
    /// Genes of the token ids.
    pub vocabulary: Arc<Vocabulary>,
    /// Measured genes per data set and modality.
    pub measured: Measured,
    /// What made the table.
    pub manifest: Manifest,
}

impl TokenSchema {
    /// Builds a schema without obs columns.
    ///
    /// # Errors
    /// Usage: a modality twice, or those of [`check_modality_name`].
    pub fn new(
        modalities: Vec<String>,
        vocabulary: Arc<Vocabulary>,
        measured: Measured,
        manifest: Manifest,
    ) -> Result<Self> {
        for (i, name) in modalities.iter().enumerate() {
            check_modality_name(name)?;
            if modalities[..i].contains(name) {
                return Err(Error::usage(format!("modality {name:?} is given twice")));
            }
        }
        Ok(Self { modalities, obs: Vec::new(), vocabulary, measured, manifest })
    }

    /// Adds obs columns; one whose name is taken by a column of the table gets the prefix `obs_`.
    ///
    /// # Errors
    /// Usage, when two obs columns share a name.
    pub fn with_obs(mut self, obs: Vec<ObsField>) -> Result<Self> {
        let names: Vec<String> = obs.iter().map(|field| field.name.clone()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::usage(format!("obs column {:?} is given twice", twice[0])));
        }
        let reserved = self.reserved();
        let names = obs::free_names(&names, reserved.iter().map(String::as_str));
        self.obs = obs.into_iter().zip(names).map(|(field, name)| ObsField { name, ..field }).collect();
        Ok(self)
    }

    fn reserved(&self) -> Vec<String> {
        let keys = [DATASET.to_owned(), CELL_ID.to_owned()];
        keys.into_iter().chain(self.modalities.iter().flat_map(|name| columns(name))).collect()
    }

    /// Returns the position of a modality.
    ///
    /// # Errors
    /// Contract, naming the modalities that are there.
    pub fn modality(&self, name: &str) -> Result<usize> {
        let there = self.modalities.iter().map(String::as_str);
        let found = self.modalities.iter().position(|modality| modality == name);
        found.ok_or_else(|| missing("tokens", "modality", name, there, ""))
    }

    /// Returns the position of an obs column.
    ///
    /// # Errors
    /// Contract, naming the columns that are there.
    pub fn obs_column(&self, name: &str) -> Result<usize> {
        let names = || self.obs.iter().map(|field| field.name.as_str());
        obs::position(names(), name).ok_or_else(|| {
            missing("tokens", "obs column", name, names(), "")
                .or_help("carry it along with mfdoom-preprocess --obs")
        })
    }

    /// Returns the Arrow schema with its metadata.
    pub fn to_arrow(&self) -> SchemaRef {
        let mut fields =
            vec![Field::new(DATASET, DataType::Utf8, false), Field::new(CELL_ID, DataType::Utf8, false)];
        fields.extend(self.obs.iter().map(ObsField::to_arrow));
        for name in &self.modalities {
            let [size, index, count] = columns(name);
            fields.push(Field::new(size, DataType::Float64, true));
            fields.push(Field::new(index, list(DataType::UInt32), true));
            fields.push(Field::new(count, list(DataType::Float32), true));
        }
        let metadata = HashMap::from([
            (FORMAT_KEY.to_owned(), TOKENS_FORMAT.to_owned()),
            (VOCAB_KEY.to_owned(), self.vocabulary.to_json()),
            (MEASURED_KEY.to_owned(), self.measured.to_json()),
            (MANIFEST_KEY.to_owned(), self.manifest.to_json()),
        ]);
        Arc::new(Schema::new(fields).with_metadata(metadata))
    }

    /// Reads the Arrow schema of a token table; `source` names it in messages.
    ///
    /// # Errors
    /// Contract for another kind of table or damaged metadata, incompatible for another version.
    pub fn from_arrow(schema: &Schema, source: &str) -> Result<Self> {
        let get = |key: &str| schema.metadata().get(key).map(|value| value.to_string());
        check_format(get(FORMAT_KEY).as_deref(), TOKENS_FORMAT, source)?;
        let part =
            |key: &str| get(key).ok_or_else(|| Error::contract(format!("{source}: the schema lacks {key}")));
        let vocabulary = Vocabulary::from_json(&part(VOCAB_KEY)?, source)?;
        let measured = Measured::from_json(&part(MEASURED_KEY)?, vocabulary.len(), source)?;
        let manifest = Manifest::from_json(&part(MANIFEST_KEY)?, source)?;
        let modalities: Vec<String> = schema
            .fields()
            .iter()
            .filter(|field| matches!(field.data_type(), DataType::LargeList(_)))
            .filter_map(|field| field.name().strip_suffix("_index").map(str::to_owned))
            .collect();
        for name in &modalities {
            check_modality_name(name)
                .map_err(|e| Error::contract(format!("{source}: a name of a modality")).source(e))?;
        }
        let vocabulary = Arc::new(vocabulary);
        let mut read = Self { modalities, obs: Vec::new(), vocabulary, measured, manifest };
        let reserved = read.reserved();
        for name in &reserved {
            schema.field_with_name(name).map_err(|_| column::missing(schema, name, source))?;
        }
        for field in schema.fields().iter().filter(|field| !reserved.contains(field.name())) {
            read.obs.push(ObsField::from_arrow(field, source)?);
        }
        Ok(read)
    }
}

/// Returns the three columns of a modality: library size, index, count.
pub(crate) fn columns(modality: &str) -> [String; 3] {
    ["library_size", "index", "count"].map(|column| format!("{modality}_{column}"))
}

fn list(item: DataType) -> DataType {
    DataType::LargeList(Arc::new(Field::new_list_field(item, false)))
}
