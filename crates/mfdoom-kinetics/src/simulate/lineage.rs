//! The tree that cells differentiate along: one branch per named cell type, one leaf per fate.

use std::collections::VecDeque;
use std::ops::Range;

/// One stretch of the tree, which is one cell type.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Name of the cell type.
    pub name: String,
    /// Index of the branch it comes from; the root has none.
    pub parent: Option<usize>,
    /// Time at which it begins.
    pub start: f64,
    /// Time at which it ends: where its children begin, or the end of the simulation.
    pub end: f64,
}

/// A lineage tree: `progenitor`, then `intermediate` types that split in two, then the fates `fate_1` ...
///
/// One fate gives the chain progenitor - intermediate - fate_1, two fates the usual Y.
///
/// ```
/// use mfdoom_kinetics::simulate::Tree;
///
/// let tree = Tree::with_fates(2);
/// let names: Vec<_> = tree.branches().iter().map(|b| b.name.as_str()).collect();
/// assert_eq!(names, ["progenitor", "intermediate", "fate_1", "fate_2"]);
/// assert_eq!(tree.branch_at(1, 0.0), 0);
/// assert_eq!(tree.branch_at(1, tree.end()), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Tree {
    branches: Vec<Branch>,
    /// Per fate the branches from the root to the leaf.
    paths: Vec<Vec<usize>>,
    end: f64,
}

/// How long the progenitor lasts.
const PROGENITOR: f64 = 6.0;
/// How long every further level of the tree lasts.
const LEVEL: f64 = 7.0;

impl Tree {
    /// Makes the tree of `fates` (at least one) terminal types, split as evenly as they go.
    pub fn with_fates(fates: usize) -> Self {
        let fates = fates.max(1);
        let mut tree = Self { branches: Vec::new(), paths: vec![Vec::new(); fates], end: 0.0 };
        let root = tree.grow("progenitor".to_owned(), None, PROGENITOR);
        let first = if fates > 2 { "intermediate_1" } else { "intermediate" };
        let first = tree.grow(first.to_owned(), Some(root), LEVEL);
        let mut waiting: VecDeque<_> = halves(0..fates).map(|part| (first, part)).collect();
        let mut intermediates = 1;
        while let Some((parent, part)) = waiting.pop_front() {
            if part.len() == 1 {
                let leaf = tree.grow(format!("fate_{}", part.end), Some(parent), LEVEL);
                tree.paths[part.start] = tree.path_to(leaf);
            } else {
                intermediates += 1;
                let branch = tree.grow(format!("intermediate_{intermediates}"), Some(parent), LEVEL);
                waiting.extend(halves(part).map(|part| (branch, part)));
            }
        }
        for leaf in tree.paths.iter().filter_map(|path| path.last()) {
            tree.branches[*leaf].end = tree.end;
        }
        tree
    }

    fn grow(&mut self, name: String, parent: Option<usize>, length: f64) -> usize {
        let start = parent.map_or(0.0, |parent| self.branches[parent].end);
        self.branches.push(Branch { name, parent, start, end: start + length });
        self.end = self.end.max(start + length);
        self.branches.len() - 1
    }

    fn path_to(&self, leaf: usize) -> Vec<usize> {
        let mut path: Vec<_> =
            std::iter::successors(Some(leaf), |branch| self.branches[*branch].parent).collect();
        path.reverse();
        path
    }

    /// Returns the branches, parents before children.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// Returns the number of fates.
    pub fn n_fates(&self) -> usize {
        self.paths.len()
    }

    /// Returns the time at which every fate ends.
    pub fn end(&self) -> f64 {
        self.end
    }

    /// Returns the branch that a cell on its way to `fate` is on at `time`.
    pub fn branch_at(&self, fate: usize, time: f64) -> usize {
        let path = &self.paths[fate];
        let passed = path.iter().take_while(|branch| self.branches[**branch].start <= time).count();
        path[passed.max(1) - 1]
    }

    /// Whether the way to `fate` leads over `branch`.
    pub fn passes(&self, fate: usize, branch: usize) -> bool {
        self.paths[fate].contains(&branch)
    }

    /// Returns the only fate that `branch` leads to, or `None` before the last split.
    pub fn committed(&self, branch: usize) -> Option<usize> {
        let mut fates = (0..self.n_fates()).filter(|fate| self.passes(*fate, branch));
        match (fates.next(), fates.next()) {
            (Some(fate), None) => Some(fate),
            _ => None,
        }
    }
}

fn halves(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let middle = range.start + range.len().div_ceil(2);
    [range.start..middle, middle..range.end].into_iter().filter(|half| !half.is_empty())
}
