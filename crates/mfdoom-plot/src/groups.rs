//! Names of groups with their colours.

use std::collections::BTreeMap;

use plotters::style::RGBColor;

use crate::palette::{COLOURS, UNNAMED, colour};

/// Groups in order of their names, and the group of each cell.
pub(crate) struct Groups<'a> {
    /// Names and numbers of cells.
    pub(crate) names: Vec<(&'a str, usize)>,
    /// Group of each cell, where it has one.
    pub(crate) of_cell: Vec<Option<usize>>,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(groups: &[Option<&'a str>]) -> Self {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        groups.iter().flatten().for_each(|name| *names.entry(name).or_default() += 1);
        let at: BTreeMap<&str, usize> = names.keys().enumerate().map(|(at, name)| (*name, at)).collect();
        let of_cell = groups.iter().map(|group| group.and_then(|name| at.get(name).copied())).collect();
        Self { names: names.into_iter().collect(), of_cell }
    }

    /// Returns the number of cells without a group.
    pub(crate) fn n_without(&self) -> usize {
        self.of_cell.iter().filter(|group| group.is_none()).count()
    }
}

/// Returns the colour of a group or of none.
pub(crate) fn fill(group: Option<usize>) -> RGBColor {
    group.map_or(UNNAMED, colour)
}

/// Returns whether a group is drawn as triangles: where the colours come a second time, and so on.
pub(crate) fn is_triangle(group: Option<usize>) -> bool {
    group.is_some_and(|group| (group / COLOURS.len()) % 2 == 1)
}
