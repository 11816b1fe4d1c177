//! Where heads and columns are in a table of embeddings.

use mfdoom_artifact::{EmbeddingSchema, Input};
use mfdoom_error::{Error, Result};

use super::input::{choose, find_column, need_column};
use crate::args::EmbeddingArgs;

/// What batches are where each data set is one.
const DATASET: &str = "dataset";

/// Where the heads and columns asked for are.
#[derive(Clone)]
pub(super) struct Layout {
    /// The heads to score, then that before integration, where asked for.
    pub(super) heads: Vec<HeadPlace>,
    pub(super) has_before: bool,
    pub(super) label: Option<usize>,
    pub(super) batch: Option<BatchPlace>,
}

/// Where the batch of a cell is.
#[derive(Clone, Copy)]
pub(super) enum BatchPlace {
    Column(usize),
    Dataset,
}

/// Where a head is.
#[derive(Clone)]
pub(super) struct HeadPlace {
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) dim: usize,
    /// Position of the modality of the head's name.
    pub(super) present: Option<usize>,
}

impl Layout {
    /// Finds them in a table.
    ///
    /// # Errors
    /// Usage: no such head. Contract: no such batch column.
    pub(super) fn of(schema: &EmbeddingSchema, args: &EmbeddingArgs, source: &str) -> Result<Self> {
        let names: Vec<String> = schema.heads.iter().map(|head| head.name.clone()).collect();
        let columns: Vec<String> = schema.obs.iter().map(|field| field.name.clone()).collect();
        let mut chosen = choose(&names, &args.heads, source)?;
        if let Some(before) = &args.before {
            chosen.extend(choose(&names, std::slice::from_ref(before), source)?);
        }
        let heads = chosen.into_iter().map(|at| HeadPlace {
            name: names[at].clone(),
            at,
            dim: schema.heads[at].dim,
            present: schema.modalities.iter().position(|modality| *modality == names[at]),
        });
        let find = |name: &String| find_column(&columns, name);
        let batch = match &args.batch_key {
            None => None,
            Some(name) if name == DATASET && find(name).is_none() => Some(BatchPlace::Dataset),
            Some(name) => {
                need_column(&columns, name, source, "--batch-key")?;
                find(name).map(BatchPlace::Column)
            }
        };
        Ok(Self {
            heads: heads.collect(),
            has_before: args.before.is_some(),
            label: args.label.as_ref().and_then(find),
            batch,
        })
    }

    /// Checks that a table has what another has.
    pub(super) fn check(&self, other: &Self, [input, first]: [&Input; 2]) -> Result<()> {
        let heads = |layout: &Self| {
            let head = |head: &HeadPlace| format!("{} of {}", head.name, head.dim);
            layout.heads.iter().map(head).collect::<Vec<_>>().join(", ")
        };
        if heads(self) != heads(other) {
            return Err(Error::contract(format!("{input}: other heads than in {first}"))
                .found(heads(self))
                .wanted(heads(other)));
        }
        let modalities =
            |layout: &Self| layout.heads.iter().map(|head| head.present.is_some()).collect::<Vec<_>>();
        if self.label.is_some() != other.label.is_some() || modalities(self) != modalities(other) {
            return Err(Error::contract(format!("{input}: other columns than in {first}"))
                .wanted("tables that one model made, with the same obs columns")
                .help("mfdoom-preprocess --obs"));
        }
        Ok(())
    }
}
