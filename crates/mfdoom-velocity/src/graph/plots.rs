//! Streams over embeddings in the plane, and phase portraits of chosen genes.

use mfdoom_artifact::velocity::{CellTable, MS, MU};
use mfdoom_artifact::{Gene, ObsType, VelocityDir, VelocityDirWriter, obs};
use mfdoom_error::{Error, Result, missing};
use mfdoom_matrix::Matrix;
use mfdoom_plot::{CellColours, Field, Format, PhasePortrait, Picture, Streams};

use super::input::{Velocities, read_columns};
use crate::args::{GraphArgs, PlotFormat};
use crate::embedding::Embedding;

/// What the names of plots begin with.
const PREFIXES: [&str; 2] = ["stream_", "portrait_"];

/// Most letters of a gene in the name of a file, which may have 255 bytes.
const MOST_LETTERS: usize = 50;

/// Says whether a file of a folder is a plot of an earlier graph.
pub fn is_plot(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns the genes of `--portraits` as positions among all genes of the fit.
///
/// # Errors
/// Contract: no such gene. Usage: a prediction, which has no unspliced counts.
pub fn portrayed(dir: &VelocityDir, args: &GraphArgs) -> Result<Vec<usize>> {
    if args.portraits.is_empty() {
        return Ok(Vec::new());
    }
    let Some(moments) = dir.moments()? else {
        return Err(Error::usage("--portraits: a prediction has no unspliced counts")
            .help("draw the portraits of a fit"));
    };
    let genes = &moments.schema().genes;
    let find = |name: &String| {
        genes.iter().position(|gene| gene.symbol == *name || gene.id == *name).ok_or_else(|| {
            let symbols = genes.iter().map(|gene| gene.symbol.as_str());
            missing(dir.path().display(), "gene", name, symbols, "--portraits ")
        })
    };
    args.portraits.iter().map(find).collect()
}

/// What is drawn.
pub struct Drawn<'a> {
    /// The folder of the fit.
    pub dir: &'a VelocityDir,
    /// Its velocities.
    pub velocities: &'a Velocities,
    /// Results of each cell.
    pub cells: &'a CellTable,
}

/// Draws what is asked for into the folder.
///
/// # Errors
/// Failed where a plot cannot be drawn or the disk fails.
pub fn write(
    folder: &VelocityDirWriter,
    drawn: &Drawn<'_>,
    projections: &[(Embedding, Matrix)],
    args: &GraphArgs,
) -> Result<()> {
    let Drawn { dir, velocities, cells } = *drawn;
    let labels = match &args.cluster_key {
        Some(key) => obs::position(cells.columns.iter().map(|(name, _)| name.as_str()), key),
        None => cells.columns.iter().position(|(_, column)| column.kind() == ObsType::String),
    };
    let labels =
        labels.map_or_else(|| vec![None; cells.cell_id.len()], |at| cells.columns[at].1.to_strings());
    let groups: Vec<Option<&str>> = labels.iter().map(Option::as_deref).collect();
    if args.plots.is_some() {
        for (embedding, steps) in projections.iter().filter(|(_, steps)| steps.n_cols() == 2) {
            let (x, y) = (format!("{} 1", embedding.basis), format!("{} 2", embedding.basis));
            let (points, velocity) = (plane(&embedding.coordinates), plane(steps));
            let fields = [Field { title: "velocity", velocity: &velocity }];
            let picture = Streams { axes: [&x, &y], points: &points, groups: &groups, fields: &fields };
            save(folder, &format!("{}{}", PREFIXES[0], embedding.basis), &picture.draw()?, args)?;
        }
    }
    portraits(folder, velocities, dir, &groups, args)
}

