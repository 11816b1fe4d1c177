//! Who reads what: query ranges and the key ranges they attend to, checked once.

use std::ops::Range;

use candle_core::{Result, bail};

/// Query rows that all read the same keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Rows of q.
    pub queries: Range<usize>,
    /// Rows of kv; the union is read, so ranges may touch or overlap. Empty: the queries give zeros.
    pub keys: Vec<Range<usize>>,
}

/// Segments that may share keys, such as those of one cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// No two hold the same query row.
    pub segments: Vec<Segment>,
}

/// A checked list of groups, the unit of parallel work.
#[derive(Clone, Debug)]
pub struct AttentionPlan {
    pub(crate) groups: Vec<Prepared>,
    /// Query rows in no segment and key rows that no segment reads.
    pub(crate) idle_queries: Vec<Range<usize>>,
    pub(crate) idle_keys: Vec<Range<usize>>,
    n_queries: usize,
    n_keys: usize,
}

/// A group with its key rows numbered from 0 in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) segments: Vec<PreparedSegment>,
    /// Disjoint, ascending ranges of kv rows.
    pub(crate) keys: Vec<Range<usize>>,
    pub(crate) n_keys: usize,
    pub(crate) n_queries: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct PreparedSegment {
    pub(crate) queries: Range<usize>,
    /// The keys where they lie in kv, and the same packed: `rows` are then the group's own numbers.
    pub(crate) keys: Vec<Span>,
    pub(crate) packed: Vec<Span>,
}

/// A stretch of keys and the number its first one has in the group.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) rows: Range<usize>,
    pub(crate) local: usize,
}

impl AttentionPlan {
    /// Checks and prepares the groups.
    ///
    /// # Errors
    /// A range outside the tensors or backwards, a query row in two segments, a key row read by two groups.
    ///
    /// ```
    /// use mfdoom_nn::{AttentionPlan, Group, Segment};
    /// let cell = |rows: std::ops::Range<usize>| Group {
    ///     segments: vec![Segment { queries: rows.clone(), keys: vec![rows] }],
    /// };
    /// assert!(AttentionPlan::new(vec![cell(0..3), cell(3..5)], 5, 5).is_ok());
    /// assert!(AttentionPlan::new(vec![cell(0..3), cell(2..5)], 5, 5).is_err());
    /// ```
    pub fn new(groups: Vec<Group>, n_queries: usize, n_keys: usize) -> Result<AttentionPlan> {
        for segment in groups.iter().flat_map(|group| &group.segments) {
            check("query", &segment.queries, n_queries)?;
            for keys in &segment.keys {
                check("key", keys, n_keys)?;
            }
        }
        let groups: Vec<Prepared> = groups.into_iter().map(Prepared::new).collect();
        let queries = groups.iter().flat_map(|g| g.segments.iter().map(|s| s.queries.clone())).collect();
        let keys = groups.iter().flat_map(|g| g.keys.iter().cloned()).collect();
        let idle_queries = gaps("query", "two segments", queries, n_queries)?;
        let idle_keys = gaps("key", "two groups", keys, n_keys)?;
        Ok(AttentionPlan { groups, idle_queries, idle_keys, n_queries, n_keys })
    }

    /// Returns the rows of q that this plan is for.
    pub fn n_queries(&self) -> usize {
        self.n_queries
    }

    /// Returns the rows of kv that this plan is for.
    pub fn n_keys(&self) -> usize {
        self.n_keys
    }
}

impl Prepared {
    fn new(group: Group) -> Prepared {
        let keys = union(group.segments.iter().flat_map(|s| s.keys.iter().cloned()).collect());
        let segments: Vec<_> = group.segments.into_iter().map(|s| PreparedSegment::new(s, &keys)).collect();
        Prepared {
            n_keys: keys.iter().map(ExactSizeIterator::len).sum(),
            n_queries: segments.iter().map(|s| s.queries.len()).sum(),
            keys,
            segments,
        }
    }
}

impl PreparedSegment {
    fn new(segment: Segment, group_keys: &[Range<usize>]) -> PreparedSegment {
        let mut keys = Vec::new();
        let mut before = 0;
        let parts = union(segment.keys);
        for range in group_keys {
            // every part lies inside one range of the group, as touching ranges are joined
            let inside = parts.iter().filter(|part| part.start >= range.start && part.end <= range.end);
            keys.extend(
                inside.map(|part| Span { rows: part.clone(), local: before + part.start - range.start }),
            );
            before += range.len();
        }
        let packed = union(keys.iter().map(|span| span.local..span.local + span.rows.len()).collect());
        let packed = packed.into_iter().map(|rows| Span { local: rows.start, rows }).collect();
        PreparedSegment { queries: segment.queries, keys, packed }
    }
}

fn check(what: &str, range: &Range<usize>, rows: usize) -> Result<()> {
    if range.start > range.end || range.end > rows {
        bail!("attention plan: the {what} range {range:?} is not inside 0..{rows}");
    }
    Ok(())
}

/// Sorts ranges and joins those that touch or overlap; empty ones go.
fn union(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Returns what the ranges leave out of 0..rows; an overlap is an error.
fn gaps(what: &str, owners: &str, mut ranges: Vec<Range<usize>>, rows: usize) -> Result<Vec<Range<usize>>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    let mut gaps = Vec::new();
    let mut end = 0;
    for range in ranges {
        if range.start < end {
            bail!("attention plan: {what} row {} is in {owners}", range.start);
        }
        if range.start > end {
            gaps.push(end..range.start);
        }
        end = range.end;
    }
    if end < rows {
        gaps.push(end..rows);
    }
    Ok(gaps)
}
