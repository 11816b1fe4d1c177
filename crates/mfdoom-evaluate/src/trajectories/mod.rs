//! `mfdoom-evaluate trajectories`: where generated trajectories end, and in which order they pass the observed cells.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | the command line |
//! | `states` | the generated states |
//! | `observed` | labels, pseudotime and random walks of the observed cells |
//! | `fates` | the scores of paths |
//! | `steps` | what the states of each step are like |
//! | `truth`, `future` | what the cells have truly become, where that is known |
//! | `draw` | paths over the observed cells, genes along them |

pub mod args;
mod draw;
mod fates;
mod future;
mod observed;
mod states;
mod steps;
mod truth;

use std::collections::BTreeSet;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::median;
use serde_json::json;

use self::args::TrajectoriesArgs;
use self::fates::Paths;
use self::observed::Observed;
use self::states::{Trajectories, Trajectory};
use crate::outputs::Outputs;
use crate::report::{Figure, Page};
use crate::scores::{Document, Estimate, Kind, Name, Place, text};

const DRIFT: Name =
    Name::low("drift_last", "Distance to the observed cells", "at the last step, over the usual");

/// Most cells on all random walks together: their pseudotimes, 8 bytes each, are in memory.
const MOST_CELLS: usize = 100_000_000;

/// Runs `mfdoom-evaluate trajectories`.
///
/// # Errors
/// Usage: outputs that cannot be. Contract: no trajectories or graph, no such label, gene or projection, cells that
/// the graph does not have.
pub fn run(args: &TrajectoriesArgs) -> Result<()> {
    let outputs = Outputs::plan(&args.run, &[args.plot.as_deref(), args.course.as_deref()])?;
    let observed = Observed::read(&args.graph, &args.label, &args.basis)?;
    if args.plot.is_some() && observed.positions.is_none() {
        return Err(Error::contract(format!("{}: no projection on {}", args.graph.display(), args.basis))
            .wanted("a graph with the projection that --plot draws on")
            .help(format!("mfdoom-velocity graph --embedding {}", args.basis)));
    }
    let trajectories = Trajectories::read(&args.trajectories, &args.genes, &observed)?;
    let labels = terminal(args, &trajectories, &observed)?;
    check_walks(args, &trajectories)?;
    if args.run.common.check {
        return Ok(());
    }
    let scorer = Run { args, observed: &observed, trajectories: &trajectories, labels: &labels };
    let document = scorer.document()?;
    let mut figures = Vec::new();
    if outputs.wants_pictures() {
        figures.extend(draw::paths(&trajectories, &observed)?);
        figures.extend(draw::course(&trajectories)?);
    }
    let find = |title: &str| figures.iter().find(|figure: &&Figure| figure.title.starts_with(title));
    let pictures = [find(draw::PATHS), find(draw::COURSE)];
    let title = format!("Trajectories of {}", trajectories.source.name);
    outputs.write(&document, &pictures, || Ok(Page { figures: &figures, ..Page::new(title, &document) }))?;
    tracing::info!("{}", text(&document.scores));
    Ok(())
}

/// Checks that the random walks fit into memory.
fn check_walks(args: &TrajectoriesArgs, all: &Trajectories) -> Result<()> {
    let starts = all.all.iter().filter(|of| of.start.is_some()).count();
    let steps = args.walk_steps.unwrap_or_else(|| all.steps());
    let cells = starts.saturating_mul(args.walks).saturating_mul(steps.saturating_add(1));
    match cells > MOST_CELLS {
        true => Err(Error::usage("the random walks are too many or too long")
            .found(format!("{} walks of {steps} steps from each of {starts} trajectories", args.walks))
            .wanted(format!("at most {MOST_CELLS} cells on all walks together"))
            .help("fewer --walks or --walk-steps")),
        false => Ok(()),
    }
}

