//! CBDir and ICCoh of every field and of its controls.

use mfdoom_error::Result;
use mfdoom_kinetics::graph::{project, velocity_graph};
use mfdoom_matrix::Matrix;
use mfdoom_metrics::velocity::{
    constant_field, cross_boundary, in_cluster_coherence, mean_direction, shuffled_field,
};

use super::clusters::Clusters;
use super::matching::Matched;
use super::names::{CBDIR, EXCESS, ICCOH};
use super::space::{Space, broken};
use crate::scores::{Estimate, Kind, Outcome, Place, Scores};

/// Scores every field and its controls, and returns the fields drawn on the first layout, [n, 2] each.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn score(
    matched: &Matched,
    space: &Space,
    clusters: &Clusters,
    seed: u64,
    scores: &mut Scores,
) -> Result<Vec<Matrix>> {
    let scorer = Scorer { matched, space, clusters };
    matched.fields.iter().map(|(role, field)| scorer.field(role.name(), field, seed, scores)).collect()
}

struct Scorer<'a> {
    matched: &'a Matched,
    space: &'a Space,
    clusters: &'a Clusters,
}

impl Scorer<'_> {
    fn field(&self, name: &str, field: &Matrix, seed: u64, scores: &mut Scores) -> Result<Matrix> {
        let field = field.select_columns(&self.space.complete);
        let shuffled = shuffled_field(&field, seed);
        let constant = constant_field(&field);
        let place = |head: String| Place::new("all", &head, field.n_rows());
        let (own, of_shuffled) =
            (place(name.to_owned()), place(format!("{name}, shuffled")).kind(Kind::Control));
        let of_constant = place(format!("{name}, constant")).kind(Kind::Control);
        self.coherence(&field, &own, scores, true)?;
        self.coherence(&shuffled, &of_shuffled, scores, false)?;
        let drawn = self.draw(&field)?;
        if !self.clusters.edges.is_empty() {
            let found = self.directions(&drawn)?;
            let constants = self.directions(&self.draw(&constant)?)?;
            scores.push(&own, CBDIR, over(&found.means));
            let excess = found.means.iter().zip(&constants.means);
            let excess: Vec<Option<f64>> =
                excess.map(|(own, constant)| Some((*own)? - (*constant)?)).collect();
            scores.push(&own, EXCESS, over(&excess));
            scores.push(&of_constant, CBDIR, over(&constants.means));
            scores.push(&of_shuffled, CBDIR, over(&self.directions(&self.draw(&shuffled)?)?.means));
            for (at, &(from, to)) in self.clusters.edges.iter().enumerate() {
                let names = [from, to].map(|cluster| self.clusters.names[cluster as usize].as_str());
                let edge = Place::new(&names.join(" > "), name, found.edges[at].0);
                scores.push(&edge, CBDIR, over(&found.edges[at].1));
            }
        }
        Ok(drawn.into_iter().next().unwrap_or_default())
    }

    /// Projects a field on every layout.
    fn draw(&self, field: &Matrix) -> Result<Vec<Matrix>> {
        let graph =
            velocity_graph(&self.space.positions, field, &self.space.neighbors, self.matched.square_root)
                .map_err(|error| broken(&error))?;
        let on =
            |(_, coordinates): &(u64, Matrix)| project(coordinates, &graph).map_err(|error| broken(&error));
        self.space.layouts.iter().map(on).collect()
    }

    /// Returns the directions of a field on every layout.
    fn directions(&self, drawn: &[Matrix]) -> Result<Directions> {
        let Clusters { codes, edges, .. } = self.clusters;
        let mut found = Directions { means: Vec::new(), edges: vec![(0, Vec::new()); edges.len()] };
        for ((_, coordinates), drawn) in self.space.layouts.iter().zip(drawn) {
            let across = cross_boundary(coordinates, drawn, codes, &self.space.neighbors, edges)
                .map_err(|error| broken(&error))?;
            found.means.push(mean_direction(&across));
            for ((n, values), edge) in found.edges.iter_mut().zip(&across) {
                *n = edge.n;
                values.push(edge.direction);
            }
        }
        Ok(found)
    }

    fn coherence(&self, field: &Matrix, place: &Place, scores: &mut Scores, each: bool) -> Result<()> {
        let found = in_cluster_coherence(field, &self.clusters.codes, &self.space.neighbors)
            .map_err(|error| broken(&error))?;
        let of = |value: Option<f64>| {
            value.map(Estimate::plain).ok_or_else(|| "no cell has a neighbour".to_owned())
        };
        let clusters: Vec<f64> = found.clusters.iter().flatten().copied().collect();
        let mean = of(found.mean).map(|mean| Estimate::of_folds(mean.value, &clusters));
        scores.push(place, ICCOH, mean);
        if each {
            for (at, (name, &coherence)) in self.clusters.names.iter().zip(&found.clusters).enumerate() {
                let n = self.clusters.codes.iter().filter(|&&code| code as usize == at).count();
                let place = Place { set: name.clone(), n, ..place.clone() };
                scores.push(&place, ICCOH, of(coherence));
            }
        }
        Ok(())
    }
}

/// Directions on every layout: the mean over edges, and each edge with the cells that it starts from.
struct Directions {
    means: Vec<Option<f64>>,
    edges: Vec<(usize, Vec<Option<f64>>)>,
}

/// Returns the mean over the layouts, with their range where there are several.
fn over(layouts: &[Option<f64>]) -> Outcome {
    let there: Vec<f64> = layouts.iter().flatten().copied().collect();
    if there.is_empty() {
        return Err("no cell has a neighbour across".to_owned());
    }
    let ends = [
        there.iter().copied().fold(f64::INFINITY, f64::min),
        there.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    ];
    let range = (there.len() > 1).then_some(ends);
    Ok(Estimate::new(there.iter().sum::<f64>() / there.len() as f64, range))
}
