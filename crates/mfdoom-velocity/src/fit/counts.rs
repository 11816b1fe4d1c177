//! Two passes over the counts: totals of cells and genes, then the genes that are kept.
//!
//! Of genes that are not kept nothing but totals is held, so memory grows with cells x genes kept; only what a small
//! file stores ([`KEPT_VALUES`]) is kept whole, rather than read twice.

use mfdoom_artifact::Gene;
use mfdoom_artifact::velocity::Kinetics;
use mfdoom_cli::Progress;
use mfdoom_counts::{Matrix, library_sizes};
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::shared_counts::shared_counts;
use mfdoom_matrix::variable_genes::{GeneSums, highly_variable};
use mfdoom_matrix::{Csr, divide_rows, size_factors};

use super::source::{CountsSource, NAMES};
use crate::args::FitArgs;

/// Rows read at once.
const BLOCK: usize = 1024;

/// Most values that are kept between the passes: 64 MiB.
const KEPT_VALUES: usize = 1 << 23;

/// What the first pass counts.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Spliced and unspliced counts of every cell, over all genes of the file, each [n_cells].
    pub counted: [Vec<f64>; 2],
    /// Sizes that cells are divided by: the same, or those of `--library-size`, each [n_cells].
    pub sizes: [Vec<f64>; 2],
    /// Counts of every gene over the cells that have both, [n_vars].
    pub shared: Vec<f64>,
    /// Everything that was read, of a small file.
    blocks: Option<Vec<[Csr; 2]>>,
}

impl Totals {
    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.counted[0].len()
    }

    /// Returns the share of a cell's counts that is unspliced; NaN without counts.
    pub fn unspliced_fraction(&self, cell: usize) -> f64 {
        let [s, u] = [self.counted[0][cell], self.counted[1][cell]];
        u / (s + u)
    }
}

/// Size-normalised counts of the genes that are kept.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// The genes, [G].
    pub genes: Vec<Gene>,
    /// Spliced counts, [n_cells, G].
    pub spliced: Csr,
    /// Unspliced counts, [n_cells, G].
    pub unspliced: Csr,
}

impl Normalised {
    /// Returns the number of cells with unspliced counts of every gene, [G].
    pub fn unspliced_cells(&self) -> Vec<f64> {
        let mut cells = vec![0.0; self.genes.len()];
        for (&gene, _) in
            self.unspliced.indices().iter().zip(self.unspliced.values()).filter(|(_, v)| **v > 0.0)
        {
            cells[gene as usize] += 1.0;
        }
        cells
    }
}

/// Counts cells and genes.
///
/// # Errors
/// Contract: values that are no raw counts, library sizes that are none, cells without any count.
pub fn totals(source: &CountsSource, args: &FitArgs) -> Result<Totals> {
    let mut totals =
        Totals { shared: vec![0.0; source.genes.len()], blocks: Some(Vec::new()), ..Totals::default() };
    let mut kept = 0;
    let progress = Progress::new("counting", Some(source.rows.len() as u64), "cells");
    each_block(source, args, |[spliced, unspliced]| {
        progress.inc(spliced.n_rows() as u64);
        for (to, block) in totals.counted.iter_mut().zip([&spliced, &unspliced]) {
            to.extend(block.row_sums());
        }
        let shared = shared_counts(&spliced, &unspliced).map_err(Error::refusal)?;
        totals.shared.iter_mut().zip(shared).for_each(|(total, more)| *total += more);
        kept += spliced.nnz() + unspliced.nnz();
        match &mut totals.blocks {
            Some(blocks) if kept <= KEPT_VALUES => blocks.push([spliced, unspliced]),
            blocks => *blocks = None,
        }
        Ok(())
    })?;
    for (layer, (sizes, column)) in totals.sizes.iter_mut().zip(&source.sizes).enumerate() {
        *sizes = match column {
            Some(name) => {
                let all = library_sizes(&*source.file, name, 0..source.file.n_obs())?;
                source.rows.iter().map(|&row| all[row]).collect()
            }
            None => totals.counted[layer].clone(),
        };
    }
    let empty = |layer: &usize| totals.counted[*layer].iter().all(|&total| total == 0.0);
    if let Some(layer) = (0..2).find(empty) {
        let (name, at) = (NAMES[layer], &source.layers[layer]);
        return Err(Error::contract(format!(
            "{}: {at}, taken as {name}, holds no count at all",
            source.file.name()
        ))
        .found(format!("{at} without a count, {} with some", source.layers[1 - layer]))
        .help(format!("name the layer: --modality {name}=SOURCE")));
    }
    let without =
        (0..totals.n_cells()).filter(|&cell| totals.counted.iter().all(|layer| layer[cell] == 0.0)).count();
    if without > 0 {
        tracing::warn!("{}: {without} cells are without any count in both layers", source.file.name());
    }
    Ok(totals)
}

