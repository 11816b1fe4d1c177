//! Streams over embeddings in the plane, and phase portraits of chosen genes.

use mfdoom_artifact::velocity::CellTable;
use mfdoom_artifact::{ObsColumn, VelocityDirWriter};
use mfdoom_error::{Error, Result, nearest};
use mfdoom_kinetics::matrix::Matrix;
use mfdoom_plot::{CellColours, Field, Format, PhasePortrait, Picture, Streams};

use super::input::Velocities;
use crate::args::{GraphArgs, PlotFormat};
use crate::embedding::Embedding;

/// What the names of plots begin with.
const PREFIXES: [&str; 2] = ["stream_", "portrait_"];

/// Says whether a file of a folder is a plot of an earlier graph.
pub fn is_plot(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Checks that the genes of `--portraits` can be drawn.
///
/// # Errors
/// Contract: not a velocity gene. Usage: a prediction, which has no unspliced counts.
pub fn check(velocities: &Velocities, args: &GraphArgs) -> Result<()> {
    if !args.portraits.is_empty() && velocities.unspliced.is_none() {
        return Err(Error::usage("--portraits: a prediction has no unspliced counts")
            .help("draw the portraits of a fit"));
    }
    args.portraits.iter().try_for_each(|name| find(velocities, name).map(drop))
}

/// Returns the position of a gene among the velocity genes.
fn find(velocities: &Velocities, name: &str) -> Result<usize> {
    let genes = &velocities.genes;
    genes.iter().position(|gene| gene.symbol == name || gene.id == name).ok_or_else(|| {
        let error = Error::contract(format!("--portraits {name}: not a velocity gene"))
            .wanted("one of the genes that kinetics.parquet marks as velocity_gene");
        match nearest(name, genes.iter().map(|gene| gene.symbol.as_str())) {
            Some(nearest) => error.help(format!("did you mean {nearest}?")),
            None => error,
        }
    })
}

/// Draws what is asked for into the folder.
///
/// # Errors
/// Failed where a plot cannot be drawn or the disk fails.
pub fn write(
    folder: &VelocityDirWriter,
    velocities: &Velocities,
    cells: &CellTable,
    projections: &[(Embedding, Matrix)],
    args: &GraphArgs,
) -> Result<()> {
    let labels = cells.columns.iter().find(|(name, column)| match &args.cluster_key {
        Some(key) => name == key,
        None => matches!(column, ObsColumn::String(_)),
    });
    let labels = labels.map_or_else(|| vec![None; cells.cell_id.len()], |(_, column)| column.to_text());
    let groups: Vec<Option<&str>> = labels.iter().map(Option::as_deref).collect();
    if args.plots.is_some() {
        for (embedding, steps) in projections.iter().filter(|(_, steps)| steps.n_cols == 2) {
            let (x, y) = (format!("{} 1", embedding.basis), format!("{} 2", embedding.basis));
            let (points, velocity) = (plane(&embedding.coordinates), plane(steps));
            let fields = [Field { title: "velocity", velocity: &velocity }];
            let picture = Streams { axes: [&x, &y], points: &points, groups: &groups, fields: &fields };
            save(folder, &format!("{}{}", PREFIXES[0], embedding.basis), &picture.draw()?, args)?;
        }
    }
    let Some(unspliced) = &velocities.unspliced else { return Ok(()) };
    for name in &args.portraits {
        let at = find(velocities, name)?;
        let gene = &velocities.genes[at];
        let picture = PhasePortrait {
            gene: &gene.symbol,
            spliced: &column(&velocities.positions, at),
            unspliced: &column(unspliced, at),
            slope: slope(velocities, &gene.id),
            course: &[],
            colours: CellColours::Groups(&groups),
        };
        // A file name cannot hold a slash.
        save(folder, &format!("{}{}", PREFIXES[1], gene.symbol.replace('/', "_")), &picture.draw()?, args)?;
    }
    Ok(())
}

/// Returns the gamma of a gene; nothing where groups have their own.
fn slope(velocities: &Velocities, gene_id: &str) -> Option<f64> {
    let kinetics = velocities.kinetics.as_ref().filter(|kinetics| kinetics.groups.is_empty())?;
    let row = kinetics.genes.iter().position(|gene| gene.id == gene_id)?;
    Some(kinetics.gamma[row]).filter(|gamma| gamma.is_finite())
}

fn plane(matrix: &Matrix) -> Vec<[f64; 2]> {
    matrix.data.chunks_exact(2).map(|pair| [f64::from(pair[0]), f64::from(pair[1])]).collect()
}

fn column(matrix: &Matrix, at: usize) -> Vec<f64> {
    (0..matrix.n_rows).map(|row| f64::from(matrix.row(row)[at])).collect()
}

fn save(folder: &VelocityDirWriter, name: &str, picture: &Picture, args: &GraphArgs) -> Result<()> {
    let (format, ending) = match args.plots.unwrap_or_default() {
        PlotFormat::Svg => (Format::Svg, "svg"),
        PlotFormat::Png => (Format::Png, "png"),
    };
    let path = folder.path().join(format!("{name}.{ending}"));
    std::fs::write(&path, picture.encode(format)?).map_err(|error| Error::io(&path, error))
}
