//! Folders of kb count and bustools: cells by genes, a list next to each matrix.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use mfdoom_error::Result;

use super::composed::{Composed, Features, Names, Opener, Part};
use super::mtx::Mtx;
use super::text::{self, Texts};
use super::{Content, Format, Found};
use crate::file::CountsFile;
use crate::matrix::{MappedRows, Matrix, Missing, RowSource};
use crate::place::Place;
use crate::source::Source;

/// Folders of kallisto and bustools, `counts_unfiltered/`.
#[derive(Debug)]
pub(super) struct Bustools;

/// Last word of a matrix's name, and what it holds.
const LAYERS: [(&str, &str); 8] = [
    ("spliced", "spliced"),
    ("mature", "spliced"),
    ("unspliced", "unspliced"),
    ("nascent", "unspliced"),
    ("ambiguous", "ambiguous"),
    ("processed", "spliced"),
    ("cell", "cell"),
    ("nucleus", "nucleus"),
];

impl Format for Bustools {
    fn name(&self) -> &'static str {
        "kb or bustools folder"
    }

    fn recognises(&self, found: &Found) -> bool {
        let Content::Folder(names) = &found.content else { return false };
        !stems(names).is_empty()
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let Content::Folder(names) = &found.content else { return Err(found.place.broken("is no folder")) };
        let folder = &found.path;
        let mut parts: Vec<PathBuf> = Vec::new();
        let mut matrices = Vec::new();
        for (stem, lists) in stems(names) {
            let find = |name: String| text::member(folder, names, &name).unwrap_or_else(|| folder.join(name));
            let (matrix, cells) = (find(format!("{stem}.mtx")), find(format!("{lists}.barcodes.txt")));
            let genes = find(format!("{lists}.genes.txt"));
            let symbols = text::member(folder, names, &format!("{lists}.genes.names.txt"));
            for part in [&matrix, &cells, &genes].into_iter().chain(&symbols) {
                if !parts.contains(part) {
                    parts.push(part.clone());
                }
            }
            let ids: Vec<String> = text::names(&genes)?.iter().map(str::to_owned).collect();
            let symbols = symbols.map(|path| text::names(&path)).transpose()?;
            let symbols = symbols.map(|list| list.iter().map(str::to_owned).collect::<Vec<_>>());
            let symbols = symbols.filter(|symbols| symbols.len() == ids.len());
            matrices.push(Listed {
                source: source(&stem),
                mtx: Mtx::open(&matrix)?,
                cells: text::names(&cells)?,
                features: Arc::new(Features::new(ids, symbols, None)),
            });
        }
        compose(found.place.clone(), parts, matrices).map(|file| Box::new(file) as Box<dyn CountsFile>)
    }
}

/// A matrix and the lists next to it.
struct Listed {
    source: Source,
    mtx: Mtx,
    cells: Texts,
    features: Arc<Features>,
}

/// Names of the matrices of a folder without their ending, each with the name that its lists have.
fn stems(names: &[String]) -> Vec<(String, String)> {
    let has = |name: String| names.iter().any(|found| *found == name || *found == format!("{name}.gz"));
    let listed = |stem: &str| has(format!("{stem}.barcodes.txt")) && has(format!("{stem}.genes.txt"));
    let matrix = |name: &String| {
        let stem = name.strip_suffix(".gz").unwrap_or(name).strip_suffix(".mtx")?;
        if listed(stem) {
            return Some((stem.to_owned(), stem.to_owned()));
        }
        let (lists, _) = stem.rsplit_once('.')?;
        listed(lists).then(|| (stem.to_owned(), lists.to_owned()))
    };
    names.iter().filter_map(matrix).collect()
}

fn source(stem: &str) -> Source {
    let word = stem.rsplit(['.', '_']).next().unwrap_or(stem);
    match LAYERS.iter().find(|(known, _)| *known == word) {
        Some((_, layer)) => Source::Layer((*layer).to_owned()),
        None => Source::X,
    }
}

/// Joins the matrices by barcode: a cell that one of them lacks has no count there.
fn compose(place: Place, parts: Vec<PathBuf>, listed: Vec<Listed>) -> Result<Composed> {
    let mut cells = Texts::default();
    let mut places: HashMap<String, u32> = HashMap::new();
    for matrix in &listed {
        for name in matrix.cells.iter() {
            if !places.contains_key(name) {
                places.insert(name.to_owned(), cells.len() as u32);
                cells.push(name.as_bytes());
            }
        }
    }
    let n_cells = cells.len();
    let mut matrices: Vec<Part> = Vec::new();
    for Listed { source, mtx, cells: own, features } in listed {
        let axis = mtx.cells(own.len(), features.names.len())?;
        let same = own.len() == n_cells && own.iter().zip(cells.iter()).all(|(a, b)| a == b);
        let open: Opener = if same {
            Box::new(move || Ok(Box::new(mtx.rows(axis, 0))))
        } else {
            tracing::info!(
                "{}: {source} has {} of {n_cells} cells; the others have no count there",
                place.file(),
                own.len()
            );
            let mut map = vec![0; n_cells];
            own.iter().zip(1..).for_each(|(name, row)| map[places[name] as usize] = row);
            let (map, shape) = (Arc::new(map), (own.len(), features.names.len()));
            let at = place.at(&source.to_string());
            Box::new(move || {
                let matrix = Matrix::new(shape, Box::new(mtx.rows(axis, 0)), at.clone())?;
                let rows = MappedRows::new(matrix, Box::new(map.clone()), Missing::Empty);
                Ok(Box::new(rows) as Box<dyn RowSource>)
            })
        };
        if let Some(first) = matrices.first()
            && first.features.names != features.names
        {
            return Err(place
                .broken(format!("{source} has other genes than {}", first.source))
                .found(format!("{} genes, there {}", features.names.len(), first.features.names.len()))
                .wanted("the same genes in the same order"));
        }
        matrices.push(Part { source, features, open });
    }
    matrices.sort_by(|a, b| a.source.cmp(&b.source));
    if let Some(twice) = matrices.windows(2).find(|pair| pair[0].source == pair[1].source) {
        return Err(place
            .broken(format!("two matrices are {}", twice[0].source))
            .help("move one of them into a folder of its own"));
    }
    Ok(Composed {
        place,
        format: Bustools.name(),
        parts,
        cells: Names::Held(cells),
        obs: Vec::new(),
        matrices,
    })
}
