//! The folder of a fit.

use mfdoom_artifact::velocity::names::UNSPLICED_FRACTION;
use mfdoom_artifact::velocity::{CellTable, VELOCITY_DIR_FORMAT, fit_schema, latent_schema, moments_schema};
use mfdoom_artifact::{Column, GeneBatch, GeneTableWriter, InputId, Manifest, VelocityDirWriter};
use mfdoom_error::Result;
use mfdoom_kinetics::moments::Moments;
use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;
use serde_json::json;

use super::counts::{Normalised, Totals};
use super::groups::Fit;
use super::source::{CountsSource, NAMES};
use crate::args::FitArgs;

/// The stage's name in manifests.
pub const STAGE: &str = "mfdoom-velocity fit";

/// What a folder is written from, besides the results.
pub struct FitFolder<'a> {
    /// The file.
    pub source: &'a CountsSource,
    /// Totals of its cells.
    pub totals: &'a Totals,
    /// Kept genes.
    pub counts: &'a Normalised,
    /// Nearest cells.
    pub neighbors: &'a Neighbors,
}

impl FitFolder<'_> {
    /// Writes and publishes the folder.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn write(self, folder: VelocityDirWriter, moments: Moments, fit: Fit, args: &FitArgs) -> Result<()> {
        let manifest = self.manifest(args)?;
        let genes = || self.counts.genes.clone();
        let velocities = || -> Result<usize> {
            let mut table = folder.velocities(fit_schema(genes(), manifest.clone()))?;
            self.rows(&mut table, &[&fit.velocity])?;
            table.finish()
        };
        let positions = || -> Result<usize> {
            let mut table = folder.moments(moments_schema(genes(), manifest.clone()))?;
            self.rows(&mut table, &[&moments.spliced, &moments.unspliced])?;
            table.finish()
        };
        let (velocities, positions) = rayon::join(velocities, positions);
        velocities.and(positions)?;
        if let Some(time) = &fit.time {
            let mut table = folder.latent(latent_schema(genes(), manifest.clone()))?;
            self.rows(&mut table, &[time])?;
            table.finish()?;
        }
        folder.kinetics(&fit.kinetics)?;
        let mut pairs = folder.neighbors()?;
        pairs.write_neighbors(self.neighbors)?;
        pairs.finish()?;
        folder.cells(&self.cells())?;
        folder.commit(&manifest)
    }

    /// Writes matrices of cells by genes in blocks.
    fn rows(&self, table: &mut GeneTableWriter, matrices: &[&Matrix]) -> Result<()> {
        let n = self.source.cell_ids.len();
        let step = table.block_rows();
        for start in (0..n).step_by(step) {
            let end = (start + step).min(n);
            let part =
                |matrix: &&Matrix| matrix.data()[start * matrix.n_cols()..end * matrix.n_cols()].to_vec();
            table.write(GeneBatch {
                dataset: vec![self.source.dataset.clone(); end - start],
                cell_id: self.source.cell_ids[start..end].to_vec(),
                obs: Vec::new(),
                matrices: matrices.iter().map(part).collect(),
            })?;
        }
        Ok(())
    }

    /// Returns what is known of every cell.
    fn cells(&self) -> CellTable {
        let n = self.source.cell_ids.len();
        let mut obs = self.source.obs.clone();
        if let Some((name, labels)) = &self.source.groups {
            obs.retain(|(known, _)| known != name);
            obs.push((name.clone(), Column::String(labels.iter().cloned().map(Some).collect())));
        }
        let dataset = vec![self.source.dataset.clone(); n];
        let mut cells = CellTable::with_obs(dataset, self.source.cell_ids.clone(), obs);
        cells.set_numbers(UNSPLICED_FRACTION, (0..n).map(|cell| self.totals.unspliced_fraction(cell)));
        cells
    }

    fn manifest(&self, args: &FitArgs) -> Result<Manifest> {
        let mut config = mfdoom_cli::settings(args)?;
        let layers = NAMES.iter().zip(&self.source.layers).map(|(name, layer)| (*name, layer.to_string()));
        config["layers"] = json!(layers.collect::<std::collections::BTreeMap<_, _>>());
        if let Some(id) = &self.source.cells_id {
            config["cells"] = json!(id);
        }
        let mut inputs = vec![self.source.id.clone()];
        if let Some(path) = &args.kinetics {
            let name = mfdoom_artifact::place::base_name(path);
            inputs.push(InputId { name, content_id: mfdoom_artifact::sha256_file(path)? });
        }
        Ok(Manifest::new(STAGE, env!("CARGO_PKG_VERSION"), VELOCITY_DIR_FORMAT, config, inputs))
    }
}
