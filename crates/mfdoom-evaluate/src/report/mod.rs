//! The report: one HTML page that loads nothing, made from a document by templates.

mod bars;
mod chart;
mod cloud;
mod multiqc;
mod page;
mod tables;

pub(crate) use cloud::{Cloud, Colouring, Layout, room};
use mfdoom_plot::Picture;
pub(crate) use multiqc::multiqc;
pub(crate) use page::Page;

/// A picture and what it shows.
pub struct Figure {
    /// Stands above the picture.
    pub title: String,
    /// The picture.
    pub picture: Picture,
    /// Number of cells in it.
    pub cells: usize,
}
