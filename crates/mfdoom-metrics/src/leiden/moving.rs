//! Fast local moving: nodes go to the neighbouring cluster that gains most, until none gains.

use super::network::Network;
use super::random::Random;
use std::collections::VecDeque;

/// Improves the clusters of the nodes, numbers them from 0 without gaps and returns how many there are.
pub(super) fn improve(
    network: &Network,
    resolution: f64,
    clusters: &mut [u32],
    random: &mut Random,
) -> usize {
    let n = network.len();
    let mut state = Clusters::new(network, clusters);
    let mut order: Vec<usize> = (0..n).collect();
    random.shuffle(&mut order);
    let mut queue = VecDeque::from(order);
    let mut waits = vec![true; n];
    while let Some(node) = queue.pop_front() {
        waits[node] = false;
        let cluster = state.best(network, resolution, clusters, node);
        if cluster != clusters[node] {
            clusters[node] = cluster;
            for (to, _) in network.edges(node) {
                if !waits[to] && clusters[to] != cluster {
                    waits[to] = true;
                    queue.push_back(to);
                }
            }
        }
    }
    renumber(clusters)
}

/// Weights of the clusters, and of the edges from one node to each.
struct Clusters {
    strengths: Vec<f64>,
    sizes: Vec<usize>,
    empty: Vec<u32>,
    edges: Vec<f64>,
    near: Vec<u32>,
    is_near: Vec<bool>,
}

impl Clusters {
    fn new(network: &Network, clusters: &[u32]) -> Self {
        let n = network.len();
        let (mut strengths, mut sizes) = (vec![0.0; n], vec![0; n]);
        for (node, &cluster) in clusters.iter().enumerate() {
            strengths[cluster as usize] += network.strength(node);
            sizes[cluster as usize] += 1;
        }
        let empty = (0..n as u32).filter(|&cluster| sizes[cluster as usize] == 0).collect();
        Self { strengths, sizes, empty, edges: vec![0.0; n], near: Vec::new(), is_near: vec![false; n] }
    }

    /// Takes a node out of its cluster, puts it into the best one and returns that.
    fn best(&mut self, network: &Network, resolution: f64, clusters: &[u32], node: usize) -> u32 {
        let (own, strength) = (clusters[node], network.strength(node));
        self.take(own, strength);
        // An empty cluster is always on offer.
        let empty = self.empty.last().copied().unwrap_or(own);
        self.see(empty, 0.0);
        for (to, weight) in network.edges(node) {
            self.see(clusters[to], weight);
        }
        let gain = |state: &Self, at: u32| {
            state.edges[at as usize] - state.strengths[at as usize] * strength * resolution
        };
        let (mut best, mut most) = (own, gain(self, own));
        for &cluster in &self.near {
            let gain = gain(self, cluster);
            if gain > most {
                (best, most) = (cluster, gain);
            }
        }
        for cluster in self.near.drain(..) {
            (self.edges[cluster as usize], self.is_near[cluster as usize]) = (0.0, false);
        }
        self.put(best, strength);
        best
    }

    fn see(&mut self, cluster: u32, weight: f64) {
        if !self.is_near[cluster as usize] {
            self.is_near[cluster as usize] = true;
            self.near.push(cluster);
        }
        self.edges[cluster as usize] += weight;
    }

    fn take(&mut self, cluster: u32, strength: f64) {
        let at = cluster as usize;
        self.sizes[at] -= 1;
        self.strengths[at] -= strength;
        if self.sizes[at] == 0 {
            self.empty.push(cluster);
        }
    }

    fn put(&mut self, cluster: u32, strength: f64) {
        let at = cluster as usize;
        // Of the empty clusters only the last is on offer.
        if self.empty.last() == Some(&cluster) {
            self.empty.pop();
        }
        self.sizes[at] += 1;
        self.strengths[at] += strength;
    }
}

/// Numbers clusters without gaps, in the order of their first nodes, and returns how many there are.
pub(super) fn renumber(clusters: &mut [u32]) -> usize {
    let mut number = vec![u32::MAX; clusters.iter().max().map_or(0, |&cluster| cluster as usize + 1)];
    let mut n = 0;
    for cluster in clusters {
        let slot = &mut number[*cluster as usize];
        if *slot == u32::MAX {
            *slot = n;
            n += 1;
        }
        *cluster = *slot;
    }
    n as usize
}
