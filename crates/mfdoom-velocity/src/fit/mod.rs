//! `fit`: counts to moments, rates and velocities.
//!
//! | module | for |
//! |---|---|
//! | [`source`] | the file, its layers, cells and annotation, decided before the first pass |
//! | [`counts`] | two passes over the counts: totals, then the genes that are kept |
//! | [`rates`] | one fit of a set of cells, in any mode |
//! | [`groups`] | fits group by group, and rates that were given |
//! | [`report`] | the share of unspliced counts, pooled batches |
//! | [`write`] | the velocity folder |

pub mod counts;
pub mod groups;
pub mod rates;
pub mod report;
pub mod source;
pub mod write;

use counts::Normalised;
use mfdoom_artifact::VelocityDirWriter;
use mfdoom_artifact::velocity::Kinetics;
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::moments::{Moments, Smoother};
use mfdoom_matrix::connectivities;
use source::CountsSource;

use crate::args::{FitArgs, Mode};
use crate::neighbors;

/// Runs `mfdoom-velocity fit`.
///
/// # Errors
/// Usage: settings that contradict each other, or too little `--max-memory`. Contract: no layers of spliced and
/// unspliced raw counts, too few cells, no gene that can be fitted.
pub fn run(args: &FitArgs) -> Result<()> {
    check_settings(args)?;
    let source = CountsSource::open(args)?;
    let given = args.kinetics.as_deref().map(Kinetics::read).transpose()?;
    if args.common.check {
        return check(args, &source);
    }
    // Created first: an output that cannot be is refused before the work is done.
    let folder = VelocityDirWriter::create(&args.output, args.force.force)?;
    let mut totals = counts::totals(&source, args)?;
    report::unspliced(&source, &totals);
    let counts = counts::normalised(&source, &mut totals, given.as_ref(), args)?;
    check_memory(args, &counts)?;
    let neighbors = neighbors::find(&counts.spliced, args.n_pcs, args.n_neighbors)?;
    let smoother = Smoother::new(&connectivities(&neighbors)).map_err(Error::refusal)?;
    let moments = Moments::new(&smoother, &counts.spliced, &counts.unspliced);
    let moments = moments.map_err(Error::refusal)?;
    tracing::info!("{} genes, {} cells, {} neighbours", counts.genes.len(), totals.n_cells(), neighbors.k());
    let fit = match &given {
        Some(given) => groups::apply(given, &counts, &moments)?,
        None => {
            let (source, counts, moments, smoother) = (&source, &counts, &moments, &smoother);
            groups::fit(groups::Input { source, counts, moments, smoother }, args)?
        }
    };
    report::fitted(&fit)?;
    write::FitFolder { source: &source, totals: &totals, counts: &counts, neighbors: &neighbors }
        .write(folder, moments, fit, args)?;
    tracing::info!("{}: {} cells, {} genes", args.output.display(), totals.n_cells(), counts.genes.len());
    match &args.into {
        Some(path) => mfdoom_into::velocity::add(&args.output, path),
        None => Ok(()),
    }
}

/// Says what would be fitted, writing nothing.
fn check(args: &FitArgs, source: &CountsSource) -> Result<()> {
    let totals = counts::totals(source, args)?;
    report::unspliced(source, &totals);
    let kept = totals.shared.iter().filter(|total| **total >= args.min_shared_counts).count();
    tracing::info!(
        "check: would fit {} of {} genes over {} cells; wrote nothing",
        kept.min(args.top_genes),
        totals.shared.len(),
        totals.n_cells()
    );
    Ok(())
}

/// Refuses settings that cannot be together.
fn check_settings(args: &FitArgs) -> Result<()> {
    if args.kinetics.is_some() && args.mode == Mode::Dynamical {
        return Err(Error::usage("--kinetics applies steady-state rates, --mode dynamical fits")
            .help("leave out one of them"));
    }
    match args.top_genes {
        0 => Err(Error::usage("--top-genes 0 leaves no gene").wanted("at least 1")),
        _ => Ok(()),
    }
}

/// Refuses what will not fit into `--max-memory`.
fn check_memory(args: &FitArgs, counts: &Normalised) -> Result<()> {
    let dense = 4 * (counts.spliced.n_rows() * counts.genes.len()) as u64;
    // Moments, their transposes, velocities; second moments and their transposes, or the times of every gene.
    let matrices = match args.mode {
        Mode::Deterministic => 5,
        Mode::Stochastic => 9,
        Mode::Dynamical => 12,
    };
    let stored = 32 * (counts.spliced.nnz() + counts.unspliced.nnz()) as u64;
    let need = dense * matrices + stored;
    match args.common.max_memory {
        Some(limit) if limit.bytes() < need => {
            let need = mfdoom_cli::MemorySize::new(need);
            Err(Error::usage(format!("the fit needs about {need}"))
                .found(format!("--max-memory {limit}"))
                .help("fit fewer genes (--top-genes) or cells (--cells), or allow more memory"))
        }
        _ => Ok(()),
    }
}
