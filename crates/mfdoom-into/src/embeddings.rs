//! Embeddings added to the AnnData file that the cells come from: `obsm/X_mfdoom`, `obsm/X_mfdoom_<head>`,
//! `obs/mfdoom_embedded`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use mfdoom_artifact::{EmbeddingBatch, EmbeddingSchema};
use mfdoom_counts::{Column, H5ad, H5adUpdate};
use mfdoom_error::{Error, Result};

/// Embeddings of the cells of one h5ad file, collected until they can be written.
pub struct EmbeddingsInto {
    path: PathBuf,
    rows: HashMap<String, usize>,
    heads: Vec<(String, usize, Vec<f32>)>,
    found: Vec<bool>,
    dataset: Vec<String>,
    strangers: usize,
}

impl EmbeddingsInto {
    /// Reads the names of the file's cells.
    ///
    /// # Errors
    /// Contract: the file cannot be read or names a cell twice.
    pub fn open(path: &Path, schema: &EmbeddingSchema) -> Result<Self> {
        let file = H5ad::open(path)?;
        let names = file.obs_names()?;
        let n = names.len();
        let mut rows = HashMap::with_capacity(n);
        for (row, name) in names.into_iter().enumerate() {
            if let Some(first) = rows.insert(name, row) {
                return Err(Error::contract(format!("{}: two cells have the same name", path.display()))
                    .found(format!("rows {first} and {row}"))
                    .help("make them unique: adata.obs_names_make_unique()"));
            }
        }
        let heads = schema.heads.iter().map(|h| (key(&h.name), h.dim, vec![f32::NAN; n * h.dim])).collect();
        Ok(Self {
            path: path.to_owned(),
            rows,
            heads,
            found: vec![false; n],
            dataset: Vec::new(),
            strangers: 0,
        })
    }

    /// Takes the embeddings of those cells that the file has.
    ///
    /// # Errors
    /// Contract: cells of the same name come from two data sets.
    pub fn add(&mut self, batch: &EmbeddingBatch) -> Result<()> {
        for (i, (dataset, cell)) in batch.dataset.iter().zip(&batch.cell_id).enumerate() {
            let Some(&row) = self.rows.get(cell) else {
                self.strangers += 1;
                continue;
            };
            if std::mem::replace(&mut self.found[row], true) {
                return Err(Error::contract(format!(
                    "{}: cell '{cell}' has embeddings in two data sets of the tokens",
                    self.path.display()
                ))
                .found(format!("{} and {dataset}", self.dataset.join(", ")))
                .help("embed the tokens of this file alone"));
            }
            if !self.dataset.contains(dataset) {
                self.dataset.push(dataset.clone());
            }
            for ((_, dim, to), from) in self.heads.iter_mut().zip(&batch.heads) {
                to[row * *dim..(row + 1) * *dim].copy_from_slice(&from[i * *dim..(i + 1) * *dim]);
            }
        }
        Ok(())
    }

    /// Writes a copy of the file with the embeddings and puts it in the file's place.
    ///
    /// # Errors
    /// Contract: no cell of the tokens is in the file. Failed where the disk does.
    pub fn commit(self) -> Result<()> {
        let found = self.found.iter().filter(|f| **f).count();
        if found == 0 {
            return Err(Error::contract(format!(
                "{}: none of the embedded cells is in it",
                self.path.display()
            ))
            .found(format!("{} cells of other names", self.strangers))
            .wanted("cells with the names of obs")
            .help("give --into the file that the tokens were made of"));
        }
        if self.strangers > 0 {
            tracing::warn!("{} embedded cells are not in {}", self.strangers, self.path.display());
        }
        let total = self.found.len();
        let mut file = H5adUpdate::open(&self.path)?;
        for (key, dim, values) in self.heads {
            file.set_obsm(&key, dim, &values)?;
        }
        let flags = self.found.into_iter().map(Some).collect();
        file.set_obs("mfdoom_embedded", &Column::Bool(flags))?;
        file.commit()?;
        tracing::info!("{}: {found} of {total} cells have an embedding now", self.path.display());
        Ok(())
    }
}

/// Returns the key in obsm: `X_mfdoom` for fusion, `X_mfdoom_<head>` for the others.
fn key(head: &str) -> String {
    match head {
        "fusion" => "X_mfdoom".into(),
        other => format!("X_mfdoom_{other}"),
    }
}
