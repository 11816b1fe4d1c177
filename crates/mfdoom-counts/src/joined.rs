//! Files of the same cells as one: cells are matched by barcode, whatever each program put around it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mfdoom_error::{Error, Result};

use crate::barcode;
use crate::file::{CountsFile, Listed, Unmatched};
use crate::frame::Column;
use crate::matrix::{MappedRows, Matrix, Missing};
use crate::place::Place;
use crate::source::Source;

/// Below this share of the smaller file's cells, files are not of the same cells.
const MIN_RATE: f64 = 0.2;
/// Below this share a user is warned.
const LOW_RATE: f64 = 0.8;
/// Names that are read at once.
const NAMES: usize = 1 << 16;

/// A file and others whose cells are found in it.
#[derive(Debug)]
struct Joined {
    place: Place,
    first: Box<dyn CountsFile>,
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    file: Box<dyn CountsFile>,
    /// Row of each cell of the first file, from 1; 0 where there is none.
    rows: Arc<Vec<u32>>,
    /// Each matrix as the whole names it, and as the file does.
    names: Vec<(Source, Source)>,
}

/// Joins files to the first one: its cells are those of the whole, and a cell that another file lacks was not measured
/// there. The matrices of the others are those of a modality named after the file.
///
/// # Errors
/// Contract: too few barcodes of a file match, or two files have one name.
pub fn join(first: Box<dyn CountsFile>, others: Vec<Box<dyn CountsFile>>) -> Result<Box<dyn CountsFile>> {
    if others.is_empty() {
        return Ok(first);
    }
    let place = Place::root(Path::new(first.name()));
    let cells = names(&*first)?;
    let mut joined = Joined { place, first, others: Vec::new() };
    for file in others {
        let rows = matched(&*joined.first, &cells, &*file)?;
        let stem = Path::new(file.name()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let names: Vec<(Source, Source)> =
            file.matrices().into_iter().map(|found| (within(&found.source, &stem), found.source)).collect();
        if let Some((twice, _)) = names.iter().find(|(name, _)| joined.finds(name).is_some()) {
            return Err(Error::contract(format!("{}: {twice} is in another file too", file.name()))
                .help("rename one of the files: its matrices are named after it"));
        }
        joined.others.push(Other { file, rows: Arc::new(rows), names });
    }
    Ok(Box::new(joined))
}

fn names(file: &dyn CountsFile) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(file.n_obs());
    for start in (0..file.n_obs()).step_by(NAMES) {
        names.extend(file.obs_names_in(start..file.n_obs().min(start + NAMES))?);
    }
    Ok(names)
}

/// The matrix as a matrix of a modality of this name, unless it belongs to one.
fn within(source: &Source, name: &str) -> Source {
    match source {
        Source::Features(inner, kind) => within(inner, name).of_type(kind),
        Source::Modality(..) => source.clone(),
        other => other.clone().of_modality(name),
    }
}

fn matched(first: &dyn CountsFile, cells: &[String], other: &dyn CountsFile) -> Result<Vec<u32>> {
    let theirs = names(other)?;
    let found = barcode::matched(cells, &theirs);
    let n = found.rows.iter().filter(|row| **row > 0).count();
    let rate = n as f64 / cells.len().min(theirs.len()).max(1) as f64;
    let said = format!(
        "{n} of {} cells of {} are among the {} of {}, matched by {}",
        theirs.len(),
        other.name(),
        cells.len(),
        first.name(),
        found.rule
    );
    if rate < MIN_RATE {
        let example = |names: &[String]| names.first().cloned().unwrap_or_else(|| "no cell".to_owned());
        return Err(Error::contract(format!(
            "{}: its cells are not those of {}",
            other.name(),
            first.name()
        ))
        .found(format!("{said}; {} there, {} here", example(cells), example(&theirs)))
        .wanted(format!("at least {:.0} % of the smaller number", 100.0 * MIN_RATE))
        .help("give files of one sample"));
    }
    if rate < LOW_RATE {
        tracing::warn!("{said} ({:.0} %)", 100.0 * rate);
    } else {
        tracing::info!("{said}");
    }
    Ok(found.rows)
}

