//! Fits of all cells, or of every group by itself; rates that were given.

use std::collections::{BTreeMap, HashMap};

use mfdoom_artifact::velocity::Kinetics;
use mfdoom_error::{Error, Kind, Result};
use mfdoom_kinetics::moments::{Moments, Smoother};
use mfdoom_kinetics::steady;
use mfdoom_matrix::Matrix;

use super::counts::Normalised;
use super::rates::{self, Rates};
use super::source::CountsSource;
use crate::args::FitArgs;

/// What a fit of all groups gives.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Rates, one entry a gene and group.
    pub kinetics: Kinetics,
    /// Velocities, [n_cells, G]; nothing where they are computed as they are written.
    pub velocity: Option<Matrix>,
    /// Latent times, [n_cells, G], in the dynamical mode.
    pub time: Option<Matrix>,
}

/// Least cells of a group that is fitted: a line through fewer passes through them all.
const LEAST_CELLS: usize = 3;

/// What is fitted: cells, their counts of the kept genes, and moments over all cells.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The file.
    pub source: &'a CountsSource,
    /// Counts of the kept genes.
    pub counts: &'a Normalised,
    /// Moments of all cells.
    pub moments: &'a Moments,
    /// The average over neighbours that they were taken by.
    pub smoother: &'a Smoother,
}

/// Fits all cells together, or the cells of every group.
///
/// Moments are averages over neighbours of all cells; within a group, only its own cells are fitted, and
/// second moments and latent times are averaged over its own cells. A group that cannot be fitted is named in a
/// warning, and its cells have no velocities.
///
/// # Errors
/// Contract, when the cells or none of the groups can be fitted.
pub fn fit(input: Input<'_>, args: &FitArgs) -> Result<Fit> {
    let Input { source, counts, moments, smoother } = input;
    let unspliced_cells = counts.unspliced_cells();
    let Some((key, labels)) = &source.groups else {
        let layers = (&counts.spliced, &counts.unspliced);
        let rates = rates::fit(moments, smoother, layers, args)?;
        let mut kinetics = Kinetics::default();
        append(&mut kinetics, counts, &rates, &unspliced_cells);
        return Ok(Fit { kinetics, velocity: rates.velocity, time: rates.time });
    };
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    labels.iter().enumerate().for_each(|(cell, label)| groups.entry(label).or_default().push(cell));
    let mut velocity = Matrix::filled(moments.n_cells(), counts.genes.len(), f32::NAN);
    let mut all = Fit { kinetics: Kinetics::default(), velocity: None, time: None };
    let mut left_out = Vec::new();
    for (label, cells) in groups {
        let rates = match group(input, &cells, args)? {
            Ok(rates) => rates,
            Err(why) => {
                left_out.push(format!("{label:?} ({} cells: {why})", cells.len()));
                continue;
            }
        };
        append(&mut all.kinetics, counts, &rates, &unspliced_cells);
        all.kinetics.groups.extend(std::iter::repeat_n(label.to_owned(), counts.genes.len()));
        if let Some(part) = &rates.velocity {
            put_rows(&mut velocity, part, &cells);
        }
        if let Some(time) = rates.time {
            let whole =
                all.time.get_or_insert_with(|| Matrix::filled(moments.n_cells(), time.n_cols(), f32::NAN));
            put_rows(whole, &time, &cells);
        }
    }
    report_left_out(key, &left_out, all.kinetics.genes.is_empty())?;
    all.velocity = Some(velocity);
    Ok(all)
}

/// Fits the cells of one group, or says why it cannot be fitted.
fn group(input: Input<'_>, cells: &[usize], args: &FitArgs) -> Result<std::result::Result<Rates, String>> {
    if cells.len() < LEAST_CELLS {
        return Ok(Err(format!("fewer than {LEAST_CELLS}")));
    }
    let Input { counts, moments, smoother, .. } = input;
    let (spliced, unspliced) = (counts.spliced.select_rows(cells), counts.unspliced.select_rows(cells));
    let part = Moments {
        spliced: moments.spliced.select_rows(cells),
        unspliced: moments.unspliced.select_rows(cells),
    };
    match rates::fit(&part, &smoother.restricted(cells), (&spliced, &unspliced), args) {
        Ok(rates) if has_velocities(&rates) => Ok(Ok(rates)),
        Ok(_) => Ok(Err("no gene has both kinds of counts".to_owned())),
        Err(error) if error.kind() == Kind::Contract => Ok(Err(error.message().to_owned())),
        Err(error) => Err(error),
    }
}

