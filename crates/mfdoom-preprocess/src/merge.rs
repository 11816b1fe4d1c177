//! Sums of count matrices: spliced and unspliced to expression, ambiguous counts to either.

use mfdoom_matrix::Csr;

/// Returns a + b, row by row; both have the same shape.
pub fn add(a: &Csr, b: &Csr) -> Csr {
    combine(a, b, |x, y| x + y)
}

/// Shares `ambiguous` out among `spliced` and `unspliced` in proportion to a gene's counts in that cell.
///
/// Where a gene has neither, the halves go to either side. Counts stay integers: the spliced side is rounded,
/// half up, and the total is kept.
pub fn split(spliced: &Csr, unspliced: &Csr, ambiguous: &Csr) -> (Csr, Csr) {
    let total = combine(spliced, unspliced, |s, u| s + u);
    let share = |part: &Csr| restrict(part, ambiguous);
    let (known, total) = (share(spliced), restrict(&total, ambiguous));
    let to_spliced = map(ambiguous, |at, count| {
        let ratio = if total[at] > 0.0 { known[at] / total[at] } else { 0.5 };
        if count.fract() == 0.0 { (count * ratio).round() } else { count * ratio }
    });
    let to_unspliced = map(ambiguous, |at, count| count - to_spliced[at]);
    let with = |values: Vec<f32>| {
        let mut block = ambiguous.clone();
        block.values_mut().copy_from_slice(&values);
        block
    };
    (add(spliced, &with(to_spliced)), add(unspliced, &with(to_unspliced)))
}

fn map(block: &Csr, f: impl Fn(usize, f32) -> f32) -> Vec<f32> {
    block.values().iter().enumerate().map(|(at, value)| f(at, *value)).collect()
}

/// Returns the values of `block` at the places where `pattern` has some; 0 elsewhere.
fn restrict(block: &Csr, pattern: &Csr) -> Vec<f32> {
    let mut values = Vec::with_capacity(pattern.nnz());
    for row in 0..pattern.n_rows() {
        let (columns, found) = block.row(row);
        values.extend(
            pattern.row(row).0.iter().map(|column| columns.binary_search(column).map_or(0.0, |at| found[at])),
        );
    }
    values
}

/// Merges rows with ascending columns; results of zero are dropped.
fn combine(a: &Csr, b: &Csr, f: impl Fn(f32, f32) -> f32) -> Csr {
    let most = (0..a.n_rows().min(b.n_rows())).map(|row| a.row(row).0.len() + b.row(row).0.len()).max();
    let mut merged = Csr::empty(a.n_cols());
    merged.reserve(a.n_rows(), a.nnz() + b.nnz());
    // One more than there can be: what comes to nothing is written, and then overwritten.
    let room = most.unwrap_or(0) + 1;
    let mut sums = Sums { columns: vec![0; room], values: vec![0.0; room], n: 0 };
    for row in 0..a.n_rows().min(b.n_rows()) {
        let ((ia, va), (ib, vb)) = (a.row(row), b.row(row));
        let (mut i, mut j) = (0, 0);
        sums.n = 0;
        // Which side comes first is as good as random, so that branches on it would cost the most.
        while i < ia.len() && j < ib.len() {
            let (column_a, column_b) = (ia[i], ib[j]);
            let (has_a, has_b) = (column_a <= column_b, column_b <= column_a);
            let (x, y) = (if has_a { va[i] } else { 0.0 }, if has_b { vb[j] } else { 0.0 });
            sums.put(if has_a { column_a } else { column_b }, f(x, y));
            i += usize::from(has_a);
            j += usize::from(has_b);
        }
        ia[i..].iter().zip(&va[i..]).for_each(|(column, x)| sums.put(*column, f(*x, 0.0)));
        ib[j..].iter().zip(&vb[j..]).for_each(|(column, y)| sums.put(*column, f(0.0, *y)));
        merged.push_row(&sums.columns[..sums.n], &sums.values[..sums.n]);
    }
    merged
}

/// Entries of a row one after the other, without zeros.
struct Sums {
    columns: Vec<u32>,
    values: Vec<f32>,
    n: usize,
}

impl Sums {
    #[inline(always)]
    fn put(&mut self, column: u32, value: f32) {
        self.columns[self.n] = column;
        self.values[self.n] = value;
        self.n += usize::from(value != 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(rows: &[&[(u32, f32)]]) -> Csr {
        let rows: Vec<_> = rows.iter().map(|row| row.iter().copied().unzip()).collect();
        Csr::from_rows(9, &rows)
    }

    #[test]
    fn adds_rows_with_different_genes() {
        let a = block(&[&[(0, 1.0), (2, 2.0)], &[], &[(8, 1.0)]]);
        let b = block(&[&[(1, 5.0), (2, 3.0)], &[(4, 1.0)], &[]]);
        let sum = block(&[&[(0, 1.0), (1, 5.0), (2, 5.0)], &[(4, 1.0)], &[(8, 1.0)]]);
        assert_eq!(add(&a, &b), sum);
        assert_eq!(add(&b, &a), sum);
    }

    #[test]
    fn ambiguous_counts_follow_the_known_ones_and_keep_the_total() {
        let spliced = block(&[&[(0, 3.0), (1, 1.0)]]);
        let unspliced = block(&[&[(0, 1.0), (3, 2.0)]]);
        let ambiguous = block(&[&[(0, 4.0), (1, 2.0), (2, 3.0), (3, 5.0)]]);
        let (s, u) = split(&spliced, &unspliced, &ambiguous);
        assert_eq!(s, block(&[&[(0, 6.0), (1, 3.0), (2, 2.0)]]));
        assert_eq!(u, block(&[&[(0, 2.0), (2, 1.0), (3, 7.0)]]));
        assert_eq!(add(&s, &u), add(&add(&spliced, &unspliced), &ambiguous));
    }
}
