//! Embeddings to project velocities on: `FILE.h5ad:X_umap`, `FILE.parquet:HEAD`.

use std::path::{Path, PathBuf};

use mfdoom_artifact::key::by_key;
use mfdoom_artifact::{EmbeddingReader, Input, InputId, place, sha256_file};
use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;

/// The cells that coordinates are wanted for, in order.
pub struct WantedCells<'a> {
    /// Data set of each cell.
    pub dataset: &'a [String],
    /// Id of each cell.
    pub cell_id: &'a [String],
}

/// Coordinates of all cells.
pub struct Embedding {
    /// Name in files, such as `umap`.
    pub basis: String,
    /// Coordinates, [n_cells, dim].
    pub coordinates: Matrix,
    /// Where they come from; nothing for a UMAP made here.
    pub input: Option<InputId>,
}

/// Reads what `FILE:KEY` names, for the cells of a velocity folder.
///
/// # Errors
/// Usage: no `FILE:KEY`. Contract: no such file or key, or cells without coordinates.
pub fn read(text: &str, cells: &WantedCells<'_>) -> Result<Embedding> {
    let (path, key) = match text.rsplit_once(':') {
        Some((path, key)) if !path.is_empty() && !key.is_empty() => (PathBuf::from(path), Some(key)),
        _ => (PathBuf::from(text), None),
    };
    let h5ad = path.extension().is_some_and(|extension| extension == "h5ad");
    let (basis, coordinates) = match key {
        Some(key) if h5ad => from_h5ad(&path, key, cells)?,
        None if h5ad => {
            return Err(Error::usage(format!("--embedding {text} names no matrix"))
                .wanted("FILE.h5ad:KEY, the key being one of obsm, such as X_umap"));
        }
        _ => from_table(&path, key, cells)?,
    };
    let input = InputId { name: place::base_name(&path), content_id: sha256_file(&path)? };
    Ok(Embedding { basis: basis.trim_start_matches("X_").to_owned(), coordinates, input: Some(input) })
}

/// Reads a matrix of `obsm`.
fn from_h5ad(path: &Path, key: &str, cells: &WantedCells<'_>) -> Result<(String, Matrix)> {
    let file = H5ad::open(path)?;
    let matrix = file.obsm(key)?;
    let source = path.display().to_string();
    let names = file.obs_names()?.into_iter().map(|name| (String::new(), name));
    let rows = by_key(&source, names.zip(0..))?;
    let pick = |_: &str, cell: &str| Some(matrix.row(*rows.get(&(String::new(), cell.to_owned()))?));
    Ok((key.to_owned(), gather(cells, matrix.n_cols(), pick, &source)?))
}

/// Reads a head of a table of embeddings; without a name, the only one.
fn from_table(path: &Path, head: Option<&str>, cells: &WantedCells<'_>) -> Result<(String, Matrix)> {
    let name = path.display().to_string();
    let reader = EmbeddingReader::open(&Input::Path(path.to_owned()))?;
    let schema = reader.schema().clone();
    let at = match head {
        Some(head) => schema.head(head).map_err(|error| error.context(&name))?,
        None if schema.heads.len() == 1 => 0,
        None => {
            let heads: Vec<&str> = schema.heads.iter().map(|head| head.name.as_str()).collect();
            return Err(Error::usage(format!("{name}: which head?"))
                .found(heads.join(", "))
                .help(format!("--embedding {name}:HEAD")));
        }
    };
    let dim = schema.heads[at].dim;
    let foreign = schema.manifest.stage.is_empty();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch?;
        for (row, cell) in batch.cell_id.into_iter().enumerate() {
            let dataset = if foreign { String::new() } else { batch.dataset[row].clone() };
            rows.push(((dataset, cell), batch.heads[at][row * dim..(row + 1) * dim].to_vec()));
        }
    }
    let found = by_key(&name, rows)?;
    let pick = |dataset: &str, cell: &str| {
        let dataset = if foreign { "" } else { dataset };
        found.get(&(dataset.to_owned(), cell.to_owned())).map(Vec::as_slice)
    };
    Ok((schema.heads[at].name.clone(), gather(cells, dim, pick, &name)?))
}

/// Collects the coordinates of the wanted cells.
fn gather<'a>(
    cells: &WantedCells<'_>,
    dim: usize,
    pick: impl Fn(&str, &str) -> Option<&'a [f32]>,
    source: &str,
) -> Result<Matrix> {
    let mut data = Vec::with_capacity(cells.cell_id.len() * dim);
    let mut missing: Vec<&str> = Vec::new();
    for (dataset, cell) in cells.dataset.iter().zip(cells.cell_id) {
        match pick(dataset, cell) {
            Some(row) if row.iter().all(|value| value.is_finite()) => data.extend_from_slice(row),
            _ => missing.push(cell),
        }
    }
    if let Some(first) = missing.first() {
        return Err(Error::contract(format!("{source}: cells without coordinates"))
            .found(format!("{} of {}, such as '{first}'", missing.len(), cells.cell_id.len()))
            .wanted("finite coordinates for every cell of the velocity folder")
            .help("embed all cells, or fit the same cells: --cells"));
    }
    Matrix::new(data, cells.cell_id.len(), dim).map_err(Error::refusal)
}
