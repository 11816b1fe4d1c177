//! Small AnnData files with known counts, and runs of the stage.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use mfdoom_artifact::Input;
use mfdoom_counts::{Column, Frame, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
use mfdoom_error::Result;
use mfdoom_matrix::Csr;
use mfdoom_preprocess::Args;
use mfdoom_tokens::{TokenBatch, TokenReader, TokenSchema};
use tempfile::TempDir;

/// A dense table of counts, a row per cell.
pub type Rows = Vec<Vec<f32>>;

/// A file to be made.
#[derive(Default)]
pub struct File {
    pub genes: Vec<String>,
    pub cells: Vec<String>,
    pub matrices: Vec<(&'static str, Rows)>,
    pub obs: Vec<(&'static str, Column)>,
    pub var: Vec<(&'static str, Column)>,
}

impl File {
    /// Names `n_cells` cells c0, c1 ... and `n_genes` genes g00, g01 ...
    pub fn new(n_cells: usize, n_genes: usize) -> Self {
        Self {
            genes: (0..n_genes).map(|i| format!("g{i:02}")).collect(),
            cells: (0..n_cells).map(|i| format!("c{i}")).collect(),
            ..Self::default()
        }
    }

    /// Adds a matrix.
    pub fn with(mut self, path: &'static str, rows: Rows) -> Self {
        self.matrices.push((path, rows));
        self
    }

    /// Adds an obs column.
    pub fn obs(mut self, name: &'static str, column: Column) -> Self {
        self.obs.push((name, column));
        self
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) {
        let mut var = Frame::new(self.genes.clone());
        for (name, column) in &self.var {
            var = var.with(*name, column.clone());
        }
        let width = |rows: &Rows| rows.first().map_or(self.genes.len(), Vec::len);
        let new = |(path, rows): &(&str, Rows)| NewMatrix::new(path, MatrixKind::Sparse, width(rows));
        let matrices = self.matrices.iter().map(new).collect();
        let mut writer =
            H5adWriter::create(path, false, &NewFile { var, matrices, uns: Vec::new() }).unwrap();
        for (path, rows) in &self.matrices {
            let source: Source = path.parse().unwrap();
            writer.append(&source, &block(rows, width(rows))).unwrap();
        }
        let mut obs = Frame::new(self.cells.clone());
        for (name, column) in &self.obs {
            obs = obs.with(*name, column.clone());
        }
        writer.finish(&obs).unwrap();
    }
}

fn block(rows: &Rows, n_cols: usize) -> Csr {
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in rows {
        for (column, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(column as u32);
            values.push(*value);
        }
        indptr.push(indices.len());
    }
    Csr::new(n_cols, indptr, indices, values).unwrap()
}

/// Counts that differ by cell, gene and seed, a third of them zero.
pub fn counts(n_cells: usize, n_genes: usize, seed: usize) -> Rows {
    let count = |i: usize, j: usize| {
        let x = (i * 7919 + j * 104_729 + seed * 1_299_709) % 1009;
        if x.is_multiple_of(3) { 0.0 } else { (x % 17 + 1) as f32 }
    };
    (0..n_cells).map(|i| (0..n_genes).map(|j| count(i, j)).collect()).collect()
}

/// A file with spliced and unspliced counts.
pub fn spliced(n_cells: usize, n_genes: usize) -> File {
    File::new(n_cells, n_genes)
        .with("layers/spliced", counts(n_cells, n_genes, 1))
        .with("layers/unspliced", counts(n_cells, n_genes, 2))
}

/// A folder with files in it.
pub struct Folder(pub TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path as text.
    pub fn put(&self, name: &str, file: &File) -> String {
        file.write(&self.path(name));
        self.text(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Returns the names of everything in the folder.
    pub fn entries(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// Runs the stage in this process, writing `output`.
    pub fn run(&self, output: &str, arguments: &[&str]) -> Result<()> {
        let output = self.text(output);
        let all = ["mfdoom-preprocess", "-o", &output].into_iter().chain(arguments.iter().copied());
        mfdoom_preprocess::run(Args::try_parse_from(all).unwrap())
    }

    /// Runs the stage and reads the table.
    pub fn table(&self, arguments: &[&str]) -> Table {
        let output = format!("table-{}.parquet", self.entries().len());
        self.run(&output, arguments).unwrap();
        Table::read(&self.path(&output))
    }
}

/// A token table as plain values.
pub struct Table {
    pub schema: Arc<TokenSchema>,
    pub batch: TokenBatch,
}

impl Table {
    pub fn read(path: &Path) -> Self {
        Self::of(TokenReader::open(&Input::Path(path.to_owned())).unwrap())
    }

    pub fn of(reader: TokenReader) -> Self {
        let schema = reader.schema().clone();
        let mut all = TokenBatch::default();
        for batch in reader {
            let batch = batch.unwrap();
            if all.is_empty() {
                all = batch;
                continue;
            }
            all.dataset.extend(batch.dataset);
            all.cell_id.extend(batch.cell_id);
            for (column, more) in all.obs.iter_mut().zip(&batch.obs) {
                column.append(more).unwrap();
            }
            for (tokens, more) in all.modalities.iter_mut().zip(&batch.modalities) {
                (0..more.len()).for_each(|i| tokens.push_from(more, i));
            }
        }
        Self { schema, batch: all }
    }

    /// Returns gene and count of each token of a cell, nothing where the modality was not measured.
    pub fn cell(&self, modality: &str, row: usize) -> Option<BTreeMap<String, f32>> {
        let tokens = &self.batch.modalities[self.schema.modality(modality).unwrap()];
        let (index, count) = tokens.cell(row);
        let gene = |id: &u32| self.schema.vocabulary.gene(*id).unwrap().id.clone();
        tokens.present[row].then(|| index.iter().map(gene).zip(count.iter().copied()).collect())
    }

    pub fn library_size(&self, modality: &str) -> &[f64] {
        &self.batch.modalities[self.schema.modality(modality).unwrap()].library_size
    }

    /// Checks the tokens of a modality, from row `first` on, against dense counts.
    pub fn assert_counts(&self, modality: &str, first: usize, genes: &[String], rows: &Rows) {
        for (i, row) in rows.iter().enumerate() {
            let pairs = genes.iter().cloned().zip(row.iter().copied());
            let wanted: BTreeMap<String, f32> = pairs.filter(|(_, count)| *count > 0.0).collect();
            assert_eq!(self.cell(modality, first + i), Some(wanted), "{modality} of row {}", first + i);
            let total: f32 = row.iter().sum();
            assert_eq!(self.library_size(modality)[first + i], f64::from(total));
        }
    }

    pub fn genes(&self) -> Vec<&str> {
        self.schema.vocabulary.genes().iter().map(|gene| gene.id.as_str()).collect()
    }

    /// Returns the ids of the genes that a data set measured.
    pub fn measured(&self, dataset: &str, modality: &str) -> Option<Vec<&str>> {
        let tokens = self.schema.measured.get(dataset, modality)?;
        Some(tokens.iter().map(|id| self.schema.vocabulary.gene(*id).unwrap().id.as_str()).collect())
    }
}

/// Adds dense counts.
pub fn plus(a: &Rows, b: &Rows) -> Rows {
    a.iter().zip(b).map(|(x, y)| x.iter().zip(y).map(|(x, y)| x + y).collect()).collect()
}
