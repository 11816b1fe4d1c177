//! `--shard I/N`: one of N even, contiguous runs of rows.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The I-th of N shards, 1-based.
///
/// ```
/// use mfdoom_cli::Shard;
///
/// let shard: Shard = "2/3".parse().unwrap();
/// assert_eq!(shard.rows(10), 3..6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// Everything: shard 1 of 1.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// Returns the 1-based number of this shard.
    pub fn index(self) -> u64 {
        self.index
    }

    /// Returns how many shards there are.
    pub fn count(self) -> u64 {
        self.count
    }

    /// Returns the rows of this shard among `n_rows`; the shards together cover each row once, in order.
    pub fn rows(self, n_rows: u64) -> Range<u64> {
        let start = |i: u64| (u128::from(n_rows) * u128::from(i) / u128::from(self.count)) as u64;
        start(self.index - 1)..start(self.index)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('/')
            .and_then(|(index, count)| Some(Self { index: index.parse().ok()?, count: count.parse().ok()? }))
            .filter(|shard| (1..=shard.count).contains(&shard.index))
            .ok_or_else(|| format!("'{text}' is not I/N with 1 <= I <= N, e.g. 2/8"))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Serialize for Shard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_every_row_once_and_evenly() {
        for (n_rows, count) in [(10, 3), (2, 5), (0, 4), (3696, 7), (u64::MAX, 3)] {
            let mut next = 0;
            for index in 1..=count {
                let rows = Shard { index, count }.rows(n_rows);
                assert_eq!(rows.start, next);
                assert!((rows.end - rows.start).abs_diff(n_rows / count) <= 1);
                next = rows.end;
            }
            assert_eq!(next, n_rows);
        }
    }

    #[test]
    fn refuses_what_is_no_shard() {
        for text in ["", "1", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
