//! Which cells and genes stay; everything is off unless asked for, and what goes is reported.

use std::fmt;

/// Total and number of genes of a cell, over all genes of its file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CellTotals {
    /// Sum of the counts.
    pub counts: f64,
    /// Genes with a count above zero.
    pub genes: usize,
}

impl CellTotals {
    /// Returns the totals of a row of counts.
    pub fn of(values: impl IntoIterator<Item = (u32, f32)>) -> Self {
        values.into_iter().filter(|&(_, value)| value != 0.0).fold(Self::default(), |totals, (_, value)| {
            Self { counts: totals.counts + f64::from(value), genes: totals.genes + 1 }
        })
    }
}

/// Smallest totals a cell may have; 0 is off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CellFilter {
    /// Smallest sum of counts.
    pub min_counts: f64,
    /// Smallest number of genes.
    pub min_genes: usize,
}

/// What a cell filter kept and dropped; a cell that fails both is counted under counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilterReport {
    /// Cells kept.
    pub kept: usize,
    /// Cells with too few counts.
    pub few_counts: usize,
    /// Cells with enough counts and too few genes.
    pub few_genes: usize,
}

impl CellFilter {
    /// Returns whether every cell stays.
    pub fn is_off(&self) -> bool {
        self.min_counts <= 0.0 && self.min_genes == 0
    }

    /// Returns whether a cell stays, and counts it in `report`.
    pub fn keep(&self, totals: &CellTotals, report: &mut FilterReport) -> bool {
        if totals.counts < self.min_counts {
            report.few_counts += 1;
            return false;
        }
        if totals.genes < self.min_genes {
            report.few_genes += 1;
            return false;
        }
        report.kept += 1;
        true
    }
}

impl FilterReport {
    /// Returns the number of cells seen.
    pub fn seen(&self) -> usize {
        self.kept + self.dropped()
    }

    /// Returns the number of cells dropped.
    pub fn dropped(&self) -> usize {
        self.few_counts + self.few_genes
    }
}

impl fmt::Display for FilterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, few_counts, few_genes } = self;
        let seen = self.seen();
        write!(f, "kept {kept} of {seen} cells ({few_counts} had too few counts, {few_genes} too few genes)")
    }
}

/// Returns the token ids of genes seen in at least `min_cells` cells, ascending; `cells[i]` belongs to
/// token id i + 1.
pub fn genes_in_cells(cells: &[u64], min_cells: u64) -> Vec<u32> {
    (1..).zip(cells).filter(|&(_, &n)| n >= min_cells).map(|(token, _)| token).collect()
}
