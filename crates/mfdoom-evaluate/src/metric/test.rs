//! A metric added for a test: what its author writes is all that is needed for every output.

use super::{Metric, score};
use crate::report::{Page, multiqc};
use crate::scores::{Document, Estimate, Name, Outcome, Place, Scores, text};

const NAMES: &[Name] =
    &[Name::high("spread", "Added", "largest value"), Name::low("least", "Added", "least value")];

struct Spread;

impl Metric<Vec<f64>> for Spread {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Vec<f64>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let largest = view.iter().copied().reduce(f64::max).map(Estimate::plain);
        vec![largest.ok_or_else(|| "nothing <to> see".to_owned()), Ok(Estimate::new(0.5, Some([0.25, 0.75])))]
    }
}

#[test]
fn an_added_metric_is_in_every_output() {
    let mut document = Document::new("test", serde_json::json!({}), Vec::new());
    for (head, values) in [("full", vec![1.0, 3.0]), ("empty", vec![])] {
        score(&[&Spread], &values, &Place::new("all", head, values.len()), &mut document.scores);
    }
    let json = serde_json::to_value(&document).unwrap();
    assert_eq!(json["scores"][0]["name"], "spread");
    assert_eq!((&json["scores"][0]["value"], &json["scores"][0]["reason"]), (&3.0.into(), &().into()));
    assert_eq!(json["scores"][2]["reason"], "nothing <to> see");
    assert!(json["scores"][2]["value"].is_null());
    let lines = text(&document.scores);
    assert!(lines.contains("largest value") && lines.contains("3.000"), "{lines}");
    let page = Page::new("A <title>".to_owned(), &document).render().unwrap();
    for part in [
        "largest value",
        "A &lt;title&gt;",
        "<p class=\"reason\">largest value of empty: nothing &lt;to&gt; see</p>",
        "0.250 – 0.750",
        "data-value=\"3.0\"",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert_eq!(multiqc(&document)["data"]["full (all)"]["spread"], 3.0);
}

#[test]
fn what_is_no_number_is_no_score() {
    let mut scores = Scores::default();
    scores.push(
        &Place::new("all", "x", 1),
        NAMES[0],
        Ok(Estimate::new(f64::NAN, Some([0.0, f64::INFINITY]))),
    );
    let row = &scores.rows()[0];
    assert_eq!((row.value, row.low, row.reason.is_some()), (None, None, true));
}
