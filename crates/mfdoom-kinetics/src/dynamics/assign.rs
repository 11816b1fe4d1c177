//! The expectation step: which time and branch each cell has under given parameters, and how far it is from there.

use std::ops::Range;

use super::curve::{Inverse, Parameters};
use super::gene::Gene;
use super::increments::close_jumps;
use super::project::project;
use super::workspace::{Assignment, Scratch};
use crate::moments::{NARROW, Smoother};

/// How a cell's time on a branch is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    /// By inverting the closed form.
    Explicit,
    /// By projection on the curve; explicit where gamma is not above beta (scVelo's `projection`).
    Projection,
}

/// Parameters that are tried, and how cells get their times under them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess<'a> {
    pub(super) parameters: &'a Parameters,
    pub(super) timing: Timing,
}

/// Fills `out` and returns the sum of squared distances, in standard deviations, over the fitted cells.
pub(super) fn assign(
    gene: &Gene,
    smoother: &Smoother,
    guess: Guess<'_>,
    scratch: &mut Scratch,
    out: &mut Assignment,
) -> f64 {
    pulp::Arch::new().dispatch(Assign { gene, smoother, guess, scratch, out })
}

/// Arguments of [`assign`], whose body is compiled for each kind of vector unit.
struct Assign<'a> {
    gene: &'a Gene,
    smoother: &'a Smoother,
    guess: Guess<'a>,
    scratch: &'a mut Scratch,
    out: &'a mut Assignment,
}

impl pulp::WithSimd for Assign<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        evaluate(self.gene, self.smoother, self.guess, self.scratch, self.out)
    }
}

/// The body of [`assign`].
#[inline(always)]
fn evaluate(
    gene: &Gene,
    smoother: &Smoother,
    Guess { parameters, timing }: Guess<'_>,
    scratch: &mut Scratch,
    out: &mut Assignment,
) -> f64 {
    times(gene, parameters, timing, scratch);
    let scale = Scale::new(gene, parameters);
    distances_to_branches(gene, scale, scratch);
    sum_neighbourhoods(gene.u.len(), smoother, scratch);
    nearer_branch(scratch);
    let Scratch { tau, tau_off, nearer_on, order, values, adjusted, .. } = scratch;
    close_jumps([tau, tau_off], nearer_on, order, values, adjusted);
    renew_adjusted(gene, smoother, scale, scratch);
    choose_states(gene, smoother, scale, scratch, out)
}

/// Parameters of a gene, and one over the standard deviations of its abundances as they scale them.
#[derive(Debug, Clone, Copy)]
struct Scale<'a> {
    p: &'a Parameters,
    u: f64,
    s: f64,
}

impl<'a> Scale<'a> {
    #[inline(always)]
    fn new(gene: &Gene, p: &'a Parameters) -> Self {
        Self { p, u: p.scaling / gene.std_u, s: 1.0 / gene.std_s }
    }

    /// Returns the squared distance of two points.
    #[inline(always)]
    fn distance(&self, a: (f64, f64), b: (f64, f64)) -> f64 {
        let (u, s) = ((a.0 - b.0) * self.u, (a.1 - b.1) * self.s);
        u * u + s * s
    }
}

/// Fills the times on both branches, within the span of each.
#[inline(always)]
fn times(gene: &Gene, p: &Parameters, timing: Timing, scratch: &mut Scratch) {
    let n = gene.u.len();
    let factor = 1.0 / p.scaling;
    scratch.u.clear();
    scratch.u.extend(gene.u.iter().map(|u| u * factor));
    scratch.tau.resize(n, 0.0);
    scratch.tau_off.resize(n, 0.0);
    if timing == Timing::Projection && p.beta < p.gamma {
        return project(gene, p, scratch);
    }
    let top = p.at_switch();
    let on = Inverse::new(p.alpha, p.beta, p.gamma, (0.0, 0.0));
    let off = Inverse::new(0.0, p.beta, p.gamma, top);
    let (u, s) = (&scratch.u[..n], &gene.s[..n]);
    let (tau, tau_off) = (&mut scratch.tau[..n], &mut scratch.tau_off[..n]);
    for i in 0..n {
        tau[i] = on.at(u[i], s[i]).max(0.0).min(p.switch);
        tau_off[i] = off.at(u[i], s[i]);
    }
    let mut longest = f64::NEG_INFINITY;
    for (t, s) in tau_off.iter().zip(s) {
        longest = if *s > 0.0 && *t > longest { *t } else { longest };
    }
    tau_off.iter_mut().for_each(|t| *t = t.max(0.0).min(longest));
}

/// Fills the squared distances to both branches at the assigned times.
#[inline(always)]
fn distances_to_branches(gene: &Gene, scale: Scale<'_>, scratch: &mut Scratch) {
    let n = gene.u.len();
    let (on, off) = (scale.p.induction(), scale.p.repression(scale.p.at_switch()));
    scratch.distances.resize(n.max(NARROW), [0.0; 2]);
    let (u, s, distances) = (&scratch.u[..n], &gene.s[..n], &mut scratch.distances[..n]);
    let (tau, tau_off) = (&scratch.tau[..n], &scratch.tau_off[..n]);
    for i in 0..n {
        let here = (u[i], s[i]);
        distances[i] = [scale.distance(here, off.at(tau_off[i])), scale.distance(here, on.at(tau[i]))];
    }
}

