//! Refinement: each cluster is split into well connected parts by merging its nodes at random.

use super::network::Network;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Randomness of the merging: a gain g has weight exp(g / beta).
const BETA: f64 = 0.01;

/// Returns the part of each node, numbered without gaps.
pub(super) fn split(
    network: &Network,
    resolution: f64,
    clusters: &[u32],
    n_clusters: usize,
    random: &mut ChaCha8Rng,
) -> Vec<u32> {
    let mut members = vec![Vec::new(); n_clusters];
    clusters.iter().enumerate().for_each(|(node, &cluster)| members[cluster as usize].push(node));
    let mut parts = Parts::new(network, resolution);
    for mut nodes in members {
        parts.merge(clusters, &mut nodes, random);
    }
    parts.numbered()
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
    fn merge(&mut self, clusters: &[u32], nodes: &mut [usize], random: &mut ChaCha8Rng) {
        let network = self.network;
        let total: f64 = nodes.iter().map(|&node| network.strength(node)).sum();
        let within = |node: usize| network.edges(node).filter(move |&(to, _)| clusters[to] == clusters[node]);
        for &node in nodes.iter() {
            self.outside[node] = within(node).map(|(_, weight)| weight).sum();
        }
        nodes.shuffle(random);
        for &node in nodes.iter() {
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
            if part != node {
                for (to, weight) in within(node) {
                    self.outside[part] += if self.of[to] as usize == part { -weight } else { weight };
                }
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
    fn draw(&self, near: &[usize], strength: f64, total: f64, random: &mut ChaCha8Rng) -> usize {
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
        let drawn = random.random::<f64>() * sum;
        near[ends.partition_point(|&end| end <= drawn).min(near.len() - 1)]
    }

    fn numbered(self) -> Vec<u32> {
        let mut number = vec![u32::MAX; self.of.len()];
        let mut n = 0;
        let part = |part: &u32| {
            let slot = &mut number[*part as usize];
            if *slot == u32::MAX {
                *slot = n;
                n += 1;
            }
            *slot
        };
        self.of.iter().map(part).collect()
    }
}
