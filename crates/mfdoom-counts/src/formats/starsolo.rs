//! STARsolo's output folder: counts of genes, and of Velocyto over all barcodes, as one file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mfdoom_error::Result;

use super::composed::{Composed, Names, Opener, Part};
use super::tenx_mtx::{Folder, Lists};
use super::{Content, Format, Found};
use crate::file::CountsFile;
use crate::matrix::{MappedRows, Matrix, Missing, RowSource};
use crate::place::Place;
use crate::source::Source;

/// Folders of STARsolo, `Solo.out/`.
#[derive(Debug)]
pub(super) struct StarSolo;

/// Folders of counts, and the matrices that they become; the first that is there names the cells.
const COUNTS: [(&str, &str); 4] = [
    ("Gene", "X"),
    ("GeneFull", "layers/GeneFull"),
    ("GeneFull_Ex50pAS", "layers/GeneFull_Ex50pAS"),
    ("GeneFull_ExonOverIntron", "layers/GeneFull_ExonOverIntron"),
];
const VELOCYTO: &str = "Velocyto";
/// Within each, called cells before all barcodes.
const INNER: [&str; 2] = ["filtered", "raw"];

impl Format for StarSolo {
    fn name(&self) -> &'static str {
        "STARsolo folder (Solo.out)"
    }

    fn recognises(&self, found: &Found) -> bool {
        let names = COUNTS.iter().map(|(name, _)| *name).chain([VELOCYTO]);
        matches!(found.content, Content::Folder(_))
            && names.into_iter().any(|name| found.has(name) && inner(&found.path.join(name)).is_some())
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let place = found.place;
        let counts = COUNTS.iter().map(|(name, source)| (*name, Some(*source)));
        let mut whole: Option<Whole> = None;
        for (name, source) in counts.chain([(VELOCYTO, None)]) {
            let Some((path, names)) = inner(&found.path.join(name)) else { continue };
            let folder = Folder { path: &path, names: &names, prefix: String::new() };
            let lists = Lists::read(&folder)?;
            let (mut matrices, files) = lists.matrices(&folder)?;
            if let (Some(source), Some(first)) = (source, matrices.first_mut()) {
                // The first folder of counts gives X, whichever it is.
                first.source = if whole.is_none() { Source::X } else { source.parse()? };
            }
            match &mut whole {
                None => whole = Some(Whole::new(lists, matrices, files)),
                Some(whole) => whole.add(&lists, matrices, files, &place)?,
            }
        }
        let Some(Whole { lists, matrices, files }) = whole else {
            return Err(place
                .broken("has no matrix")
                .wanted("Gene, GeneFull or Velocyto with raw or filtered"));
        };
        let cells = Names::Held(lists.cells);
        Ok(Box::new(Composed { place, format: self.name(), parts: files, cells, obs: Vec::new(), matrices }))
    }
}

/// The folder of a matrix within one of STARsolo's, and the names in it.
fn inner(folder: &Path) -> Option<(PathBuf, Vec<String>)> {
    INNER.iter().map(|name| folder.join(name)).find_map(|path| {
        let entries = std::fs::read_dir(&path).ok()?;
        let names: Vec<String> = entries
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        let matrix = names.iter().any(|name| name.trim_end_matches(".gz").ends_with(".mtx"));
        matrix.then_some((path, names))
    })
}

/// What was found so far.
struct Whole {
    lists: Lists,
    matrices: Vec<Part>,
    files: Vec<PathBuf>,
}

impl Whole {
    fn new(lists: Lists, matrices: Vec<Part>, more: Vec<PathBuf>) -> Self {
        let files = lists.parts.iter().cloned().chain(more).collect();
        Self { lists, matrices, files }
    }

    /// Adds matrices of other barcodes: a cell that is not among them has no count there.
    fn add(&mut self, lists: &Lists, matrices: Vec<Part>, more: Vec<PathBuf>, place: &Place) -> Result<()> {
        if lists.features.names != self.lists.features.names {
            return Err(place
                .broken("its matrices have different genes")
                .found(format!("{} and {}", self.lists.features.names.len(), lists.features.names.len()))
                .wanted("one annotation for all of them")
                .help("name one of the folders"));
        }
        let rows: HashMap<&str, u32> = lists.cells.iter().zip(1..).collect();
        let row = |name: &str| rows.get(name).copied().unwrap_or(0);
        let map: Arc<Vec<u32>> = Arc::new(self.lists.cells.iter().map(row).collect());
        let found = map.iter().filter(|row| **row > 0).count();
        if found < map.len() {
            tracing::info!("{}: {found} of {} cells have counts of Velocyto", place.file(), map.len());
        }
        let shape = (lists.cells.len(), lists.features.names.len());
        for Part { source, features, open } in matrices {
            let (map, at) = (map.clone(), place.at(&source.to_string()));
            let mapped: Opener = Box::new(move || {
                let matrix = Matrix::new(shape, open()?, at.clone())?;
                Ok(Box::new(MappedRows::new(matrix, Box::new(map.clone()), Missing::Empty))
                    as Box<dyn RowSource>)
            });
            self.matrices.push(Part { source, features, open: mapped });
        }
        self.files.extend(lists.parts.iter().cloned().chain(more));
        Ok(())
    }
}
