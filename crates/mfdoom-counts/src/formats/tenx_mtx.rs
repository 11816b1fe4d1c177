//! Folders of a Matrix Market file next to lists of barcodes and features: Cell Ranger, STARsolo and others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mfdoom_error::Result;

use super::composed::{Composed, Features, Names, Part};
use super::mtx::Mtx;
use super::{Content, Format, Found, text};
use crate::file::CountsFile;
use crate::source::Source;

/// Folders as Cell Ranger writes them, `filtered_feature_bc_matrix/`.
#[derive(Debug)]
pub(super) struct TenxFolder;

/// Names of the list of features, the newest first.
const FEATURES: [&str; 2] = ["features.tsv", "genes.tsv"];
const BARCODES: &str = "barcodes.tsv";
const MATRIX: &str = "matrix.mtx";
/// Matrices of STARsolo's Velocyto, and the layers that they are.
const VELOCYTO: [(&str, &str); 3] =
    [("spliced.mtx", "spliced"), ("unspliced.mtx", "unspliced"), ("ambiguous.mtx", "ambiguous")];

impl Format for TenxFolder {
    fn name(&self) -> &'static str {
        "Matrix Market folder (Cell Ranger, STARsolo)"
    }

    fn recognises(&self, found: &Found) -> bool {
        let Content::Folder(names) = &found.content else { return false };
        prefix(names).is_some()
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Content::Folder(names) = &found.content else { return Err(found.place.broken("is no folder")) };
        let folder = Folder { path: &found.path, names, prefix: prefix(names).unwrap_or_default() };
        let lists = Lists::read(&folder)?;
        let (matrices, more) = lists.matrices(&folder)?;
        let parts = lists.parts.into_iter().chain(more).collect();
        let (place, cells) = (found.place.clone(), Names::Held(lists.cells));
        Ok(Box::new(Composed { place, format: self.name(), parts, cells, obs: Vec::new(), matrices }))
    }
}

/// A folder and what stands before the names of its files.
pub(super) struct Folder<'a> {
    /// Where it is.
    pub(super) path: &'a Path,
    /// The names in it.
    pub(super) names: &'a [String],
    /// What stands before the names of its files.
    pub(super) prefix: String,
}

impl Folder<'_> {
    fn find(&self, name: &str) -> Option<PathBuf> {
        text::member(self.path, self.names, &format!("{}{name}", self.prefix))
    }
}

/// What stands before the names of a folder's files, where it holds one matrix with its lists.
fn prefix(names: &[String]) -> Option<String> {
    let has = |name: &str| names.iter().any(|found| found == name || *found == format!("{name}.gz"));
    let ends =
        names.iter().filter_map(|name| name.strip_suffix(".gz").unwrap_or(name).strip_suffix(BARCODES));
    let mut prefixes = ends.filter(|prefix| {
        let matrix = has(&format!("{prefix}{MATRIX}"))
            || VELOCYTO.iter().any(|(name, _)| has(&format!("{prefix}{name}")));
        matrix && FEATURES.iter().any(|name| has(&format!("{prefix}{name}")))
    });
    let first = prefixes.next()?.to_owned();
    prefixes.next().is_none().then_some(first)
}

/// Barcodes and features of a folder.
pub(super) struct Lists {
    pub(super) cells: text::Texts,
    pub(super) features: Arc<Features>,
    pub(super) parts: Vec<PathBuf>,
}

impl Lists {
    /// Reads them.
    pub(super) fn read(folder: &Folder<'_>) -> Result<Self> {
        let barcodes = folder.find(BARCODES).unwrap_or_else(|| folder.path.join(BARCODES));
        let list = FEATURES.iter().find_map(|name| folder.find(name));
        let list = list.unwrap_or_else(|| folder.path.join(FEATURES[0]));
        let cells = text::names(&barcodes)?;
        let features = Arc::new(features(&list)?);
        Ok(Self { cells, features, parts: vec![barcodes, list] })
    }

    /// Finds the matrices, and the files that hold them.
    pub(super) fn matrices(&self, folder: &Folder<'_>) -> Result<(Vec<Part>, Vec<PathBuf>)> {
        let (mut matrices, mut parts) = (Vec::new(), Vec::new());
        let layer = |name: &str| Source::Layer(name.to_owned());
        if let Some(path) = folder.find(MATRIX) {
            let mtx = Mtx::open(&path)?;
            // STARsolo's Velocyto, before it had a file each: spliced, unspliced and ambiguous in one entry.
            let sources = match mtx.n_values {
                3 => VELOCYTO.iter().map(|(_, name)| layer(name)).collect(),
                _ => vec![Source::X],
            };
            for (value, source) in sources.into_iter().enumerate() {
                matrices.push(self.part(&mtx, source, value)?);
            }
            parts.push(path);
        }
        for (name, modality) in VELOCYTO {
            if let Some(path) = folder.find(name) {
                matrices.push(self.part(&Mtx::open(&path)?, layer(modality), 0)?);
                parts.push(path);
            }
        }
        Ok((matrices, parts))
    }

    fn part(&self, mtx: &Mtx, source: Source, value: usize) -> Result<Part> {
        let cells = mtx.cells(self.cells.len(), self.features.names.len())?;
        let mtx = mtx.clone();
        Ok(Part {
            source,
            features: self.features.clone(),
            open: Box::new(move || Ok(Box::new(mtx.rows(cells, value)))),
        })
    }
}

/// Reads `features.tsv` or `genes.tsv`: id, symbol, feature type.
fn features(path: &Path) -> Result<Features> {
    let mut columns = text::columns(path)?.into_iter();
    let ids = columns.next().unwrap_or_default();
    Ok(Features::new(ids, columns.next(), columns.next()))
}
