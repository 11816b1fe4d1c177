//! One input: a velocity folder or a bare table.

use std::collections::HashSet;
use std::path::Path;

use mfdoom_artifact::velocity::{MS, Pairs, STATE, UNCERTAINTY, VELOCITY, open_velocities};
use mfdoom_artifact::{Column, Gene, VelocityDir, obs, place, sha256_file};
use mfdoom_counts::{self as anndata, H5ad, genes_of};
use mfdoom_error::{Error, Result};

use crate::embedding::is_hdf5;

/// Layers of an h5ad file that hold velocities, those of a simulation first, and where cells are in each case.
const LAYERS: [(&str, &str); 3] =
    [("true_velocity", "true_spliced"), ("velocity", "Ms"), ("velocity_mfdoom", "Ms")];

/// What an input stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Predicted,
    Fitted,
    Truth,
}

impl Role {
    /// Returns the name in results.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Predicted => "predicted",
            Self::Fitted => "fitted",
            Self::Truth => "truth",
        }
    }
}

/// Data set and id of a cell.
pub(super) type Key = (String, String);

/// Velocities of n cells and G genes, and what else the folder knows.
pub(super) struct VelocityInput {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) content_id: String,
    pub(super) keys: Vec<Key>,
    /// Whether cells are known by their id alone: an h5ad file names no data set.
    pub(super) by_id: bool,
    pub(super) genes: Vec<Gene>,
    /// Velocities, [n, G]; NaN where there is none.
    pub(super) velocity: Vec<f32>,
    /// Where cells are: Ms, else the predicted state, [n, G].
    pub(super) positions: Option<Vec<f32>>,
    /// Uncertainty of each cell, [n], NaN where there is none; nothing without the column of a prediction.
    pub(super) uncertainty: Option<Vec<f64>>,
    /// Ids of the velocity genes, where a fit chose them.
    pub(super) velocity_genes: Option<HashSet<String>>,
    /// Distances to the nearest other cells.
    pub(super) neighbours: Option<Pairs>,
    /// Whether a stochastic fit made the folder.
    pub(super) stochastic: bool,
    /// Names of the columns that may hold labels, and the labels where the column asked for is there.
    pub(super) columns: Vec<String>,
    pub(super) labels: Option<Vec<Option<String>>>,
}

impl VelocityInput {
    /// Reads a folder, a table or an h5ad file.
    ///
    /// # Errors
    /// Contract: nothing there, no velocities, tables that do not belong together. Incompatible: another format.
    pub(super) fn read(role: Role, path: &Path, label: Option<&str>) -> Result<Self> {
        if path.is_file() && is_hdf5(path) {
            return Self::from_h5ad(role, path, label);
        }
        let dir = path.is_dir().then(|| VelocityDir::open(path)).transpose()?;
        let table = open_velocities(path)?;
        let schema = table.schema().clone();
        let content_id = match &dir {
            Some(dir) => dir.manifest().content_id.clone(),
            None if !schema.manifest.content_id.is_empty() => schema.manifest.content_id.clone(),
            None => sha256_file(path)?,
        };
        let mut batch = table.read_all()?;
        let mut take =
            |name: &str| schema.matrix(name).ok().map(|at| std::mem::take(&mut batch.matrices[at]));
        let (velocity, state) = (take(VELOCITY).unwrap_or_default(), take(STATE));
        let keys: Vec<Key> = batch.dataset.into_iter().zip(batch.cell_id).collect();
        let obs: Vec<(String, Column)> =
            schema.obs.iter().map(|field| field.name.clone()).zip(batch.obs).collect();
        let mut source = Self {
            role,
            name: place::base_name(path),
            content_id,
            keys,
            by_id: false,
            genes: schema.genes,
            velocity,
            positions: state,
            uncertainty: obs.iter().find(|(name, _)| name == UNCERTAINTY).and_then(|(_, all)| numbers(all)),
            velocity_genes: None,
            neighbours: None,
            stochastic: false,
            columns: Vec::new(),
            labels: None,
        };
        source.add_columns(obs, label);
        if let Some(dir) = &dir {
            source.add_folder(dir, label)?;
        }
        Ok(source)
    }

