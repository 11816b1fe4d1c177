//! Everything together: from a design to blocks of counts and of truth.

use std::ops::Range;

use mfdoom_matrix::Csr;
use rayon::prelude::*;

use super::stream::{Purpose, stream};
use super::{Batch, Cell, Design, DesignError, Gene, Tree};

/// A simulation: the tree, the genes and the batches are drawn, cells are made on demand.
#[derive(Clone, Debug)]
pub struct Simulation {
    design: Design,
    tree: Tree,
    genes: Vec<Gene>,
    batches: Vec<Batch>,
    /// Per fate and gene, whether the cells of that fate pass the gene's branch.
    passes: Vec<Vec<bool>>,
}

/// Counts of a run of cells, each a cells x genes matrix; `total` is the sum of the other two.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Spliced plus unspliced counts.
    pub total: Csr,
    /// Spliced counts.
    pub spliced: Csr,
    /// Unspliced counts.
    pub unspliced: Csr,
}

/// What is true of a run of cells, each a row-major cells x genes matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Unspliced molecules per cell, before capture.
    pub unspliced: Vec<f32>,
    /// Spliced molecules per cell, before capture.
    pub spliced: Vec<f32>,
    /// Velocity beta u - gamma s, spliced molecules per unit of time.
    pub velocity: Vec<f32>,
}

/// Cells that one task makes: enough to forget its cost, few enough to share a block out evenly.
const CELLS_PER_TASK: usize = 32;

impl Simulation {
    /// Draws tree, genes and batches.
    ///
    /// # Errors
    /// [`Design::check`] refuses the design.
    pub fn new(design: Design) -> Result<Self, DesignError> {
        design.check()?;
        let tree = Tree::with_fates(design.lineages);
        let genes: Vec<_> =
            (0..design.genes).into_par_iter().map(|index| Gene::sample(&design, &tree, index)).collect();
        let batches = (0..design.batches).map(|index| Batch::sample(&design, index)).collect();
        let passes = (0..tree.n_fates())
            .map(|fate| genes.iter().map(|gene| tree.passes(fate, gene.branch)).collect())
            .collect();
        Ok(Self { design, tree, genes, batches, passes })
    }

    /// Returns the design.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Returns the lineage tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the genes, in the order of the columns.
    pub fn genes(&self) -> &[Gene] {
        &self.genes
    }

    /// Returns the experimental batches.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Returns one cell.
    pub fn cell(&self, index: usize) -> Cell {
        Cell::sample(&self.design, &self.tree, index)
    }

    /// Returns the counts of a run of cells, made on all threads.
    pub fn block(&self, cells: Range<usize>) -> Block {
        let parts: Vec<Block> = tasks(&cells).map(|task| self.part(task)).collect();
        let mut whole = Block::empty(self.genes.len());
        for part in parts {
            let rows = 0..part.total.n_rows();
            whole.total.extend(&part.total, rows.clone());
            whole.spliced.extend(&part.spliced, rows.clone());
            whole.unspliced.extend(&part.unspliced, rows);
        }
        whole
    }

    fn part(&self, cells: Range<usize>) -> Block {
        let mut block = Block::empty(self.genes.len());
        cells.for_each(|index| self.count(index, &mut block));
        block
    }

    /// Appends the counts of a cell.
    fn count(&self, index: usize, block: &mut Block) {
        let cell = self.cell(index);
        let batch = &self.batches[cell.batch];
        let depth = cell.capture * batch.depth;
        let mut rng = stream(self.design.seed, Purpose::Counts, index);
        let genes = self.genes.iter().zip(&self.passes[cell.fate]).zip(&batch.factors);
        let mut row = [Row::default(), Row::default(), Row::default()];
        for (column, ((gene, passes), factor)) in genes.enumerate() {
            let state = gene.state_at(*passes, cell.time);
            let spliced = self.design.noise.sample(state.s * depth * factor, &mut rng);
            let unspliced = self.design.noise.sample(state.u * depth * factor, &mut rng);
            let counts = [spliced.saturating_add(unspliced), spliced, unspliced];
            row.iter_mut().zip(counts).for_each(|(row, count)| row.push(column as u32, count));
        }
        let matrices = [&mut block.total, &mut block.spliced, &mut block.unspliced];
        matrices.into_iter().zip(&row).for_each(|(to, row)| to.push_row(&row.columns, &row.counts));
    }

    /// Returns the true states and velocities of a run of cells.
    pub fn truth(&self, cells: Range<usize>) -> Truth {
        let size = cells.len() * self.genes.len();
        let mut truth =
            Truth { unspliced: vec![0.0; size], spliced: vec![0.0; size], velocity: vec![0.0; size] };
        let width = self.genes.len();
        let rows = truth.unspliced.par_chunks_mut(width).zip(truth.spliced.par_chunks_mut(width));
        rows.zip(truth.velocity.par_chunks_mut(width)).zip(cells).for_each(|(((u, s), v), index)| {
            let cell = self.cell(index);
            for (column, gene) in self.genes.iter().enumerate() {
                let state = gene.state_at(self.passes[cell.fate][column], cell.time);
                u[column] = state.u as f32;
                s[column] = state.s as f32;
                v[column] = gene.rates.velocity(state) as f32;
            }
        });
        truth
    }
}

impl Block {
    fn empty(genes: usize) -> Self {
        Self { total: Csr::empty(genes), spliced: Csr::empty(genes), unspliced: Csr::empty(genes) }
    }
}

/// The row that is being made.
#[derive(Default)]
struct Row {
    columns: Vec<u32>,
    counts: Vec<f32>,
}

impl Row {
    /// Adds a count; zeros are left out.
    fn push(&mut self, column: u32, count: u32) {
        if count > 0 {
            self.columns.push(column);
            self.counts.push(count as f32);
        }
    }
}

fn tasks(cells: &Range<usize>) -> impl IndexedParallelIterator<Item = Range<usize>> + use<> {
    let Range { start, end } = *cells;
    (0..cells.len().div_ceil(CELLS_PER_TASK)).into_par_iter().map(move |task| {
        let first = start + task * CELLS_PER_TASK;
        first..(first + CELLS_PER_TASK).min(end)
    })
}
