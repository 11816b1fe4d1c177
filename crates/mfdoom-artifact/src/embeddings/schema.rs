//! Schema of the embeddings table.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mfdoom_error::{Error, Result, missing};

use crate::key::{CELL_ID, DATASET};
use crate::manifest::{Manifest, check_format};
use crate::obs::{ObsField, free_names};
use crate::table::vectors::vector_type;
use crate::table::{FORMAT_KEY, MANIFEST_KEY, column};

/// Format tag of the embeddings table.
pub const EMBEDDINGS_FORMAT: &str = "embeddings/1";
/// Key of the metadata that lists the modalities as JSON.
const MODALITIES_KEY: &str = "mfdoom.modalities";

/// A pooled vector per cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// `fusion`, `global` or a modality.
    pub name: String,
    /// Length of the vector.
    pub dim: usize,
}

/// Columns of the embeddings table, in this order: key, obs, heads, `<modality>_present`.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingSchema {
    /// Obs columns under their names in this table.
    pub obs: Vec<ObsField>,
    /// Heads.
    pub heads: Vec<Head>,
    /// Modalities whose presence is reported.
    pub modalities: Vec<String>,
    /// What made the table.
    pub manifest: Manifest,
}

impl EmbeddingSchema {
    /// Builds a schema; an obs column whose name is taken by a column of the table gets the prefix `obs_`.
    ///
    /// # Errors
    /// Usage, when two heads or a head and a key share a name.
    pub fn new(
        obs: Vec<ObsField>,
        heads: Vec<Head>,
        modalities: Vec<String>,
        manifest: Manifest,
    ) -> Result<Self> {
        let mut reserved = vec![DATASET.to_owned(), CELL_ID.to_owned()];
        reserved.extend(heads.iter().map(|head| head.name.clone()));
        reserved.extend(modalities.iter().map(|name| present_name(name)));
        let mut sorted = reserved.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::usage(format!("two columns would be named {:?}", twice[0])));
        }
        let names: Vec<String> = obs.iter().map(|field| field.name.clone()).collect();
        let names = free_names(&names, reserved.iter().map(String::as_str));
        let obs = obs.into_iter().zip(names).map(|(field, name)| ObsField { name, ..field }).collect();
        Ok(Self { obs, heads, modalities, manifest })
    }

    /// Returns the index of a head.
    ///
    /// # Errors
    /// Contract, naming the heads that are there.
    pub fn head(&self, name: &str) -> Result<usize> {
        self.heads.iter().position(|head| head.name == name).ok_or_else(|| {
            let names = self.heads.iter().map(|head| head.name.as_str());
            missing("embeddings", "head", name, names, "--head ")
        })
    }

    /// Returns the Arrow schema with its metadata.
    pub fn to_arrow(&self) -> SchemaRef {
        let mut fields =
            vec![Field::new(DATASET, DataType::Utf8, false), Field::new(CELL_ID, DataType::Utf8, false)];
        fields.extend(self.obs.iter().map(ObsField::to_arrow));
        fields.extend(self.heads.iter().map(|head| Field::new(&head.name, vector_type(head.dim), false)));
        fields.extend(
            self.modalities.iter().map(|name| Field::new(present_name(name), DataType::Boolean, false)),
        );
        Arc::new(Schema::new(fields).with_metadata(self.metadata().into_iter().collect::<HashMap<_, _>>()))
    }

    /// Returns the metadata by key.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        [
            (FORMAT_KEY.to_owned(), EMBEDDINGS_FORMAT.to_owned()),
            (MANIFEST_KEY.to_owned(), self.manifest.to_json()),
            (MODALITIES_KEY.to_owned(), serde_json::json!(self.modalities).to_string()),
        ]
        .into_iter()
        .collect()
    }

    /// Reads the Arrow schema of an embeddings table; `source` names it in messages.
    ///
    /// # Errors
    /// Contract for another kind of table, incompatible for another version.
    pub fn from_arrow(schema: &Schema, source: &str) -> Result<Self> {
        let metadata: BTreeMap<&str, &str> =
            schema.metadata().iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        let (manifest, modalities) = read_metadata(|key| metadata.get(key).copied(), source)?;
        for name in [DATASET, CELL_ID] {
            schema.field_with_name(name).map_err(|_| column::missing(schema, name, source))?;
        }
        let present: Vec<String> = modalities.iter().map(|name| present_name(name)).collect();
        for name in &present {
            schema.field_with_name(name).map_err(|_| column::missing(schema, name, source))?;
        }
        let (mut obs, mut heads) = (Vec::new(), Vec::new());
        for field in schema.fields() {
            let name = field.name();
            match field.data_type() {
                DataType::FixedSizeList(item, dim) if *item.data_type() == DataType::Float32 => {
                    heads.push(Head { name: name.clone(), dim: *dim as usize });
                }
                _ if name == DATASET || name == CELL_ID || present.contains(name) => {}
                _ => obs.push(ObsField::from_arrow(field, source)?),
            }
        }
        Ok(Self { obs, heads, modalities, manifest })
    }
}

/// Reads format, manifest and modalities from the metadata of a table or a safetensors file.
pub(super) fn read_metadata<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
    source: &str,
) -> Result<(Manifest, Vec<String>)> {
    check_format(get(FORMAT_KEY), EMBEDDINGS_FORMAT, source)?;
    let manifest = Manifest::from_json(get(MANIFEST_KEY).unwrap_or_default(), source)?;
    let modalities = serde_json::from_str(get(MODALITIES_KEY).unwrap_or("[]"))
        .map_err(|error| Error::contract(format!("{source}: {MODALITIES_KEY} is damaged")).source(error))?;
    Ok((manifest, modalities))
}

/// Returns the name of the column that says whether a modality was present.
pub(super) fn present_name(modality: &str) -> String {
    format!("{modality}_present")
}