impl Joined {
    fn finds(&self, source: &Source) -> Option<(&Other, &Source)> {
        let of = |other: &'_ Other| other.names.iter().position(|(name, _)| name == source);
        self.others.iter().find_map(|other| Some((other, &other.names[of(other)?].1)))
    }

    /// The other file whose column this is: `FILE:COLUMN`.
    fn column_of(&self, name: &str) -> Option<(&Other, String)> {
        self.others.iter().find_map(|other| {
            let stem = Path::new(other.file.name()).file_stem()?.to_string_lossy().into_owned();
            let column = name.strip_prefix(&stem)?.strip_prefix(':')?.to_owned();
            other.file.obs_columns().contains(&column).then_some((other, column))
        })
    }
}

impl CountsFile for Joined {
    fn name(&self) -> &str {
        self.first.name()
    }

    fn format(&self) -> &'static str {
        self.first.format()
    }

    fn parts(&self) -> Vec<PathBuf> {
        let others = self.others.iter().flat_map(|other| other.file.parts());
        self.first.parts().into_iter().chain(others).collect()
    }

    fn n_obs(&self) -> usize {
        self.first.n_obs()
    }

    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>> {
        self.first.obs_names_in(rows)
    }

    fn obs_columns(&self) -> Vec<String> {
        self.first.obs_columns()
    }

    fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column> {
        match self.column_of(name).filter(|_| !self.first.obs_columns().iter().any(|column| column == name)) {
            None => self.first.obs_column_in(name, rows),
            Some((other, column)) => {
                let whole = other.file.obs_column_in(&column, 0..other.file.n_obs())?;
                let row = |row: &u32| (*row as usize).checked_sub(1);
                let rows: Vec<Option<usize>> = other.rows[rows].iter().map(row).collect();
                Ok(whole.take_or_missing(&rows))
            }
        }
    }

    fn matrices(&self) -> Vec<Listed> {
        let mut all = self.first.matrices();
        for other in &self.others {
            let listed = other.file.matrices().into_iter().zip(&other.names);
            all.extend(listed.map(|(found, (name, _))| Listed { source: name.clone(), ..found }));
        }
        all
    }

    fn unmatched(&self) -> Result<Vec<Unmatched>> {
        let cells = names(&*self.first)?;
        let mut all = Vec::new();
        for other in &self.others {
            let (here, there) = (self.first.name(), other.file.name());
            let lacking = |cell: &String, file: &str, missing_in: &str| Unmatched {
                cell: cell.clone(),
                file: file.to_owned(),
                missing_in: missing_in.to_owned(),
            };
            let without = cells.iter().zip(other.rows.iter()).filter(|(_, row)| **row == 0);
            all.extend(without.map(|(cell, _)| lacking(cell, here, there)));
            let theirs = names(&*other.file)?;
            let mut found = vec![false; theirs.len()];
            other.rows.iter().filter(|row| **row > 0).for_each(|row| found[*row as usize - 1] = true);
            let left = theirs.iter().zip(found).filter(|(_, found)| !found);
            all.extend(left.map(|(cell, _)| lacking(cell, there, here)));
        }
        Ok(all)
    }

    fn matrix(&self, source: &Source) -> Result<Matrix> {
        let Some((other, inner)) = self.finds(source) else { return self.first.matrix(source) };
        let matrix = other.file.matrix(inner)?;
        let shape = (self.n_obs(), matrix.n_cols());
        let rows = MappedRows::new(matrix, Box::new(other.rows.clone()), Missing::Absent);
        Matrix::new(shape, Box::new(rows), self.place.at(&source.to_string()))
    }

    fn var_names_of(&self, source: &Source) -> Result<Vec<String>> {
        match self.finds(source) {
            Some((other, inner)) => other.file.var_names_of(inner),
            None => self.first.var_names_of(source),
        }
    }

    fn var_columns_of(&self, source: &Source) -> Vec<String> {
        match self.finds(source) {
            Some((other, inner)) => other.file.var_columns_of(inner),
            None => self.first.var_columns_of(source),
        }
    }

    fn var_column_of(&self, source: &Source, name: &str) -> Result<Column> {
        match self.finds(source) {
            Some((other, inner)) => other.file.var_column_of(inner, name),
            None => self.first.var_column_of(source, name),
        }
    }
}
