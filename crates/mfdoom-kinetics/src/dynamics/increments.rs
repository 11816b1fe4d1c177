//! Jumps in latent time are closed: a gap between successive cells that stands out says nothing about time.
//!
//! scVelo's `adjust_increments`: gaps above three times the 99.5th percentile of all gaps are removed.

use crate::percentile::percentile;

/// Percentile of the gaps, and the multiple of it above which a gap is a jump.
const USUAL: (f64, f64) = (99.5, 3.0);

/// A gap, and the time from which it is subtracted.
type Jump = (f64, f64);

/// Closes the jumps of the induced cells' `tau` and of the other cells' `tau_off`; says which of the two changed.
pub(super) fn close_jumps(
    tau: &mut [f64],
    tau_off: &mut [f64],
    on: &[bool],
    order: &mut Vec<u64>,
    gaps: &mut Vec<f64>,
) -> [bool; 2] {
    gaps.clear();
    sort(tau, on, true, order);
    gaps.extend(steps(order));
    let n_on = order.len();
    // Times sorted for the other branch are appended, so that both are there when the bound is known.
    let mut off = std::mem::take(order);
    sort_into(tau_off, on, false, &mut off);
    gaps.extend(steps(&off[n_on..]));
    let bound = USUAL.1 * percentile(gaps, USUAL.0);
    let jumps = [jumps(&off[..n_on], bound), jumps(&off[n_on..], bound)];
    *order = off;
    subtract(tau, on, true, &jumps[0]);
    subtract(tau_off, on, false, &jumps[1]);
    [!jumps[0].is_empty(), !jumps[1].is_empty()]
}

/// Sorts the times of the cells with `on == branch`; times are not negative, so their bits sort alike.
fn sort(time: &[f64], on: &[bool], branch: bool, order: &mut Vec<u64>) {
    order.clear();
    sort_into(time, on, branch, order);
}

/// Appends the sorted times of the cells with `on == branch`.
fn sort_into(time: &[f64], on: &[bool], branch: bool, order: &mut Vec<u64>) {
    let first = order.len();
    order.extend(time.iter().zip(on).filter(|(_, on)| **on == branch).map(|(t, _)| t.to_bits()));
    order[first..].sort_unstable();
}

/// Returns the gaps between successive times, the first from 0.
fn steps(order: &[u64]) -> impl Iterator<Item = f64> + '_ {
    let before = std::iter::once(0).chain(order.iter().copied());
    order.iter().zip(before).map(|(&t, before)| f64::from_bits(t) - f64::from_bits(before))
}

/// Returns the gaps above `bound`, by time.
fn jumps(order: &[u64], bound: f64) -> Vec<Jump> {
    let times = order.iter().map(|&t| f64::from_bits(t));
    times.zip(steps(order)).filter(|&(_, gap)| gap > bound).collect()
}

/// Subtracts every jump from the times at or after it.
fn subtract(time: &mut [f64], on: &[bool], branch: bool, jumps: &[Jump]) {
    if jumps.is_empty() {
        return;
    }
    for (t, _) in time.iter_mut().zip(on).filter(|(_, on)| **on == branch) {
        let before = *t;
        for (_, gap) in jumps.iter().take_while(|(from, _)| before >= *from) {
            *t -= gap;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::close_jumps;

    #[test]
    fn a_gap_that_stands_out_is_closed_on_its_branch_only() {
        let n = 2000;
        let mut tau: Vec<f64> =
            (0..n).map(|i| f64::from(i) * 0.01 + if i >= 1000 { 5.0 } else { 0.0 }).collect();
        let mut tau_off = vec![1.0; tau.len()];
        let on = vec![true; tau.len()];
        let changed = close_jumps(&mut tau, &mut tau_off, &on, &mut Vec::new(), &mut Vec::new());
        assert_eq!(changed, [true, false]);
        assert!((tau[999] - 9.99).abs() < 1e-12 && (tau[1000] - 9.99).abs() < 1e-9, "{}", tau[1000]);
        assert!((tau[1999] - 19.98).abs() < 1e-9);
        assert!(tau_off.iter().all(|&t| t == 1.0));
    }
}