/// Reads the genes that are kept, divided by the sizes of their cells.
///
/// Kept are genes of enough shared counts, the `--top-genes` of highest dispersion where more are left; with
/// `given` rates, the genes that have one.
///
/// # Errors
/// Contract: no gene is kept.
pub fn normalised(
    source: &CountsSource,
    totals: &mut Totals,
    given: Option<&Kinetics>,
    args: &FitArgs,
) -> Result<Normalised> {
    let mut keep = match given {
        Some(given) => given_genes(source, given)?,
        None => enough_counts(source, totals, args)?,
    };
    let [mut spliced, mut unspliced] = read_genes(source, totals.blocks.take(), &keep, args)?;
    for (layer, sizes) in [&mut spliced, &mut unspliced].into_iter().zip(&totals.sizes) {
        divide_rows(layer, &size_factors(sizes)).map_err(Error::refusal)?;
    }
    if given.is_none() && spliced.n_cols() > args.top_genes {
        let variable = highly_variable(&GeneSums::of(&spliced), args.top_genes);
        spliced = spliced.select_columns(&variable);
        unspliced = unspliced.select_columns(&variable);
        let mut variable = variable.into_iter();
        keep.iter_mut().filter(|keep| **keep).for_each(|keep| *keep = variable.next().unwrap_or(false));
    }
    let kept = source.genes.iter().zip(&keep).filter(|(_, keep)| **keep);
    Ok(Normalised { genes: kept.map(|(gene, _)| gene.clone()).collect(), spliced, unspliced })
}

/// Marks genes with an id and enough shared counts.
fn enough_counts(source: &CountsSource, totals: &Totals, args: &FitArgs) -> Result<Vec<bool>> {
    let enough = |(gene, &total): (&Gene, &f64)| !gene.id.is_empty() && total >= args.min_shared_counts;
    let keep: Vec<bool> = source.genes.iter().zip(&totals.shared).map(enough).collect();
    let kept = keep.iter().filter(|keep| **keep).count();
    if kept < 2 {
        let most = totals.shared.iter().copied().fold(0.0, f64::max);
        return Err(Error::contract(format!("{}: hardly a gene can be fitted", source.file.name()))
            .found(format!("{kept} of {} genes; the best has {most} shared counts", keep.len()))
            .wanted(format!("2 genes of {} counts in cells with both", args.min_shared_counts))
            .help("lower --min-shared-counts, or check that both layers are raw counts of the same genes"));
    }
    tracing::info!("{kept} of {} genes have {} shared counts", keep.len(), args.min_shared_counts);
    unique(source, keep)
}

