//! How much of a fit is held at once.

use mfdoom_cli::MemorySize;
use mfdoom_error::{Error, Result};

use super::counts::Normalised;
use crate::args::{FitArgs, Mode};

/// Bytes of matrices that are held at once, where no limit is given.
const USUAL: u64 = 4 << 30;
/// Fewest genes that are worth a pass over the counts.
const FEWEST: usize = 16;
/// Bytes of a stored count: its gene and its value.
const STORED: u64 = 8;
/// Bytes of a cell besides its counts: components, neighbours, connectivities, names.
const OF_CELL: u64 = 800;

/// What the size of a fit hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Cells.
    pub n_cells: usize,
    /// Genes that are kept.
    pub n_genes: usize,
    /// Stored spliced and unspliced counts.
    pub stored: [usize; 2],
}

/// What is held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Moments and velocities of all genes.
    All,
    /// Moments of so many genes; velocities are computed as they are written.
    Genes(usize),
}

impl Size {
    /// Returns the size of a fit of these counts.
    pub fn of(counts: &Normalised) -> Self {
        Self {
            n_cells: counts.spliced.n_rows(),
            n_genes: counts.genes.len(),
            stored: [counts.spliced.nnz(), counts.unspliced.nnz()],
        }
    }
}

/// Decides what is held, within `--max-memory`; results are the same. Groups and the dynamical mode need all genes at once.
///
/// # Errors
/// Usage: what has to be held exceeds `--max-memory`.
pub fn plan(size: &Size, args: &FitArgs) -> Result<Held> {
    let n = size.n_cells as u64;
    // The logarithms of the spliced counts stand beside all counts while components are sought.
    let counts = STORED * (2 * size.stored[0] + size.stored[1]) as u64 + OF_CELL * n;
    // Moments, their transposes, velocities; second moments and their transposes, or the times of every gene.
    let matrices = match args.mode {
        Mode::Deterministic => 5,
        Mode::Stochastic => 9,
        Mode::Dynamical => 12,
    };
    let all = 4 * n * size.n_genes as u64 * matrices;
    // Moments and their transposes; the transposes, second moments and theirs.
    let of_gene = 4 * n * if args.mode == Mode::Stochastic { 6 } else { 4 };
    let in_blocks = args.mode != Mode::Dynamical && args.group_key.is_none();
    let limit = args.common.max_memory.map(|limit| limit.bytes());
    let room = limit.map_or(USUAL, |limit| limit.saturating_sub(counts));
    let genes = usize::try_from(room / of_gene.max(1)).unwrap_or(usize::MAX);
    if all <= room || (limit.is_none() && !in_blocks) {
        return Ok(Held::All);
    }
    if in_blocks && genes >= FEWEST.min(size.n_genes) {
        let genes = genes.min(size.n_genes);
        tracing::info!(
            "moments of {genes} of {} genes are held at a time, to stay within memory",
            size.n_genes
        );
        return Ok(Held::Genes(genes));
    }
    let least = if in_blocks { of_gene * FEWEST.min(size.n_genes) as u64 } else { all };
    let help = match in_blocks {
        true => "fit fewer genes (--top-genes) or cells (--cells), or allow more memory",
        false => {
            "leave out --group-key and --mode dynamical, which need all genes at once, or allow more memory"
        }
    };
    Err(Error::usage(format!("the fit needs about {}", MemorySize::new(counts + least)))
        .found(format!("--max-memory {}", MemorySize::new(limit.unwrap_or_default())))
        .help(help))
}
