//! Small files of counts with known kinetics, and runs of the stage.

use std::path::{Path, PathBuf};

use clap::Parser;
use mfdoom_counts::{Column, Frame, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
use mfdoom_error::Result;
use mfdoom_matrix::Csr;
use mfdoom_velocity::{Args, run};

/// What the counts are made of.
#[derive(Clone)]
pub struct World {
    pub n_cells: usize,
    pub n_genes: usize,
    /// Layer names; the second may be left out.
    pub layers: Vec<&'static str>,
    /// Multiplies every count.
    pub factor: f32,
    /// This gene has no count at all.
    pub silent: Option<usize>,
    /// This layer holds no count at all.
    pub empty: Option<usize>,
    /// Cells of the second half have other genes on: the neighbour graph falls apart.
    pub apart: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            n_cells: 150,
            n_genes: 40,
            layers: vec!["spliced", "unspliced"],
            factor: 1.0,
            silent: None,
            empty: None,
            apart: false,
        }
    }
}

/// The true ratio of degradation to splicing of a gene.
pub fn gamma(gene: usize) -> f64 {
    0.3 + 0.05 * (gene % 10) as f64
}

impl World {
    /// Returns expected spliced and unspliced counts: even genes are induced and odd ones repressed, each at its own
    /// time and pace, so that cells are of about the same size.
    fn expected(&self, cell: usize, gene: usize) -> (f64, f64) {
        if self.silent == Some(gene) {
            return (0.0, 0.0);
        }
        let half = usize::from(cell >= self.n_cells / 2);
        if self.apart && gene % 2 != half {
            return (0.0, 0.0);
        }
        // Two lineages without a common start share no neighbours.
        let time = match self.apart {
            true => 4.0 + 8.0 * (cell % (self.n_cells / 2)) as f64 / (self.n_cells / 2) as f64,
            false => 12.0 * cell as f64 / self.n_cells as f64,
        };
        let (alpha, gamma) = (20.0 + (gene % 7) as f64 * 5.0, gamma(gene));
        let start = (gene % 4) as f64;
        let t = (time - start).max(0.0);
        let (fast, slow) = ((-t).exp(), (-gamma * t).exp());
        let (u, s) =
            (alpha * (1.0 - fast), alpha / gamma * (1.0 - slow) + alpha / (gamma - 1.0) * (slow - fast));
        // Linear kinetics: what is lost after repression is what was gained after induction.
        if gene.is_multiple_of(2) { (s, u) } else { (alpha / gamma - s, alpha - u) }
    }

    fn layer(&self, which: usize) -> Csr {
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for cell in 0..self.n_cells {
            for gene in 0..self.n_genes {
                let (s, u) = self.expected(cell, gene);
                let mean = [s, u][which % 2];
                // Uniform, with the variance of a Poisson count.
                let noise = noise((cell * self.n_genes + gene) * 2 + which) * (3.0 * mean).sqrt();
                let count = (mean + noise).round().max(0.0) as f32;
                if count > 0.0 && self.empty != Some(which) {
                    indices.push(gene as u32);
                    values.push(count * self.factor);
                }
            }
            indptr.push(indices.len());
        }
        Csr::new(self.n_genes, indptr, indices, values).unwrap()
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) {
        let genes = (0..self.n_genes).map(|gene| format!("gene_{gene}")).collect();
        let sources: Vec<Source> = self.layers.iter().map(|name| Source::Layer((*name).to_owned())).collect();
        let kind = if self.factor.fract() == 0.0 { MatrixKind::Counts } else { MatrixKind::Sparse };
        let mut matrices: Vec<NewMatrix> =
            sources.iter().map(|source| NewMatrix::new(source, kind, self.n_genes)).collect();
        matrices.push(NewMatrix::new(Source::Obsm("X_flat".into()), MatrixKind::Dense, 2));
        let new = NewFile { var: Frame::new(genes), matrices, uns: Vec::new() };
        let mut file = H5adWriter::create(path, true, &new).unwrap();
        for (which, source) in sources.iter().enumerate() {
            file.append(source, &self.layer(which)).unwrap();
        }
        let points = (0..self.n_cells).flat_map(|cell| [cell as f32, noise(cell) as f32]);
        file.append_dense(&Source::Obsm("X_flat".into()), &points.collect::<Vec<_>>()).unwrap();
        let names = (0..self.n_cells).map(|cell| format!("cell_{cell}")).collect();
        let codes = (0..self.n_cells).map(|cell| Some((3 * cell / self.n_cells) as u32)).collect();
        let stage = Column::Categorical {
            codes,
            categories: ["early", "middle", "late"].map(str::to_owned).to_vec(),
        };
        let batch = Column::String((0..self.n_cells).map(|cell| Some(format!("b{}", cell % 2))).collect());
        let size = Column::Float((0..self.n_cells).map(|cell| 1000.0 + cell as f64).collect());
        let labels = |label: fn(usize) -> String| {
            Column::String((0..self.n_cells).map(|cell| Some(label(cell))).collect())
        };
        let few = labels(|cell| ["one", "two", "two"].get(cell).unwrap_or(&"many").to_string());
        let slash = labels(|cell| ["T/NK", "T_NK"][cell % 2].to_owned());
        let each = labels(|cell| format!("c{cell}"));
        let obs = Frame::new(names).with("few", few).with("slash", slash).with("each", each);
        let obs = obs.with("stage", stage).with("batch", batch).with("size", size);
        file.finish(&obs).unwrap();
    }
}

/// Returns a number between -1 and 1 that looks random.
fn noise(seed: usize) -> f64 {
    let mut x = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// A folder with a file of counts in it.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        world.write(&folder.path().join("counts.h5ad"));
        Self { folder }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command line in which `@name` stands for a file of the folder.
    pub fn run(&self, line: &str) -> Result<()> {
        let prefix = format!("{}/", self.folder.path().display());
        let words = line.split_whitespace().map(|word| word.replace('@', &prefix));
        let args = Args::try_parse_from(std::iter::once("mfdoom-velocity".to_owned()).chain(words));
        run(args.unwrap_or_else(|error| panic!("{error}")))
    }
}
