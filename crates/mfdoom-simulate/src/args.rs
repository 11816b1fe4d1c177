//! The command line of the stage.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use mfdoom_cli::{CommonArgs, ForceArgs, SeedArgs};
use mfdoom_kinetics::simulate::{Design, Noise};
use serde::Serialize;

/// Simulates single cells with splicing kinetics along a branching lineage, and keeps their truth
///
/// Cells differentiate from `progenitor` over `intermediate` types to the fates `fate_1`, `fate_2` ... while
/// genes are switched on and off; counts are drawn after capture, depth and batch effects. The h5ad file holds
/// total counts in X and the layers `spliced` and `unspliced`; neighbouring cell types overlap.
///
/// --drop-modalities makes the last batches expression-only. A layer of an h5ad file covers every cell, so they
/// go to a second file: -o sim.h5ad holds the fully measured batches, sim.expression.h5ad (X only) the others.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "mfdoom-simulate", version)]
pub struct Args {
    /// The h5ad file to write
    #[arg(short, long, value_name = "FILE.h5ad", help_heading = "Output")]
    #[serde(skip)]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    #[serde(skip)]
    pub(crate) force: ForceArgs,

    /// Truth to keep: none; cells: per cell and per gene (obs, var); full: also states and velocities as layers
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) truth: TruthLevel,

    /// Number of cells, over all batches
    #[arg(long, value_name = "N", default_value_t = Design::default().cells, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Experiment")]
    pub(crate) cells: usize,

    /// Number of genes
    #[arg(long, value_name = "N", default_value_t = Design::default().genes, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Experiment")]
    pub(crate) genes: usize,

    /// Number of experimental batches, of equal size
    #[arg(long, value_name = "N", default_value_t = Design::default().batches, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Experiment")]
    pub(crate) batches: usize,

    /// Share of the batches that are expression-only: the last ones, in FILE.expression.h5ad
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0, value_parser = mfdoom_cli::fraction, help_heading = "Experiment")]
    pub(crate) drop_modalities: f64,

    /// Number of terminal fates
    #[arg(long, value_name = "N", default_value_t = Design::default().lineages, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Biology")]
    pub(crate) lineages: usize,

    /// Share of genes whose transcription switches; the others are housekeeping genes
    #[arg(long, value_name = "FRACTION", default_value_t = Design::default().dynamic_genes, value_parser = mfdoom_cli::fraction, help_heading = "Biology")]
    pub(crate) dynamic_genes: f64,

    /// Median ratio of high to low transcription of a switching gene; lower makes types harder to tell apart
    #[arg(long, value_name = "RATIO", default_value_t = Design::default().fold_change, value_parser = mfdoom_cli::above_zero, help_heading = "Biology")]
    pub(crate) fold_change: f64,

    /// Mean share of a cell's molecules that is captured; sets depth and sparsity
    #[arg(long, value_name = "FRACTION", default_value_t = Design::default().capture, value_parser = mfdoom_cli::fraction, help_heading = "Noise")]
    pub(crate) capture: f64,

    /// Log standard deviation of a batch's effect on each gene and on depth
    #[arg(long, value_name = "SD", default_value_t = Design::default().batch_effect, value_parser = mfdoom_cli::not_negative, help_heading = "Noise")]
    pub(crate) batch_effect: f64,

    /// How counts scatter around their mean
    #[arg(long, value_enum, default_value_t, help_heading = "Noise")]
    pub(crate) noise: NoiseKind,

    /// Overdispersion of negative-binomial counts: variance = mean + D x mean^2
    #[arg(long, value_name = "D", default_value_t = 0.2, value_parser = mfdoom_cli::not_negative, help_heading = "Noise")]
    pub(crate) dispersion: f64,

    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) seed: SeedArgs,

    #[command(flatten)]
    #[serde(skip)]
    pub(crate) common: CommonArgs,
}

/// How much of the truth the files hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TruthLevel {
    /// None: only what an experiment would give.
    None,
    /// Latent time, lineage and capture in obs, rates and switches in var.
    #[default]
    Cells,
    /// Also the states and velocities of every cell and gene, as dense layers.
    Full,
}

/// How counts scatter around their mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// Overdispersed, as real counts are.
    #[default]
    NegativeBinomial,
    /// The noise of sampling alone.
    Poisson,
}

impl Args {
    /// Returns the design that the arguments describe, unchecked.
    pub fn design(&self) -> Design {
        let noise = match self.noise {
            NoiseKind::NegativeBinomial => Noise::NegativeBinomial { dispersion: self.dispersion },
            NoiseKind::Poisson => Noise::Poisson,
        };
        Design {
            cells: self.cells,
            genes: self.genes,
            lineages: self.lineages,
            batches: self.batches,
            seed: self.seed.seed,
            noise,
            capture: self.capture,
            batch_effect: self.batch_effect,
            dynamic_genes: self.dynamic_genes,
            fold_change: self.fold_change,
        }
    }
}
