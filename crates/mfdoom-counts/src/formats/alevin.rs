//! Folders of alevin and alevin-fry: cells by genes, in USA mode spliced, unspliced and ambiguous counts side by side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mfdoom_error::Result;
use serde_json::Value;

use super::composed::{Composed, Features, Names, Part};
use super::eds::EdsRows;
use super::mtx::Mtx;
use super::{Content, Format, Found, text};
use crate::file::CountsFile;
use crate::matrix::{ChosenColumns, Matrix, RowSource};
use crate::place::Place;
use crate::source::Source;

const MATRIX: &str = "quants_mat.mtx";
/// The same, as flags and values.
const PACKED: &str = "quants_mat.gz";
const CELLS: &str = "quants_mat_rows.txt";
const GENES: &str = "quants_mat_cols.txt";
/// The folder of the matrix within the folder of a run.
const INNER: &str = "alevin";
/// Layers in the order in which USA mode has them.
const LAYERS: [&str; 3] = ["spliced", "unspliced", "ambiguous"];
/// What is appended to the ids of genes in the second and third part.
const SUFFIXES: [&str; 3] = ["", "-U", "-A"];

/// Folders of alevin, alevin-fry and simpleaf, `af_quant/`.
#[derive(Debug)]
pub(super) struct AlevinFry;

impl Format for AlevinFry {
    fn name(&self) -> &'static str {
        "alevin or alevin-fry folder"
    }

    fn recognises(&self, found: &Found) -> bool {
        let Content::Folder(names) = &found.content else { return false };
        is_inner(names) || found.has(INNER) && is_inner(&inner(&found.path).1)
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Content::Folder(names) = &found.content else { return Err(found.place.broken("is no folder")) };
        let (folder, names) =
            if is_inner(names) { (found.path.clone(), names.clone()) } else { inner(&found.path) };
        let find = |name: &str| text::member(&folder, &names, name).unwrap_or_else(|| folder.join(name));
        let packed = !has(&names, MATRIX);
        let parts = vec![if packed { folder.join(PACKED) } else { find(MATRIX) }, find(CELLS), find(GENES)];
        let cells = text::names(&parts[1])?;
        let ids: Vec<String> = text::names(&parts[2])?.iter().map(str::to_owned).collect();
        let counts = match packed {
            true => Stored::Eds(parts[0].clone(), width(&folder, &ids)),
            false => Stored::Mtx(Mtx::open(&parts[0])?),
        };
        let matrices = matrices(&counts, cells.len(), ids, &found.place)?;
        let (place, cells) = (found.place, Names::Held(cells));
        Ok(Box::new(Composed { place, format: self.name(), parts, cells, obs: Vec::new(), matrices }))
    }
}

fn is_inner(names: &[String]) -> bool {
    (has(names, MATRIX) || names.iter().any(|found| found == PACKED))
        && has(names, CELLS)
        && has(names, GENES)
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|found| found == name || *found == format!("{name}.gz"))
}

/// How the counts are stored.
enum Stored {
    Mtx(Mtx),
    /// The file, and its columns.
    Eds(PathBuf, usize),
}

impl Stored {
    /// Whether there are `n_columns` to a cell.
    fn is_of(&self, n_cells: usize, n_columns: usize) -> bool {
        match self {
            Self::Mtx(mtx) => mtx.shape == (n_cells, n_columns) || mtx.shape == (n_columns, n_cells),
            Self::Eds(_, width) => *width == n_columns,
        }
    }

    /// What opens the rows.
    fn opener(
        &self,
        n_cells: usize,
        n_columns: usize,
    ) -> Result<impl Fn() -> Box<dyn RowSource> + Clone + Send + Sync + use<>> {
        let axis = match self {
            Self::Mtx(mtx) => Some((mtx.clone(), mtx.cells(n_cells, n_columns)?)),
            Self::Eds(..) => None,
        };
        let path = if let Self::Eds(path, ..) = self { path.clone() } else { PathBuf::new() };
        Ok(move || match &axis {
            Some((mtx, axis)) => Box::new(mtx.rows(*axis, 0)) as Box<dyn RowSource>,
            None => Box::new(EdsRows::new(&path, (n_cells, n_columns))),
        })
    }
}

/// Columns of a matrix that does not say so: the genes, thrice where the run's own record says that USA mode was on.
fn width(folder: &Path, ids: &[String]) -> usize {
    let first = |value: &Value| value.as_array().map_or(value.clone(), |list| list[0].clone());
    let of_run = |name: &str| -> Option<usize> {
        let text = std::fs::read(folder.parent()?.join(name)).ok()?;
        let record: Value = serde_json::from_slice(&text).ok()?;
        let usa = first(record.get("usa_mode")?).as_bool()?;
        usa.then_some(first(record.get("num_genes")?).as_u64()? as usize)
    };
    let thrice = ["quant.json", "meta_info.json"].into_iter().find_map(of_run) == Some(3 * ids.len());
    if thrice { 3 * ids.len() } else { ids.len() }
}

fn inner(path: &Path) -> (PathBuf, Vec<String>) {
    let folder = path.join(INNER);
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let names = names.collect();
    (folder, names)
}

fn matrices(counts: &Stored, n_cells: usize, ids: Vec<String>, place: &Place) -> Result<Vec<Part>> {
    let n = ids.len();
    let genes = if counts.is_of(n_cells, 3 * n) { Some(ids.clone()) } else { usa(&ids) };
    let Some(genes) = genes else {
        let open = counts.opener(n_cells, n)?;
        let features = Arc::new(Features::new(ids, None, None));
        return Ok(vec![Part { source: Source::X, features, open: Box::new(move || Ok(open())) }]);
    };
    let n = genes.len();
    let open = counts.opener(n_cells, 3 * n)?;
    let features = Arc::new(Features::new(genes, None, None));
    let part = |(third, name): (usize, &str)| {
        let source = Source::Layer(name.to_owned());
        let (open, at) = (open.clone(), place.at(&source.to_string()));
        Part {
            source,
            features: features.clone(),
            open: Box::new(move || {
                let whole = Matrix::new((n_cells, 3 * n), open(), at.clone())?;
                let chosen: Vec<bool> = (0..3 * n).map(|column| column / n.max(1) == third).collect();
                Ok(Box::new(ChosenColumns::new(whole, chosen)) as Box<dyn RowSource>)
            }),
        }
    };
    Ok(LAYERS.into_iter().enumerate().map(part).collect())
}

/// The genes, where a list names each of them three times as USA mode does.
fn usa(ids: &[String]) -> Option<Vec<String>> {
    let n = ids.len() / 3;
    if n == 0 || ids.len() != 3 * n {
        return None;
    }
    let fits = (0..3).all(|third| {
        (0..n).all(|gene| ids[third * n + gene].strip_suffix(SUFFIXES[third]) == Some(ids[gene].as_str()))
    });
    fits.then(|| ids[..n].to_vec())
}
