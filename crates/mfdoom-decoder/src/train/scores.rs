//! Validation scores of predictions: per gene over cells, and per cell over genes.

use mfdoom_matrix::median;

/// Sums for the Pearson correlation of each output over the cells, and the cosine of each cell.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    /// By output: number, and the sums of x, y, x², y², xy.
    sums: Vec<[f64; 6]>,
    cosines: Vec<f64>,
}

impl Agreement {
    pub(crate) fn new(outputs: usize) -> Self {
        Self { sums: vec![[0.0; 6]; outputs], cosines: Vec::new() }
    }

    /// Adds a cell; a target of NaN takes no part.
    pub(crate) fn add(&mut self, predicted: &[f32], target: &[f32]) {
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for ((sums, x), y) in self.sums.iter_mut().zip(predicted).zip(target) {
            if y.is_nan() {
                continue;
            }
            let (x, y) = (f64::from(*x), f64::from(*y));
            let parts = [1.0, x, y, x * x, y * y, x * y];
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            (xx, yy, xy) = (xx + x * x, yy + y * y, xy + x * y);
        }
        if yy > 0.0 {
            self.cosines.push(if xx > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 });
        }
    }

    /// Returns the median over outputs of the Pearson correlation, 0 for one whose prediction is constant and
    /// left out where the target is, and the mean cosine.
    pub(crate) fn scores(&self) -> Vec<(&'static str, f64)> {
        let mut correlations: Vec<f64> = self.sums.iter().filter_map(pearson).collect();
        let mut scores = Vec::new();
        if let Some(median) = median(&mut correlations) {
            scores.push(("pearson_median", median));
        }
        scores.extend(self.cosine().map(|cosine| ("cosine", cosine)));
        scores
    }

    /// Returns the mean cosine of the cells that have a target other than 0.
    pub(crate) fn cosine(&self) -> Option<f64> {
        let n = self.cosines.len();
        (n > 0).then(|| self.cosines.iter().sum::<f64>() / n as f64)
    }
}

fn pearson(&[n, x, y, xx, yy, xy]: &[f64; 6]) -> Option<f64> {
    let (vx, vy, cov) = (xx - x * x / n, yy - y * y / n, xy - x * y / n);
    let moves = |v: f64, square: f64| v > 1e-9 * square;
    if n < 2.0 || !moves(vy, yy) {
        return None;
    }
    Some(if moves(vx, xx) { cov / (vx * vy).sqrt() } else { 0.0 })
}

/// Right answers by label.
#[derive(Clone, Debug)]
pub(crate) struct Accuracy {
    /// By label: cells, and those of them with the right answer.
    counts: Vec<[usize; 2]>,
}

impl Accuracy {
    pub(crate) fn new(classes: usize) -> Self {
        Self { counts: vec![[0; 2]; classes] }
    }

    /// Adds a cell by its probabilities and its label.
    pub(crate) fn add(&mut self, probabilities: &[f32], label: usize) {
        let best = (0..probabilities.len()).max_by(|a, b| {
            probabilities[*a].total_cmp(&probabilities[*b]).then(b.cmp(a)) // the first of equals
        });
        self.counts[label][0] += 1;
        self.counts[label][1] += usize::from(best == Some(label));
    }

    /// Returns the share of right answers, over cells and as the mean over labels.
    pub(crate) fn scores(&self) -> Vec<(&'static str, f64)> {
        let [cells, right] = self.counts.iter().fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
        let shares: Vec<f64> =
            self.counts.iter().filter(|c| c[0] > 0).map(|c| c[1] as f64 / c[0] as f64).collect();
        if cells == 0 {
            return Vec::new();
        }
        let balanced = shares.iter().sum::<f64>() / shares.len() as f64;
        vec![("accuracy", right as f64 / cells as f64), ("balanced_accuracy", balanced)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_and_cosines_leave_out_what_has_no_target() {
        let mut scores = Agreement::new(2);
        scores.add(&[1.0, 7.0], &[2.0, f32::NAN]);
        scores.add(&[2.0, 1.0], &[4.0, f32::NAN]);
        scores.add(&[3.0, 0.0], &[6.0, f32::NAN]);
        let scores = scores.scores();
        assert!((scores[0].1 - 1.0).abs() < 1e-9 && (scores[1].1 - 1.0).abs() < 1e-12);
        let mut opposed = Agreement::new(1);
        [1.0, 2.0, 4.0].iter().for_each(|x| opposed.add(&[-x], &[*x]));
        assert!((opposed.scores()[0].1 + 1.0).abs() < 1e-9);
    }

    #[test]
    fn balanced_accuracy_weighs_labels_alike() {
        let mut scores = Accuracy::new(2);
        scores.add(&[0.9, 0.1], 0);
        scores.add(&[0.8, 0.2], 0);
        scores.add(&[0.7, 0.3], 0);
        scores.add(&[0.6, 0.4], 1);
        assert_eq!(scores.scores(), [("accuracy", 0.75), ("balanced_accuracy", 0.5)]);
    }
}
