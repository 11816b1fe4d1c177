//! Trajectories over the projection of the observed cells, and genes along them.

use std::collections::BTreeMap;

use mfdoom_error::Result;
use mfdoom_plot::{Course, Paths};

use super::observed::Observed;
use super::states::Trajectories;
use crate::report::Figure;

/// Beginning of the title of the paths.
pub(super) const PATHS: &str = "Trajectories";
/// Beginning of the title of the course of genes.
pub(super) const COURSE: &str = "Expression";
/// Most trajectories that are drawn.
const MOST: usize = 60;

/// Draws the observed cells by label and the way of each trajectory over them; nothing without a projection.
pub(super) fn paths(trajectories: &Trajectories, observed: &Observed) -> Result<Option<Figure>> {
    let Some(points) = &observed.positions else { return Ok(None) };
    let groups: Vec<Option<&str>> = observed.labels.iter().map(Option::as_deref).collect();
    let way = |of: &super::states::Trajectory| -> Vec<[f64; 2]> {
        of.states.iter().filter_map(|state| Some(points[state.nearest?])).collect()
    };
    let ways: Vec<Vec<[f64; 2]>> = trajectories.all.iter().take(MOST).map(way).collect();
    let title = format!("{PATHS} over the observed cells");
    let picture = Paths { title: &title, axes: ["1", "2"], points, groups: &groups, paths: &ways }.draw()?;
    Ok(Some(Figure { title, picture, cells: points.len() }))
}

/// Draws the log-normalised counts of the chosen genes by time from the start: median and quartiles; nothing of none.
pub(super) fn course(trajectories: &Trajectories) -> Result<Option<Figure>> {
    if trajectories.genes.is_empty() {
        return Ok(None);
    }
    let mut by_step: BTreeMap<usize, (f64, Vec<Vec<f64>>)> = BTreeMap::new();
    for state in trajectories.all.iter().flat_map(|of| &of.states) {
        let empty = || (state.time, vec![Vec::new(); trajectories.genes.len()]);
        let (_, values) = by_step.entry(state.step).or_insert_with(empty);
        values.iter_mut().zip(&state.genes).for_each(|(of, x)| of.push(f64::from(*x)));
    }
    let times: Vec<f64> = by_step.values().map(|(time, _)| *time).collect();
    let of =
        |gene: usize| -> Vec<Vec<f64>> { by_step.values().map(|(_, values)| values[gene].clone()).collect() };
    let values: Vec<Vec<Vec<f64>>> = (0..trajectories.genes.len()).map(of).collect();
    let title = format!("{COURSE} along the trajectories");
    let names: Vec<&str> = trajectories.genes.iter().map(String::as_str).collect();
    let axes = ["time from the start", "log-normalised counts"];
    let picture = Course { title: &title, axes, names: &names, times: &times, values: &values }.draw()?;
    Ok(Some(Figure { title, picture, cells: 0 }))
}
