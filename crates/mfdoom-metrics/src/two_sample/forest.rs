//! A random forest of two classes (Breiman 2001).

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, at_least, same};
use mfdoom_matrix::random::stream;
use rand::Rng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const TREES: usize = 100;
const DOMAIN: &[u8; 16] = b"mfdoom forest...";

/// Fitted trees, each grown to the end on rows drawn with replacement, the best of the root of the columns at each split.
#[derive(Clone, Debug)]
pub struct Forest {
    trees: Vec<Tree>,
}

/// Nodes of a tree, the root first.
#[derive(Clone, Debug)]
struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    /// Share of the positive class.
    Leaf(f64),
    /// Rows up to the threshold go to the first child, others to the second.
    Split { column: usize, threshold: f32, children: [usize; 2] },
}

impl Forest {
    /// Fits rows `x` [n, d].
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape), [`Error::TooFew`](crate::Error::TooFew): other or no rows;
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn fit(x: &Matrix, is_positive: &[bool], seed: u64) -> Result<Self> {
        same("classes", is_positive.len(), x.n_rows())?;
        at_least("rows", x.n_rows(), 2)?;
        x.check_finite()?;
        let grow = |tree: usize| {
            let mut random = stream(DOMAIN, seed, 0, tree);
            let n = x.n_rows();
            let mut rows: Vec<u32> = (0..n).map(|_| random.random_range(0..n) as u32).collect();
            let mut grower = Grower { x, is_positive, random, nodes: Vec::new() };
            grower.grow(&mut rows);
            Tree { nodes: grower.nodes }
        };
        Ok(Self { trees: (0..TREES).into_par_iter().map(grow).collect() })
    }

    /// Returns the mean share of the positive class in the leaves of each row of `x` [n, d].
    pub fn predict(&self, x: &Matrix) -> Vec<f64> {
        let of_row = |row: usize| {
            let shares = self.trees.iter().map(|tree| tree.share(x.row(row)));
            shares.sum::<f64>() / self.trees.len() as f64
        };
        (0..x.n_rows()).into_par_iter().map(of_row).collect()
    }
}

impl Tree {
    fn share(&self, row: &[f32]) -> f64 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(share) => return *share,
                Node::Split { column, threshold, children } => {
                    at = children[usize::from(row[*column] > *threshold)]
                }
            }
        }
    }
}

/// A tree as it grows.
struct Grower<'a> {
    x: &'a Matrix,
    is_positive: &'a [bool],
    random: ChaCha8Rng,
    nodes: Vec<Node>,
}

impl Grower<'_> {
    /// Grows a node of some rows and returns where it is.
    fn grow(&mut self, rows: &mut [u32]) -> usize {
        let positives = rows.iter().filter(|&&row| self.is_positive[row as usize]).count();
        let at = self.nodes.len();
        self.nodes.push(Node::Leaf(positives as f64 / rows.len() as f64));
        if positives == 0 || positives == rows.len() {
            return at;
        }
        if let Some((column, threshold)) = self.split(rows, positives) {
            let x = self.x;
            rows.sort_by(|&a, &b| x.row(a as usize)[column].total_cmp(&x.row(b as usize)[column]));
            let middle = rows.partition_point(|&row| x.row(row as usize)[column] <= threshold);
            let (low, high) = rows.split_at_mut(middle);
            let children = [self.grow(low), self.grow(high)];
            self.nodes[at] = Node::Split { column, threshold, children };
        }
        at
    }

    /// Returns the column and threshold that leave the least Gini impurity, of columns drawn until one can split.
    fn split(&mut self, rows: &[u32], positives: usize) -> Option<(usize, f32)> {
        let d = self.x.n_cols();
        let tried = (d as f64).sqrt().floor().max(1.0) as usize;
        let mut best: Option<(f64, usize, f32)> = None;
        for (count, column) in sample(&mut self.random, d, d).into_iter().enumerate() {
            if count >= tried && best.is_some() {
                break;
            }
            let mut values: Vec<(f32, bool)> = rows
                .iter()
                .map(|&row| (self.x.row(row as usize)[column], self.is_positive[row as usize]))
                .collect();
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (n, all) = (values.len() as f64, positives as f64);
            let mut seen = 0.0;
            for (at, pair) in values.windows(2).enumerate() {
                seen += f64::from(u8::from(pair[0].1));
                if pair[0].0 < pair[1].0 {
                    let left = (at + 1) as f64;
                    let gini = |n: f64, positive: f64| positive * (n - positive) / n;
                    let impurity = gini(left, seen) + gini(n - left, all - seen);
                    if best.is_none_or(|best| impurity < best.0) {
                        let middle = pair[0].0 + (pair[1].0 - pair[0].0) / 2.0;
                        // Two neighbours in f32 have nothing between: the lower one parts them.
                        best = Some((impurity, column, if middle < pair[1].0 { middle } else { pair[0].0 }));
                    }
                }
            }
        }
        best.map(|(_, column, threshold)| (column, threshold))
    }
}