/// Marks genes that have a given rate.
fn given_genes(source: &CountsSource, given: &Kinetics) -> Result<Vec<bool>> {
    use std::collections::HashSet;
    let fitted = given.genes.iter().zip(&given.gamma).filter(|(_, gamma)| gamma.is_finite());
    let ids: HashSet<&str> = fitted.map(|(gene, _)| gene.id.as_str()).collect();
    let keep: Vec<bool> = source.genes.iter().map(|gene| ids.contains(gene.id.as_str())).collect();
    let kept = keep.iter().filter(|keep| **keep).count();
    if kept < 2 {
        return Err(Error::contract(format!("{}: has not the genes of --kinetics", source.file.name()))
            .found(format!("{kept} of {} genes with a rate", ids.len()))
            .help("gene ids must be of one kind: see --gene-column"));
    }
    tracing::info!("{kept} of the {} genes with a rate are in {}", ids.len(), source.file.name());
    unique(source, keep)
}

/// Refuses two kept genes of one id.
fn unique(source: &CountsSource, keep: Vec<bool>) -> Result<Vec<bool>> {
    let mut ids: Vec<&str> =
        source.genes.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(gene, _)| gene.id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::contract(format!("{}: gene '{}' is there twice", source.file.name(), pair[0]))
            .wanted("each gene once")
            .help("take ids from another column with --gene-column, or make them unique: adata.var_names_make_unique()")),
        None => Ok(keep),
    }
}

/// Takes the marked genes of both layers from what was kept, else from the file.
fn read_genes(
    source: &CountsSource,
    kept: Option<Vec<[Csr; 2]>>,
    keep: &[bool],
    args: &FitArgs,
) -> Result<[Csr; 2]> {
    let n_cols = keep.iter().filter(|keep| **keep).count();
    let mut layers = [Csr::empty(n_cols), Csr::empty(n_cols)];
    if let Some(blocks) = &kept {
        for (layer, to) in layers.iter_mut().enumerate() {
            to.reserve(source.rows.len(), blocks.iter().map(|block| block[layer].nnz()).sum());
        }
    }
    let mut take = |blocks: [Csr; 2]| {
        layers.iter_mut().zip(blocks).for_each(|(to, block)| to.append_columns(&block, keep));
    };
    if let Some(kept) = kept {
        kept.into_iter().for_each(take);
        return Ok(layers);
    }
    let progress = Progress::new("reading", Some(source.rows.len() as u64), "cells");
    each_block(source, args, |blocks| {
        progress.inc(blocks[0].n_rows() as u64);
        take(blocks);
        Ok(())
    })?;
    Ok(layers)
}

/// Reads the chosen rows of both layers block by block.
fn each_block(
    source: &CountsSource,
    args: &FitArgs,
    mut take: impl FnMut([Csr; 2]) -> Result<()>,
) -> Result<()> {
    let open = |layer| -> Result<Matrix> {
        let mut matrix = source.file.matrix(layer)?;
        if let Some(memory) = args.common.max_memory {
            matrix.set_memory(memory.bytes() as usize / 8);
        }
        Ok(matrix)
    };
    let mut matrices = [open(&source.layers[0])?, open(&source.layers[1])?];
    let mut chosen = source.rows.as_slice();
    while let Some(&first) = chosen.first() {
        let start = first / BLOCK * BLOCK;
        let end = (start + BLOCK).min(source.file.n_obs());
        let (here, rest) = chosen.split_at(chosen.partition_point(|&row| row < end));
        chosen = rest;
        let mut blocks = [Csr::default(), Csr::default()];
        for ((matrix, layer), to) in matrices.iter_mut().zip(&source.layers).zip(&mut blocks) {
            let Some(block) = source.contract.read(matrix, start..end)? else {
                return Err(source.contract.refuse(&*source.file, layer));
            };
            *to = if here.len() == end - start { block } else { rows_of(&block, here, start) };
        }
        take(blocks)?;
    }
    Ok(())
}

/// Returns the rows of a block that begins at row `start` of the file.
fn rows_of(block: &Csr, rows: &[usize], start: usize) -> Csr {
    block.select_rows(&rows.iter().map(|row| row - start).collect::<Vec<_>>())
}
