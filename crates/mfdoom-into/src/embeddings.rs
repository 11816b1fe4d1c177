//! Embeddings: `obsm/X_mfdoom`, `obsm/X_mfdoom_<head>`, `obs/mfdoom_embedded`.

use std::path::{Path, PathBuf};

use mfdoom_artifact::{Column, EmbeddingBatch, EmbeddingSchema};
use mfdoom_error::{Error, Result};

use crate::cells::FileCells;
use crate::target::Target;

/// Embeddings of the cells of one file, collected while they are made.
pub struct EmbeddingsInto {
    path: PathBuf,
    cells: FileCells,
    heads: Vec<Head>,
    found: Vec<bool>,
    dataset: Vec<String>,
    /// Embedded cells that the file does not have.
    unknown: usize,
    /// Whether a cell came of the data set that is named as the file: then no others are taken.
    own: bool,
    /// Cells of other data sets, where they are not taken.
    others: usize,
    /// A cell that is in two data sets.
    twice: Option<String>,
}

struct Head {
    key: String,
    dim: usize,
    /// Vectors of the cells of the file, [n_obs, dim] row by row.
    values: Vec<f32>,
}

impl EmbeddingsInto {
    /// Reads the names of the file's cells.
    ///
    /// # Errors
    /// Contract: the file cannot be read or names a cell twice.
    pub fn open(path: &Path, schema: &EmbeddingSchema) -> Result<Self> {
        Ok(Self::of(path, FileCells::read(path)?, schema))
    }

    pub(crate) fn of(path: &Path, cells: FileCells, schema: &EmbeddingSchema) -> Self {
        let n = cells.len();
        let head = |head: &mfdoom_artifact::Head| Head {
            key: key(&head.name),
            dim: head.dim,
            values: vec![f32::NAN; n * head.dim],
        };
        let heads = schema.heads.iter().map(head).collect();
        Self {
            path: path.to_owned(),
            cells,
            heads,
            found: vec![false; n],
            dataset: Vec::new(),
            unknown: 0,
            own: false,
            others: 0,
            twice: None,
        }
    }

    /// Takes the embeddings of those cells that the file has; of several data sets those of the one that is named as the
    /// file, if there is one.
    pub fn add(&mut self, batch: &EmbeddingBatch) {
        for (i, (dataset, cell)) in batch.dataset.iter().zip(&batch.cell_id).enumerate() {
            let own = self.cells.is_own(dataset);
            if own && !self.own {
                self.forget();
            }
            if self.own && !own {
                self.others += 1;
                continue;
            }
            let Some(row) = self.cells.row(cell) else {
                self.unknown += 1;
                continue;
            };
            if std::mem::replace(&mut self.found[row], true) {
                self.twice.get_or_insert_with(|| cell.clone());
            }
            if !self.dataset.contains(dataset) {
                self.dataset.push(dataset.clone());
            }
            for (Head { dim, values, .. }, from) in self.heads.iter_mut().zip(&batch.heads) {
                values[row * *dim..(row + 1) * *dim].copy_from_slice(&from[i * *dim..(i + 1) * *dim]);
            }
        }
    }

    /// Drops what came of other data sets, once a cell of the file's own is seen.
    fn forget(&mut self) {
        self.others = self.unknown + self.found.iter().filter(|found| **found).count();
        (self.own, self.unknown, self.twice) = (true, 0, None);
        self.dataset.clear();
        self.found.fill(false);
        self.heads.iter_mut().for_each(|head| head.values.fill(f32::NAN));
    }

    /// Adds the embeddings to the file, in one rename.
    ///
    /// # Errors
    /// Contract: no embedded cell is in the file. Failed: the file was changed meanwhile, or the disk is full.
    pub fn commit(self) -> Result<()> {
        let mut target = Target::in_place(&self.path)?;
        target.check_cells(&self.cells)?;
        self.write(&mut target)?;
        target.commit()
    }

    pub(crate) fn write(self, target: &mut Target) -> Result<()> {
        if let Some(cell) = &self.twice {
            return Err(Error::contract(format!(
                "{}: cell '{cell}' has embeddings in two data sets",
                self.path.display()
            ))
            .found(self.dataset.join(", "))
            .wanted("one data set that is named as the file, or cells of different names")
            .help("embed the tokens of this file's cells alone"));
        }
        self.cells.say_left_out(self.others);
        let n_found = self.found.iter().filter(|found| **found).count();
        if n_found == 0 {
            return Err(Error::contract(format!(
                "{}: none of the embedded cells is in it",
                self.path.display()
            ))
            .found(format!("{} cells of other names", self.unknown))
            .wanted("cells with the names of obs")
            .help("give the file that the tokens were made of"));
        }
        if self.unknown > 0 {
            tracing::warn!("{} embedded cells are not in {}", self.unknown, self.path.display());
        }
        for Head { key, dim, values } in &self.heads {
            target.update.set_obsm(key, *dim, values)?;
        }
        let flags = self.found.into_iter().map(Some).collect();
        target.update.set_obs("mfdoom_embedded", &Column::Bool(flags))?;
        target.note(n_found, "an embedding");
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
