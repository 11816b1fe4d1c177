//! The cells to score: vectors of every head, which of them are there, and the columns asked for.

use std::collections::BTreeSet;
use std::path::Path;

use mfdoom_artifact::obs::ObsType;
use mfdoom_artifact::{Input, obs};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;

use super::{h5ad, table};
use crate::args::EmbeddingArgs;
use crate::scores::{Kind, ScoredInput};

/// The head that every modality is compared with.
const FUSION: &str = "fusion";

/// Cells with their vectors.
pub(super) struct EmbeddedCells {
    /// Base name of the file, for titles and results.
    pub(super) name: String,
    /// The files, with the identity of their content: of the manifest, else of the file.
    pub(super) sources: Vec<ScoredInput>,
    /// Data set of each cell, where the file says.
    pub(super) dataset: Option<Vec<String>>,
    /// Id of each cell.
    pub(super) cell_id: Vec<String>,
    /// Vectors by head.
    pub(super) heads: Vec<HeadVectors>,
    /// The head before integration, where asked for.
    pub(super) before: Option<HeadVectors>,
    /// Pairs of heads that are to find the same cell in each other.
    pub(super) pairs: Vec<(usize, usize)>,
    /// The column of donors or data sets that are scored by themselves too, and which cells labels are taken from.
    pub(super) groups: Groups,
    /// The label column, where the file has it.
    pub(super) labels: Option<NamedColumn>,
    /// The batch column, where asked for.
    pub(super) batches: Option<NamedColumn>,
    /// Names of all columns that could be labels.
    pub(super) columns: Vec<String>,
    /// Cells in the file.
    pub(super) n_total: usize,
    /// Cells of the file whose embedding is missing (all NaN).
    pub(super) n_without: usize,
}

/// Vectors of one head.
pub(super) struct HeadVectors {
    pub(super) name: String,
    /// Whether the run is about it, or compares with it.
    pub(super) kind: Kind,
    /// Modalities that it is made from; empty where the file does not say.
    pub(super) from: Vec<String>,
    /// For what is made from all modalities that a cell has: whether it has several.
    pub(super) is_mixed: Option<Vec<bool>>,
    /// Vectors, [n, d].
    pub(super) vectors: Matrix,
    /// Whether the modalities that it is made from were present, for what is made from some.
    pub(super) present: Option<Vec<bool>>,
}

/// Cells that are scored by themselves, and cells that labels are taken from.
#[derive(Default)]
pub(super) struct Groups {
    /// Donor or data set of each cell, where there is a column.
    pub(super) column: Option<NamedColumn>,
    /// Whether labels are taken from a cell; nothing where they are taken from the other folds.
    pub(super) is_reference: Option<Vec<bool>>,
}

/// Returns the pairs of heads of modalities, and of each with fusion.
pub(super) fn modality_pairs(heads: &[HeadVectors]) -> Vec<(usize, usize)> {
    let modalities: Vec<usize> = (0..heads.len()).filter(|&at| heads[at].present.is_some()).collect();
    let fusion = heads.iter().position(|head| head.name == FUSION);
    let pairs = |(at, &first): (usize, &usize)| {
        modalities[at + 1..]
            .iter()
            .copied()
            .chain(fusion)
            .map(move |second| (first, second))
            .collect::<Vec<_>>()
    };
    modalities.iter().enumerate().flat_map(pairs).collect()
}

/// A column as text.
#[derive(Clone)]
pub(super) struct NamedColumn {
    pub(super) column: String,
    /// What the values were before they became text.
    pub(super) kind: ObsType,
    pub(super) values: Vec<Option<String>>,
}

impl NamedColumn {
    /// Returns the distinct values in order: that of the numbers where they are, as numpy and so scib-metrics sort labels.
    pub(super) fn names(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.values.iter().flatten().collect();
        let mut names: Vec<String> = names.into_iter().cloned().collect();
        if matches!(self.kind, ObsType::Int | ObsType::Float) {
            let number = |name: &String| name.parse::<f64>().unwrap_or(f64::NAN);
            names.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        names
    }
}

impl HeadVectors {
    /// Returns whether it is made from all modalities that a cell has, and others of its name from some.
    pub(super) fn is_whole(&self) -> bool {
        self.is_mixed.is_some()
    }

