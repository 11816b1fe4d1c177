//! Leiden clusters of a weighted graph (Traag, Waltman, van Eck 2019) by modularity at a resolution.
//!
//! The steps, constants and random numbers are those of igraph 1.0 as scib-metrics calls it from Python: two passes, in
//! each of which nodes move to the best neighbouring cluster, clusters are split by randomised merging with beta .01, and
//! the parts become the nodes of the next round. The same graph and seed give the same clusters as there. A run uses one
//! thread, several run side by side.

mod merging;
mod moving;
mod network;
mod random;

use mfdoom_matrix::Csr;
use network::Network;
use random::Random;

/// Passes from the clusters of the pass before.
const PASSES: usize = 2;

/// Returns the cluster of each node of a symmetric graph [n, n] of non-negative weights, numbered from the largest on.
///
/// ```
/// use mfdoom_matrix::Csr;
/// use mfdoom_metrics::leiden;
/// # fn main() -> mfdoom_matrix::Result<()> {
/// let two_pairs = Csr::new(4, vec![0, 1, 2, 3, 4], vec![1, 0, 3, 2], vec![1.0; 4])?;
/// assert_eq!(leiden(&two_pairs, 1.0, 0), [0, 0, 1, 1]);
/// # Ok(())
/// # }
/// ```
pub fn leiden(graph: &Csr, resolution: f64, seed: u64) -> Vec<u32> {
    Leiden::new(graph).clusters(resolution, seed)
}

/// A graph that is clustered several times.
pub struct Leiden(Network);

impl Leiden {
    /// Takes a symmetric graph [n, n] of non-negative weights.
    pub fn new(graph: &Csr) -> Self {
        Self(Network::of(graph))
    }

    /// Returns the cluster of each node, as [`leiden`] does.
    pub fn clusters(&self, resolution: f64, seed: u64) -> Vec<u32> {
        let network = &self.0;
        let total = network.total();
        let mut random = Random::new(seed);
        let mut clusters: Vec<u32> = (0..network.len() as u32).collect();
        if total > 0.0 {
            for _ in 0..PASSES {
                pass(network, resolution / total, &mut clusters, &mut random);
            }
        }
        by_size(&clusters)
    }
}

/// Moves, splits and aggregates until every cluster is one node.
fn pass(network: &Network, resolution: f64, clusters: &mut [u32], random: &mut Random) {
    let mut coarse: Option<Network> = None;
    let mut node_of: Vec<u32> = (0..network.len() as u32).collect();
    moving::renumber(clusters);
    let mut of_node = clusters.to_vec();
    for depth in 0.. {
        let level = coarse.as_ref().unwrap_or(network);
        let n_clusters = moving::improve(level, resolution, &mut of_node, random);
        let is_last = n_clusters == level.len();
        // Parts that come apart in the last round stay together: igraph looks no further.
        if depth == 0 || !is_last {
            clusters.iter_mut().zip(&node_of).for_each(|(cluster, &node)| *cluster = of_node[node as usize]);
        }
        if is_last {
            return;
        }
        let (mut parts, mut n_parts) = merging::split(level, resolution, &of_node, n_clusters, random);
        if n_parts == level.len() {
            // Nothing merges within the clusters: aggregate the clusters themselves.
            (parts, n_parts) = (of_node.clone(), n_clusters);
        }
        let mut cluster_of_part = vec![0; n_parts];
        parts.iter().zip(&of_node).for_each(|(&part, &cluster)| cluster_of_part[part as usize] = cluster);
        node_of.iter_mut().for_each(|node| *node = parts[*node as usize]);
        coarse = Some(level.aggregated(&parts, n_parts));
        of_node = cluster_of_part;
    }
}

/// Numbers clusters from the largest on, equal ones in the order of their first node.
fn by_size(clusters: &[u32]) -> Vec<u32> {
    let n = clusters.iter().max().map_or(0, |&cluster| cluster as usize + 1);
    let (mut sizes, mut first) = (vec![0usize; n], vec![usize::MAX; n]);
    for (node, &cluster) in clusters.iter().enumerate() {
        sizes[cluster as usize] += 1;
        first[cluster as usize] = first[cluster as usize].min(node);
    }
    let mut order: Vec<usize> = (0..n).filter(|&cluster| sizes[cluster] > 0).collect();
    order.sort_by_key(|&cluster| (std::cmp::Reverse(sizes[cluster]), first[cluster]));
    let mut number = vec![0; n];
    order.iter().enumerate().for_each(|(at, &cluster)| number[cluster] = at as u32);
    clusters.iter().map(|&cluster| number[cluster as usize]).collect()
}
