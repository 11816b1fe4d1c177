//! The scores as a table for people.

use super::result::Metrics;

/// Returns the tables of label transfer and retrieval as aligned text.
pub(super) fn text(metrics: &Metrics) -> String {
    let mut text = String::new();
    for set in &metrics.label_transfer {
        let what = format!("label transfer of {:?}, {} cells ({})", metrics.settings.label, set.n, set.cells);
        if let Some(why) = &set.skipped {
            text += &format!("{what}: {why}\n");
            continue;
        }
        let rows = set.scores.iter().map(|score| {
            vec![
                score.name.clone(),
                score.dim.to_string(),
                format!("{:.3}", score.accuracy),
                format!("{:.3}", score.balanced_accuracy),
                format!("{:.3}", spread(score.folds.iter().map(|fold| fold.accuracy))),
            ]
        });
        text += &table(&what, &["", "dim", "accuracy", "balanced", "sd over folds"], rows.collect());
    }
    if !metrics.retrieval.is_empty() {
        let rows = metrics.retrieval.iter().map(|score| {
            vec![
                format!("{} - {}", score.first, score.second),
                score.n.to_string(),
                format!("{:.3}", score.recall_1),
                format!("{:.3}", score.recall_5),
                format!("{:.3}", score.recall_10),
                format!("{:.3}", score.chance_recall_10),
                format!("{:.1}", score.median_rank),
            ]
        });
        let head = ["", "cells", "R@1", "R@5", "R@10", "R@10 by chance", "median rank"];
        text += &table("retrieval of the same cell, mean of both directions", &head, rows.collect());
    }
    text.trim_end().to_owned()
}

/// Returns the sample standard deviation.
fn spread(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

/// Returns a table: the first column to the left, the others to the right.
fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> String {
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let lines = || std::iter::once(&head).chain(&rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| lines().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = format!("{title}\n");
    for line in lines() {
        let cells: Vec<String> = (line.iter().zip(&widths).enumerate())
            .map(|(column, (cell, &width))| match column {
                0 => format!("  {cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{spread, table};

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["fusion".to_owned(), "0.9".to_owned()], vec!["x".to_owned(), "10.5".to_owned()]];
        assert_eq!(table("t", &["", "acc"], rows), "t\n           acc\n  fusion   0.9\n  x       10.5\n");
    }

    #[test]
    fn the_spread_is_that_of_a_sample() {
        assert_eq!(spread([1.0, 3.0].into_iter()), 2f64.sqrt());
    }
}
