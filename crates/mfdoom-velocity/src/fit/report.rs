//! What a user should know of the counts before trusting velocities.

use std::collections::BTreeMap;

use mfdoom_error::{Error, Result};

use super::counts::Totals;
use super::groups::Fit;
use super::source::CountsSource;

/// A protocol or a quantification is suspect with a share of unspliced counts outside of this range.
const USUAL: std::ops::RangeInclusive<f64> = 0.05..=0.5;

/// Logs the share of unspliced counts of all cells and of every cluster, and warns where it is unusual or where
/// batches are pooled.
pub fn unspliced(source: &CountsSource, totals: &Totals) {
    let share = |cells: &[usize]| {
        let sum = |layer: usize| cells.iter().map(|&cell| totals.counted[layer][cell]).sum::<f64>();
        sum(1) / (sum(0) + sum(1))
    };
    let all: Vec<usize> = (0..totals.n_cells()).collect();
    let whole = share(&all);
    tracing::info!("{}: {:.1} % of the counts are unspliced", source.file.name(), 100.0 * whole);
    if !USUAL.contains(&whole) {
        tracing::warn!(
            "{:.1} % unspliced counts are outside the usual 5 to 50 %: velocities may mean little; check the \
             protocol and that the layers are spliced and unspliced",
            100.0 * whole
        );
    }
    let unusual = all.iter().filter(|&&cell| !USUAL.contains(&totals.unspliced_fraction(cell))).count();
    if unusual > 0 {
        tracing::info!("{unusual} of {} cells have a share outside 5 to 50 %", all.len());
    }
    if let Some((key, labels)) = source.clusters() {
        let mut clusters: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        labels.iter().enumerate().for_each(|(cell, label)| clusters.entry(label).or_default().push(cell));
        for (label, cells) in clusters {
            let share = share(&cells);
            tracing::info!("{key} {label:?}: {} cells, {:.1} % unspliced", cells.len(), 100.0 * share);
            if !USUAL.contains(&share) {
                tracing::warn!("{key} {label:?}: {:.1} % unspliced, usual are 5 to 50 %", 100.0 * share);
            }
        }
    }
    if let Some((column, n)) = &source.batches {
        tracing::warn!(
            "cells of {n} batches (obs column '{column}') are pooled: differences between batches pass for \
             velocity; fit them by themselves with --group-key {column} or --cells"
        );
    }
}

/// Logs how many genes were fitted.
///
/// # Errors
/// Contract, when no gene is left for a graph.
pub fn fitted(fit: &Fit) -> Result<()> {
    let fitted = fit.kinetics.gamma.iter().filter(|gamma| gamma.is_finite()).count();
    let chosen = fit.kinetics.velocity_gene.iter().filter(|chosen| **chosen).count();
    tracing::info!("{fitted} rates fitted, {chosen} of velocity genes");
    if chosen == 0 {
        return Err(Error::contract("no gene can be trusted for velocities")
            .found(format!("{fitted} genes with a rate, none with enough r2 and gamma"))
            .help("lower --min-r2 and --min-ratio; check that the layers are spliced and unspliced counts"));
    }
    Ok(())
}
