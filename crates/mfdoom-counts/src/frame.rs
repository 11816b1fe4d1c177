//! Columns and frames of annotation, as `obs` and `var` hold them.

/// One column of a frame; `None` is a missing value.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Text.
    String(Vec<Option<String>>),
    /// Codes into categories, whose order is kept.
    Categorical {
        /// Number of each row's category, smaller than the number of categories.
        codes: Vec<Option<u32>>,
        /// The categories.
        categories: Vec<String>,
    },
    /// Integers.
    Int(Vec<Option<i64>>),
    /// Floating point numbers; NaN is a missing one.
    Float(Vec<f64>),
    /// Truth values.
    Bool(Vec<Option<bool>>),
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::String(values) => values.len(),
            Self::Categorical { codes, .. } => codes.len(),
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the column holds, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "text",
            Self::Categorical { .. } => "categories",
            Self::Int(_) => "integers",
            Self::Float(_) => "numbers",
            Self::Bool(_) => "booleans",
        }
    }

    /// The values as text, as Python would print them; NaN is missing.
    ///
    /// ```
    /// use mfdoom_counts::Column;
    ///
    /// let column = Column::Bool(vec![Some(true), None]);
    /// assert_eq!(column.to_strings(), [Some("True".to_owned()), None]);
    /// ```
    pub fn to_strings(&self) -> Vec<Option<String>> {
        match self {
            Self::String(values) => values.clone(),
            Self::Categorical { codes, categories } => {
                let name = |code: u32| categories.get(code as usize).cloned();
                codes.iter().map(|code| code.and_then(name)).collect()
            }
            Self::Int(values) => values.iter().map(|value| value.map(|n| n.to_string())).collect(),
            Self::Float(values) => values.iter().map(|value| float_text(*value)).collect(),
            Self::Bool(values) => values.iter().map(|value| value.map(bool_text)).collect(),
        }
    }
}

fn float_text(value: f64) -> Option<String> {
    (!value.is_nan()).then(|| format!("{value:?}"))
}

fn bool_text(value: bool) -> String {
    if value { "True".to_owned() } else { "False".to_owned() }
}

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
