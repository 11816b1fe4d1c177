//! Which values belong to which row, as parquet's repetition and definition levels.

use parquet::file::metadata::{ColumnChunkMetaDataBuilder, LevelHistogram};

use super::runs::RunWriter;

/// The levels of the rows of a page, and how often each came in the column chunk.
pub(super) struct Levels {
    /// Level of a value; that of an empty list is one below, that of a missing list 0.
    highest: i16,
    repetition: RunWriter,
    definition: RunWriter,
    rows: usize,
    n_levels: usize,
    seen: Histograms,
}

/// How often each level came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Histograms {
    highest: i16,
    rows: u64,
    missing: u64,
    empty: u64,
    values: u64,
}

impl Levels {
    /// Begins with no row; `highest` is the column's largest definition level, 1 or 2.
    pub(super) fn new(highest: i16) -> Self {
        Self {
            highest,
            repetition: RunWriter::default(),
            definition: RunWriter::default(),
            rows: 0,
            n_levels: 0,
            seen: Histograms { highest, ..Histograms::default() },
        }
    }

    /// Adds a list of `len` values; nothing for a missing one.
    pub(super) fn push(&mut self, len: Option<usize>) {
        let highest = self.highest as u8;
        self.rows += 1;
        self.seen.rows += 1;
        self.n_levels += len.unwrap_or(0).max(1);
        self.repetition.push(0, 1);
        match len {
            None => self.definition.push(0, 1),
            Some(0) => self.definition.push(highest - 1, 1),
            Some(len) => {
                self.repetition.push(1, len - 1);
                self.definition.push(highest, len);
            }
        }
        self.seen.missing += u64::from(len.is_none());
        self.seen.empty += u64::from(len == Some(0));
        self.seen.values += len.unwrap_or(0) as u64;
    }

    /// Rows since the last page.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Appends the levels of a page, and returns its rows and number of levels.
    pub(super) fn write(&mut self, to: &mut Vec<u8>) -> (usize, usize) {
        self.repetition.write(to);
        self.definition.write(to);
        (std::mem::take(&mut self.rows), std::mem::take(&mut self.n_levels))
    }

    /// Returns what the column chunk had, and begins anew.
    pub(super) fn take_histograms(&mut self) -> Histograms {
        std::mem::replace(&mut self.seen, Histograms { highest: self.highest, ..Histograms::default() })
    }
}

impl Histograms {
    pub(super) fn n_rows(&self) -> u64 {
        self.rows
    }

    /// Rows without a value.
    pub(super) fn n_without_value(&self) -> u64 {
        self.missing + self.empty
    }

    /// Adds the histograms to the metadata of a column chunk.
    pub(super) fn describe(&self, metadata: ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder {
        let n_levels = self.values + self.n_without_value();
        let histogram = |highest, counts: &[(i16, u64)]| {
            let mut histogram = LevelHistogram::try_new(highest)?;
            counts.iter().for_each(|(level, n)| histogram.increment_by(*level, *n as i64));
            Some(histogram)
        };
        let definition = [(0, self.missing), (self.highest - 1, self.empty), (self.highest, self.values)];
        metadata
            .set_num_values(n_levels as i64)
            .set_repetition_level_histogram(histogram(1, &[(0, self.rows), (1, n_levels - self.rows)]))
            .set_definition_level_histogram(histogram(self.highest, &definition))
    }
}
