//! Trajectories, step by step.

use std::collections::VecDeque;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::median;
use mfdoom_nn::Stream;
use rayon::prelude::*;

use crate::args::{Take, WalkArgs};
use crate::counts::{Scatter, Sparse, Taken};
use crate::decoders::Dynamics;
use crate::field::{Field, Seen, Shown};
use crate::observed::Observed;
use crate::starts::{Cell, Value};

/// Observed cells that the pace is measured of.
const PACE_CELLS: usize = 64;
/// Sharpness of the weights of observed states ahead, as in scVelo's transition matrix.
const SHARPNESS: f64 = 10.0;
/// Share of the distance to the neighbours that a cell moves in a step.
const STRIDE: f64 = 0.5;

/// Where trajectories run and how.
pub struct Walk<'a> {
    /// The observed cells.
    pub observed: &'a Observed,
    /// The velocities.
    pub field: &'a Field<'a>,
    /// How counts scatter.
    pub scatter: &'a Scatter,
    /// The settings.
    pub args: &'a WalkArgs,
    /// Time of a step, negative where trajectories go backward.
    pub time: f64,
}

/// A trajectory as far as it has come.
struct Trajectory<'a> {
    number: u64,
    start: &'a Cell,
    profile: Vec<f32>,
    /// The cells drawn of it so far with their library sizes, the last of those that the decoder reads.
    drawn: VecDeque<(Sparse, f64)>,
    /// Whether it has left the observed cells.
    left: bool,
}

/// A generated cell.
#[derive(Debug)]
pub struct Row {
    /// Data set of the cell that its trajectory began at.
    pub dataset: String,
    /// Its own id.
    pub cell_id: String,
    /// Number of its trajectory.
    pub trajectory: u64,
    /// Steps from the start.
    pub step: usize,
    /// Time from the start.
    pub time: f64,
    /// Id of the cell that its trajectory began at.
    pub start: String,
    /// Number of the observed cell nearest to it.
    pub nearest: usize,
    /// Distance to the observed cells over what is usual among them.
    pub drift: f64,
    /// Whether the trajectory ends here since it has left the observed cells.
    pub left: bool,
    /// How far off the velocity may be.
    pub uncertainty: f64,
    /// Values of the obs columns around it.
    pub obs: Vec<Value>,
    /// Counts of the modality that trajectories run in, then of the added ones.
    pub counts: Vec<Sparse>,
    /// The model's vector.
    pub embedding: Vec<f32>,
}

/// What became of some trajectories.
#[derive(Debug, Default)]
pub struct Walked {
    /// Rows by trajectory, each by step.
    pub rows: Vec<Vec<Row>>,
    /// Steps for which the velocity was 0.
    pub at_rest: usize,
}

