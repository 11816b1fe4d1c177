//! Velocities averaged on a grid.

/// Nodes along the longer side.
const NODES: usize = 60;
/// Width of the kernel in nodes, and how far it reaches.
const KERNEL: f64 = 1.0;
const REACH: f64 = 3.0;
/// A node has cells around it from this share of the usual mass on.
const LEAST_MASS: f64 = 0.25;

/// Directions on a grid of square cells.
pub(super) struct Grid {
    start: [f64; 2],
    step: f64,
    size: [usize; 2],
    /// Mean velocity at each node, row by row.
    velocity: Vec<[f64; 2]>,
    /// Weight of the cells around each node.
    mass: Vec<f64>,
    least: f64,
}

impl Grid {
    /// Averages the velocities; nothing, when no cell has a finite position and velocity or all coincide.
    pub(super) fn new(points: &[[f64; 2]], velocity: &[[f64; 2]]) -> Option<Self> {
        let finite = |x: &[f64; 2]| x[0].is_finite() && x[1].is_finite();
        let cells: Vec<([f64; 2], [f64; 2])> = points
            .iter()
            .copied()
            .zip(velocity.iter().copied())
            .filter(|(p, v)| finite(p) && finite(v))
            .collect();
        let low = [0, 1].map(|axis| cells.iter().map(|(p, _)| p[axis]).fold(f64::INFINITY, f64::min));
        let high = [0, 1].map(|axis| cells.iter().map(|(p, _)| p[axis]).fold(f64::NEG_INFINITY, f64::max));
        let step = (high[0] - low[0]).max(high[1] - low[1]) / (NODES - 1) as f64;
        if !step.is_finite() || step <= 0.0 {
            return None;
        }
        // The border is as wide as the kernel reaches, so that no cell lies outside.
        let start = low.map(|x| x - REACH * step);
        let size = [0, 1].map(|axis| ((high[axis] - start[axis]) / step + REACH).ceil() as usize + 1);
        let n = size[0] * size[1];
        let mut grid =
            Self { start, step, size, velocity: vec![[0.0; 2]; n], mass: vec![0.0; n], least: 0.0 };
        cells.iter().for_each(|(point, velocity)| grid.deposit(*point, *velocity));
        grid.finish();
        Some(grid)
    }

    fn deposit(&mut self, point: [f64; 2], velocity: [f64; 2]) {
        let place = self.place(point);
        let nodes = |axis: usize| {
            (place[axis] - REACH).ceil().max(0.0) as usize
                ..=((place[axis] + REACH).floor() as usize).min(self.size[axis] - 1)
        };
        for row in nodes(1) {
            for column in nodes(0) {
                let square = (column as f64 - place[0]).powi(2) + (row as f64 - place[1]).powi(2);
                let weight = (-square / (2.0 * KERNEL * KERNEL)).exp();
                let node = row * self.size[0] + column;
                self.mass[node] += weight;
                (0..2).for_each(|axis| self.velocity[node][axis] += weight * velocity[axis]);
            }
        }
    }

    fn finish(&mut self) {
        for (velocity, &mass) in self.velocity.iter_mut().zip(&self.mass) {
            if mass > 0.0 {
                *velocity = velocity.map(|sum| sum / mass);
            }
        }
        // Nodes with a cell at most one step away weigh more than exp(-1/2).
        let mut near: Vec<f64> = self.mass.iter().copied().filter(|&mass| mass > 0.6).collect();
        near.sort_unstable_by(f64::total_cmp);
        let usual = near.get(near.len() / 2).copied().unwrap_or(0.0);
        self.least = (LEAST_MASS * usual).max(0.7);
    }

    /// Returns a position in steps from the first node.
    fn place(&self, point: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|axis| (point[axis] - self.start[axis]) / self.step)
    }

    /// Returns the distance of two nodes.
    pub(super) fn step(&self) -> f64 {
        self.step
    }

    /// Returns the nodes with cells around, most first, as positions.
    pub(super) fn by_mass(&self) -> Vec<[f64; 2]> {
        let mut nodes: Vec<usize> =
            (0..self.mass.len()).filter(|&node| self.mass[node] >= self.least).collect();
        nodes.sort_by(|&a, &b| self.mass[b].total_cmp(&self.mass[a]).then(a.cmp(&b)));
        let position = |node: usize| {
            let at = [node % self.size[0], node / self.size[0]];
            [0, 1].map(|axis| self.start[axis] + at[axis] as f64 * self.step)
        };
        nodes.into_iter().map(position).collect()
    }

    /// Returns the unit direction at a position between the nodes; nothing where there are no cells or no motion.
    pub(super) fn direction(&self, point: [f64; 2]) -> Option<[f64; 2]> {
        let place = self.place(point);
        let inside = |axis: usize| place[axis] >= 0.0 && place[axis] < (self.size[axis] - 1) as f64;
        if !inside(0) || !inside(1) {
            return None;
        }
        let (column, row) = (place[0] as usize, place[1] as usize);
        let (right, up) = (place[0].fract(), place[1].fract());
        let corners = [
            (column, row, (1.0 - right) * (1.0 - up)),
            (column + 1, row, right * (1.0 - up)),
            (column, row + 1, (1.0 - right) * up),
            (column + 1, row + 1, right * up),
        ];
        let (mut sum, mut mass) = ([0.0; 2], 0.0);
        for (column, row, weight) in corners {
            let node = row * self.size[0] + column;
            mass += weight * self.mass[node];
            (0..2).for_each(|axis| sum[axis] += weight * self.velocity[node][axis]);
        }
        let length = sum[0].hypot(sum[1]);
        (mass >= self.least && length > 0.0).then(|| sum.map(|x| x / length))
    }
}