/// Names the groups that have no velocities.
///
/// # Errors
/// Contract, when none has.
fn report_left_out(key: &str, left_out: &[String], none_fitted: bool) -> Result<()> {
    let help = "give their cells another label, or leave them out with --cells";
    if none_fitted {
        return Err(Error::contract(format!("no group of '{key}' can be fitted"))
            .found(left_out.join(", "))
            .wanted(format!("a group of {LEAST_CELLS} cells with both kinds of counts"))
            .help(help));
    }
    if !left_out.is_empty() {
        tracing::warn!("groups of '{key}' have no velocities: {}; {help}", left_out.join(", "));
    }
    Ok(())
}

/// Whether any cell has a velocity.
fn has_velocities(rates: &Rates) -> bool {
    rates.velocity.as_ref().is_some_and(|velocity| velocity.data().iter().any(|value| value.is_finite()))
}

/// Takes given steady-state rates; velocities are `Mu - gamma Ms`, where moments are there.
///
/// # Errors
/// Contract: the table has rates by group.
pub fn apply(given: &Kinetics, counts: &Normalised, moments: Option<&Moments>) -> Result<Fit> {
    if !given.groups.is_empty() {
        return Err(Error::contract("--kinetics has rates of every group by itself")
            .wanted("one rate a gene")
            .help("fit without --group-key"));
    }
    let rows: HashMap<&str, usize> =
        given.genes.iter().enumerate().map(|(row, gene)| (gene.id.as_str(), row)).collect();
    // The genes of `counts` are those that have a given rate.
    let rows: Vec<usize> =
        counts.genes.iter().filter_map(|gene| rows.get(gene.id.as_str()).copied()).collect();
    let pick = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
    let gamma = pick(&given.gamma);
    let velocity =
        moments.map(|moments| steady::velocity(moments, &gamma).map_err(Error::refusal)).transpose()?;
    let kinetics = Kinetics {
        groups: Vec::new(),
        genes: counts.genes.clone(),
        gamma,
        r2: pick(&given.r2),
        velocity_gene: rows.iter().map(|&row| given.velocity_gene[row]).collect(),
        unspliced_cells: counts.unspliced_cells(),
        fits: Vec::new(),
    };
    Ok(Fit { kinetics, velocity, time: None })
}

/// Returns the rates of all cells together, whose velocities are computed as they are written.
pub fn by_rows(counts: &Normalised, rates: &Rates) -> Fit {
    let mut kinetics = Kinetics::default();
    append(&mut kinetics, counts, rates, &counts.unspliced_cells());
    Fit { kinetics, velocity: None, time: None }
}

/// Appends the rates of a group.
fn append(kinetics: &mut Kinetics, counts: &Normalised, rates: &Rates, unspliced_cells: &[f64]) {
    kinetics.genes.extend(counts.genes.iter().cloned());
    kinetics.gamma.extend(&rates.gamma);
    kinetics.r2.extend(&rates.r2);
    kinetics.velocity_gene.extend(&rates.velocity_genes);
    kinetics.unspliced_cells.extend(unspliced_cells);
    if kinetics.fits.is_empty() {
        kinetics.fits = rates.fits.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
    }
    for ((_, to), (_, from)) in kinetics.fits.iter_mut().zip(&rates.fits) {
        to.extend(from);
    }
}

/// Writes the rows of `part` to the given rows of `whole`.
fn put_rows(whole: &mut Matrix, part: &Matrix, rows: &[usize]) {
    for (k, &row) in rows.iter().enumerate() {
        whole.row_mut(row).copy_from_slice(part.row(k));
    }
}
