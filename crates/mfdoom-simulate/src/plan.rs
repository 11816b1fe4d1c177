//! What will be made: the simulation, and which cells go to which file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use mfdoom_cli::is_stream;
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::simulate::{Design, Simulation};

use crate::{Args, TruthLevel};

/// Entries (cells x genes) of a block where memory is not limited.
const ENTRIES: usize = 2_000_000;
/// Most memory that one entry of a block takes: counts, their parts while they are joined, dense truth.
const BYTES_PER_ENTRY: usize = 40;
/// Blocks alive at once: one is made, one waits, one is written.
const BLOCKS: usize = 3;
/// Memory that a cell takes until the end, for its annotation.
const BYTES_PER_CELL: usize = 160;
/// Memory that a gene takes, without its factors.
const BYTES_PER_GENE: usize = 400;

/// What was measured of the cells of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Spliced and unspliced counts, and their total.
    All,
    /// The total only.
    Expression,
}

/// One file and its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub path: PathBuf,
    /// Its cells.
    pub cells: Range<usize>,
    /// What was measured of them.
    pub measured: Measured,
}

/// A checked run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The cells to be made.
    pub simulation: Simulation,
    /// The files they go to.
    pub parts: Vec<Part>,
    /// How much of the truth is kept.
    pub truth: TruthLevel,
    /// Cells that are made at once.
    pub rows: usize,
}

impl Plan {
    /// Checks the arguments and lays out the run.
    ///
    /// # Errors
    /// Usage: an impossible setting, by the name of its flag.
    pub fn new(args: &Args) -> Result<Self> {
        let design = args.design();
        let refused = |error| {
            Error::usage(format!("--{error}")).help("mfdoom-simulate --help lists settings and defaults")
        };
        design.check().map_err(refused)?;
        let rows = rows_per_block(&design, args)?;
        let simulation = Simulation::new(design).map_err(refused)?;
        let dropped = dropped_batches(args)?;
        let parts = parts(&args.output, &simulation, dropped)?;
        Ok(Self { simulation, parts, truth: args.truth, rows })
    }

    /// Logs what will be made.
    pub fn log(&self) {
        let names: Vec<_> = self.simulation.tree().branches().iter().map(|b| b.name.as_str()).collect();
        tracing::info!("cell types: {}", names.join(", "));
        for part in &self.parts {
            let path = part.path.display();
            let (cells, genes) = (part.cells.len(), self.simulation.genes().len());
            let what = match part.measured {
                Measured::All => "X (total), spliced and unspliced",
                Measured::Expression => "expression-only: X (total)",
            };
            tracing::info!("{path}: {cells} cells x {genes} genes, {}, {what}", self.batches_of(part));
        }
    }

    fn batches_of(&self, part: &Part) -> String {
        let batches = self.simulation.batches();
        let design = self.simulation.design();
        let first = &batches[design.batch_of_cell(part.cells.start)].name;
        let last = &batches[design.batch_of_cell(part.cells.end - 1)].name;
        if first == last { first.clone() } else { format!("{first} to {last}") }
    }
}

/// Returns how many cells a block holds, so that the run stays within `--max-memory`.
fn rows_per_block(design: &Design, args: &Args) -> Result<usize> {
    let rows = (ENTRIES / design.genes).clamp(32, 4096);
    let Some(limit) = args.common.max_memory else { return Ok(rows) };
    let fixed = design.cells * BYTES_PER_CELL
        + design.genes * (8 * design.batches + design.lineages + BYTES_PER_GENE);
    let per_row = design.genes * BYTES_PER_ENTRY * BLOCKS;
    let room = usize::try_from(limit.bytes()).unwrap_or(usize::MAX).saturating_sub(fixed) / per_row;
    if room == 0 {
        let needed = mfdoom_cli::MemorySize::new((fixed + per_row) as u64);
        return Err(Error::usage(format!("--max-memory {limit} is too little for this simulation"))
            .wanted(format!("at least {needed}"))
            .help("raise it, or ask for fewer cells or genes"));
    }
    Ok(rows.min(room))
}

/// Returns how many batches lose their spliced and unspliced counts.
fn dropped_batches(args: &Args) -> Result<usize> {
    let share = args.drop_modalities;
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::usage(format!("--drop-modalities is {share}, wanted 0 to 1"))
            .help("it is the share of the batches that are expression-only, e.g. 0.5"));
    }
    let dropped = (share * args.batches as f64).round() as usize;
    let mixed = share > 0.0 && share < 1.0;
    if mixed && (dropped == 0 || dropped == args.batches) {
        return Err(Error::usage(format!(
            "--drop-modalities {share} of {} batches leaves {dropped} expression-only, wanted some of both kinds",
            args.batches
        ))
        .help("whole batches are dropped: raise --batches, or give 0 or 1"));
    }
    Ok(dropped)
}

/// Lays the batches out: fully measured ones in `output`, expression-only ones next to it.
fn parts(output: &Path, simulation: &Simulation, dropped: usize) -> Result<Vec<Part>> {
    if is_stream(output) {
        return Err(
            Error::usage("an h5ad file cannot be streamed to standard output").help("give -o FILE.h5ad")
        );
    }
    if output.extension().is_none_or(|extension| extension != "h5ad") {
        return Err(Error::usage(format!(
            "--output is {}, wanted a name that ends in .h5ad",
            output.display()
        ))
        .help("the simulation is written as AnnData's h5ad"));
    }
    let design = simulation.design();
    let whole = 0..design.cells;
    let part = |path: &Path, cells, measured| Part { path: path.to_owned(), cells, measured };
    let first_dropped = design.batches - dropped;
    let edge = design.cells_of_batch(first_dropped.saturating_sub(1)).end;
    Ok(match (first_dropped, dropped) {
        (_, 0) => vec![part(output, whole, Measured::All)],
        (0, _) => vec![part(output, whole, Measured::Expression)],
        _ => vec![
            part(output, 0..edge, Measured::All),
            part(&output.with_extension("expression.h5ad"), edge..design.cells, Measured::Expression),
        ],
    })
}
