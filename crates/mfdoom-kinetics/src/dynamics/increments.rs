//! Jumps in latent time are closed: a gap between successive cells that stands out says nothing about time.
//!
//! scVelo's `adjust_increments`: gaps above three times the 99.5th percentile of all gaps are removed.

use mfdoom_matrix::percentile;

/// Percentile of the gaps, and the multiple of it above which a gap is a jump.
const USUAL: (f64, f64) = (99.5, 3.0);

/// A gap, and the time from which it is subtracted.
type Jump = (f64, f64);

/// Closes the jumps of the induced cells' `tau` and of the other cells' `tau_off`, where `on` says which is which.
///
/// Lists the cells whose time changed in `adjusted`; `order` and `gaps` are memory to work in.
pub(super) fn close_jumps(
    [tau, tau_off]: [&mut [f64]; 2],
    on: &[bool],
    order: &mut Vec<u64>,
    gaps: &mut Vec<f64>,
    adjusted: &mut Vec<u32>,
) {
    order.clear();
    sort_into(tau, on, true, order);
    let n_on = order.len();
    sort_into(tau_off, on, false, order);
    let (first, second) = order.split_at(n_on);
    gaps.clear();
    gaps.extend(steps(first).chain(steps(second)));
    let bound = USUAL.1 * percentile(gaps, USUAL.0);
    adjusted.clear();
    let jumps = [jumps(first, bound), jumps(second, bound)];
    for (i, &on) in on.iter().enumerate() {
        let (time, jumps) = if on { (&mut tau[i], &jumps[0]) } else { (&mut tau_off[i], &jumps[1]) };
        if subtract(time, jumps) {
            adjusted.push(i as u32);
        }
    }
}

/// Appends the sorted times of the cells with `on == branch`; times are not negative, so their bits sort alike.
fn sort_into(time: &[f64], on: &[bool], branch: bool, order: &mut Vec<u64>) {
    let first = order.len();
    order.resize(first + time.len() + 1, 0);
    // Every time is written, and stays where its cell is on the branch: no branch in the loop.
    let mut end = first;
    for (t, &on) in time.iter().zip(on) {
        order[end] = t.to_bits();
        end += usize::from(on == branch);
    }
    order.truncate(end);
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

/// Subtracts the jumps at or before a time from it, and says whether there was any.
fn subtract(time: &mut f64, jumps: &[Jump]) -> bool {
    let before = *time;
    let mut any = false;
    for (_, gap) in jumps.iter().take_while(|(from, _)| before >= *from) {
        *time -= gap;
        any = true;
    }
    any
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
        let mut adjusted = Vec::new();
        close_jumps([&mut tau, &mut tau_off], &on, &mut Vec::new(), &mut Vec::new(), &mut adjusted);
        assert_eq!(adjusted, (1000..2000).collect::<Vec<u32>>());
        assert!((tau[999] - 9.99).abs() < 1e-12 && (tau[1000] - 9.99).abs() < 1e-9, "{}", tau[1000]);
        assert!((tau[1999] - 19.98).abs() < 1e-9);
        assert!(tau_off.iter().all(|&t| t == 1.0));
    }
}
