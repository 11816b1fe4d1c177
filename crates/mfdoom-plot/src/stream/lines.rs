//! Lines along a field, evenly spaced.

use std::collections::BTreeMap;

use super::grid::Grid;

/// Step of the integration in nodes.
const STEP: f64 = 0.25;
/// Distance of a new line to all others where it starts, and where it ends, in nodes.
const APART: f64 = 1.9;
const TOO_NEAR: f64 = 1.2;
/// Least and largest length of a line in nodes.
const LEAST: f64 = 5.0;
const MOST: f64 = 45.0;

/// Traces lines from the nodes with most cells on.
pub(super) fn trace(grid: &Grid) -> Vec<Vec<[f64; 2]>> {
    let mut taken = Taken::new(APART * grid.step());
    let mut lines = Vec::new();
    for start in grid.by_mass() {
        if taken.is_near(start, APART * grid.step()) {
            continue;
        }
        let line = both_ways(grid, &taken, start);
        if (line.len() - 1) as f64 * STEP >= LEAST {
            line.iter().for_each(|&point| taken.add(point));
            lines.push(line);
        }
    }
    lines
}

fn both_ways(grid: &Grid, taken: &Taken, start: [f64; 2]) -> Vec<[f64; 2]> {
    let mut line = one_way(grid, taken, start, -1.0);
    line.reverse();
    line.push(start);
    line.extend(one_way(grid, taken, start, 1.0));
    line
}

/// Follows the field from a point, that point left out, by the midpoint rule.
fn one_way(grid: &Grid, taken: &Taken, start: [f64; 2], sense: f64) -> Vec<[f64; 2]> {
    let step = sense * STEP * grid.step();
    let mut own = Taken::new(TOO_NEAR * grid.step());
    let (mut line, mut at) = (Vec::new(), start);
    let move_by = |from: [f64; 2], along: [f64; 2], length: f64| {
        [from[0] + length * along[0], from[1] + length * along[1]]
    };
    // What a line passed a while ago may not be met again: around a sink it would circle for ever.
    let lag = (2.0 * TOO_NEAR / STEP).ceil() as usize;
    while (line.len() as f64) * STEP < MOST / 2.0 {
        let Some(first) = grid.direction(at) else { break };
        let Some(middle) = grid.direction(move_by(at, first, step / 2.0)) else { break };
        let next = move_by(at, middle, step);
        let near = TOO_NEAR * grid.step();
        if grid.direction(next).is_none() || taken.is_near(next, near) || own.is_near(next, near / 2.0) {
            break;
        }
        line.push(next);
        if let Some(&past) = line.len().checked_sub(lag).and_then(|at| line.get(at)) {
            own.add(past);
        }
        at = next;
    }
    line
}

/// Points of lines, by squares of the plane.
struct Taken {
    side: f64,
    squares: BTreeMap<(i64, i64), Vec<[f64; 2]>>,
}

impl Taken {
    fn new(side: f64) -> Self {
        Self { side, squares: BTreeMap::new() }
    }

    fn square(&self, point: [f64; 2]) -> (i64, i64) {
        ((point[0] / self.side).floor() as i64, (point[1] / self.side).floor() as i64)
    }

    fn add(&mut self, point: [f64; 2]) {
        self.squares.entry(self.square(point)).or_default().push(point);
    }

    /// Returns whether a point is nearer than `distance`, at most the side of a square, to any other.
    fn is_near(&self, point: [f64; 2], distance: f64) -> bool {
        let (x, y) = self.square(point);
        let around = (x - 1..=x + 1).flat_map(|x| (y - 1..=y + 1).map(move |y| (x, y)));
        around
            .filter_map(|square| self.squares.get(&square))
            .flatten()
            .any(|other| (other[0] - point[0]).hypot(other[1] - point[1]) < distance)
    }
}

#[cfg(test)]
mod tests {
    use crate::streamlines;

    fn square(velocity: impl Fn([f64; 2]) -> [f64; 2]) -> (Vec<[f64; 2]>, Vec<[f64; 2]>) {
        let points: Vec<[f64; 2]> =
            (0..3600).map(|at| [f64::from(at % 60) / 59.0 - 0.5, f64::from(at / 60) / 59.0 - 0.5]).collect();
        let velocities = points.iter().map(|&point| velocity(point)).collect();
        (points, velocities)
    }

    #[test]
    fn lines_of_a_rotation_keep_their_distance_to_the_centre() {
        let (points, velocities) = square(|[x, y]| [-y, x]);
        let lines = streamlines(&points, &velocities);
        assert!(lines.len() > 10, "{}", lines.len());
        for line in &lines {
            let radius = |point: &[f64; 2]| point[0].hypot(point[1]);
            let first = radius(&line[0]);
            assert!(line.iter().all(|point| (radius(point) - first).abs() < 0.02), "{first}");
            let turn: f64 = line.windows(2).map(|w| w[0][0] * w[1][1] - w[0][1] * w[1][0]).sum();
            assert!(turn > 0.0, "runs with the velocities");
        }
    }

    #[test]
    fn lines_stay_apart_and_among_the_cells() {
        let (mut points, mut velocities) = square(|_| [1.0, 0.2]);
        let hole = |point: &[f64; 2]| point[0].hypot(point[1]) < 0.2;
        let kept: Vec<bool> = points.iter().map(|point| !hole(point)).collect();
        let keep = |values: &mut Vec<[f64; 2]>| {
            let mut kept = kept.iter();
            values.retain(|_| *kept.next().unwrap());
        };
        keep(&mut points);
        keep(&mut velocities);
        let lines = streamlines(&points, &velocities);
        for (at, line) in lines.iter().enumerate() {
            for point in line {
                assert!(point[0].hypot(point[1]) > 0.15, "in the hole");
                for other in lines[at + 1..].iter().flatten() {
                    assert!((point[0] - other[0]).hypot(point[1] - other[1]) > 1.15 / 59.0);
                }
            }
        }
    }

    #[test]
    fn cells_without_a_finite_velocity_draw_nothing() {
        let (points, velocities) = square(|_| [f64::NAN, 1.0]);
        assert!(streamlines(&points, &velocities).is_empty());
        assert!(streamlines(&[[0.0, 0.0]], &[[1.0, 0.0]]).is_empty());
        assert!(streamlines(&[], &[]).is_empty());
    }
}
