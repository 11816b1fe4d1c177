//! `fit`: counts to moments, rates and velocities.
//!
//! | module | for |
//! |---|---|
//! | [`source`] | the file, its layers, cells and annotation, decided before the first pass |
//! | [`counts`] | two passes over the counts: totals, then the genes that are kept |
//! | [`rates`] | one fit of a set of cells, in any mode |
//! | [`memory`] | whether moments of all genes are held at once, or of some at a time |
//! | [`blocks`] | a fit of some genes at a time |
//! | [`groups`] | fits group by group, and rates that were given |
//! | [`report`] | the share of unspliced counts, pooled batches |
//! | [`write`] | the velocity folder |

pub mod blocks;
pub mod counts;
pub mod groups;
pub mod memory;
pub mod rates;
pub mod report;
pub mod source;
pub mod write;

use memory::Held;
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
    let held = memory::plan(&memory::Size::of(&counts), args)?;
    let neighbors = neighbors::find(&counts.spliced, args.n_pcs, args.n_neighbors)?;
    let smoother = Smoother::new(&connectivities(&neighbors)).map_err(Error::refusal)?;
    tracing::info!("{} genes, {} cells, {} neighbours", counts.genes.len(), totals.n_cells(), neighbors.k());
    let moments = match held {
        Held::All => {
            Some(Moments::new(&smoother, &counts.spliced, &counts.unspliced).map_err(Error::refusal)?)
        }
        Held::Genes(_) => None,
    };
    let fit = match (&given, &moments, held) {
        (Some(given), moments, _) => groups::apply(given, &counts, moments.as_ref())?,
        (None, Some(moments), _) => {
            let (source, counts, smoother) = (&source, &counts, &smoother);
            groups::fit(groups::Input { source, counts, moments, smoother }, args)?
        }
        (None, None, held) => groups::by_rows(&counts, &blocks::rates(&counts, &smoother, held, args)?),
    };
    report::fitted(&fit)?;
    let values = write::Values { moments: moments.as_ref(), fit: &fit, smoother: &smoother };
    write::FitFolder { source: &source, totals: &totals, counts: &counts, neighbors: &neighbors }
        .write(folder, &values, args)?;
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
