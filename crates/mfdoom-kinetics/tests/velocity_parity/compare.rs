//! How far two arrays are apart, in the measure of the parity targets.

use mfdoom_matrix::Csr;

/// Asserts `|a - b| <= tolerance * max(1, |b|)` everywhere and prints the largest such ratio.
pub fn close(
    what: &str,
    ours: impl IntoIterator<Item = f64>,
    theirs: impl IntoIterator<Item = f64>,
    tolerance: f64,
) {
    let (mut worst, mut count) = (0.0_f64, 0);
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    loop {
        match (ours.next(), theirs.next()) {
            (Some(a), Some(b)) => {
                count += 1;
                let off = if a.is_nan() && b.is_nan() { 0.0 } else { (a - b).abs() / b.abs().max(1.0) };
                worst = if off.is_nan() { f64::INFINITY } else { worst.max(off) };
            }
            (None, None) => break,
            _ => panic!("{what}: different lengths"),
        }
    }
    eprintln!("{what}: {worst:.2e} over {count}");
    assert!(count > 0 && worst <= tolerance, "{what}: {worst:e} is above {tolerance:e}");
}

/// Does a step and prints how long it took.
pub fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let out = step();
    eprintln!("{what}: {:.3} s on {} threads", start.elapsed().as_secs_f64(), rayon::current_num_threads());
    out
}

/// [`close`] for two sparse matrices; what only one stores counts against 0.
pub fn close_sparse(what: &str, ours: &Csr, theirs: &Csr, tolerance: f64) {
    assert_eq!(ours.n_rows(), theirs.n_rows());
    assert!(theirs.nnz() > ours.n_rows(), "{what}: hardly any reference values");
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut dense = vec![[0.0_f64; 2]; ours.n_cols()];
    for i in 0..ours.n_rows() {
        dense.fill([0.0; 2]);
        for (side, (columns, values)) in [ours.row(i), theirs.row(i)].into_iter().enumerate() {
            for (&j, &value) in columns.iter().zip(values) {
                dense[j as usize][side] = f64::from(value);
            }
        }
        for pair in dense.iter().filter(|pair| **pair != [0.0; 2]) {
            a.push(pair[0]);
            b.push(pair[1]);
        }
    }
    close(what, a, b, tolerance);
}

/// Returns f64 copies.
pub fn wide(values: &[f32]) -> impl Iterator<Item = f64> + '_ {
    values.iter().map(|&value| f64::from(value))
}

/// Returns Spearman's rank correlation (no ties expected), leaving out pairs with NaN.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let pairs: Vec<(f64, f64)> =
        a.iter().copied().zip(b.iter().copied()).filter(|(x, y)| !x.is_nan() && !y.is_nan()).collect();
    let rank = |pick: fn(&(f64, f64)) -> f64| {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|&i, &j| pick(&pairs[i]).total_cmp(&pick(&pairs[j])));
        let mut ranks = vec![0.0; pairs.len()];
        let mut first = 0;
        for tied in order.chunk_by(|&i, &j| pick(&pairs[i]) == pick(&pairs[j])) {
            tied.iter().for_each(|&i| ranks[i] = first as f64 + tied.len() as f64 / 2.0);
            first += tied.len();
        }
        ranks
    };
    pearson(&rank(|pair| pair.0), &rank(|pair| pair.1))
}

/// Returns Pearson's correlation.
pub fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    ab / (aa * bb).sqrt()
}

/// Returns the median.
pub fn median(values: &[f64]) -> f64 {
    mfdoom_matrix::percentile(&mut values.to_vec(), 50.0)
}
