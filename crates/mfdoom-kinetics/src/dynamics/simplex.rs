//! Nelder and Mead's downhill simplex, with scipy's constants and termination, on a handful of parameters.

/// When the search ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The search makes fewer iterations than this.
    pub max_iterations: usize,
    /// It ends when the simplex is this small, in parameters and in values.
    pub tolerance: f64,
}

/// A point and the value there.
type Vertex<const N: usize> = ([f64; N], f64);

/// Returns the best point found from `start`.
pub(super) fn minimise<const N: usize>(
    start: [f64; N],
    limits: Limits,
    mut f: impl FnMut(&[f64; N]) -> f64,
) -> [f64; N] {
    let mut simplex = first_simplex(start, &mut f);
    for _ in 1..limits.max_iterations {
        if is_small(&simplex, limits.tolerance) {
            break;
        }
        step(&mut simplex, &mut f);
        simplex.sort_by(by_value);
    }
    simplex[0].0
}

/// Orders by value, NaN last.
fn by_value<const N: usize>(a: &Vertex<N>, b: &Vertex<N>) -> std::cmp::Ordering {
    a.1.partial_cmp(&b.1).unwrap_or_else(|| a.1.is_nan().cmp(&b.1.is_nan()))
}

/// Returns the start and, for every parameter, the start moved by 5 % along it.
fn first_simplex<const N: usize>(start: [f64; N], f: &mut impl FnMut(&[f64; N]) -> f64) -> Vec<Vertex<N>> {
    let mut simplex = vec![(start, f(&start))];
    for k in 0..N {
        let mut point = start;
        point[k] = if point[k] == 0.0 { 0.00025 } else { 1.05 * point[k] };
        simplex.push((point, f(&point)));
    }
    simplex.sort_by(by_value);
    simplex
}

/// Says whether all vertices are as close to the best as asked for.
fn is_small<const N: usize>(simplex: &[Vertex<N>], tolerance: f64) -> bool {
    let best = &simplex[0];
    simplex[1..].iter().all(|(point, value)| {
        (value - best.1).abs() <= tolerance
            && point.iter().zip(&best.0).all(|(x, y)| (x - y).abs() <= tolerance)
    })
}

/// Replaces the worst vertex, or shrinks the simplex towards the best.
fn step<const N: usize>(simplex: &mut [Vertex<N>], f: &mut impl FnMut(&[f64; N]) -> f64) {
    let worst = simplex[N];
    let centre: [f64; N] =
        std::array::from_fn(|k| simplex[..N].iter().map(|vertex| vertex.0[k]).sum::<f64>() / N as f64);
    let mut along = |a: f64| -> Vertex<N> {
        let point = std::array::from_fn(|k| (1.0 + a) * centre[k] - a * worst.0[k]);
        (point, f(&point))
    };
    let reflected = along(1.0);
    if reflected.1 < simplex[0].1 {
        let expanded = along(2.0);
        simplex[N] = if expanded.1 < reflected.1 { expanded } else { reflected };
    } else if reflected.1 < simplex[N - 1].1 {
        simplex[N] = reflected;
    } else {
        let outside = reflected.1 < worst.1;
        let contracted = along(if outside { 0.5 } else { -0.5 });
        if (outside && contracted.1 <= reflected.1) || (!outside && contracted.1 < worst.1) {
            simplex[N] = contracted;
        } else {
            shrink(simplex, f);
        }
    }
}

/// Moves every vertex half way to the best.
fn shrink<const N: usize>(simplex: &mut [Vertex<N>], f: &mut impl FnMut(&[f64; N]) -> f64) {
    let best = simplex[0].0;
    for vertex in &mut simplex[1..] {
        for (x, best) in vertex.0.iter_mut().zip(&best) {
            *x = best + 0.5 * (*x - best);
        }
        vertex.1 = f(&vertex.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_minimum_of_a_valley() {
        let valley = |x: &[f64; 2]| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2);
        let found = minimise([-1.2, 1.0], Limits { max_iterations: 400, tolerance: 1e-8 }, valley);
        assert!((found[0] - 1.0).abs() < 1e-5 && (found[1] - 1.0).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn two_iterations_are_one_step_as_in_scipy() {
        let mut calls = 0;
        let found = minimise([1.0], Limits { max_iterations: 2, tolerance: 1e-4 }, |x| {
            calls += 1;
            x[0] * x[0]
        });
        // scipy: minimize(lambda x: x[0]**2, [1.], method="Nelder-Mead", options={"maxiter": 2}).x is 0.9
        assert!((found[0] - 0.9).abs() < 1e-12, "{found:?}");
        assert_eq!(calls, 4);
    }
}
