//! Trajectories, step by step.

use std::collections::VecDeque;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::median;
use mfdoom_nn::Stream;
use rayon::prelude::*;

use crate::ahead::{self, Ahead};
use crate::args::{Take, WalkArgs};
use crate::counts::{Scatter, Sparse, Taken};
use crate::decoders::Dynamics;
use crate::field::{Field, Seen, Shown};
use crate::observed::Observed;
use crate::starts::{Cell, Value};

/// Observed cells that the pace is measured of.
const PACE_CELLS: usize = 64;
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
    /// The observed states that a trajectory may go on to.
    pub ahead: &'a Ahead,
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
    stand: Stand,
    /// Library size of the cells that are drawn of it.
    library: f64,
    /// The cells drawn of it so far with their library sizes, the last of those that the decoder reads.
    drawn: VecDeque<(Sparse, f64)>,
    /// Whether it has left the observed cells.
    left: bool,
}

/// Where a trajectory stands among the observed cells.
#[derive(Clone, Copy, Debug)]
struct Stand {
    /// Number of the observed cell.
    cell: usize,
    /// Which share of the way to the next it has come; of no use where that is drawn.
    come: f64,
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
            let (anchor, profile) = self.observed.around(start)?;
            let (number, drawn) = (first + at as u64, VecDeque::new());
            let library = start.library;
            let stand = Stand { cell: anchor, come: 0.0 };
            Ok(Trajectory { number, start, profile, stand, library, drawn, left: false })
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

    /// Moves states as the decoder says, lets each go on to an observed state ahead, and pulls it there.
    fn displace(&self, moving: &[(usize, &Vec<f32>)], all: &mut [Trajectory<'_>], step: u64) -> Result<()> {
        let pull = self.args.pull as f32;
        let moved: Vec<(Vec<f32>, Stand)> = moving
            .par_iter()
            .map(|(at, moves)| {
                let from = &all[*at];
                let mut there = from.profile.clone();
                self.moved(&mut there, moves);
                if self.args.anchor == 0 {
                    return (there, from.stand);
                }
                let stand = self.go_on(from, &there, step);
                let state = self.observed.state(stand.cell);
                there.iter_mut().zip(state).for_each(|(x, a)| *x += pull * (a - *x));
                (there, stand)
            })
            .collect();
        for ((at, _), (profile, stand)) in moving.iter().zip(moved) {
            let to = &mut all[*at];
            if profile.iter().any(|x| !x.is_finite()) {
                return Err(Error::failed(format!("a state is beyond all numbers after step {}", step + 1))
                    .found(format!("trajectory {}, which began at {}", to.number, to.start.cell_id))
                    .help("a smaller --step-size"));
            }
            if stand.cell != to.stand.cell {
                to.library = self.observed.cells()[stand.cell].library;
            }
            (to.profile, to.stand) = (profile, stand);
        }
        Ok(())
    }

    /// Returns where a trajectory stands after a step that has moved its profile: at an observed cell ahead where the step has, by
    /// chance or since the last one, come that far.
    fn go_on(&self, from: &Trajectory<'_>, there: &[f32], step: u64) -> Stand {
        let moving = self.field.moving();
        let velocity: Vec<f64> =
            moving.map(|gene| f64::from(there[gene]) - f64::from(from.profile[gene])).collect();
        let ways = self.ahead.of(self.observed, from.stand.cell, &velocity);
        let mut stream = Stream::new(self.scatter.seed, "ahead", step, from.number);
        let way = match self.args.take {
            Take::Sample => ahead::drawn(&ways, &mut stream),
            Take::Mean => ahead::best(&ways),
        };
        let Some(way) = way else { return from.stand };
        let come = match (self.field.dynamics(), self.args.take) {
            (Dynamics::NextState(_), _) => 1.0,
            (_, Take::Mean) => from.stand.come + 1.0 / way.steps,
            (_, Take::Sample) => 1.0 / way.steps + 1.0 - stream.uniform(),
        };
        match come >= 1.0 {
            true => Stand { cell: way.cell as usize, come: 0.0 },
            false => Stand { come, ..from.stand },
        }
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
            cells.iter().map(|cell| Ok(self.observed.around(cell)?.1)).collect::<Result<_>>()?;
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
        Taken { profile: &self.profile, library: self.library, trajectory: self.number }
    }
}

fn id_of(trajectory: u64, step: usize) -> String {
    format!("t{trajectory:06}_s{step:04}")
}
