//! The folder of a fit.

use std::ops::Range;

use mfdoom_artifact::velocity::names::UNSPLICED_FRACTION;
use mfdoom_artifact::velocity::{CellTable, VELOCITY_DIR_FORMAT, fit_schema, latent_schema, moments_schema};
use mfdoom_artifact::{Column, GeneBatch, GeneTableWriter, InputId, Manifest, VelocityDirWriter};
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::moments::{Moments, Smoother};
use mfdoom_kinetics::steady;
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

/// The results; moments and velocities that are not held are computed block by block.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// Moments of all cells.
    pub moments: Option<&'a Moments>,
    /// Rates, velocities, times.
    pub fit: &'a Fit,
    /// What moments are averages by.
    pub smoother: &'a Smoother,
}

impl FitFolder<'_> {
    /// Writes and publishes the folder.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn write(self, folder: VelocityDirWriter, values: &Values<'_>, args: &FitArgs) -> Result<()> {
        let manifest = self.manifest(args)?;
        let genes = || self.counts.genes.clone();
        let fit = values.fit;
        let velocities = || folder.velocities(fit_schema(genes(), manifest.clone()));
        let positions = || folder.moments(moments_schema(genes(), manifest.clone()));
        match (values.moments, &fit.velocity) {
            (Some(moments), Some(velocity)) => {
                let (velocities, positions) = rayon::join(
                    || self.rows(velocities()?, &[velocity]),
                    || self.rows(positions()?, &[&moments.spliced, &moments.unspliced]),
                );
                velocities.and(positions)?;
            }
            _ => self.computed(velocities()?, positions()?, values)?,
        }
        if let Some(time) = &fit.time {
            self.rows(folder.latent(latent_schema(genes(), manifest.clone()))?, &[time])?;
        }
        folder.kinetics(&fit.kinetics)?;
        let mut pairs = folder.neighbors()?;
        pairs.write_neighbors(self.neighbors)?;
        pairs.finish()?;
        folder.cells(&self.cells())?;
        folder.commit(&manifest)
    }

    /// Writes matrices of cells by genes in blocks.
    fn rows(&self, mut table: GeneTableWriter, matrices: &[&Matrix]) -> Result<()> {
        for rows in self.blocks(&table) {
            let part = |matrix: &&Matrix| {
                matrix.data()[rows.start * matrix.n_cols()..rows.end * matrix.n_cols()].to_vec()
            };
            table.write(self.batch(rows.clone(), matrices.iter().map(part).collect()))?;
        }
        table.finish().map(drop)
    }

    /// Computes moments and velocities block by block and writes them.
    fn computed(
        &self,
        mut velocities: GeneTableWriter,
        mut positions: GeneTableWriter,
        values: &Values<'_>,
    ) -> Result<()> {
        let gamma = &values.fit.kinetics.gamma;
        for rows in self.blocks(&velocities) {
            let of = |layer| values.smoother.moments_of(rows.clone(), layer).map_err(Error::refusal);
            let moments =
                Moments { spliced: of(&self.counts.spliced)?, unspliced: of(&self.counts.unspliced)? };
            let velocity = steady::velocity(&moments, gamma).map_err(Error::refusal)?;
            let Moments { spliced, unspliced } = moments;
            let (velocities, positions) = rayon::join(
                || velocities.write(self.batch(rows.clone(), vec![velocity.into_data()])),
                || {
                    positions
                        .write(self.batch(rows.clone(), vec![spliced.into_data(), unspliced.into_data()]))
                },
            );
            velocities.and(positions)?;
        }
        velocities.finish().and(positions.finish()).map(drop)
    }

    /// Cuts the cells into blocks of a good size for a table.
    fn blocks(&self, table: &GeneTableWriter) -> impl Iterator<Item = Range<usize>> + use<> {
        let (n, step) = (self.source.cell_ids.len(), table.block_rows());
        (0..n).step_by(step).map(move |start| start..n.min(start + step))
    }

    fn batch(&self, rows: Range<usize>, matrices: Vec<Vec<f32>>) -> GeneBatch {
        GeneBatch {
            dataset: vec![self.source.dataset.clone(); rows.len()],
            cell_id: self.source.cell_ids[rows].to_vec(),
            obs: Vec::new(),
            matrices,
        }
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
