//! The least and the largest value of a column chunk, as the parquet crate notes them.

use parquet::basic::Type;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescriptor;

/// Extremes of ids, or of counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extremes {
    ids: Option<(u32, u32)>,
    counts: Option<(f32, f32)>,
    nans: u64,
}

impl Extremes {
    /// Adds ids.
    pub(super) fn add_ids(&mut self, ids: &[u32]) {
        let Some(first) = ids.first() else { return };
        let (mut least, mut most) = self.ids.unwrap_or((*first, *first));
        for id in ids {
            least = if *id < least { *id } else { least };
            most = if *id > most { *id } else { most };
        }
        self.ids = Some((least, most));
    }

    /// Adds counts; what is not a number is counted apart.
    pub(super) fn add_counts(&mut self, counts: &[f32]) {
        for count in counts {
            if count.is_nan() {
                self.nans += 1;
                continue;
            }
            let (least, most) = self.counts.unwrap_or((*count, *count));
            self.counts = Some((least.min(*count), most.max(*count)));
        }
    }

    /// Returns the statistics of the column.
    pub(super) fn statistics(&self, descr: &ColumnDescriptor, n_without_value: u64) -> Statistics {
        // Readers of old files take these numbers too, where they would compare them rightly.
        let old = descr.sort_order().is_signed();
        let nulls = Some(n_without_value);
        if descr.physical_type() == Type::INT32 {
            let (least, most) = self.ids.unzip();
            let as_stored = |id: Option<u32>| id.map(|id| id as i32);
            let values = ValueStatistics::new(as_stored(least), as_stored(most), None, nulls, false);
            return Statistics::Int32(values.with_backwards_compatible_min_max(old));
        }
        // A zero of either sign may stand among the values.
        let least = self.counts.map(|(least, _)| if least == 0.0 { -0.0 } else { least });
        let most = self.counts.map(|(_, most)| if most == 0.0 { 0.0 } else { most });
        let values = ValueStatistics::new(least, most, None, nulls, false).with_nan_count(Some(self.nans));
        Statistics::Float(values.with_backwards_compatible_min_max(old))
    }
}
