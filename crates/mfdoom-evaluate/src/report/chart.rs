//! Curves on a page: retrieval, training.

use serde::Serialize;
use serde_json::Value;

use crate::scores::Document;

/// Size of the drawing area.
const SIZE: [f64; 2] = [560.0, 260.0];
/// Numbers on an axis, about.
const TICKS: f64 = 5.0;
/// Marks of a logarithmic axis within a power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// What training makes small; single terms have longer names.
const LOSS: &str = "loss/total";

/// Lines over one pair of axes.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    title: String,
    labels: [&'static str; 2],
    ticks: [Vec<Tick>; 2],
    lines: Vec<Line>,
}

/// A number on an axis.
#[derive(Debug, Serialize)]
struct Tick {
    at: f64,
    text: String,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    /// Points as SVG wants them.
    points: String,
    /// The last value, for those who cannot see the line.
    last: String,
}

/// A named curve.
type Curve = (String, Vec<[f64; 2]>);

/// Returns the charts of a document, the share of cells found among the first k and the loss of a training, and with them
/// the other values of the training, which a page keeps folded.
pub(super) fn charts(document: &Document) -> (Vec<Chart>, Vec<Chart>) {
    let found = curves(document, "retrieval_curves", |curve| {
        Some(format!("{} – {}", curve["head"].as_str()?, curve["against"].as_str()?))
    });
    let retrieval =
        Chart::new("Share of cells found among the first k".to_owned(), ["k", "share found"], found, true);
    let training = curves(document, "training_curves", |curve| {
        Some(format!("{} {}", curve["split"].as_str()?, curve["name"].as_str()?))
    });
    let mut by_name: Vec<(String, Vec<Curve>)> = Vec::new();
    for (name, points) in training {
        let (split, value) = name.split_once(' ').unwrap_or(("", &name));
        let at = by_name.iter().position(|(other, _)| other == value).unwrap_or_else(|| {
            by_name.push((value.to_owned(), Vec::new()));
            by_name.len() - 1
        });
        by_name[at].1.push((split.to_owned(), points));
    }
    let chart = |(name, curves): (String, Vec<Curve>)| {
        Chart::new(format!("Training: {name}"), ["epoch", ""], curves, false)
    };
    let (loss, others): (Vec<_>, Vec<_>) = by_name.into_iter().partition(|(name, _)| name.starts_with(LOSS));
    let first = retrieval.into_iter().chain(loss.into_iter().filter_map(chart));
    (first.collect(), others.into_iter().filter_map(chart).collect())
}

/// Reads the curves of a detail.
fn curves(document: &Document, detail: &str, name: impl Fn(&Value) -> Option<String>) -> Vec<Curve> {
    let all = document.details.get(detail).and_then(Value::as_array);
    let points = |curve: &Value| -> Option<Vec<[f64; 2]>> {
        let points = curve["points"].as_array()?.iter();
        points.map(|point| Some([point[0].as_f64()?, point[1].as_f64()?])).collect()
    };
    all.into_iter().flatten().filter_map(|curve| Some((name(curve)?, points(curve)?))).collect()
}

impl Chart {
    /// Scales curves to the drawing area; nothing where no curve has two points.
    fn new(title: String, labels: [&'static str; 2], curves: Vec<Curve>, is_log: bool) -> Option<Self> {
        let curves: Vec<Curve> = curves.into_iter().filter(|(_, points)| points.len() > 1).collect();
        let across =
            Axis::new(curves.iter().flat_map(|(_, points)| points.iter().map(|point| point[0])), is_log)?;
        let up = Axis::new(curves.iter().flat_map(|(_, points)| points.iter().map(|point| point[1])), false)?;
        let line = |(name, points): (String, Vec<[f64; 2]>)| {
            let place = |point: &[f64; 2]| {
                format!("{:.1},{:.1}", across.share(point[0]) * SIZE[0], (1.0 - up.share(point[1])) * SIZE[1])
            };
            Line {
                name,
                last: points.last().map_or_else(String::new, |point| number(point[1])),
                points: points.iter().map(place).collect::<Vec<_>>().join(" "),
            }
        };
        let tick = |axis: &Axis, size: f64, is_up: bool| {
            let place = |value: f64| if is_up { 1.0 - axis.share(value) } else { axis.share(value) };
            let tick =
                |value: f64| Tick { at: (place(value) * size * 10.0).round() / 10.0, text: number(value) };
            axis.marks().into_iter().map(tick).collect()
        };
        Some(Self {
            title,
            labels,
            ticks: [tick(&across, SIZE[0], false), tick(&up, SIZE[1], true)],
            lines: curves.into_iter().map(line).collect(),
        })
    }
}

/// Ends of an axis.
struct Axis {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64>, is_log: bool) -> Option<Self> {
        let is_usable = |value: &f64| value.is_finite() && (!is_log || *value > 0.0);
        let ends = values.filter(is_usable).fold(None, |ends: Option<(f64, f64)>, value| {
            Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (low, high) = ends?;
        let spread = if high > low { 0.0 } else { 0.5 };
        Some(Self { low: low - spread * f64::from(!is_log), high: high + spread, is_log })
    }

    /// Returns where a value lies, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let of = |value: f64| if self.is_log { value.max(self.low).ln() } else { value };
        (of(value) - of(self.low)) / (of(self.high) - of(self.low)).max(f64::MIN_POSITIVE)
    }

    /// Returns round numbers within the ends.
    fn marks(&self) -> Vec<f64> {
        if self.is_log {
            let powers = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
            let all = powers.flat_map(|power| STEPS.map(|step| step * 10f64.powi(power)));
            let within = all.filter(|value| (self.low..=self.high).contains(value));
            return within.collect();
        }
        let rough = (self.high - self.low) / TICKS;
        let power = 10f64.powf(rough.log10().floor());
        let step =
            STEPS.into_iter().map(|step| step * power).find(|step| *step >= rough).unwrap_or(10.0 * power);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|at| at as f64 * step).take_while(|value| *value <= self.high + 1e-9 * step).collect()
    }
}

fn number(value: f64) -> String {
    let text = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Chart, SIZE};

    #[test]
    fn marks_are_round_and_lines_span_the_area() {
        let axis = Axis::new([0.13, 0.91].into_iter(), false).unwrap();
        assert_eq!(
            axis.marks().iter().map(|mark| (mark * 10.0).round()).collect::<Vec<_>>(),
            [2.0, 4.0, 6.0, 8.0]
        );
        let axis = Axis::new([1.0, 150.0].into_iter(), true).unwrap();
        assert_eq!(axis.marks(), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        let curve = ("a".to_owned(), vec![[1.0, 0.0], [10.0, 0.5], [100.0, 1.0]]);
        let chart = Chart::new("t".to_owned(), ["x", "y"], vec![curve], true).unwrap();
        let wanted =
            format!("0.0,{:.1} {:.1},{:.1} {:.1},0.0", SIZE[1], SIZE[0] / 2.0, SIZE[1] / 2.0, SIZE[0]);
        assert_eq!((chart.lines[0].points.as_str(), chart.lines[0].last.as_str()), (wanted.as_str(), "1"));
        assert!(
            Chart::new("t".to_owned(), ["x", "y"], vec![("a".to_owned(), vec![[1.0, 1.0]])], false).is_none()
        );
    }
}
