//! Fits of some genes at a time: moments of the others are not held meanwhile, and made again where they are written.

use mfdoom_cli::Progress;
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::moments::{Moments, Smoother};
use mfdoom_kinetics::steady::{GeneBlock, choose_genes, fit_genes, generalise};

use super::counts::Normalised;
use super::memory::Held;
use super::rates::{self, Rates};
use crate::args::{FitArgs, Mode};

/// Fits all cells together: the rates of a fit that holds all genes, without velocities.
///
/// # Errors
/// Contract, when the cells cannot be fitted at all.
pub fn rates(counts: &Normalised, smoother: &Smoother, held: Held, args: &FitArgs) -> Result<Rates> {
    let options = rates::options(args);
    let mut fits = Vec::with_capacity(counts.genes.len());
    let of_genes = |what: &'static str| Progress::new(what, Some(counts.genes.len() as u64), "genes");
    let progress = of_genes("fitting");
    each_block(counts, smoother, held, |block| {
        progress.inc(block.genes.len() as u64);
        fits.extend(fit_genes(block.moments, &options));
        Ok(())
    })?;
    let mut fit = choose_genes(&fits, &options);
    if args.mode == Mode::Stochastic {
        let progress = of_genes("fitting second moments");
        each_block(counts, smoother, held, |block| {
            progress.inc(block.genes.len() as u64);
            generalise(&mut fit, &block, smoother, &options).map_err(Error::refusal)
        })?;
    }
    Ok(rates::of_steady(fit))
}

/// Hands out blocks of genes with their moments.
fn each_block(
    counts: &Normalised,
    smoother: &Smoother,
    held: Held,
    mut fit: impl FnMut(GeneBlock<'_>) -> Result<()>,
) -> Result<()> {
    let n = counts.genes.len();
    let step = match held {
        Held::All => n,
        Held::Genes(genes) => genes,
    };
    for start in (0..n).step_by(step.max(1)) {
        let genes = start..n.min(start + step);
        let keep: Vec<bool> = (0..n).map(|gene| genes.contains(&gene)).collect();
        let (spliced, unspliced) =
            (counts.spliced.select_columns(&keep), counts.unspliced.select_columns(&keep));
        let moments = Moments::new(smoother, &spliced, &unspliced).map_err(Error::refusal)?.by_gene();
        fit(GeneBlock { genes, moments: &moments, spliced: &spliced, unspliced: &unspliced })?;
    }
    Ok(())
}
