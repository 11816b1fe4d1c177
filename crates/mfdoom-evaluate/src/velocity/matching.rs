//! The cells and genes that all inputs share.

use std::collections::HashMap;

use mfdoom_artifact::Gene;
use mfdoom_artifact::velocity::Pairs;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, subsample};

use super::args::VelocityArgs;
use super::source::{Key, Role, VelocityInput};

/// Velocities of the same cells and genes in every input.
pub(super) struct Matched {
    /// Genes in the order of the predicted, [G].
    pub(super) genes: Vec<Gene>,
    /// Velocities of each input, [n, G].
    pub(super) fields: Vec<(Role, Matrix)>,
    /// Uncertainty of each predicted cell, NaN where there is none; nothing where no scored cell has one.
    pub(super) uncertainty: Option<Vec<f64>>,
    /// Where cells are, [n, G].
    pub(super) positions: Option<Matrix>,
    /// Nearest cells, where a folder holds them for just these cells.
    pub(super) neighbours: Option<Pairs>,
    /// Label of each cell; empty without a column.
    pub(super) labels: Vec<String>,
    /// Cells that all inputs have.
    pub(super) n_common: usize,
    /// Of these, cells without a label.
    pub(super) n_without_label: usize,
    /// Whether the graph takes square roots.
    pub(super) square_root: bool,
}

impl Matched {
    /// Matches cells by key and genes by id.
    ///
    /// # Errors
    /// Contract: no common cells or genes, no cell with a label, nothing to displace from where that is needed.
    pub(super) fn new(
        sources: &[VelocityInput],
        labels: Option<&[Option<String>]>,
        args: &VelocityArgs,
    ) -> Result<Self> {
        sources.iter().try_for_each(one_of_each_gene)?;
        let base = base(sources);
        if base.is_none() && (!args.edges.is_empty() || args.plot.is_some()) {
            return Err(Error::contract(format!("{}: nothing to displace from", sources[0].name))
                .found("neither moments.parquet nor a column 'state' of the velocities")
                .help("give the folder of the fit: --fitted"));
        }
        let genes = common_genes(sources)?;
        let rows = with_velocity(sources, common_cells(sources)?)?;
        let n_common = rows.len();
        let labelled = |row: &&Vec<usize>| labels.is_none_or(|labels| labels[row[0]].is_some());
        let rows: Vec<&Vec<usize>> = rows.iter().filter(labelled).collect();
        if rows.is_empty() {
            return Err(Error::contract("no cell has a label")
                .found(format!("{n_common} cells in all inputs"))
                .help("name another column with --label, or the file that has it with --label-source"));
        }
        let n_without_label = n_common - rows.len();
        let kept = subsample(rows.len(), args.max_cells, args.run.seed.seed);
        let rows: Vec<&Vec<usize>> = kept.into_iter().map(|at| rows[at]).collect();
        let pick =
            |at: usize, values: &[f32]| gather(&sources[at], values, rows.iter().map(|row| row[at]), &genes);
        let fields =
            sources.iter().enumerate().map(|(at, source)| Ok((source.role, pick(at, &source.velocity)?)));
        let positions = base.and_then(|at| sources[at].positions.as_ref().map(|values| pick(at, values)));
        let whole = |at: usize| {
            rows.len() == sources[at].keys.len() && rows.iter().enumerate().all(|(row, rows)| rows[at] == row)
        };
        let neighbours = base.filter(|&at| whole(at)).and_then(|at| sources[at].neighbours.clone());
        let label = |row: &&Vec<usize>| labels.and_then(|labels| labels[row[0]].clone());
        let of_rows = |all: &Vec<f64>| rows.iter().map(|row| all[row[0]]).collect::<Vec<_>>();
        let uncertainty = sources[0].uncertainty.as_ref().map(of_rows);
        let stochastic = base.is_some_and(|at| sources[at].stochastic);
        Ok(Self {
            fields: fields.collect::<Result<_>>()?,
            uncertainty: uncertainty.filter(|all| all.iter().any(|value| value.is_finite())),
            positions: positions.transpose()?,
            neighbours,
            labels: rows.iter().filter_map(label).collect(),
            genes,
            n_common,
            n_without_label,
            square_root: args.square_root.unwrap_or(stochastic),
        })
    }

    /// Returns the number of scored cells.
    pub(super) fn n_cells(&self) -> usize {
        self.fields[0].1.n_rows()
    }

    /// Marks the genes that have a velocity in every field and a position for every scored cell: a gene that lacks
    /// any cannot be part of a cosine without being taken for zero.
    pub(super) fn complete_genes(&self) -> Vec<bool> {
        let mut complete = vec![true; self.genes.len()];
        for matrix in self.fields.iter().map(|(_, field)| field).chain(&self.positions) {
            for row in 0..matrix.n_rows() {
                complete.iter_mut().zip(matrix.row(row)).for_each(|(all, value)| *all &= value.is_finite());
            }
        }
        complete
    }
}

/// Returns the input whose positions are displaced from: the fitted, else the predicted, else the true one.
fn base(sources: &[VelocityInput]) -> Option<usize> {
    let with =
        |role: Role| sources.iter().position(|source| source.role == role && source.positions.is_some());
    with(Role::Fitted).or(with(Role::Predicted)).or(with(Role::Truth))
}

