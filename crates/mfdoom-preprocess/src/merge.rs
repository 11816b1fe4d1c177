//! Sums of count matrices: spliced and unspliced to expression, ambiguous counts to either.

use mfdoom_counts::CsrBlock;

/// Returns a + b, row by row; both have the same shape.
pub fn add(a: &CsrBlock, b: &CsrBlock) -> CsrBlock {
    combine(a, b, |x, y| x + y)
}

/// Shares `ambiguous` out among `spliced` and `unspliced` in proportion to a gene's counts in that cell.
///
/// Where a gene has neither, the halves go to either side. Counts stay integers: the spliced side is rounded,
/// half up, and the total is kept.
pub fn split(spliced: &CsrBlock, unspliced: &CsrBlock, ambiguous: &CsrBlock) -> (CsrBlock, CsrBlock) {
    let total = combine(spliced, unspliced, |s, u| s + u);
    let share = |part: &CsrBlock| restrict(part, ambiguous);
    let (known, total) = (share(spliced), restrict(&total, ambiguous));
    let to_spliced = map(ambiguous, |at, count| {
        let ratio = if total[at] > 0.0 { known[at] / total[at] } else { 0.5 };
        if count.fract() == 0.0 { (count * ratio).round() } else { count * ratio }
    });
    let to_unspliced = map(ambiguous, |at, count| count - to_spliced[at]);
    let block = |values: Vec<f32>| {
        CsrBlock::new(ambiguous.n_cols, ambiguous.indptr.clone(), ambiguous.indices.clone(), values)
    };
    (add(spliced, &block(to_spliced)), add(unspliced, &block(to_unspliced)))
}

fn map(block: &CsrBlock, f: impl Fn(usize, f32) -> f32) -> Vec<f32> {
    block.values.iter().enumerate().map(|(at, value)| f(at, *value)).collect()
}

/// Returns the values of `block` at the places where `pattern` has some; 0 elsewhere.
fn restrict(block: &CsrBlock, pattern: &CsrBlock) -> Vec<f32> {
    let mut values = Vec::with_capacity(pattern.values.len());
    for row in 0..pattern.n_rows() {
        let (columns, found) = block.row(row);
        values.extend(
            pattern.row(row).0.iter().map(|column| columns.binary_search(column).map_or(0.0, |at| found[at])),
        );
    }
    values
}

/// Merges rows with ascending columns; results of zero are dropped.
fn combine(a: &CsrBlock, b: &CsrBlock, f: impl Fn(f32, f32) -> f32) -> CsrBlock {
    let n_max = a.values.len() + b.values.len();
    let (mut indptr, mut indices, mut values) =
        (vec![0], Vec::with_capacity(n_max), Vec::with_capacity(n_max));
    for row in 0..a.n_rows().min(b.n_rows()) {
        let ((ia, va), (ib, vb)) = (a.row(row), b.row(row));
        let (mut i, mut j) = (0, 0);
        while i < ia.len() || j < ib.len() {
            let column_a = ia.get(i).copied().unwrap_or(u32::MAX);
            let column_b = ib.get(j).copied().unwrap_or(u32::MAX);
            let column = column_a.min(column_b);
            let (mut x, mut y) = (0.0, 0.0);
            if column_a == column {
                x = va[i];
                i += 1;
            }
            if column_b == column {
                y = vb[j];
                j += 1;
            }
            let value = f(x, y);
            if value != 0.0 {
                indices.push(column);
                values.push(value);
            }
        }
        indptr.push(indices.len());
    }
    CsrBlock::new(a.n_cols, indptr, indices, values)
}

/// Returns the rows at `rows`, in that order.
pub fn take(block: &CsrBlock, rows: &[usize]) -> CsrBlock {
    let mut taken = CsrBlock::empty(block.n_cols);
    rows.iter().for_each(|row| taken.extend(block, *row..row + 1));
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(rows: &[&[(u32, f32)]]) -> CsrBlock {
        let mut indptr = vec![0];
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        for row in rows {
            indices.extend(row.iter().map(|entry| entry.0));
            values.extend(row.iter().map(|entry| entry.1));
            indptr.push(indices.len());
        }
        CsrBlock::new(9, indptr, indices, values)
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

    #[test]
    fn takes_rows() {
        let a = block(&[&[(0, 1.0)], &[], &[(8, 1.0)]]);
        assert_eq!(take(&a, &[2, 1]), block(&[&[(8, 1.0)], &[]]));
    }
}
