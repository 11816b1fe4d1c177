//! The new copy of the folder.

use mfdoom_artifact::velocity::{
    CELLS_FILE, CellTable, DRIVERS_FILE, Driver, GRAPH_FILE, NEIGHBORS_FILE, VELOCITY_DIR_FORMAT,
    projection_schema,
};
use mfdoom_artifact::{EmbeddingBatch, Manifest, VelocityDir, VelocityDirWriter};
use mfdoom_error::Result;
use mfdoom_into::velocity::fit_config;
use mfdoom_kinetics::graph::VelocityGraph;
use mfdoom_matrix::Matrix;
use serde_json::json;

use super::input::Velocities;
use super::plots::{self, Drawn};
use crate::args::GraphArgs;
use crate::embedding::Embedding;

/// The stage's name in manifests.
pub const STAGE: &str = "mfdoom-velocity graph";
/// Cells of a projection written at once.
const BLOCK: usize = 2048;

/// Everything a graph adds to a folder, but projections.
pub struct GraphFolder<'a> {
    /// The folder it was made of.
    pub dir: &'a VelocityDir,
    /// What was read of it.
    pub velocities: &'a Velocities,
    /// The cosines.
    pub graph: &'a VelocityGraph,
    /// Results per cell.
    pub results: CellTable,
    /// Driver genes.
    pub drivers: Vec<Driver>,
}

impl GraphFolder<'_> {
    /// Copies the folder, adds the results and publishes it.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn write(
        self,
        folder: VelocityDirWriter,
        projections: &[(Embedding, Matrix)],
        args: &GraphArgs,
    ) -> Result<()> {
        let manifest = self.manifest(projections, args)?;
        folder.copy(self.dir, |name| {
            [CELLS_FILE, GRAPH_FILE, DRIVERS_FILE, NEIGHBORS_FILE].contains(&name)
                || name.starts_with("projection_")
                || plots::is_plot(name)
        })?;
        let mut pairs = folder.neighbors()?;
        pairs.write_neighbors(&self.velocities.neighbors)?;
        pairs.finish()?;
        let mut pairs = folder.graph()?;
        pairs.write_csr(&self.graph.cosines)?;
        pairs.finish()?;
        folder.cells(&self.results)?;
        if !self.drivers.is_empty() {
            folder.drivers(&self.drivers)?;
        }
        for (embedding, steps) in projections {
            self.projection(&folder, embedding, steps, &manifest)?;
        }
        let drawn = Drawn { dir: self.dir, velocities: self.velocities, cells: &self.results };
        plots::write(&folder, &drawn, projections, args)?;
        folder.commit(&manifest)
    }

    /// Writes coordinates and steps, which are not scaled.
    fn projection(
        &self,
        folder: &VelocityDirWriter,
        embedding: &Embedding,
        steps: &Matrix,
        manifest: &Manifest,
    ) -> Result<()> {
        let (n, dim) = (steps.n_rows(), steps.n_cols());
        let mut table = folder.projection(&embedding.basis, projection_schema(dim, manifest.clone())?)?;
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            let part = |matrix: &Matrix| matrix.data()[start * dim..end * dim].to_vec();
            table.write(&EmbeddingBatch {
                dataset: self.results.dataset[start..end].to_vec(),
                cell_id: self.results.cell_id[start..end].to_vec(),
                heads: vec![part(&embedding.coordinates), part(steps)],
                ..EmbeddingBatch::default()
            })?;
        }
        table.finish().map(drop)
    }

    fn manifest(&self, projections: &[(Embedding, Matrix)], args: &GraphArgs) -> Result<Manifest> {
        let mut config = mfdoom_cli::settings(args)?;
        config["square_root"] = json!(self.velocities.square_root);
        config["velocity"] = fit_config(self.dir).clone();
        config["bases"] =
            json!(projections.iter().map(|(embedding, _)| embedding.basis.as_str()).collect::<Vec<_>>());
        let mut inputs = vec![self.dir.manifest().as_input(self.dir.path())];
        inputs.extend(projections.iter().filter_map(|(embedding, _)| embedding.input.clone()));
        let manifest = Manifest::new(STAGE, env!("CARGO_PKG_VERSION"), VELOCITY_DIR_FORMAT, config, inputs);
        Ok(manifest.with_seed(args.seed.seed))
    }
}
