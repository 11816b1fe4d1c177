//! A page with the numbers and the pictures: one HTML file that loads nothing.

use mfdoom_plot::Picture;

use crate::embedding::{CellSetScores, Metrics, RetrievalScores};

/// A picture and what it shows.
pub struct Figure {
    /// Stands above the picture.
    pub title: String,
    /// The picture.
    pub picture: Picture,
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;color:#222}\
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse}\
th,td{padding:.25em .8em;text-align:right;border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}\
tr.baseline td{color:#666}figure{margin:1em 0}svg{max-width:100%;height:auto}small{color:#666}";

/// Returns the page of embeddings.
pub fn html(metrics: &Metrics, figures: &[Figure]) -> String {
    let source = metrics.inputs.first().map_or("embeddings", |input| input.name.as_str());
    let title = format!("Embeddings of {}", escape(source));
    let mut body = facts(metrics);
    metrics.label_transfer.iter().for_each(|set| body += &transfer(metrics, set));
    if !metrics.retrieval.is_empty() {
        body += &retrieval(&metrics.retrieval);
    }
    page(&title, &body, figures)
}

/// Returns a page of text and pictures; title and body are HTML.
pub(crate) fn page(title: &str, body: &str, figures: &[Figure]) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}"
    );
    for figure in figures {
        let (title, svg) = (escape(&figure.title), figure.picture.svg());
        page += &format!("<h2>{title}</h2>\n<figure>\n{svg}\n</figure>\n");
    }
    page + "</body>\n</html>\n"
}

fn facts(metrics: &Metrics) -> String {
    let (cells, settings) = (&metrics.cells, &metrics.settings);
    let mut text = format!(
        "<p>{} of {} cells scored, {} labels in <b>{}</b>",
        cells.scored,
        cells.total,
        metrics.labels.iter().filter(|label| label.n > 0).count(),
        escape(&settings.label)
    );
    if cells.without_label > 0 {
        text += &format!("; {} without label", cells.without_label);
    }
    if let Some(without) = cells.without_tokens.filter(|&n| n > 0) {
        text += &format!("; {without} without tokens");
    }
    text + &format!(
        ".<br><small>{} {}, seed {}, {} folds, {} neighbours</small></p>\n",
        metrics.stage, metrics.version, settings.seed, settings.folds, settings.neighbors
    )
}

fn transfer(metrics: &Metrics, set: &CellSetScores) -> String {
    let mut text = format!("<h2>Label transfer, {} cells ({})</h2>\n", set.n, escape(&set.cells));
    if let Some(why) = &set.skipped {
        return text + &format!("<p>Not scored: {}</p>\n", escape(why));
    }
    let labels: Vec<&str> =
        metrics.labels.iter().map(|label| label.name.as_str()).filter(|name| has(set, name)).collect();
    let mut head = vec!["", "dim", "accuracy", "balanced"];
    head.extend(&labels);
    text += &row("th", "", &head.iter().map(|name| escape(name)).collect::<Vec<_>>());
    for score in &set.scores {
        let mut cells = vec![escape(&score.name), score.dim.to_string()];
        cells.extend([score.accuracy, score.balanced_accuracy].map(|value| format!("{value:.3}")));
        let recall =
            |label: &&str| score.recall.get(*label).map_or(String::new(), |value| format!("{value:.2}"));
        cells.extend(labels.iter().map(recall));
        text += &row("td", score.kind, &cells);
    }
    wrap(&text)
        + "<p><small>Beside the scores, the share of each label's cells predicted rightly.</small></p>\n"
}

fn has(set: &CellSetScores, label: &str) -> bool {
    set.scores.iter().any(|score| score.recall.contains_key(label))
}

fn retrieval(scores: &[RetrievalScores]) -> String {
    let mut text = "<h2>Retrieval of the same cell, mean of both directions</h2>\n".to_owned();
    let head = ["", "cells", "R@1", "R@5", "R@10", "R@10 by chance", "median rank"];
    text += &row("th", "", &head.map(str::to_owned));
    for score in scores {
        let mut cells = vec![escape(&format!("{} – {}", score.first, score.second)), score.n.to_string()];
        let shares = [score.recall_1, score.recall_5, score.recall_10, score.chance_recall_10];
        cells.extend(shares.map(|value| format!("{value:.3}")));
        cells.push(format!("{:.1}", score.median_rank));
        text += &row("td", "", &cells);
    }
    wrap(&text)
}

/// Returns a row of a table.
pub(crate) fn row(tag: &str, class: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
    format!("<tr class=\"{class}\">{cells}</tr>\n")
}

/// Puts the rows after the heading into a table.
pub(crate) fn wrap(text: &str) -> String {
    let start = text.find("<tr").unwrap_or(text.len());
    format!("{}<table>\n{}</table>\n", &text[..start], &text[start..])
}

/// Returns text with the characters that HTML reads as its own escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns a score in three digits, a dash for none.
pub(crate) fn shown(score: Option<f64>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| format!("{score:.3}"))
}
