//! `graph`: velocities to transitions, projections, confidence, pseudotime, terminal states, drivers.
//!
//! | module | for |
//! |---|---|
//! | [`input`] | velocities and positions of the genes that take part, neighbours |
//! | [`cells`] | results per cell |
//! | [`drivers`] | driver genes per cluster |
//! | [`layout`] | a UMAP of the neighbours |
//! | [`plots`] | streams and phase portraits |
//! | [`write`] | the new copy of the folder |

pub mod cells;
pub mod drivers;
pub mod input;
pub mod layout;
pub mod plots;
pub mod write;

use input::Velocities;
use mfdoom_artifact::{VelocityDir, VelocityDirWriter};
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::graph::{project, velocity_graph};
use mfdoom_kinetics::moments::Smoother;
use mfdoom_matrix::connectivities;

use crate::args::GraphArgs;
use crate::embedding::{self, Embedding, WantedCells};

/// Runs `mfdoom-velocity graph`.
///
/// # Errors
/// Contract: no velocity folder, nothing to displace from, an embedding or clusters that are not there.
pub fn run(args: &GraphArgs) -> Result<()> {
    let dir = VelocityDir::open(&args.velocity)?;
    let velocities = Velocities::read(&dir, args)?;
    let keys = WantedCells { dataset: &velocities.cells.dataset, cell_id: &velocities.cells.cell_id };
    let given = args.embedding.iter().filter(|text| *text != layout::UMAP);
    let mut embeddings: Vec<Embedding> =
        given.map(|text| embedding::read(text, &keys)).collect::<Result<_>>()?;
    refuse_same_basis(&embeddings)?;
    plots::portrayed(&dir, args)?;
    if args.common.check {
        tracing::info!(
            "check: would build a graph of {} cells over {} genes; wrote nothing",
            velocities.n_cells(),
            velocities.genes.len()
        );
        return Ok(());
    }
    let folder = VelocityDirWriter::create(&args.output, args.force.force)?;
    let graph = velocity_graph(
        &velocities.positions,
        &velocities.velocity,
        &velocities.neighbors,
        velocities.square_root,
    )
    .map_err(Error::refusal)?;
    let weights = connectivities(&velocities.neighbors);
    let smoother = Smoother::new(&weights).map_err(Error::refusal)?;
    if args.embedding.iter().any(|text| text == layout::UMAP) {
        embeddings.push(layout::umap(&velocities, &weights, args.seed.seed)?);
        refuse_same_basis(&embeddings)?;
    }
    let results = cells::results(&velocities, &graph, &smoother, &dir)?;
    let drivers = drivers::rank(&velocities, &dir, args)?;
    let mut projections = Vec::with_capacity(embeddings.len());
    for embedding in embeddings {
        let steps = project(&embedding.coordinates, &graph).map_err(Error::refusal)?;
        projections.push((embedding, steps));
    }
    write::GraphFolder { dir: &dir, velocities: &velocities, graph: &graph, results, drivers }.write(
        folder,
        &projections,
        args,
    )?;
    tracing::info!("{}: graph of {} cells", args.output.display(), velocities.n_cells());
    match &args.into {
        Some(path) => mfdoom_into::velocity::add(&args.output, path),
        None => Ok(()),
    }
}

/// Refuses embeddings that cannot be written to a file, or would be to the same.
fn refuse_same_basis(embeddings: &[Embedding]) -> Result<()> {
    let is_no_file = |name: &str| {
        name.is_empty() || name.len() > 200 || name.contains(|c: char| c == '/' || c.is_control())
    };
    if let Some(embedding) = embeddings.iter().find(|embedding| is_no_file(&embedding.basis)) {
        return Err(Error::usage(format!("--embedding: {:?} cannot name a file", embedding.basis))
            .wanted("a short name without '/'")
            .help("rename the matrix or the head"));
    }
    let mut names: Vec<&str> = embeddings.iter().map(|embedding| embedding.basis.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::usage(format!("two embeddings are called {:?}", pair[0]))
            .help("project on one after the other, into two folders")),
        None => Ok(()),
    }
}
