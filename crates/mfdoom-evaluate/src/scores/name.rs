//! What a score is called and which value of it is best.

use serde::{Serialize, Serializer};

/// Which value of a score is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Best {
    /// The highest.
    Highest,
    /// The lowest.
    Lowest,
    /// None: the score describes.
    Neither,
}

/// A score as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// Name in `metrics.json`.
    pub key: &'static str,
    /// Heading of the table that it stands in.
    pub group: &'static str,
    /// Heading of its column.
    pub title: &'static str,
    /// Which value is best.
    pub best: Best,
}

impl Name {
    /// Returns a score whose highest value is best.
    pub const fn high(key: &'static str, group: &'static str, title: &'static str) -> Self {
        Self { key, group, title, best: Best::Highest }
    }

    /// Returns a score whose lowest value is best.
    pub const fn low(key: &'static str, group: &'static str, title: &'static str) -> Self {
        Self { key, group, title, best: Best::Lowest }
    }

    /// Returns a score that describes.
    pub const fn plain(key: &'static str, group: &'static str, title: &'static str) -> Self {
        Self { key, group, title, best: Best::Neither }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key)
    }
}