    /// Returns whether the modalities of a cell are more than one, where that is known.
    pub(super) fn mixes(&self, row: usize) -> bool {
        self.is_mixed.as_ref().is_none_or(|mixed| mixed[row])
    }

    /// Returns whether the head says something of a cell.
    pub(super) fn is_present(&self, row: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present[row])
    }
}

impl EmbeddedCells {
    /// Returns the number of cells.
    pub(super) fn len(&self) -> usize {
        self.cell_id.len()
    }

    /// Returns the head to draw: the first asked for, else fusion, else the first.
    pub(super) fn head_to_draw(&self, args: &EmbeddingArgs) -> &HeadVectors {
        let wanted = args.heads.first().map_or("fusion", String::as_str);
        self.heads.iter().find(|head| head.name == wanted).unwrap_or(&self.heads[0])
    }

    /// Checks that there are cells.
    fn check(self, source: &str) -> Result<Self> {
        match self.len() {
            0 => Err(Error::contract(format!("{source}: no cells with an embedding"))),
            _ => Ok(self),
        }
    }
}

/// Reads the embeddings that the arguments name.
pub(super) fn read(args: &EmbeddingArgs) -> Result<EmbeddedCells> {
    let inputs = mfdoom_cli::inputs(&args.embeddings)?;
    let source = inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let is_h5ad = |input: &Input| matches!(input, Input::Path(path) if is_hdf5(path));
    let cells = match inputs.as_slice() {
        [Input::Path(path)] if is_hdf5(path) => h5ad::read(path, args)?,
        many if many.iter().any(is_h5ad) => {
            return Err(Error::usage("several inputs, and an h5ad file among them")
                .found(source)
                .wanted("one h5ad file, or tables"));
        }
        _ if !args.obsm.is_empty() => {
            return Err(Error::usage("--obsm goes with an h5ad file").found(source));
        }
        tables => table::read(tables, args)?,
    };
    cells.check(&source)
}

/// Returns whether a file is HDF5.
pub(crate) fn is_hdf5(path: &Path) -> bool {
    // A pipe can be read once only, and holds no HDF5.
    if !path.is_file() {
        return false;
    }
    let mut magic = [0; 4];
    let read =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    read.is_ok() && magic == *b"\x89HDF"
}

/// Returns the positions in `there` of the names asked for, all of them when none is.
pub(super) fn choose(there: &[String], wanted: &[String], source: &str) -> Result<Vec<usize>> {
    if wanted.is_empty() {
        return Ok((0..there.len()).collect());
    }
    let mut chosen: Vec<usize> = Vec::new();
    for name in wanted {
        let at = there.iter().position(|head| head == name).ok_or_else(|| {
            Error::usage(format!("{source}: no head {name:?}")).found(there.join(", ")).help("--head NAME")
        })?;
        if !chosen.contains(&at) {
            chosen.push(at);
        }
    }
    Ok(chosen)
}

/// Returns the position of a column, also where a table had to rename it.
pub(super) fn find_column(columns: &[String], name: &str) -> Option<usize> {
    obs::position(columns.iter().map(String::as_str), name)
}

/// Checks that a column asked for is among those there.
pub(super) fn need_column(columns: &[String], name: &str, source: &str, flag: &str) -> Result<()> {
    if find_column(columns, name).is_some() {
        return Ok(());
    }
    let there = columns.iter().map(String::as_str);
    Err(mfdoom_error::missing(source, "obs column", name, there, &format!("{flag} "))
        .or_help("name one of these, or carry it along: mfdoom-preprocess --obs COLUMN"))
}

#[cfg(test)]
mod tests {
    use super::{NamedColumn, ObsType};

    #[test]
    fn numbers_are_in_their_order_and_texts_in_theirs() {
        let names = |kind, values: [&str; 4]| {
            let values = values.map(|value| Some(value.to_owned())).into_iter().chain([None]).collect();
            NamedColumn { column: String::new(), kind, values }.names()
        };
        assert_eq!(names(ObsType::Int, ["10", "2", "-1", "2"]), ["-1", "2", "10"]);
        assert_eq!(names(ObsType::Float, ["10.0", "2.5", "-1.0", "2.25"]), ["-1.0", "2.25", "2.5", "10.0"]);
        assert_eq!(names(ObsType::String, ["10", "2", "-1", "2"]), ["-1", "10", "2"]);
    }
}
