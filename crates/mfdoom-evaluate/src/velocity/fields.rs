//! CBDir and ICCoh of every field and of its controls.

use mfdoom_error::Result;
use mfdoom_kinetics::graph::{Kernel, project, transition_matrix, velocity_graph};
use mfdoom_matrix::Matrix;
use mfdoom_metrics::velocity::{
    EdgeDirection, constant_field, cross_boundary, in_cluster_coherence, mean_direction, shuffled_field,
};

use super::args::VelocityArgs;
use super::clusters::Clusters;
use super::matching::Matched;
use super::result::{ClusterScore, CoherenceScores, DirectionScores, EdgeScore, FieldScores, LayoutScores};
use super::space::{Space, broken};

/// Scores of a field, and the field drawn on the first layout [n, 2].
type Scored = (FieldScores, Matrix);

/// Scores every field.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn score(
    matched: &Matched,
    space: &Space,
    clusters: &Clusters,
    args: &VelocityArgs,
) -> Result<Vec<Scored>> {
    let scorer = Scorer { matched, space, clusters };
    matched.fields.iter().map(|(role, field)| scorer.field(role.name(), field, args.seed.seed)).collect()
}

struct Scorer<'a> {
    matched: &'a Matched,
    space: &'a Space,
    clusters: &'a Clusters,
}

impl Scorer<'_> {
    fn field(&self, name: &'static str, field: &Matrix, seed: u64) -> Result<Scored> {
        let field = field.select_columns(&self.space.complete);
        let shuffled = shuffled_field(&field, seed);
        let drawn = self.draw(&field)?;
        let (constant, dealt) = (self.draw(&constant_field(&field))?, self.draw(&shuffled)?);
        let mut layouts = Vec::new();
        for (at, (seed, coordinates)) in self.space.layouts.iter().enumerate() {
            let across = |drawn: &[Matrix]| self.across(coordinates, &drawn[at]);
            let edges = across(&drawn)?;
            let direction = mean_direction(&edges);
            let constant = mean_direction(&across(&constant)?);
            layouts.push(LayoutScores {
                seed: *seed,
                direction,
                constant,
                excess: direction.zip(constant).map(|(field, constant)| field - constant),
                shuffled: mean_direction(&across(&dealt)?),
                edges: self.named(&edges),
            });
        }
        let scores = FieldScores {
            name,
            coherence: self.coherence(&field, &shuffled)?,
            direction: (!self.clusters.edges.is_empty()).then(|| DirectionScores::over(&layouts)),
            layouts,
        };
        Ok((scores, drawn.into_iter().next().unwrap_or_default()))
    }

    /// Projects a field on every layout.
    fn draw(&self, field: &Matrix) -> Result<Vec<Matrix>> {
        let graph =
            velocity_graph(&self.space.positions, field, &self.space.neighbors, self.matched.square_root)
                .map_err(|error| broken(&error))?;
        let transitions = transition_matrix(&graph, &Kernel::projection(), false);
        let on = |(_, coordinates): &(u64, Matrix)| {
            project(coordinates, &transitions).map_err(|error| broken(&error))
        };
        self.space.layouts.iter().map(on).collect()
    }

    fn across(&self, coordinates: &Matrix, drawn: &Matrix) -> Result<Vec<EdgeDirection>> {
        let Clusters { codes, edges, .. } = self.clusters;
        cross_boundary(coordinates, drawn, codes, &self.space.neighbors, edges)
            .map_err(|error| broken(&error))
    }

    fn named(&self, edges: &[EdgeDirection]) -> Vec<EdgeScore> {
        let name = |at: u32| self.clusters.names[at as usize].clone();
        let edges = self.clusters.edges.iter().zip(edges);
        edges
            .map(|(&(from, to), edge)| EdgeScore {
                from: name(from),
                to: name(to),
                n: edge.n,
                direction: edge.direction,
            })
            .collect()
    }

    fn coherence(&self, field: &Matrix, shuffled: &Matrix) -> Result<CoherenceScores> {
        let of = |field: &Matrix| {
            in_cluster_coherence(field, &self.clusters.codes, &self.space.neighbors)
                .map_err(|error| broken(&error))
        };
        let found = of(field)?;
        let named = self.clusters.names.iter().zip(&found.clusters);
        let clusters = named.map(|(name, &coherence)| ClusterScore { name: name.clone(), coherence });
        Ok(CoherenceScores { mean: found.mean, shuffled: of(shuffled)?.mean, clusters: clusters.collect() })
    }
}
