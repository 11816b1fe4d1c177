//! The two steps of an approximate search: the clusters nearby, and the neighbours of neighbours.

use std::ops::Range;

use rayon::prelude::*;

use crate::clusters::Clusters;
use crate::distance::Pairs;
use crate::knn::Candidates;

/// A neighbour while it is sought: squared distance, position.
pub(super) type Found = (f64, u32);

/// What a search looks at.
pub(super) struct Search<'a> {
    pub(super) pairs: &'a Pairs<'a>,
    pub(super) clusters: &'a Clusters,
    pub(super) k: usize,
    /// Whether queries are the references, and none its own neighbour.
    pub(super) among_themselves: bool,
}

impl Search<'_> {
    /// Searches queries at positions in a row among the references near a cluster; returns `k` neighbours a query, nearest
    /// first.
    pub(super) fn near_cluster(&self, cluster: usize, queries: Range<usize>) -> Vec<Found> {
        let mut nearest: Vec<Candidates> =
            queries.clone().map(|_| Candidates::new(self.k, self.pairs.slack())).collect();
        let mut look_at = |other: usize| {
            let references = self.clusters.positions(other);
            self.pairs.tile(queries.clone(), references.clone(), |tile| {
                for ((row, query), nearest) in
                    tile.chunks_exact(references.len()).zip(queries.clone()).zip(&mut nearest)
                {
                    for (reference, &distance) in references.clone().zip(row) {
                        if !(self.among_themselves && reference == query) {
                            nearest.offer(distance, reference as u32);
                        }
                    }
                }
            });
        };
        let near = self.clusters.near(cluster);
        near.iter().for_each(|&other| look_at(other as usize));
        let mut seen: usize = near.iter().map(|&other| self.clusters.positions(other as usize).len()).sum();
        // Small clusters may hold fewer than k others: look on in order.
        let mut others = (0..self.clusters.len()).filter(|other| !near.contains(&(*other as u32)));
        while seen < self.k + usize::from(self.among_themselves) {
            let Some(other) = others.next() else { break };
            look_at(other);
            seen += self.clusters.positions(other).len();
        }
        let exact = |query: usize, nearest: Candidates| {
            self.sorted(
                nearest.into_references().map(|at| (self.pairs.exact(query, at), at as u32)).collect(),
            )
        };
        queries.zip(nearest).flat_map(|(query, nearest)| exact(query, nearest)).collect()
    }

    /// Looks, for every query, at the `width` neighbours in `graph` of each of its neighbours.
    pub(super) fn neighbours_of_neighbours(
        &self,
        found: &[Found],
        graph: &[Found],
        width: usize,
    ) -> Vec<Found> {
        let n = self.clusters.order().len();
        let mut out = vec![(0.0, 0u32); found.len()];
        out.par_chunks_mut(self.k).zip(found.par_chunks(self.k)).enumerate().for_each_init(
            || vec![u32::MAX; n],
            |seen, (position, (out, known))| {
                let stamp = position as u32;
                if self.among_themselves {
                    seen[position] = stamp;
                }
                let mut all = known.to_vec();
                let bound = all[self.k - 1].0;
                all.iter().for_each(|&(_, other)| seen[other as usize] = stamp);
                for &(_, other) in known {
                    for &(_, next) in &graph[other as usize * width..][..width] {
                        if seen[next as usize] != stamp {
                            seen[next as usize] = stamp;
                            let square = self.pairs.exact(position, next as usize);
                            if square <= bound {
                                all.push((square, next));
                            }
                        }
                    }
                }
                out.copy_from_slice(&self.sorted(all));
            },
        );
        out
    }

    /// Returns the `k` nearest, equal distances by row.
    fn sorted(&self, mut all: Vec<Found>) -> Vec<Found> {
        let order = self.clusters.order();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(order[a.1 as usize].cmp(&order[b.1 as usize])));
        all.truncate(self.k);
        all
    }
}
