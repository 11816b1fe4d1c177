//! What will be made: the simulation, and which cells go to which file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use mfdoom_cli::is_stream;
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::simulate::Simulation;

use crate::{Args, TruthLevel};

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
}

impl Plan {
    /// Checks the arguments and lays out the run.
    ///
    /// # Errors
    /// Usage: an impossible setting, by the name of its flag.
    pub fn new(args: &Args) -> Result<Self> {
        let simulation = Simulation::new(args.design()).map_err(|error| {
            Error::usage(format!("--{error}")).help("mfdoom-simulate --help lists settings and defaults")
        })?;
        let dropped = dropped_batches(args)?;
        let parts = parts(&args.output, &simulation, dropped)?;
        Ok(Self { simulation, parts, truth: args.truth })
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

/// Lays the batches out: fully measured ones in `output`, expression-only ones beside it.
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
