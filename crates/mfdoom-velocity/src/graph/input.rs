//! Velocities and positions of the genes that take part, and the neighbours of every cell.

use mfdoom_artifact::velocity::{CellTable, Kinetics, MS, MU, STATE, VELOCITY};
use mfdoom_artifact::{Gene, GeneTableReader, VelocityDir};
use mfdoom_error::{Error, Result};
use mfdoom_into::velocity::mode;
use mfdoom_matrix::Csr;
use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;

use crate::args::GraphArgs;
use crate::neighbors;

/// What a graph is built from, over the velocity genes only.
pub struct Velocities {
    /// Key of every cell, and what is known of it.
    pub cells: CellTable,
    /// Velocity genes, [V].
    pub genes: Vec<Gene>,
    /// Velocities, [n_cells, V]; 0 where a cell has none for a gene.
    pub velocity: Matrix,
    /// Where cells are: Ms, or the state of a prediction, [n_cells, V].
    pub positions: Matrix,
    /// Mu, [n_cells, V], of a fit.
    pub unspliced: Option<Matrix>,
    /// Rates of a fit.
    pub kinetics: Option<Kinetics>,
    /// Nearest cells.
    pub neighbors: Neighbors,
    /// Whether signed square roots are taken.
    pub square_root: bool,
}

impl Velocities {
    /// Reads a folder.
    ///
    /// # Errors
    /// Contract: nothing to displace from, no velocity gene, tables that do not belong together.
    pub fn read(dir: &VelocityDir, args: &GraphArgs) -> Result<Self> {
        let kinetics = dir.kinetics()?;
        let table = dir.velocities()?;
        let all = table.schema().genes.clone();
        let marks = kinetics.as_ref().map(|kinetics| marked(kinetics, &all));
        let (velocity, found) = rayon::join(
            || read_columns(table.select(&[VELOCITY])?, [VELOCITY], marks.as_deref()),
            || positions(dir, &all, marks.as_deref()),
        );
        let ([mut velocity], (mut positions, mut unspliced)) = (velocity?, found?);
        let keep = marks.unwrap_or_else(|| any_finite(&velocity.matrix));
        let kept = keep.iter().filter(|keep| **keep).count();
        for columns in [Some(&mut velocity), Some(&mut positions), unspliced.as_mut()].into_iter().flatten() {
            if columns.matrix.n_cols() > kept {
                columns.matrix = columns.matrix.select_columns(&keep);
            }
        }
        velocity.matrix.data_mut().iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
        same_cells(&velocity, &positions, dir)?;
        let cells = match dir.cells()? {
            Some(cells) if cells.cell_id == velocity.cell_id && cells.dataset == velocity.dataset => cells,
            Some(_) => return Err(not_together(dir)),
            None => CellTable { dataset: velocity.dataset, cell_id: velocity.cell_id, columns: Vec::new() },
        };
        let genes: Vec<Gene> =
            all.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(gene, _)| gene).collect();
        if genes.is_empty() {
            return Err(Error::contract(format!("{}: no gene has a velocity", dir.path().display()))
                .help("fit or predict again with more genes"));
        }
        Ok(Self {
            neighbors: nearest(dir, &positions.matrix, args)?,
            square_root: args.square_root.unwrap_or_else(|| mode(dir) == Some("stochastic")),
            cells,
            genes,
            velocity: velocity.matrix,
            positions: positions.matrix,
            unspliced: unspliced.map(|unspliced| unspliced.matrix),
            kinetics,
        })
    }

    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.velocity.n_rows()
    }
}

/// Some columns of some genes of every cell.
pub(super) struct Columns {
    dataset: Vec<String>,
    cell_id: Vec<String>,
    pub(super) matrix: Matrix,
}