/// Share of the cells up to which adjusted ones are renewed one by one: one in this many.
const FEW: usize = 4;

/// Brings distances and sums up to date after times were adjusted.
#[inline(always)]
fn renew_adjusted(gene: &Gene, smoother: &Smoother, scale: Scale<'_>, scratch: &mut Scratch) {
    let n = gene.u.len();
    if scratch.adjusted.len() * FEW > n || (!smoother.is_symmetric() && !scratch.adjusted.is_empty()) {
        distances_to_branches(gene, scale, scratch);
        return sum_neighbourhoods(n, smoother, scratch);
    }
    let (on, off) = (scale.p.induction(), scale.p.repression(scale.p.at_switch()));
    for &cell in &scratch.adjusted {
        let i = cell as usize;
        let induced = scratch.nearer_on[i];
        let model = if induced { on.at(scratch.tau[i]) } else { off.at(scratch.tau_off[i]) };
        let distance = scale.distance((scratch.u[i], gene.s[i]), model);
        let slot = usize::from(induced);
        let change = distance - scratch.distances[i][slot];
        scratch.distances[i][slot] = distance;
        for &j in smoother.cells(i) {
            scratch.sums[j as usize][slot] += change;
        }
    }
}

/// Sums the distances over every neighbourhood.
#[inline(always)]
fn sum_neighbourhoods(n: usize, smoother: &Smoother, scratch: &mut Scratch) {
    scratch.sums.resize(n, [0.0; 2]);
    for (i, slot) in scratch.sums.iter_mut().enumerate() {
        *slot = sum_of_pairs(smoother, i, &scratch.distances);
    }
}

/// Marks the cells whose neighbourhood is nearer to the induction branch.
#[inline(always)]
fn nearer_branch(scratch: &mut Scratch) {
    scratch.nearer_on.resize(scratch.sums.len(), false);
    for (slot, [to_off, to_on]) in scratch.nearer_on.iter_mut().zip(&scratch.sums) {
        *slot = to_on < to_off;
    }
}

/// Sums one pair of every cell averaged for cell `i`.
#[inline(always)]
fn sum_of_pairs(smoother: &Smoother, i: usize, values: &[[f64; 2]]) -> [f64; 2] {
    // 16-bit numbers cannot leave an array of that length, so the sum needs no check of bounds.
    let table: Option<&[[f64; 2]; NARROW]> = values.first_chunk();
    if let (Some(cells), Some(table)) = (smoother.narrow_cells(i), table) {
        return in_lanes(cells, |j: u16| table[usize::from(j)]);
    }
    in_lanes(smoother.cells(i), |j: u32| values[j as usize])
}

/// Sums the pairs found for every cell, in four lanes.
#[inline(always)]
fn in_lanes<J: Copy>(cells: &[J], find: impl Fn(J) -> [f64; 2]) -> [f64; 2] {
    let mut lanes = [[0.0; 2]; 4];
    let mut chunks = cells.chunks_exact(4);
    for chunk in &mut chunks {
        for k in 0..4 {
            let found = find(chunk[k]);
            lanes[k][0] += found[0];
            lanes[k][1] += found[1];
        }
    }
    for &j in chunks.remainder() {
        let found = find(j);
        lanes[0][0] += found[0];
        lanes[0][1] += found[1];
    }
    let sum = |d: usize| (lanes[0][d] + lanes[1][d]) + (lanes[2][d] + lanes[3][d]);
    [sum(0), sum(1)]
}