/// Returns the labels that trajectories may end in.
fn terminal(args: &TrajectoriesArgs, all: &Trajectories, observed: &Observed) -> Result<Vec<String>> {
    let known: BTreeSet<&String> = observed.labels.iter().flatten().collect();
    if let Some(label) = args.terminal.iter().find(|label| !known.contains(label)) {
        let there = known.iter().map(|label| label.as_str());
        return Err(mfdoom_error::missing(&args.label, "label", label, there, "--terminal "));
    }
    if !args.terminal.is_empty() {
        return Ok(args.terminal.clone());
    }
    let starts: BTreeSet<&String> =
        all.all.iter().filter_map(|of| observed.labels[of.start?].as_ref()).collect();
    let others: Vec<String> = known.into_iter().filter(|label| !starts.contains(label)).cloned().collect();
    match others.is_empty() {
        true => Err(Error::usage("trajectories begin in every label: none is left to end in")
            .help("name the labels that they may end in: --terminal")),
        false => Ok(others),
    }
}

/// What is scored.
struct Run<'a> {
    args: &'a TrajectoriesArgs,
    observed: &'a Observed,
    trajectories: &'a Trajectories,
    labels: &'a [String],
}

impl Run<'_> {
    fn document(&self) -> Result<Document> {
        let Self { args, observed, trajectories, labels } = *self;
        let inputs = vec![trajectories.source.clone(), observed.source.clone()];
        let mut settings = mfdoom_cli::settings(args)?;
        settings["terminal"] = json!(labels);
        let mut document = Document::new("trajectories", settings, inputs);
        let walks = self.walks();
        document.cells = json!({
            "trajectories": trajectories.all.len(),
            "random_walks": walks.ends.len(),
            "observed": observed.labels.len(),
        });
        let shares = observed.shares(labels);
        let seed = args.run.seed.seed;
        self.generated().score(labels, &shares, seed, &mut document.scores);
        self.drift(&mut document);
        walks.score(labels, &shares, seed, &mut document.scores);
        fates::score_observed(&shares, observed.labels.len(), &mut document.scores);
        if args.truth.is_some() {
            future::score(args, trajectories.steps(), &mut document)?;
        }
        document.detail("by_step", &steps::by_step(trajectories, observed))?;
        Ok(document)
    }

    fn generated(&self) -> Paths<'_> {
        let passed =
            |of: &Trajectory| -> Vec<usize> { of.states.iter().filter_map(|state| state.nearest).collect() };
        self.paths("generated", Kind::Head, self.trajectories.all.iter().map(passed))
    }

    /// Random walks from the starts of the trajectories that the graph has.
    fn walks(&self) -> Paths<'_> {
        let steps = self.args.walk_steps.unwrap_or_else(|| self.trajectories.steps());
        let starts = self.trajectories.all.iter().enumerate().filter_map(|(at, of)| Some((at, of.start?)));
        let walk = |(at, start): (usize, usize)| {
            let (n, seed) = (self.args.walks, self.args.run.seed.seed);
            (0..n).map(move |repeat| self.observed.walk(start, steps, (seed, at * n + repeat)))
        };
        self.paths("random walk", Kind::Baseline, starts.flat_map(walk))
    }

    fn paths<'a>(&'a self, head: &'a str, kind: Kind, paths: impl Iterator<Item = Vec<usize>>) -> Paths<'a> {
        let mut all = Paths { head, kind, ends: Vec::new(), first: Vec::new(), times: Vec::new() };
        let is_fate = |label: &&str| self.labels.iter().any(|fate| fate == label);
        for path in paths {
            let label = path.last().and_then(|cell| self.observed.labels[*cell].as_deref());
            all.ends.push(label);
            let mut passed = path.iter().filter_map(|cell| self.observed.labels[*cell].as_deref());
            all.first.push(passed.find(is_fate));
            all.times.push(path.into_iter().map(|cell| self.observed.time[cell]).collect());
        }
        all
    }

    fn drift(&self, document: &mut Document) {
        let last = self.trajectories.all.iter().filter_map(|of| of.states.last());
        let mut drifts: Vec<f64> = last.map(|state| state.drift).collect();
        let place = Place::new("all", "generated", drifts.len());
        let found = median(&mut drifts).map(Estimate::plain).ok_or_else(|| "no state".to_owned());
        document.scores.push(&place, DRIFT, found);
    }
}