    /// Reads the layer of an h5ad file, as a simulation or a fit writes it.
    fn from_h5ad(role: Role, path: &Path, label: Option<&str>) -> Result<Self> {
        let file = H5ad::open(path)?;
        let layer = |name: &str| anndata::Source::Layer(name.to_owned());
        let there = file.sources();
        let Some((velocity, positions)) = LAYERS.into_iter().find(|(name, _)| there.contains(&layer(name)))
        else {
            let found: Vec<String> = there.iter().map(ToString::to_string).collect();
            return Err(Error::contract(format!("{}: no layer of velocities", path.display()))
                .found(found.join(", "))
                .wanted(LAYERS.map(|(name, _)| name).join(" or "))
                .help(
                    "mfdoom-simulate --truth full writes true velocities, mfdoom-velocity --into fitted ones",
                ));
        };
        let read = |name: &str| Ok::<_, Error>(file.whole(&layer(name))?.data().to_vec());
        let ids = file.obs_names()?;
        let columns = file.obs_columns();
        let labels = label.filter(|label| columns.iter().any(|name| name == label));
        Ok(Self {
            role,
            name: place::base_name(path),
            content_id: sha256_file(path)?,
            keys: ids.into_iter().map(|id| (String::new(), id)).collect(),
            by_id: true,
            genes: genes_of(&file, &layer(velocity), None)?,
            velocity: read(velocity)?,
            positions: there.contains(&layer(positions)).then(|| read(positions)).transpose()?,
            uncertainty: None,
            velocity_genes: None,
            neighbours: None,
            stochastic: false,
            labels: labels.map(|label| Ok::<_, Error>(file.obs_column(label)?.to_strings())).transpose()?,
            columns,
        })
    }

    /// Adds what only a folder has.
    fn add_folder(&mut self, dir: &VelocityDir, label: Option<&str>) -> Result<()> {
        let config = &dir.manifest().config;
        let fit = config.get("velocity").unwrap_or(config);
        self.stochastic = fit.get("mode").and_then(|mode| mode.as_str()) == Some("stochastic");
        self.neighbours = dir.neighbors()?.map(|pairs| pairs.read_all()).transpose()?;
        self.velocity_genes = dir.kinetics()?.map(|kinetics| {
            let genes = kinetics.genes.iter().zip(&kinetics.velocity_gene);
            genes.filter(|(_, chosen)| **chosen).map(|(gene, _)| gene.id.clone()).collect()
        });
        if let Some(table) = dir.moments()? {
            let same_genes = table.schema().genes == self.genes;
            let batch = table.select(&[MS])?.read_all()?;
            self.belongs(same_genes && self.has_cells(&batch.dataset, &batch.cell_id), dir)?;
            self.positions = batch.matrices.into_iter().next();
        }
        if let Some(cells) = dir.cells()? {
            self.belongs(self.has_cells(&cells.dataset, &cells.cell_id), dir)?;
            self.add_columns(cells.columns, label);
        }
        Ok(())
    }

    fn add_columns(&mut self, columns: Vec<(String, Column)>, label: Option<&str>) {
        let names = || columns.iter().map(|(name, _)| name.as_str());
        if let Some(at) = label.and_then(|label| obs::position(names(), label)) {
            self.labels = Some(columns[at].1.to_strings());
        }
        self.columns.extend(columns.into_iter().map(|(name, _)| name));
    }

    fn has_cells(&self, dataset: &[String], cell_id: &[String]) -> bool {
        let there = dataset.iter().zip(cell_id);
        self.keys.iter().map(|(dataset, cell)| (dataset, cell)).eq(there)
    }

    fn belongs(&self, fits: bool, dir: &VelocityDir) -> Result<()> {
        if fits {
            return Ok(());
        }
        Err(Error::contract(format!("{}: its tables do not belong together", dir.path().display()))
            .wanted("the same cells and genes in the same order in every table")
            .help("make the folder again, or copy it whole"))
    }
}

/// Returns a column of real numbers, NaN for nulls.
fn numbers(column: &Column) -> Option<Vec<f64>> {
    match column {
        Column::Float(values) => Some(values.clone()),
        _ => None,
    }
}
