//! What a token table promises about its values.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use mfdoom_error::{Error, Result};

use crate::schema::TokenSchema;
use crate::tokens::TokenBatch;

/// Checks of values against schema and measured genes.
pub(super) struct Checker {
    modalities: Vec<String>,
    n_genes: u32,
    /// Per data set and modality, which token ids were measured; nothing where the modality was not.
    measured: BTreeMap<String, Vec<Option<Arc<[bool]>>>>,
}

impl Checker {
    pub(super) fn new(schema: &TokenSchema) -> Self {
        let n_genes = schema.vocabulary.len();
        let mut known: HashMap<*const u32, Arc<[bool]>> = HashMap::new();
        let mut measured: BTreeMap<String, Vec<Option<Arc<[bool]>>>> = BTreeMap::new();
        for (dataset, modality, set) in schema.measured.iter() {
            let mask = known.entry(set.as_ptr()).or_insert_with(|| {
                let mut mask = vec![false; n_genes + 1];
                set.iter().for_each(|&token| mask[token as usize] = true);
                mask.into()
            });
            let masks =
                measured.entry(dataset.to_owned()).or_insert_with(|| vec![None; schema.modalities.len()]);
            if let Some(m) = schema.modalities.iter().position(|name| name == modality) {
                masks[m] = Some(mask.clone());
            }
        }
        Self { modalities: schema.modalities.clone(), n_genes: n_genes as u32, measured }
    }

    /// Checks every cell of `batch`; `source` names the table in messages.
    pub(super) fn check(&self, batch: &TokenBatch, source: &str) -> Result<()> {
        for row in 0..batch.len() {
            for (m, tokens) in batch.modalities.iter().enumerate() {
                if tokens.present[row] {
                    let (index, count) = tokens.cell(row);
                    let cell = Cell { index, count, library_size: tokens.library_size[row] };
                    let mask = self.measured.get(&batch.dataset[row]).and_then(|masks| masks[m].as_deref());
                    self.check_cell(&cell, mask).map_err(|error| {
                        let (cell, dataset) = (&batch.cell_id[row], &batch.dataset[row]);
                        let name = &self.modalities[m];
                        error.context(format!("{source}: {name} of cell {cell:?} of {dataset:?}"))
                    })?;
                }
            }
        }
        Ok(())
    }

    fn check_cell(&self, cell: &Cell<'_>, measured: Option<&[bool]>) -> Result<()> {
        let Some(measured) = measured else {
            return Err(Error::contract("holds tokens of a modality this data set did not measure")
                .wanted("null, or the data set in mfdoom.measured"));
        };
        if let Some(pair) = cell.index.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Error::contract("token ids are not ascending")
                .found(format!("{} before {}", pair[0], pair[1])));
        }
        if let Some(id) = cell.index.iter().find(|id| !(1..=self.n_genes).contains(*id)) {
            return Err(Error::contract("a token id is outside the vocabulary")
                .found(id.to_string())
                .wanted(format!("1 to {}", self.n_genes)));
        }
        if let Some(id) = cell.index.iter().find(|id| !measured[**id as usize]) {
            return Err(Error::contract("a token of a gene this data set did not measure")
                .found(format!("token id {id}"))
                .wanted("a gene listed in mfdoom.measured"));
        }
        if let Some(count) = cell.count.iter().find(|count| !(**count > 0.0 && count.is_finite())) {
            return Err(Error::contract("a count is not above zero").found(count.to_string()));
        }
        if !(cell.library_size >= 0.0 && cell.library_size.is_finite()) {
            return Err(
                Error::contract("the library size is not a count").found(cell.library_size.to_string())
            );
        }
        Ok(())
    }
}

struct Cell<'a> {
    index: &'a [u32],
    count: &'a [f32],
    library_size: f64,
}
