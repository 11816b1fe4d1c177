//! Frames of annotation, as `obs` and `var` hold them.

pub use mfdoom_artifact::Column;

/// Annotation of the cells or genes: an index and columns of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Name of the index; empty stands for `_index`.
    pub index_name: String,
    /// Name of each row.
    pub index: Vec<String>,
    /// Columns in order.
    pub columns: Vec<(String, Column)>,
}

impl Frame {
    /// A frame without columns.
    pub fn new(index: Vec<String>) -> Self {
        Self { index_name: String::new(), index, columns: Vec::new() }
    }

    /// Adds a column.
    pub fn with(mut self, name: impl Into<String>, column: Column) -> Self {
        self.columns.push((name.into(), column));
        self
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.index.len()
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(found, _)| found == name).map(|(_, column)| column)
    }
}
