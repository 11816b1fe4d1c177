//! Cells in the plane: layouts of the same cells, to be coloured by what is known of them.

use std::collections::BTreeSet;

use serde::Serialize;

/// Steps that a coordinate is rounded to.
const STEPS: f64 = 9999.0;

/// Layouts of the same cells, which a page draws side by side and zooms together.
#[derive(Debug, Serialize)]
pub(crate) struct Cloud {
    /// Stands above them.
    pub(crate) title: String,
    /// What the cells can be coloured by.
    pub(crate) colourings: Vec<Colouring>,
    /// Where they are.
    pub(crate) layouts: Vec<Layout>,
}

/// A column that cells are coloured by.
#[derive(Debug, Serialize)]
pub(crate) struct Colouring {
    name: String,
    groups: Vec<String>,
    /// Number of each cell's group, -1 for none.
    cells: Vec<i32>,
}

/// Positions of the cells.
#[derive(Debug, Serialize)]
pub(crate) struct Layout {
    title: String,
    /// Coordinates in steps from 0 to 9,999, x and y in turn; -1 for cells that have none.
    points: Vec<i32>,
    n: usize,
}

impl Colouring {
    /// Takes the value of each cell.
    pub(crate) fn new<'a>(name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        let values: Vec<Option<&str>> = values.collect();
        let groups: Vec<&str> =
            values.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let number = |value: &Option<&str>| {
            value.map_or(-1, |value| groups.partition_point(|group| *group < value) as i32)
        };
        let cells = values.iter().map(number).collect();
        Self { name: name.to_owned(), groups: groups.into_iter().map(str::to_owned).collect(), cells }
    }
}

impl Layout {
    /// Rounds positions to steps of the larger side.
    pub(crate) fn new(title: String, points: &[Option<[f64; 2]>]) -> Self {
        let ends = |axis: usize| {
            let values = points.iter().flatten().map(|point| point[axis]);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let ends = [ends(0), ends(1)];
        let side = ends.iter().map(|(low, high)| high - low).fold(f64::MIN_POSITIVE, f64::max);
        let step = |point: &Option<[f64; 2]>, axis: usize| match point {
            None => -1,
            Some(point) => {
                let (low, high) = ends[axis];
                ((point[axis] - (low + high) / 2.0) / side * STEPS + STEPS / 2.0).round() as i32
            }
        };
        Self {
            title,
            n: points.iter().flatten().count(),
            points: points.iter().flat_map(|point| [0, 1].map(|axis| step(point, axis))).collect(),
        }
    }
}
