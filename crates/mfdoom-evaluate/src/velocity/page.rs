//! The report as a page.

use super::result::{Accuracy, CalibrationScores, FieldScores, Metrics};
use crate::report::{Figure, escape, page, row, shown, wrap};

/// Returns the page.
pub(super) fn html(metrics: &Metrics, figures: &[Figure]) -> String {
    let title = format!("Velocities of {}", escape(&metrics.inputs[0].name));
    let mut body = facts(metrics);
    if !metrics.accuracy.is_empty() {
        body += &accuracy(&metrics.accuracy);
    }
    if !metrics.calibration.is_empty() {
        body += &calibration(&metrics.calibration);
    }
    if metrics.fields.iter().any(|field| field.direction.is_some()) {
        body += &direction(&metrics.fields);
    }
    if !metrics.fields.is_empty() {
        body += &coherence(&metrics.fields);
    }
    page(&title, &body, figures)
}

fn facts(metrics: &Metrics) -> String {
    let names: Vec<String> =
        metrics.inputs.iter().map(|input| format!("{}: {}", input.role, escape(&input.name))).collect();
    let (cells, settings) = (&metrics.cells, &metrics.settings);
    format!(
        "<p>{}; {} cells scored of {} in all, {} common genes ({} in the graph).<br><small>{} {}, seed {}, {} UMAPs\
         </small></p>\n",
        names.join(", "),
        cells.scored,
        cells.common,
        metrics.genes.common,
        metrics.genes.graph,
        metrics.stage,
        metrics.version,
        settings.seed,
        settings.umap_seeds
    )
}

fn head(names: &[&str]) -> String {
    row("th", "", &names.iter().map(|name| escape(name)).collect::<Vec<_>>())
}

fn accuracy(scores: &[Accuracy]) -> String {
    let mut text = "<h2>Accuracy of the predicted</h2>\n".to_owned();
    text += &head(&[
        "against",
        "genes",
        "Pearson, median",
        "quartiles",
        "cells",
        "cosine, mean",
        "of the constant field",
    ]);
    for score in scores {
        let pearson = &score.pearson;
        let cells = [
            score.against.to_owned(),
            score.genes.to_string(),
            format!("{:.3}", pearson.median),
            format!("{:.3} – {:.3}", pearson.q25, pearson.q75),
            score.cells.to_string(),
            shown(score.cosine.mean),
            shown(score.cosine_of_constant),
        ];
        text += &row("td", "", &cells);
    }
    wrap(&text)
}

fn calibration(scores: &[CalibrationScores]) -> String {
    let mut text = "<h2>Uncertainty of the predicted</h2>\n".to_owned();
    text += &head(&["against", "cells", "Spearman with the error", "error over uncertainty"]);
    for score in scores {
        let [rank, scale] = [score.spearman, score.scale].map(shown);
        text += &row("td", "", &[score.against.to_owned(), score.cells.to_string(), rank, scale]);
    }
    wrap(&text)
        + "<p><small>The error of a cell is the root mean square over genes. Of a standard deviation the last column \
           would be 1.</small></p>\n"
}

fn direction(fields: &[FieldScores]) -> String {
    let mut text = "<h2>Direction across the edges (CBDir), mean over the UMAPs</h2>\n".to_owned();
    text += &head(&["", "field", "constant field", "excess", "excess, range", "shuffled"]);
    for field in fields {
        let Some(score) = &field.direction else { continue };
        let range = score.excess_range.map_or(String::new(), |[low, high]| format!("{low:.3} – {high:.3}"));
        let [mean, constant, excess, shuffled] =
            [score.mean, score.constant, score.excess, score.shuffled].map(shown);
        text += &row("td", "", &[field.name.to_owned(), mean, constant, excess, range, shuffled]);
    }
    wrap(&text)
        + "<p><small>A constant field gives every cell the mean velocity: only what lies above it counts.</small></p>\n"
}

fn coherence(fields: &[FieldScores]) -> String {
    let mut text = "<h2>Coherence within clusters (ICCoh)</h2>\n".to_owned();
    let clusters = fields.iter().take(1).flat_map(|field| &field.coherence.clusters);
    let names: Vec<&str> = clusters.map(|cluster| cluster.name.as_str()).collect();
    text += &head(&[&["", "mean", "shuffled"], names.as_slice()].concat());
    for field in fields {
        let score = &field.coherence;
        let mut cells = vec![field.name.to_owned(), shown(score.mean), shown(score.shuffled)];
        cells.extend(score.clusters.iter().map(|cluster| shown(cluster.coherence)));
        text += &row("td", "", &cells);
    }
    wrap(&text)
}
