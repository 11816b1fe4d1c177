//! Folders of alevin-fry: cells by genes, in USA mode spliced, unspliced and ambiguous counts side by side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mfdoom_error::Result;

use super::composed::{Composed, Features, Names, Part};
use super::mtx::Mtx;
use super::{Content, Format, Found, text};
use crate::file::CountsFile;
use crate::matrix::{ChosenColumns, Matrix, RowSource};
use crate::place::Place;
use crate::source::Source;

const MATRIX: &str = "quants_mat.mtx";
const CELLS: &str = "quants_mat_rows.txt";
const GENES: &str = "quants_mat_cols.txt";
/// The folder of the matrix within the folder of a run.
const INNER: &str = "alevin";
/// Layers in the order in which USA mode has them.
const LAYERS: [&str; 3] = ["spliced", "unspliced", "ambiguous"];
/// What is appended to the ids of genes in the second and third part.
const SUFFIXES: [&str; 3] = ["", "-U", "-A"];

/// Folders of alevin-fry and simpleaf, `af_quant/`.
#[derive(Debug)]
pub(super) struct AlevinFry;

impl Format for AlevinFry {
    fn name(&self) -> &'static str {
        "alevin-fry folder"
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
        let parts = vec![find(MATRIX), find(CELLS), find(GENES)];
        let mtx = Mtx::open(&parts[0])?;
        let cells = text::names(&parts[1])?;
        let ids: Vec<String> = text::names(&parts[2])?.iter().map(str::to_owned).collect();
        let matrices = matrices(mtx, cells.len(), ids, &found.place)?;
        let (place, cells) = (found.place, Names::Held(cells));
        Ok(Box::new(Composed { place, format: self.name(), parts, cells, obs: Vec::new(), matrices }))
    }
}

fn is_inner(names: &[String]) -> bool {
    let has = |name: &str| names.iter().any(|found| found == name || *found == format!("{name}.gz"));
    has(MATRIX) && has(CELLS) && has(GENES)
}

fn inner(path: &Path) -> (PathBuf, Vec<String>) {
    let folder = path.join(INNER);
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let names = names.collect();
    (folder, names)
}

fn matrices(mtx: Mtx, n_cells: usize, ids: Vec<String>, place: &Place) -> Result<Vec<Part>> {
    let n = ids.len();
    let thrice = mtx.shape == (n_cells, 3 * n) || mtx.shape == (3 * n, n_cells);
    let genes = if thrice { Some(ids.clone()) } else { usa(&ids) };
    let Some(genes) = genes else {
        let axis = mtx.cells(n_cells, n)?;
        let features = Arc::new(Features::new(ids, None, None));
        return Ok(vec![Part {
            source: Source::X,
            features,
            open: Box::new(move || Ok(Box::new(mtx.rows(axis, 0)))),
        }]);
    };
    let n = genes.len();
    let axis = mtx.cells(n_cells, 3 * n)?;
    let features = Arc::new(Features::new(genes, None, None));
    let part = |(third, name): (usize, &str)| {
        let source = Source::Layer(name.to_owned());
        let (mtx, at) = (mtx.clone(), place.at(&source.to_string()));
        Part {
            source,
            features: features.clone(),
            open: Box::new(move || {
                let whole = Matrix::new((n_cells, 3 * n), Box::new(mtx.rows(axis, 0)), at.clone())?;
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
