//! The list of groups next to a plot.

use plotters::prelude::*;

use crate::canvas::{Area, Painted, font, px};
use crate::groups::{Groups, fill, is_triangle};

const ROW: i32 = 20;
const TOP: i32 = 48;
const MARK: i32 = 5;
const FONT: f64 = 12.0;
const MAX_NAME: usize = 32;

/// A legend laid out for a height in pixels.
pub(crate) struct Legend<'a> {
    groups: &'a Groups<'a>,
    rows: usize,
    column_width: i32,
    columns: i32,
}

impl<'a> Legend<'a> {
    pub(crate) fn new(groups: &'a Groups<'a>, height: i32) -> Self {
        let rows = usize::try_from((height - TOP - 10) / ROW).unwrap_or(0).max(1);
        let entries = groups.names.len() + usize::from(groups.n_without() > 0);
        let longest = groups.names.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(8);
        let column_width = 76 + 8 * longest.min(MAX_NAME) as i32;
        Self { groups, rows, column_width, columns: entries.div_ceil(rows) as i32 }
    }

    /// Returns the width in pixels.
    pub(crate) fn width(&self) -> i32 {
        self.columns * self.column_width
    }

    /// Draws the legend.
    pub(crate) fn draw(&self, area: &Area<'_>) -> Painted {
        let without = self.groups.n_without();
        let named = self.groups.names.iter().enumerate();
        let named = named.map(|(group, (name, n))| (shorten(name), *n, Some(group)));
        let unnamed = (without > 0).then(|| ("no label".to_owned(), without, None));
        for (at, (name, n, group)) in named.chain(unnamed).enumerate() {
            let x = px((at / self.rows) as i32 * self.column_width + 8);
            let y = px(TOP + (at % self.rows) as i32 * ROW);
            match is_triangle(group) {
                false => area.draw(&Circle::new((x, y), px(MARK), fill(group).filled()))?,
                true => area.draw(&TriangleMarker::new((x, y), px(MARK + 1), fill(group).filled()))?,
            }
            area.draw(&Text::new(format!("{name} ({n})"), (x + px(12), y - px(6)), font(FONT)))?;
        }
        Ok(())
    }
}

fn shorten(name: &str) -> String {
    match name.chars().count() {
        0..=MAX_NAME => name.to_owned(),
        _ => name.chars().take(MAX_NAME - 1).chain(['…']).collect(),
    }
}