impl Walk<'_> {
    /// Walks trajectories side by side; `first` is the number of the first of them.
    ///
    /// # Errors
    /// Failed: the device fails, or a number is not finite.
    pub fn run(&self, first: u64, starts: &[&Cell]) -> Result<Walked> {
        let begin = |(at, start)| {
            let start: &Cell = start;
            let profile = self.observed.around(start)?;
            Ok(Trajectory { number: first + at as u64, start, profile, drawn: VecDeque::new(), left: false })
        };
        let mut all: Vec<Trajectory<'_>> =
            starts.iter().copied().enumerate().map(begin).collect::<Result<_>>()?;
        let mut walked = Walked { rows: starts.iter().map(|_| Vec::new()).collect(), at_rest: 0 };
        for step in 0..=self.args.steps {
            let going: Vec<usize> = (0..all.len()).filter(|at| !all[*at].left).collect();
            if going.is_empty() {
                break;
            }
            let seen = self.see(step, &going, &mut all, &mut walked)?;
            if step < self.args.steps {
                let moving = going.iter().zip(&seen.moves).filter(|(at, _)| !all[**at].left);
                let moving: Vec<(usize, &Vec<f32>)> = moving.map(|(at, v)| (*at, v)).collect();
                walked.at_rest += moving.iter().filter(|(_, v)| v.iter().all(|x| *x == 0.0)).count();
                self.displace(&moving, &mut all, step as u64)?;
            }
        }
        Ok(walked)
    }

    /// Takes counts of the states at a step, sees them, and notes a row of each.
    fn see(
        &self,
        step: usize,
        going: &[usize],
        all: &mut [Trajectory<'_>],
        walked: &mut Walked,
    ) -> Result<Seen> {
        let states: Vec<Taken<'_>> = going.iter().map(|at| all[*at].taken()).collect();
        let counts = self.scatter.counts(&states, step as u64, self.args.take);
        let library: Vec<f64> =
            states.iter().zip(&counts).map(|(state, counts)| self.library(state, counts)).collect();
        let length = match self.field.dynamics() {
            Dynamics::Velocity => 1,
            Dynamics::NextState(most) => most.min(step + 1),
        };
        for ((at, counts), library) in going.iter().zip(&counts).zip(library) {
            all[*at].drawn.push_back((counts.clone(), library));
            if all[*at].drawn.len() > length {
                all[*at].drawn.pop_front();
            }
        }
        let shown = shown(going.iter().map(|at| &all[*at]), (step, length));
        let mut seen = self.field.see(shown, (self.args.take, self.scatter.seed))?;
        let profiles: Vec<Vec<f32>> = going.iter().map(|at| all[*at].profile.clone()).collect();
        let placed = self.observed.place(&profiles, 0)?;
        for ((row, at), counts) in going.iter().enumerate().zip(counts) {
            let drift = self.observed.drift(&placed, row);
            all[*at].left = drift > self.args.max_drift;
            let mut all_counts = vec![counts];
            all_counts.append(&mut seen.added[row]);
            walked.rows[*at].push(Row {
                dataset: all[*at].start.dataset.clone(),
                cell_id: id_of(all[*at].number, step),
                trajectory: all[*at].number,
                step,
                time: step as f64 * self.time,
                start: all[*at].start.cell_id.clone(),
                nearest: placed.near.indices(row)[0] as usize,
                drift,
                left: all[*at].left,
                uncertainty: seen.uncertainty[row],
                obs: self.observed.obs(&placed, row),
                counts: all_counts,
                embedding: std::mem::take(&mut seen.embedding[row]),
            });
        }
        Ok(seen)
    }

    /// Returns the library size of taken counts: their sum, and what is expected of genes that the model does not know.
    fn library(&self, state: &Taken<'_>, counts: &Sparse) -> f64 {
        let known: f64 = state.profile.iter().map(|x| f64::from(*x)).sum::<f64>() / self.scatter.size;
        let others = state.library * (1.0 - known).max(0.0);
        let taken: f64 = counts.1.iter().map(|count| f64::from(*count)).sum();
        match self.args.take {
            Take::Sample => (others + taken).max(1.0),
            Take::Mean => state.library,
        }
    }

    /// Moves states as the decoder says and pulls them towards the observed states that lie ahead.
    fn displace(&self, moving: &[(usize, &Vec<f32>)], all: &mut [Trajectory<'_>], step: u64) -> Result<()> {
        let profiles: Vec<Vec<f32>> = moving.iter().map(|(at, _)| all[*at].profile.clone()).collect();
        let anchored = self.args.anchor > 0 && self.args.pull > 0.0 && !moving.is_empty();
        let placed = anchored.then(|| self.observed.place(&profiles, self.args.anchor)).transpose()?;
        let pull = self.args.pull as f32;
        let moved: Vec<Vec<f32>> = (profiles.par_iter().zip(moving).enumerate())
            .map(|(row, (profile, (at, moves)))| {
                let mut there = profile.clone();
                self.moved(&mut there, moves);
                if let Some(placed) = &placed {
                    let near = placed.near.indices(row);
                    let near = &near[..self.args.anchor.min(near.len())];
                    let mut stream = Stream::new(self.scatter.seed, "ahead", step, all[*at].number);
                    let ahead = self.ahead((profile, &there), near, &mut stream);
                    there.iter_mut().zip(ahead).for_each(|(x, a)| *x += pull * (a - *x));
                }
                there
            })
            .collect();
        for ((at, _), profile) in moving.iter().zip(moved) {
            if profile.iter().any(|x| !x.is_finite()) {
                return Err(Error::failed(format!("a state is beyond all numbers after step {}", step + 1))
                    .found(format!(
                        "trajectory {}, which began at {}",
                        all[*at].number, all[*at].start.cell_id
                    ))
                    .help("a smaller --step-size"));
            }
            all[*at].profile = profile;
        }
        Ok(())
    }

    /// Returns one of the observed states around `near`, drawn by its weight, or the weighted mean of all where means are taken.
    /// Weights are those of a velocity graph's transitions: `exp(10 cos) - 1` of the angle between the way to a state and the
    /// way from `here` to `there`, over the genes that move, of signed square roots. States behind do not count, unless all are.
    fn ahead(&self, (here, there): (&[f32], &[f32]), near: &[u32], stream: &mut Stream) -> Vec<f32> {
        let states: Vec<Vec<f32>> = near.iter().map(|cell| self.observed.state(*cell as usize)).collect();
        let way = |to: &[f32]| -> Vec<f64> {
            let roots = self.field.moving().map(|gene| root(f64::from(to[gene]) - f64::from(here[gene])));
            centred(roots.collect())
        };
        let velocity = way(there);
        let weight = |state: &Vec<f32>| (SHARPNESS * cosine(&way(state), &velocity).max(0.0)).exp_m1();
        let mut weights: Vec<f64> = states.iter().map(weight).collect();
        if weights.iter().all(|weight| *weight <= 0.0) {
            weights.fill(1.0);
        }
        let total: f64 = weights.iter().sum();
        if self.args.take == Take::Sample {
            let mut left = stream.uniform() * total;
            let drawn = weights.iter().position(|weight| {
                left -= weight;
                left < 0.0
            });
            return states.into_iter().nth(drawn.unwrap_or(near.len() - 1)).unwrap_or_default();
        }
        let mut mean = vec![0f64; here.len()];
        for (state, weight) in states.iter().zip(weights) {
            mean.iter_mut().zip(state).for_each(|(m, x)| *m += weight / total * f64::from(*x));
        }
        mean.into_iter().map(|m| m as f32).collect()
    }

    /// Moves a profile for one step; its total stays.
    fn moved(&self, profile: &mut [f32], moves: &[f32]) {
        let total = |profile: &[f32]| profile.iter().map(|x| f64::from(*x)).sum::<f64>();
        let before = total(profile);
        for (gene, v) in self.field.moving().zip(moves) {
            profile[gene] = match self.field.dynamics() {
                Dynamics::Velocity => (f64::from(profile[gene]) + self.time * f64::from(*v)).max(0.0) as f32,
                Dynamics::NextState(_) => *v,
            };
        }
        let after = total(profile);
        if after > 0.0 {
            profile.iter_mut().for_each(|x| *x = (f64::from(*x) * before / after) as f32);
        }
    }

    /// Returns the time in which an observed cell moves half as far as its neighbours are, by the median over cells; 1 where
    /// steps are from state to state.
    ///
    /// # Errors
    /// Contract: the velocities of all of them are 0. Failed: the device fails, or a number is not finite.
    pub fn pace(&self) -> Result<f64> {
        if self.field.dynamics() != Dynamics::Velocity {
            return Ok(1.0);
        }
        let cells = &self.observed.cells()[..PACE_CELLS.min(self.observed.cells().len())];
        let profiles: Vec<Vec<f32>> =
            cells.iter().map(|cell| self.observed.around(cell)).collect::<Result<_>>()?;
        let shown = Shown {
            length: 1,
            dataset: cells.iter().map(|cell| cell.dataset.clone()).collect(),
            cell_id: cells.iter().map(|cell| cell.cell_id.clone()).collect(),
            counts: cells.iter().map(|cell| cell.counts.clone()).collect(),
            library: cells.iter().map(|cell| cell.library).collect(),
        };
        let seen = self.field.see(shown, (self.args.take, self.scatter.seed))?;
        if seen.moves.iter().flatten().all(|v| *v == 0.0) {
            return Err(Error::contract("the velocity decoder moves nothing")
                .found(format!("velocities of 0 in all of {} observed cells", cells.len()))
                .wanted("a decoder that was trained on velocities other than 0"));
        }
        let small = Walk { time: self.probe(&profiles, &seen), ..*self };
        let mut there = profiles.clone();
        there.iter_mut().zip(&seen.moves).for_each(|(profile, v)| small.moved(profile, v));
        let (from, to) = (self.observed.place(&profiles, 0)?, self.observed.place(&there, 0)?);
        let distance = |cell: usize| {
            let pairs = from.places.row(cell).iter().zip(to.places.row(cell));
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
        };
        let mut speeds: Vec<f64> =
            (0..cells.len()).map(|cell| distance(cell) / small.time).filter(|speed| *speed > 0.0).collect();
        let speed = median(&mut speeds).unwrap_or(0.0);
        if speed <= 0.0 {
            return Err(Error::contract(
                "the velocity decoder moves nothing in the space of the observed cells",
            ));
        }
        Ok(STRIDE * self.observed.spacing() / speed)
    }

    /// Returns a time that is short for these states: that in which a hundredth of the counts moves.
    fn probe(&self, profiles: &[Vec<f32>], seen: &Seen) -> f64 {
        let counts: f64 = profiles.iter().flatten().map(|x| f64::from(*x)).sum();
        let moved: f64 = seen.moves.iter().flatten().map(|v| f64::from(v.abs())).sum();
        0.01 * counts / moved
    }
}

/// Returns the cells so far of some trajectories at a step, each a chain of `length`.
fn shown<'a>(all: impl Iterator<Item = &'a Trajectory<'a>>, (step, length): (usize, usize)) -> Shown {
    let mut shown = Shown { length, ..Shown::default() };
    for trajectory in all {
        for (at, (counts, library)) in trajectory.drawn.iter().enumerate() {
            shown.dataset.push(trajectory.start.dataset.clone());
            shown.cell_id.push(id_of(trajectory.number, step + 1 + at - length));
            shown.counts.push(counts.clone());
            shown.library.push(*library);
        }
    }
    shown
}

impl Trajectory<'_> {
    fn taken(&self) -> Taken<'_> {
        Taken { profile: &self.profile, library: self.start.library, trajectory: self.number }
    }
}

fn root(x: f64) -> f64 {
    x.abs().sqrt().copysign(x)
}

fn centred(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|x| *x -= mean);
    values
}

/// Returns the cosine of two vectors; 0 where one has no length.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

fn id_of(trajectory: u64, step: usize) -> String {
    format!("t{trajectory:06}_s{step:04}")
}
