//! The graph of one round: nodes with weights, edges both ways.

use mfdoom_matrix::Csr;

/// An undirected graph without loops; what lies within a node is in its weight.
#[derive(Debug)]
pub(super) struct Network {
    starts: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f64>,
    /// Sum of the weights of all edges at a node, loops twice.
    strengths: Vec<f64>,
}

impl Network {
    /// Takes a symmetric matrix; an edge weighs twice its entry, since scib-metrics hands both entries to igraph, as two edges.
    pub(super) fn of(graph: &Csr) -> Self {
        let mut network = Self::empty(graph.n_rows());
        for row in 0..graph.n_rows() {
            let (columns, values) = graph.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                if column as usize != row {
                    network.push(column, 2.0 * f64::from(value));
                }
            }
            network.close();
        }
        network.strengths =
            (0..network.len()).map(|node| network.edges(node).map(|edge| edge.1).sum()).collect();
        network
    }

    fn empty(n: usize) -> Self {
        let mut starts = Vec::with_capacity(n + 1);
        starts.push(0);
        Self { starts, targets: Vec::new(), weights: Vec::new(), strengths: Vec::new() }
    }

    fn push(&mut self, target: u32, weight: f64) {
        self.targets.push(target);
        self.weights.push(weight);
    }

    fn close(&mut self) {
        self.starts.push(self.targets.len());
    }

    /// Returns the number of nodes.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns the weight of a node: the strengths of the cells in it.
    pub(super) fn strength(&self, node: usize) -> f64 {
        self.strengths[node]
    }

    /// Returns the sum of the strengths.
    pub(super) fn total(&self) -> f64 {
        self.strengths.iter().sum()
    }

    /// Returns the neighbours of a node with the weights of the edges.
    pub(super) fn edges(&self, node: usize) -> impl Iterator<Item = (usize, f64)> {
        let edges = self.starts[node]..self.starts[node + 1];
        self.targets[edges.clone()].iter().map(|&to| to as usize).zip(self.weights[edges].iter().copied())
    }

    /// Returns the graph whose nodes are the parts of this one's.
    pub(super) fn aggregated(&self, parts: &[u32], n_parts: usize) -> Self {
        let mut members = vec![Vec::new(); n_parts];
        parts.iter().enumerate().for_each(|(node, &part)| members[part as usize].push(node));
        let mut network = Self::empty(n_parts);
        let (mut sums, mut seen) = (vec![0.0; n_parts], Vec::new());
        // An edge is summed once, from its first end; the other end waits for it here.
        let mut before: Vec<Vec<(u32, f64)>> = vec![Vec::new(); n_parts];
        for (part, members) in members.iter().enumerate() {
            network.strengths.push(members.iter().map(|&node| self.strengths[node]).sum());
            for (to, weight) in members.iter().flat_map(|&node| self.edges(node)) {
                let to = parts[to] as usize;
                if to > part {
                    if sums[to] == 0.0 {
                        seen.push(to);
                    }
                    sums[to] += weight;
                }
            }
            std::mem::take(&mut before[part]).into_iter().for_each(|(to, weight)| network.push(to, weight));
            seen.sort_unstable();
            for to in seen.drain(..) {
                network.push(to as u32, sums[to]);
                before[to].push((part as u32, sums[to]));
                sums[to] = 0.0;
            }
            network.close();
        }
        network
    }
}
