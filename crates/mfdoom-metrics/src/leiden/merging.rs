//! Refinement: each cluster is split into well connected parts by merging its nodes at random.

use super::network::Network;
use super::random::Random;

/// Randomness of the merging: a gain g has weight exp(g / beta).
const BETA: f64 = 0.01;

/// Returns the part of each node, numbered without gaps cluster by cluster, and how many parts there are.
pub(super) fn split(
    network: &Network,
    resolution: f64,
    clusters: &[u32],
    n_clusters: usize,
    random: &mut Random,
) -> (Vec<u32>, usize) {
    let mut members = vec![Vec::new(); n_clusters];
    clusters.iter().enumerate().for_each(|(node, &cluster)| members[cluster as usize].push(node));
    let mut parts = Parts::new(network, resolution);
    for nodes in &members {
        parts.merge(clusters, nodes.clone(), random);
    }
    parts.numbered(&members)
}

/// Parts of the nodes as they merge.
struct Parts<'a> {
    network: &'a Network,
    resolution: f64,
    /// Part of each node, named for its first node.
    of: Vec<u32>,
    strengths: Vec<f64>,
    /// Weight of the edges of a part to the others of its cluster.
    outside: Vec<f64>,
    has_merged: Vec<bool>,
    edges: Vec<f64>,
}

impl<'a> Parts<'a> {
    fn new(network: &'a Network, resolution: f64) -> Self {
        let n = network.len();
        Self {
            network,
            resolution,
            of: (0..n as u32).collect(),
            strengths: (0..n).map(|node| network.strength(node)).collect(),
            outside: vec![0.0; n],
            has_merged: vec![false; n],
            edges: vec![0.0; n],
        }
    }

    /// Merges the nodes of one cluster.
    fn merge(&mut self, clusters: &[u32], mut nodes: Vec<usize>, random: &mut Random) {
        let network = self.network;
        let total: f64 = nodes.iter().map(|&node| network.strength(node)).sum();
        let within = |node: usize| network.edges(node).filter(move |&(to, _)| clusters[to] == clusters[node]);
        for &node in nodes.iter() {
            self.outside[node] = within(node).map(|(_, weight)| weight).sum();
        }
        random.shuffle(&mut nodes);
        for node in nodes {
            if self.has_merged[node] || !self.is_well_connected(node, total) {
                continue;
            }
            let strength = network.strength(node);
            self.strengths[node] = 0.0;
            let mut near = vec![node];
            for (to, weight) in within(node) {
                let part = self.of[to] as usize;
                if part != node && self.edges[part] == 0.0 {
                    near.push(part);
                }
                self.edges[part] += weight;
            }
            let part = self.draw(&near, strength, total, random);
            near.iter().for_each(|&part| self.edges[part] = 0.0);
            self.strengths[part] += strength;
            // Also of a node that stays alone, whose edges then count twice: so igraph has it.
            for (to, weight) in within(node) {
                self.outside[part] += if self.of[to] as usize == part { -weight } else { weight };
            }
            if part != node {
                self.of[node] = part as u32;
                self.has_merged[part] = true;
            }
        }
    }

    fn is_well_connected(&self, part: usize, total: f64) -> bool {
        let strength = self.strengths[part];
        self.outside[part] >= strength * (total - strength) * self.resolution
    }

    /// Draws the part that a node joins, among those that lose nothing by it.
    fn draw(&self, near: &[usize], strength: f64, total: f64, random: &mut Random) -> usize {
        let (mut best, mut most, mut sum) = (near[0], 0.0, 0.0);
        let mut ends = Vec::with_capacity(near.len());
        for &part in near {
            if self.is_well_connected(part, total) {
                let gain = self.edges[part] - strength * self.strengths[part] * self.resolution;
                if gain > most {
                    (best, most) = (part, gain);
                }
                if gain >= 0.0 {
                    sum += (gain / BETA).exp();
                }
            }
            ends.push(sum);
        }
        if !sum.is_finite() {
            return best;
        }
        let drawn = random.unit() * sum;
        near[ends.partition_point(|&end| end < drawn).min(near.len() - 1)]
    }

    fn numbered(&self, members: &[Vec<usize>]) -> (Vec<u32>, usize) {
        let mut number = vec![u32::MAX; self.of.len()];
        let mut numbered = vec![0; self.of.len()];
        let mut n = 0;
        for &node in members.iter().flatten() {
            let slot = &mut number[self.of[node] as usize];
            if *slot == u32::MAX {
                *slot = n;
                n += 1;
            }
            numbered[node] = *slot;
        }
        (numbered, n as usize)
    }
}
