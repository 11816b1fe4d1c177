//! Small AnnData files and velocity folders.

use std::path::{Path, PathBuf};

use mfdoom_artifact::velocity::{
    CellTable, VELOCITY_DIR_FORMAT, fit_schema, moments_schema, projection_schema,
};
use mfdoom_artifact::{Column, EmbeddingBatch, Gene, GeneBatch, Manifest, VelocityDirWriter};
use mfdoom_counts::{Frame, H5ad, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
use mfdoom_matrix::Csr;
use serde_json::json;
use tempfile::TempDir;

/// Cells of every file.
pub const CELLS: usize = 12;

pub struct World {
    folder: TempDir,
}

pub fn texts(values: impl IntoIterator<Item = impl Into<String>>) -> Column {
    Column::String(values.into_iter().map(|value| Some(value.into())).collect())
}

pub fn genes(ids: &[&str]) -> Vec<Gene> {
    ids.iter().map(|id| Gene::new(*id, *id)).collect()
}

/// What a folder holds besides its velocities.
#[derive(Default)]
pub struct Parts {
    /// Cells of the moments, by number; none: no moments.
    pub moments: Option<Vec<usize>>,
    /// Cells of `cells.parquet`, by number; none: no such table.
    pub cells: Option<Vec<usize>>,
    /// Row, column and distance of neighbours.
    pub neighbors: Vec<(u32, u32, f32)>,
    /// Whether there is a projection on a UMAP.
    pub umap: bool,
    /// The column of `var` that the counts were read by.
    pub gene_column: Option<&'static str>,
}

impl World {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of these genes, its index and columns of `var`.
    pub fn file(&self, name: &str, index: &[&str], columns: &[(&str, Column)]) -> PathBuf {
        let path = self.path(name);
        let mut var = Frame::new(index.iter().map(|id| (*id).to_owned()).collect());
        for (name, column) in columns {
            var = var.with(*name, column.clone());
        }
        let matrices = vec![NewMatrix::new(Source::X, MatrixKind::Counts, index.len())];
        let mut writer = H5adWriter::create(&path, true, &NewFile { var, matrices, uns: vec![] }).unwrap();
        let empty = Csr::new(index.len(), vec![0; CELLS + 1], vec![], vec![]).unwrap();
        writer.append(&Source::X, &empty).unwrap();
        writer.finish(&Frame::new((0..CELLS).map(|i| format!("c{i}")).collect())).unwrap();
        path
    }

    /// Writes a fit whose velocity of cell i and gene j is 100 i + j, and whose moments are their negatives.
    pub fn fit(&self, name: &str, genes: &[Gene], parts: &Parts) -> PathBuf {
        let path = self.path(name);
        let mut config = json!({ "mode": "deterministic" });
        if let Some(column) = parts.gene_column {
            config["gene_column"] = json!(column);
        }
        let manifest = Manifest::new("mfdoom-velocity", "0.1.0", VELOCITY_DIR_FORMAT, config, vec![]);
        let folder = VelocityDirWriter::create(&path, true).unwrap();
        let every: Vec<usize> = (0..CELLS).collect();
        let mut table = folder.velocities(fit_schema(genes.to_vec(), manifest.clone())).unwrap();
        table.write(block(&every, genes.len(), &[1.0])).unwrap();
        table.finish().unwrap();
        if let Some(cells) = &parts.moments {
            let mut table = folder.moments(moments_schema(genes.to_vec(), manifest.clone())).unwrap();
            table.write(block(cells, genes.len(), &[-1.0, -2.0])).unwrap();
            table.finish().unwrap();
        }
        if let Some(cells) = &parts.cells {
            let mut table = CellTable { dataset: dataset(cells), cell_id: ids(cells), columns: vec![] };
            table.set_numbers("confidence", cells.iter().map(|cell| *cell as f64));
            folder.cells(&table).unwrap();
        }
        if !parts.neighbors.is_empty() {
            let mut pairs = folder.neighbors().unwrap();
            let [rows, cols] = [0, 1].map(|at| {
                parts.neighbors.iter().map(|pair| if at == 0 { pair.0 } else { pair.1 }).collect::<Vec<u32>>()
            });
            let values = parts.neighbors.iter().map(|pair| pair.2).collect();
            pairs.write(mfdoom_artifact::velocity::Pairs { rows, cols, values }).unwrap();
            pairs.finish().unwrap();
        }
        if parts.umap {
            let schema = projection_schema(2, manifest.clone()).unwrap();
            let mut table = folder.projection("umap", schema).unwrap();
            let points = every.iter().flat_map(|cell| [*cell as f32, 1.0]).collect();
            table
                .write(&EmbeddingBatch {
                    dataset: dataset(&every),
                    cell_id: ids(&every),
                    heads: vec![points, vec![0.5; 2 * CELLS]],
                    ..EmbeddingBatch::default()
                })
                .unwrap();
            table.finish().unwrap();
        }
        folder.commit(&manifest).unwrap();
        path
    }
}

fn dataset(cells: &[usize]) -> Vec<String> {
    vec!["d".into(); cells.len()]
}

fn ids(cells: &[usize]) -> Vec<String> {
    cells.iter().map(|cell| format!("c{cell}")).collect()
}

fn block(cells: &[usize], n_genes: usize, signs: &[f32]) -> GeneBatch {
    let values = |sign: &f32| -> Vec<f32> {
        cells
            .iter()
            .flat_map(|cell| (0..n_genes).map(move |gene| sign * (100 * cell + gene) as f32))
            .collect()
    };
    GeneBatch {
        dataset: dataset(cells),
        cell_id: ids(cells),
        obs: vec![],
        matrices: signs.iter().map(values).collect(),
    }
}

/// Every cell's two nearest in a ring.
pub fn ring() -> Vec<(u32, u32, f32)> {
    let n = CELLS as u32;
    (0..n).flat_map(|cell| [1, 2].map(|step| (cell, (cell + step) % n, step as f32))).collect()
}

/// Returns a layer or an array of `obsm`, row by row.
pub fn dense(path: &Path, source: &Source) -> Vec<f32> {
    let mut matrix = H5ad::open(path).unwrap().matrix(source).unwrap();
    let (n, n_cols) = (matrix.n_rows(), matrix.n_cols());
    let block = matrix.read_rows(0..n).unwrap();
    let mut values = vec![0.0; n * n_cols];
    for row in 0..n {
        let (columns, found) = block.row(row);
        columns
            .iter()
            .zip(found)
            .for_each(|(&column, &value)| values[row * n_cols + column as usize] = value);
    }
    values
}

pub fn layer(path: &Path, name: &str) -> Vec<f32> {
    dense(path, &Source::Layer(name.into()))
}