/// Reads the genes that `keep` marks, all without it, block by block.
pub(super) fn read_columns<const N: usize>(
    table: GeneTableReader,
    names: [&str; N],
    keep: Option<&[bool]>,
) -> Result<[Columns; N]> {
    let n_genes = table.schema().genes.len();
    let at = names.map(|name| table.schema().matrix(name).unwrap_or_default());
    let columns: Vec<usize> = (0..n_genes).filter(|&gene| keep.is_none_or(|keep| keep[gene])).collect();
    let mut keys = (Vec::new(), Vec::new());
    let mut data: [Vec<f32>; N] = std::array::from_fn(|_| Vec::new());
    for block in table {
        let block = block?;
        for (to, &at) in data.iter_mut().zip(&at) {
            for row in block.matrices[at].chunks_exact(n_genes.max(1)) {
                to.extend(columns.iter().map(|&gene| row[gene]));
            }
        }
        keys.0.extend(block.dataset);
        keys.1.extend(block.cell_id);
    }
    let (n, width) = (keys.1.len(), columns.len());
    Ok(data.map(|data| Columns {
        dataset: keys.0.clone(),
        cell_id: keys.1.clone(),
        // Every row gave one value a column.
        matrix: Matrix::new(data, n, width).unwrap_or_default(),
    }))
}

/// Reads Ms and Mu of a fit, or the state of a prediction.
fn positions(dir: &VelocityDir, genes: &[Gene], keep: Option<&[bool]>) -> Result<(Columns, Option<Columns>)> {
    if let Some(table) = dir.moments()? {
        if table.schema().genes != genes {
            return Err(not_together(dir));
        }
        let [spliced, unspliced] = read_columns(table, [MS, MU], keep)?;
        return Ok((spliced, Some(unspliced)));
    }
    let table = dir.velocities()?;
    if table.schema().matrix(STATE).is_err() {
        return Err(Error::contract(format!("{}: nothing to displace from", dir.path().display()))
            .found("neither moments.parquet nor a column 'state' in velocity.parquet")
            .help("make the folder with mfdoom-velocity fit or predict"));
    }
    let [state] = read_columns(table.select(&[STATE])?, [STATE], keep)?;
    Ok((state, None))
}

/// Marks the genes that are velocity genes of any group.
fn marked(kinetics: &Kinetics, genes: &[Gene]) -> Vec<bool> {
    use std::collections::HashSet;
    let chosen: HashSet<&str> = kinetics
        .genes
        .iter()
        .zip(&kinetics.velocity_gene)
        .filter(|(_, chosen)| **chosen)
        .map(|(gene, _)| gene.id.as_str())
        .collect();
    genes.iter().map(|gene| chosen.contains(gene.id.as_str())).collect()
}

/// Marks the genes for which any cell has a velocity.
fn any_finite(velocity: &Matrix) -> Vec<bool> {
    let mut found = vec![false; velocity.n_cols()];
    for row in velocity.data().chunks_exact(velocity.n_cols().max(1)) {
        found.iter_mut().zip(row).for_each(|(found, value)| *found |= value.is_finite());
    }
    found
}

fn same_cells(a: &Columns, b: &Columns, dir: &VelocityDir) -> Result<()> {
    if a.cell_id == b.cell_id && a.dataset == b.dataset { Ok(()) } else { Err(not_together(dir)) }
}

pub(super) fn not_together(dir: &VelocityDir) -> Error {
    Error::contract(format!("{}: its tables do not belong together", dir.path().display()))
        .wanted("the same cells and genes in the same order in every table")
        .help("make the folder again, or copy it whole")
}

/// Reads the neighbours of the folder, or finds those in the space of the positions.
fn nearest(dir: &VelocityDir, positions: &Matrix, args: &GraphArgs) -> Result<Neighbors> {
    let Some(reader) = dir.neighbors()? else {
        return neighbors::find(&sparse(positions), args.n_pcs, args.n_neighbors);
    };
    let name = dir.path().join(mfdoom_artifact::velocity::NEIGHBORS_FILE).display().to_string();
    reader.read_all()?.into_neighbors(positions.n_rows(), &name)
}

/// Returns the values above 0.
pub fn sparse(matrix: &Matrix) -> Csr {
    let row = |i: usize| -> (Vec<u32>, Vec<f32>) {
        let stored = matrix.row(i).iter().zip(0..).filter(|(value, _)| **value > 0.0);
        stored.map(|(&value, gene)| (gene, value)).unzip()
    };
    Csr::from_rows(matrix.n_cols(), &(0..matrix.n_rows()).map(row).collect::<Vec<_>>())
}
