//! Area under the ROC curve.

/// Returns the chance that a positive has a higher score than a negative, ties counted half; NaN without either.
///
/// ```
/// use mfdoom_metrics::auroc;
/// assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), 0.75);
/// assert_eq!(auroc(&[1.0; 4], &[false, false, true, true]), 0.5);
/// ```
pub fn auroc(scores: &[f64], is_positive: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut negatives, mut wins) = (0.0, 0.0);
    let mut rest = order.as_slice();
    while let Some(&first) = rest.first() {
        let level = rest.iter().take_while(|&&at| scores[at] == scores[first]).count();
        let (same, others) = rest.split_at(level);
        let positives = same.iter().filter(|&&at| is_positive[at]).count() as f64;
        let own = level as f64 - positives;
        wins += positives * (negatives + own / 2.0);
        negatives += own;
        rest = others;
    }
    wins / (negatives * (scores.len() as f64 - negatives))
}
