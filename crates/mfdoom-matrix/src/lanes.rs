//! Sums in lanes: several running sums do not wait for each other, and are the same whatever the processor has.

/// Sums that run side by side.
const LANES: usize = 8;

/// Returns the sum of `term` over two slices of equal length.
#[inline(always)]
pub fn sum_of<A: Copy, B: Copy>(a: &[A], b: &[B], term: impl Fn(A, B) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_blocks.remainder().iter().zip(b_blocks.remainder());
    let tail: f64 = rest.map(|(&a, &b)| term(a, b)).sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for k in 0..LANES {
            lanes[k] += term(a[k], b[k]);
        }
    }
    lanes.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use super::sum_of;

    #[test]
    fn every_pair_counts_once_whatever_the_length() {
        for n in 0..40_u32 {
            let a: Vec<u32> = (1..=n).collect();
            let b: Vec<f32> = a.iter().map(|&i| i as f32).collect();
            let squares: u32 = a.iter().map(|i| i * i).sum();
            assert_eq!(sum_of(&a, &b, |a, b| f64::from(a) * f64::from(b)), f64::from(squares));
        }
    }
}
