//! The report as a page.

use super::result::{Metrics, ModalityScores};
use crate::report::{escape, page, row, shown, wrap};

/// Returns the page.
pub(super) fn html(metrics: &Metrics) -> String {
    let title = format!("Expression profiles of {}", escape(&metrics.inputs[0].name));
    let mut body = facts(metrics);
    metrics.modalities.iter().for_each(|scores| body += &modality(scores));
    body += "<p><small>Pearson: per gene over cells, of ln(1 + 1e4 × share). Deviance: negative-binomial, mean over cells \
             and genes; explained: of that of the mean-gene model.</small></p>\n";
    page(&title, &body, &[])
}

fn facts(metrics: &Metrics) -> String {
    let (cells, settings) = (&metrics.cells, &metrics.settings);
    let mut text = format!(
        "<p>{} of {} cells in the tokens; {} genes predicted",
        cells.matched, cells.predicted, metrics.genes
    );
    if let (Some(input), Some(training)) = (&settings.input, cells.training) {
        text += &format!("; baselines learnt from {training} cells see <b>{}</b>", escape(input));
    }
    text + &format!(
        ".<br><small>{} {}, seed {}, dispersions of the {} cells</small></p>\n",
        metrics.stage, metrics.version, settings.seed, settings.reference
    )
}

fn modality(scores: &ModalityScores) -> String {
    let name = escape(&scores.modality);
    if let Some(why) = &scores.skipped {
        return format!("<h2>{name}</h2>\n<p>Not scored: {}</p>\n", escape(why));
    }
    let mut text = format!("<h2>{name}, {} cells, {} genes</h2>\n", scores.cells, scores.genes);
    let head = ["", "Pearson, median", "quartiles", "deviance", "explained"];
    text += &row("th", "", &head.map(str::to_owned));
    for method in &scores.methods {
        let pearson = method.pearson.as_ref();
        let cells = [
            escape(method.name),
            shown(pearson.map(|all| all.median)),
            pearson.map_or(String::new(), |all| format!("{:.3} – {:.3}", all.q25, all.q75)),
            format!("{:.4}", method.deviance),
            shown(method.explained),
        ];
        text += &row("td", method.kind, &cells);
    }
    wrap(&text)
}
