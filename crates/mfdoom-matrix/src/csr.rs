//! Compressed sparse rows of f32: counts, neighbour graphs, transitions.

use std::ops::Range;

use crate::dense::Matrix;
use crate::error::{Error, Result, same};

/// Compressed sparse rows `[n_rows, n_cols]`, columns ascending within a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Csr {
    n_cols: usize,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Default for Csr {
    fn default() -> Self {
        Self::empty(0)
    }
}

impl Csr {
    /// Returns a matrix from its parts: `indptr` [n_rows + 1], `indices` and `values` [n stored].
    ///
    /// ```
    /// let matrix = mfdoom_matrix::Csr::new(4, vec![0, 2, 2], vec![1, 3], vec![5.0, 0.5])?;
    /// assert_eq!(matrix.n_rows(), 2);
    /// assert_eq!(matrix.row(0), (&[1, 3][..], &[5.0, 0.5][..]));
    /// # Ok::<(), mfdoom_matrix::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`], when they contradict each other or the columns of a row do not ascend.
    pub fn new(n_cols: usize, indptr: Vec<usize>, indices: Vec<u32>, values: Vec<f32>) -> Result<Self> {
        if indptr.first() != Some(&0) || indptr.last() != Some(&indices.len()) {
            return Err(Error::Malformed("the offsets do not span the stored values"));
        }
        if indptr.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Error::Malformed("the offsets do not ascend"));
        }
        if indices.len() != values.len() {
            return Err(Error::Malformed("there are not as many columns as values"));
        }
        let last = indices.iter().fold(0, |last, &column| if column > last { column } else { last });
        if !indices.is_empty() && last as usize >= n_cols {
            return Err(Error::Malformed("a column lies beyond the last"));
        }
        if indptr.windows(2).any(|ends| !ascend(&indices[ends[0]..ends[1]])) {
            return Err(Error::Malformed("the columns of a row do not ascend"));
        }
        Ok(Self { n_cols, indptr, indices, values })
    }

    /// Returns a matrix of parts whose rows may name columns in any order and more than once: rows are sorted, duplicates
    /// summed in f64 and made f32 by `narrow`, zeros dropped.
    ///
    /// # Errors
    /// Those of [`Csr::new`].
    pub fn tidied(
        n_cols: usize,
        mut indptr: Vec<usize>,
        mut indices: Vec<u32>,
        mut values: Vec<f32>,
        narrow: &mut dyn FnMut(f64) -> f32,
    ) -> Result<Self> {
        let n = indices.len();
        if n != values.len() || indptr.windows(2).any(|pair| pair[0] > pair[1]) || indptr.last() != Some(&n) {
            return Self::new(n_cols, indptr, indices, values);
        }
        if are_tidy(&indptr, &indices, &values) {
            return Self::new(n_cols, indptr, indices, values);
        }
        let mut row = Vec::new();
        let (mut begin, mut kept) = (0, 0);
        for end in &mut indptr[1..] {
            let range = begin..*end;
            begin = *end;
            if !indices[range.clone()].is_sorted_by(|a, b| a < b) {
                row.clear();
                row.extend(range.clone().map(|at| (indices[at], f64::from(values[at]))));
                sum_duplicates(&mut row);
                for (at, &(column, value)) in range.clone().zip(&row) {
                    (indices[at], values[at]) = (column, narrow(value));
                }
                values[range.start + row.len()..range.end].fill(0.0);
            }
            for at in range {
                if values[at] != 0.0 {
                    (indices[kept], values[kept]) = (indices[at], values[at]);
                    kept += 1;
                }
            }
            *end = kept;
        }
        indices.truncate(kept);
        values.truncate(kept);
        Self::new(n_cols, indptr, indices, values)
    }

    /// Returns a matrix without rows.
    pub fn empty(n_cols: usize) -> Self {
        Self { n_cols, indptr: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    /// Builds from one `(columns, values)` pair a row, columns ascending.
    pub fn from_rows(n_cols: usize, rows: &[(Vec<u32>, Vec<f32>)]) -> Self {
        let stored = rows.iter().map(|(indices, _)| indices.len()).sum();
        let mut out = Self::empty(n_cols);
        out.reserve(rows.len(), stored);
        rows.iter().for_each(|(indices, values)| out.push_row(indices, values));
        out
    }

    /// Makes room for so many more rows and stored values; room that stays unused is never touched.
    pub fn reserve(&mut self, rows: usize, stored: usize) {
        self.indptr.reserve_exact(rows);
        self.indices.reserve_exact(stored);
        self.values.reserve_exact(stored);
    }

    /// Appends a row; `columns` ascend and lie below the number of columns.
    ///
    /// # Panics
    /// When there are not as many columns as values.
    pub fn push_row(&mut self, columns: &[u32], values: &[f32]) {
        assert_eq!(columns.len(), values.len(), "one value a column");
        debug_assert!(columns.is_sorted_by(|a, b| a < b));
        debug_assert!(columns.last().is_none_or(|&last| (last as usize) < self.n_cols));
        self.indices.extend_from_slice(columns);
        self.values.extend_from_slice(values);
        self.indptr.push(self.indices.len());
    }

    /// Appends a row with a value for every column; zeros are not stored.
    pub fn push_dense_row(&mut self, row: &[f32]) {
        debug_assert!(row.len() <= self.n_cols);
        for (column, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            self.indices.push(column as u32);
            self.values.push(*value);
        }
        self.indptr.push(self.indices.len());
    }

    /// Appends rows `rows` of `other`, which has the same columns.
    ///
    /// # Panics
    /// When there are no such rows.
    pub fn extend(&mut self, other: &Self, rows: Range<usize>) {
        let stored = other.indptr[rows.start]..other.indptr[rows.end];
        let shift = self.values.len();
        let ends = &other.indptr[rows.start + 1..=rows.end];
        self.indptr.extend(ends.iter().map(|end| end - stored.start + shift));
        self.indices.extend_from_slice(&other.indices[stored.clone()]);
        self.values.extend_from_slice(&other.values[stored]);
    }

    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Returns the number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Returns the number of stored values.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Returns where every row starts, and the end of the last, [n_rows + 1].
    pub fn indptr(&self) -> &[usize] {
        &self.indptr
    }

    /// Returns the column of every stored value.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Returns the stored values.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the stored values, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Returns offsets, columns and values without the matrix.
    pub fn into_parts(self) -> (Vec<usize>, Vec<u32>, Vec<f32>) {
        (self.indptr, self.indices, self.values)
    }

    /// Returns columns and values of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline(always)]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let stored = self.indptr[row]..self.indptr[row + 1];
        (&self.indices[stored.clone()], &self.values[stored])
    }

    /// Returns columns and values of a row, the values to be changed in place.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row_mut(&mut self, row: usize) -> (&[u32], &mut [f32]) {
        let stored = self.indptr[row]..self.indptr[row + 1];
        (&self.indices[stored.clone()], &mut self.values[stored])
    }

    /// Returns the sum of every row, [n_rows].
    pub fn row_sums(&self) -> Vec<f64> {
        (0..self.n_rows()).map(|row| self.row(row).1.iter().map(|&value| f64::from(value)).sum()).collect()
    }

    /// Returns all values, those that are not stored as 0.
    pub fn to_dense(&self) -> Matrix {
        let mut out = Matrix::filled(self.n_rows(), self.n_cols, 0.0);
        for row in 0..self.n_rows() {
            let (columns, stored) = self.row(row);
            let values = out.row_mut(row);
            columns.iter().zip(stored).for_each(|(&column, &value)| values[column as usize] = value);
        }
        out
    }

    /// Returns a matrix of the chosen rows, in the order given.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        let mut out = Self::empty(self.n_cols);
        out.reserve(rows.len(), rows.iter().map(|&row| self.row(row).0.len()).sum());
        rows.iter().for_each(|&row| out.extend(self, row..row + 1));
        out
    }

    /// Returns the columns where `keep` is true, renumbered in order.
    ///
    /// # Panics
    /// When there is not one mark a column.
    pub fn select_columns(&self, keep: &[bool]) -> Self {
        let mut out = Self::empty(keep.iter().filter(|keep| **keep).count());
        out.append_columns(self, keep);
        out
    }

    /// Appends the rows of `matrix`; `keep` marks its columns that this one has.
    ///
    /// # Panics
    /// When there is not one mark a column of `matrix`.
    pub fn append_columns(&mut self, matrix: &Self, keep: &[bool]) {
        assert_eq!(keep.len(), matrix.n_cols, "one mark a column");
        let mut kept = 0..;
        let renumbered: Vec<u32> =
            keep.iter().map(|keep| if *keep { kept.next().unwrap_or(u32::MAX) } else { u32::MAX }).collect();
        let stored = matrix.indices.iter().filter(|&&j| keep[j as usize]).count();
        self.indices.reserve(stored);
        self.values.reserve(stored);
        for i in 0..matrix.n_rows() {
            let (columns, values) = matrix.row(i);
            for (&j, &value) in columns.iter().zip(values) {
                if keep[j as usize] {
                    self.indices.push(renumbered[j as usize]);
                    self.values.push(value);
                }
            }
            self.indptr.push(self.indices.len());
        }
    }

    /// Returns the transpose `[n_cols, n_rows]`.
    pub fn transposed(&self) -> Self {
        let mut indptr = vec![0_usize; self.n_cols + 1];
        for &j in &self.indices {
            indptr[j as usize + 1] += 1;
        }
        for j in 0..self.n_cols {
            indptr[j + 1] += indptr[j];
        }
        let mut next = indptr.clone();
        let mut indices = vec![0_u32; self.indices.len()];
        let mut values = vec![0.0_f32; self.indices.len()];
        for i in 0..self.n_rows() {
            let (columns, row) = self.row(i);
            for (&j, &value) in columns.iter().zip(row) {
                let slot = &mut next[j as usize];
                indices[*slot] = i as u32;
                values[*slot] = value;
                *slot += 1;
            }
        }
        Self { n_cols: self.n_rows(), indptr, indices, values }
    }

    /// Returns the element-wise product with a matrix of the same shape; only what both store is stored.
    ///
    /// # Errors
    /// [`Error::Shape`]: another shape.
    pub fn product(&self, other: &Self) -> Result<Self> {
        same("rows of the product", other.n_rows(), self.n_rows())?;
        same("columns of the product", other.n_cols, self.n_cols)?;
        let mut out = Self::empty(self.n_cols);
        for i in 0..self.n_rows() {
            let (columns_a, values_a) = self.row(i);
            let (columns_b, values_b) = other.row(i);
            let mut k = 0;
            for (&j, &value) in columns_a.iter().zip(values_a) {
                while k < columns_b.len() && columns_b[k] < j {
                    k += 1;
                }
                if k < columns_b.len() && columns_b[k] == j {
                    out.indices.push(j);
                    out.values.push(value * values_b[k]);
                }
            }
            out.indptr.push(out.indices.len());
        }
        Ok(out)
    }

    /// Checks that every stored value is finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with the first row that is not.
    pub fn check_finite(&self) -> Result<()> {
        match self.values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::NotFinite { row: self.indptr.partition_point(|&start| start <= at) - 1 }),
            None => Ok(()),
        }
    }
}

/// Whether columns ascend in every row and no value is 0; a loop without branches, which the processor does at once.
fn are_tidy(indptr: &[usize], indices: &[u32], values: &[f32]) -> bool {
    let some = |values: &[f32]| values.iter().fold(true, |all, value| all & (*value != 0.0));
    values.chunks(512).all(some) && indptr.windows(2).all(|ends| ascend(&indices[ends[0]..ends[1]]))
}

/// Whether columns ascend; all are looked at.
fn ascend(columns: &[u32]) -> bool {
    columns.iter().zip(columns.iter().skip(1)).fold(true, |all, (a, b)| all & (a < b))
}

/// Sorts the entries of a row by column and sums those of one column, in the order in which they came.
fn sum_duplicates(row: &mut Vec<(u32, f64)>) {
    row.sort_by_key(|entry| entry.0);
    row.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}