/// Gives every cell the state nearest to its neighbourhood; returns the sum of distances over the fitted cells.
///
/// States are tried in the order repression, induction, silent, saturated; the first of equals is taken. The
/// values of all four are computed and one is chosen: no branch in the loop.
#[inline(always)]
fn choose_states(
    gene: &Gene,
    smoother: &Smoother,
    scale: Scale<'_>,
    scratch: &Scratch,
    out: &mut Assignment,
) -> f64 {
    let (n, p) = (gene.u.len(), scale.p);
    let steady = (p.alpha / p.beta, p.alpha / p.gamma);
    let top = p.at_switch();
    let (scale_u, scale_s) = (scale.u / p.scaling, scale.s);
    let steady_u = steady.0 * p.scaling;
    let square = |mean: f64, mean_square: f64, at: f64| mean_square - 2.0 * at * mean + at * at;
    out.time.resize(n, 0.0);
    out.on.resize(n, false);
    let mut loss = Lanes::default();
    for cells in blocks(n) {
        let (u, s, weight) = (&scratch.u[cells.clone()], &gene.s[cells.clone()], &gene.weight[cells.clone()]);
        let (smooth, sums) = (&gene.smooth[cells.clone()], &scratch.sums[cells.clone()]);
        let (tau, tau_off) = (&scratch.tau[cells.clone()], &scratch.tau_off[cells.clone()]);
        let (distances, share) = (&scratch.distances[cells.clone()], &smoother.weights()[cells.clone()]);
        let (time, on) = (&mut out.time[cells.clone()], &mut out.on[cells]);
        let terms = loss.terms(u.len());
        for i in 0..u.len() {
            let [mean_u, mean_uu, mean_s, mean_ss] = smooth[i];
            let [to_off, to_on] = [sums[i][0] * share[i], sums[i][1] * share[i]];
            let to_silent = mean_uu * scale_u * scale_u + mean_ss * scale_s * scale_s;
            let to_saturated = square(mean_u, mean_uu, steady_u) * scale_u * scale_u
                + square(mean_s, mean_ss, steady.1) * scale_s * scale_s;
            let induced = to_on < to_off;
            let nearest = if induced { to_on } else { to_off };
            let silent = to_silent < nearest;
            let nearest = if silent { to_silent } else { nearest };
            let saturated = to_saturated < nearest;

            let here = (u[i], s[i]);
            let choose = |[off, induction, nothing, full]: [f64; 4]| {
                let chosen = if induced { induction } else { off };
                let chosen = if silent { nothing } else { chosen };
                if saturated { full } else { chosen }
            };
            time[i] = choose([tau_off[i] + p.switch, tau[i], 0.0, p.switch]);
            on[i] = (induced | silent) & !saturated;
            let [off, induction] = distances[i];
            let distance =
                choose([off, induction, scale.distance(here, (0.0, 0.0)), scale.distance(here, top)]);
            terms[i] = weight[i] * distance;
        }
        loss.add(u.len());
    }
    loss.sum()
}

/// Cells whose terms are computed before they are summed, so that the loop over them runs on vector units.
const BLOCK: usize = 64;

/// Returns the ranges of the blocks of `n` cells.
#[inline(always)]
fn blocks(n: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(BLOCK).map(move |first| first..(first + BLOCK).min(n))
}

/// A sum over cells, block by block, in four lanes.
#[derive(Debug)]
struct Lanes {
    terms: [f64; BLOCK],
    lanes: [f64; 4],
}

impl Default for Lanes {
    #[inline(always)]
    fn default() -> Self {
        Self { terms: [0.0; BLOCK], lanes: [0.0; 4] }
    }
}

impl Lanes {
    /// Returns memory for the terms of a block of `n` cells.
    #[inline(always)]
    fn terms(&mut self, n: usize) -> &mut [f64] {
        &mut self.terms[..n]
    }

    /// Adds the terms of a block of `n` cells.
    #[inline(always)]
    fn add(&mut self, n: usize) {
        self.terms[..n].iter().enumerate().for_each(|(i, term)| self.lanes[i % 4] += term);
    }

    #[inline(always)]
    fn sum(&self) -> f64 {
        self.lanes.iter().sum()
    }
}

/// Returns the sum of squared distances over the fitted cells when every cell keeps its time.
pub(super) fn loss_at_times(gene: &Gene, p: &Parameters, time: &[f64]) -> f64 {
    pulp::Arch::new().dispatch(AtTimes { gene, p, time })
}

/// Arguments of [`loss_at_times`], whose body is compiled for each kind of vector unit.
struct AtTimes<'a> {
    gene: &'a Gene,
    p: &'a Parameters,
    time: &'a [f64],
}

impl pulp::WithSimd for AtTimes<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> f64 {
        sum_at_times(self.gene, self.p, self.time)
    }
}

/// The body of [`loss_at_times`].
#[inline(always)]
fn sum_at_times(gene: &Gene, p: &Parameters, time: &[f64]) -> f64 {
    let mut loss = Lanes::default();
    let (on, off) = (p.induction(), p.repression(p.at_switch()));
    let scale = Scale::new(gene, p);
    let factor = 1.0 / p.scaling;
    for cells in blocks(time.len()) {
        let (u, s) = (&gene.u[cells.clone()], &gene.s[cells.clone()]);
        let (weight, time) = (&gene.weight[cells.clone()], &time[cells]);
        let terms = loss.terms(time.len());
        for i in 0..time.len() {
            // Both branches are computed and one is taken: no branch in the loop.
            let (a, b) = (on.at(time[i]), off.at(time[i] - p.switch));
            let induced = time[i] < p.switch;
            let model = (if induced { a.0 } else { b.0 }, if induced { a.1 } else { b.1 });
            terms[i] = weight[i] * scale.distance((u[i] * factor, s[i]), model);
        }
        loss.add(time.len());
    }
    loss.sum()
}

/// Returns the model's abundances at a time.
pub(super) fn state_at(p: &Parameters, time: f64) -> (f64, f64) {
    if time < p.switch { p.induction().at(time) } else { p.repression(p.at_switch()).at(time - p.switch) }
}