/// Returns the genes in every input, velocity genes only where a fit chose them.
fn common_genes(sources: &[VelocityInput]) -> Result<Vec<Gene>> {
    let others: Vec<HashMap<&str, usize>> =
        sources[1..].iter().map(|source| positions(&source.genes)).collect();
    let chosen = |gene: &Gene| {
        sources
            .iter()
            .all(|source| source.velocity_genes.as_ref().is_none_or(|genes| genes.contains(&gene.id)))
    };
    let shared = |gene: &&Gene| others.iter().all(|genes| genes.contains_key(gene.id.as_str()));
    let genes: Vec<Gene> =
        sources[0].genes.iter().filter(shared).filter(|gene| chosen(gene)).cloned().collect();
    if genes.is_empty() {
        let example = |source: &VelocityInput| {
            let first = source.genes.first().map_or("none", |gene| gene.id.as_str());
            format!("{}: {} genes such as {first}", source.name, source.genes.len())
        };
        return Err(Error::contract("the inputs share no velocity gene")
            .found(sources.iter().map(example).collect::<Vec<_>>().join("; "))
            .wanted("the same gene ids")
            .help("see --gene-column of mfdoom-preprocess and mfdoom-velocity"));
    }
    Ok(genes)
}

/// Returns for each cell in every input its rows, in the order of the predicted.
fn common_cells(sources: &[VelocityInput]) -> Result<Vec<Vec<usize>>> {
    let by_id = sources.iter().any(|source| source.by_id);
    if by_id {
        sources.iter().try_for_each(one_data_set)?;
    }
    let of = |key: &Key| if by_id { (String::new(), key.1.clone()) } else { key.clone() };
    let index = |source: &'_ VelocityInput| -> HashMap<Key, usize> {
        source.keys.iter().enumerate().map(|(row, key)| (of(key), row)).collect()
    };
    let others: Vec<HashMap<Key, usize>> = sources[1..].iter().map(index).collect();
    let rows = |(row, key): (usize, &Key)| {
        let theirs: Option<Vec<usize>> = others.iter().map(|cells| cells.get(&of(key)).copied()).collect();
        theirs.map(|theirs| std::iter::once(row).chain(theirs).collect())
    };
    let rows: Vec<Vec<usize>> = sources[0].keys.iter().enumerate().filter_map(rows).collect();
    if rows.is_empty() {
        let example = |source: &VelocityInput| match source.keys.first() {
            Some((dataset, cell)) => {
                format!("{}: {} cells such as {cell:?} of {dataset:?}", source.name, source.keys.len())
            }
            None => format!("{}: no cells", source.name),
        };
        return Err(Error::contract("the inputs share no cell")
            .found(sources.iter().map(example).collect::<Vec<_>>().join("; "))
            .wanted("the same data set and cell id")
            .help("see --dataset of mfdoom-preprocess and mfdoom-velocity"));
    }
    Ok(rows)
}

/// Leaves out cells that have no velocity at all in one of the inputs, such as those of a group that was too small for
/// a fit: no gene would have a velocity of every cell.
fn with_velocity(sources: &[VelocityInput], rows: Vec<Vec<usize>>) -> Result<Vec<Vec<usize>>> {
    let has = |(source, row): (&VelocityInput, &usize)| {
        let width = source.genes.len();
        source.velocity[row * width..(row + 1) * width].iter().any(|value| value.is_finite())
    };
    let all = rows.len();
    let kept: Vec<Vec<usize>> = rows.into_iter().filter(|rows| sources.iter().zip(rows).all(has)).collect();
    if kept.is_empty() {
        return Err(Error::contract("no cell has a velocity in every input")
            .found(format!("{all} cells in all inputs, without a velocity"))
            .help("fit more genes or other groups: mfdoom-velocity fit"));
    }
    if kept.len() < all {
        tracing::warn!("{} of {all} cells have no velocity in every input: left out", all - kept.len());
    }
    Ok(kept)
}

/// Checks that ids alone tell the cells of an input apart.
fn one_data_set(source: &VelocityInput) -> Result<()> {
    let mut ids: Vec<&str> = source.keys.iter().map(|(_, id)| id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(twice) => {
            Err(Error::contract(format!("{}: cell {:?} is in two data sets", source.name, twice[0]))
                .wanted("cell ids that are unique: an h5ad file names no data set")
                .help("score one data set at a time, or give tables"))
        }
    }
}

/// Checks that ids tell the genes of an input apart.
fn one_of_each_gene(source: &VelocityInput) -> Result<()> {
    let mut ids: Vec<&str> = source.genes.iter().map(|gene| gene.id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(twice) => Err(Error::contract(format!("{}: two genes are called {:?}", source.name, twice[0]))
            .wanted("gene names that are unique: velocities are compared gene by gene")
            .help("make them unique before the counts are read: adata.var_names_make_unique()")),
    }
}

fn positions(genes: &[Gene]) -> HashMap<&str, usize> {
    genes.iter().enumerate().map(|(at, gene)| (gene.id.as_str(), at)).collect()
}

/// Returns the values [n, G] of some cells and genes.
fn gather(
    source: &VelocityInput,
    values: &[f32],
    rows: impl Iterator<Item = usize>,
    genes: &[Gene],
) -> Result<Matrix> {
    let at = positions(&source.genes);
    let columns: Vec<usize> = genes.iter().filter_map(|gene| at.get(gene.id.as_str()).copied()).collect();
    let width = source.genes.len();
    let mut data = Vec::new();
    let mut n = 0;
    for row in rows {
        n += 1;
        data.extend(columns.iter().map(|&column| values[row * width + column]));
    }
    Matrix::new(data, n, columns.len()).map_err(|error| Error::failed(source.name.clone()).source(error))
}
