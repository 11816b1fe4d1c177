//! One score of one thing.

use super::{Estimate, Name, Outcome};
use serde::Serialize;

/// What a row scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What the run is about.
    #[default]
    Head,
    /// A plain method that it is compared with.
    Baseline,
    /// What nothing can be better or worse than without reason: a shuffled or constant input.
    Control,
}

/// Whose scores these are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Place {
    /// The cells, edges or modality that the scores are of.
    pub set: String,
    /// The head, field or method.
    pub head: String,
    /// What it is.
    pub kind: Kind,
    /// Modalities that it was made from.
    pub from: Vec<String>,
    /// What it is compared with, where two are.
    pub against: Option<String>,
    /// Number of cells.
    pub n: usize,
}

/// A score of one thing, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Whose score it is.
    #[serde(flatten)]
    pub place: Place,
    /// Name of the score.
    pub name: Name,
    /// The score; null where it cannot be computed.
    pub value: Option<f64>,
    /// Why there is none.
    pub reason: Option<String>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
}

/// All scores of a run, in the order that they were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Scores {
    rows: Vec<Row>,
}

impl Place {
    /// Returns the place of a head on a set of cells.
    pub fn new(set: &str, head: &str, n: usize) -> Self {
        Self { set: set.to_owned(), head: head.to_owned(), n, ..Self::default() }
    }

    /// Returns the same as a baseline.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Returns the same, made from these modalities.
    #[must_use]
    pub fn from(mut self, from: &[String]) -> Self {
        self.from = from.to_vec();
        self
    }

    /// Returns the same, compared with another.
    #[must_use]
    pub fn against(mut self, against: &str) -> Self {
        self.against = Some(against.to_owned());
        self
    }

    /// Returns whether two rows are of the same thing on the same set.
    pub fn is_same(&self, other: &Self) -> bool {
        self.set == other.set
            && self.head == other.head
            && self.from == other.from
            && self.against == other.against
    }
}

impl Scores {
    /// Adds a score; a value that is not a number counts as none.
    pub fn push(&mut self, place: &Place, name: Name, outcome: Outcome) {
        let outcome = outcome.and_then(|found| match found.value.is_finite() {
            true => Ok(found),
            false => Err("it is not defined here".to_owned()),
        });
        let interval =
            |found: &Estimate, end: usize| found.interval.map(|ends| ends[end]).filter(|x| x.is_finite());
        let row = match outcome {
            Ok(found) => Row {
                place: place.clone(),
                name,
                value: Some(found.value),
                reason: None,
                low: interval(&found, 0),
                high: interval(&found, 1),
            },
            Err(reason) => {
                Row { place: place.clone(), name, value: None, reason: Some(reason), low: None, high: None }
            }
        };
        self.rows.push(row);
    }

    /// Returns all rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns a score of one thing with its interval.
    pub fn estimate(&self, place: &Place, key: &str) -> Option<Estimate> {
        let row = self.rows.iter().find(|row| row.place.is_same(place) && row.name.key == key)?;
        let ends = row.low.zip(row.high).map(|(low, high)| [low, high]);
        row.value.map(|value| Estimate::new(value, ends))
    }
}