/// Draws the phase portraits.
fn portraits(
    folder: &VelocityDirWriter,
    velocities: &Velocities,
    dir: &VelocityDir,
    groups: &[Option<&str>],
    args: &GraphArgs,
) -> Result<()> {
    let chosen = portrayed(dir, args)?;
    let Some(moments) = dir.moments()?.filter(|_| !chosen.is_empty()) else { return Ok(()) };
    let genes = moments.schema().genes.clone();
    let keep: Vec<bool> = (0..genes.len()).map(|gene| chosen.contains(&gene)).collect();
    let [spliced, unspliced] = read_columns(moments, [MS, MU], Some(&keep))?;
    let names = file_names(&chosen.iter().map(|gene| &genes[*gene]).collect::<Vec<_>>());
    for (gene, name) in chosen.into_iter().zip(names) {
        let at = keep[..gene].iter().filter(|keep| **keep).count();
        let gene = &genes[gene];
        let picture = PhasePortrait {
            gene: &gene.symbol,
            spliced: &column(&spliced.matrix, at),
            unspliced: &column(&unspliced.matrix, at),
            slope: slope(velocities, &gene.id),
            course: &[],
            colours: CellColours::Groups(groups),
        };
        save(folder, &format!("{}{name}", PREFIXES[1]), &picture.draw()?, args)?;
    }
    Ok(())
}

/// Returns names of files for genes: the symbols without what a name of a file cannot hold, and where these are the same,
/// the ids too.
fn file_names(genes: &[&Gene]) -> Vec<String> {
    let plain = |text: &str| -> String {
        let letters = text.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c });
        letters.take(MOST_LETTERS).collect()
    };
    let symbols: Vec<String> = genes.iter().map(|gene| plain(&gene.symbol)).collect();
    let is_shared = |at: usize| {
        (0..genes.len()).any(|other| symbols[other] == symbols[at] && genes[other].id != genes[at].id)
    };
    let name = |(at, gene): (usize, &&Gene)| match is_shared(at) {
        true => format!("{}_{}", symbols[at], plain(&gene.id)),
        false => symbols[at].clone(),
    };
    genes.iter().enumerate().map(name).collect()
}

/// Returns the gamma of a gene; nothing where groups have their own.
fn slope(velocities: &Velocities, gene_id: &str) -> Option<f64> {
    let kinetics = velocities.kinetics.as_ref().filter(|kinetics| kinetics.groups.is_empty())?;
    let row = kinetics.genes.iter().position(|gene| gene.id == gene_id)?;
    Some(kinetics.gamma[row]).filter(|gamma| gamma.is_finite())
}

fn plane(matrix: &Matrix) -> Vec<[f64; 2]> {
    matrix.data().chunks_exact(2).map(|pair| [f64::from(pair[0]), f64::from(pair[1])]).collect()
}

fn column(matrix: &Matrix, at: usize) -> Vec<f64> {
    (0..matrix.n_rows()).map(|row| f64::from(matrix.row(row)[at])).collect()
}

fn save(folder: &VelocityDirWriter, name: &str, picture: &Picture, args: &GraphArgs) -> Result<()> {
    let (format, ending) = match args.plots.unwrap_or_default() {
        PlotFormat::Svg => (Format::Svg, "svg"),
        PlotFormat::Png => (Format::Png, "png"),
    };
    let path = folder.path().join(format!("{name}.{ending}"));
    std::fs::write(&path, picture.encode(format)?).map_err(|error| Error::io(&path, error))
}

#[cfg(test)]
mod tests {
    use mfdoom_artifact::Gene;

    use super::file_names;

    #[test]
    fn genes_that_differ_in_a_slash_have_files_of_their_own() {
        let genes =
            [Gene::new("g1", "A/B"), Gene::new("g2", "A_B"), Gene::new("g3", "C\n"), Gene::new("g1", "A/B")];
        assert_eq!(file_names(&genes.iter().collect::<Vec<_>>()), ["A_B_g1", "A_B_g2", "C_", "A_B_g1"]);
        let long = Gene::new("g", "é".repeat(400));
        assert_eq!(file_names(&[&long])[0].chars().count(), 50);
    }
}
