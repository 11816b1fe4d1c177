//! Cells in the plane: layouts of the same cells, to be coloured by what is known of them.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

/// Steps that a coordinate is rounded to.
const STEPS: f64 = 9999.0;
/// Stands for no place, and for no group.
const NONE: u16 = u16::MAX;
/// Bytes of a page that clouds may take.
const ROOM: usize = 2_200_000;

/// Returns the number of cells that a page has room for with so many layouts and colourings: two numbers and one of two bytes
/// each, as text a third more.
pub(crate) fn room(layouts: usize, colourings: usize) -> usize {
    3 * ROOM / (8 * (2 * layouts + colourings)).max(1)
}

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
    /// Number of each cell's group, packed.
    cells: String,
}

/// Positions of the cells.
#[derive(Debug, Serialize)]
pub(crate) struct Layout {
    title: String,
    /// Coordinates in steps from 0 to 9,999, x and y in turn, packed.
    points: String,
    n: usize,
}

impl Colouring {
    /// Takes the value of each cell.
    pub(crate) fn new<'a>(name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        let values: Vec<Option<&str>> = values.collect();
        let groups: Vec<&str> =
            values.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let number = |value: &Option<&str>| {
            value.map_or(NONE, |value| groups.partition_point(|group| *group < value) as u16)
        };
        let cells = packed(values.iter().map(number));
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
            None => NONE,
            Some(point) => {
                let (low, high) = ends[axis];
                ((point[axis] - (low + high) / 2.0) / side * STEPS + STEPS / 2.0).round() as u16
            }
        };
        Self {
            title,
            n: points.iter().flatten().count(),
            points: packed(points.iter().flat_map(|point| [0, 1].map(|axis| step(point, axis)))),
        }
    }
}

/// Returns numbers as base64 of two bytes each, the lower first.
fn packed(numbers: impl Iterator<Item = u16>) -> String {
    BASE64_STANDARD.encode(numbers.flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_groups_are_packed_and_fit_the_page() {
        let layout = Layout::new(String::new(), &[Some([0.0, 0.0]), None, Some([2.0, 1.0])]);
        let numbers: Vec<u16> = BASE64_STANDARD
            .decode(&layout.points)
            .unwrap()
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        assert_eq!(numbers, [0, 2500, NONE, NONE, 9999, 7499]);
        let colouring = Colouring::new("of", [Some("b"), None, Some("a")].into_iter());
        assert_eq!((colouring.groups.len(), colouring.cells.as_str()), (2, "AQD//wAA"));
        let n = room(11, 3);
        assert!(n * (11 * 16 + 3 * 8) / 3 <= ROOM && room(1, 1) > 200_000, "{n}");
    }
}
