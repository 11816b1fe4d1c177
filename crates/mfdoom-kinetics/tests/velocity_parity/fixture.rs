//! The reference arrays of one data set, produced by scVelo 0.3.4, read in place.

use std::path::PathBuf;

use mfdoom_kinetics::moments::{Moments, Smoother};
use mfdoom_matrix::Csr;
use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;
use mfdoom_matrix::connectivities;
use mfdoom_matrix::{divide_rows, size_factors};
use mfdoom_testing::Npz;

/// One data set and where its results lie.
pub struct Fixture {
    folder: PathBuf,
    tag: &'static str,
    pub base: Npz,
}

impl Fixture {
    /// Opens the data set, or says on stderr that the reference is absent and the test does nothing.
    pub fn open(tag: &'static str) -> Option<Self> {
        let folder = mfdoom_testing::shared("reference/velocity")?;
        Some(Self { base: Npz::open(&folder.join(format!("{tag}_base.npz"))), folder, tag })
    }

    /// Opens `<tag>_<name>.npz`.
    pub fn npz(&self, name: &str) -> Npz {
        Npz::open(&self.folder.join(format!("{}_{name}.npz", self.tag)))
    }

    pub fn n_cells(&self) -> usize {
        self.base.array("knn_indices").shape[0]
    }

    pub fn n_genes(&self) -> usize {
        self.base.array("genes").shape[0]
    }

    /// Reads a cells x genes matrix that may be split by genes into parts.
    pub fn matrix(&self, file: &str, key: &str) -> Matrix {
        let parts: Vec<Npz> = match self.folder.join(format!("{}_{file}.npz", self.tag)) {
            whole if whole.exists() => vec![Npz::open(&whole)],
            _ => (2..=4)
                .filter(|n| self.folder.join(format!("{}_{file}_part1of{n}.npz", self.tag)).exists())
                .flat_map(|n| (1..=n).map(move |i| self.npz(&format!("{file}_part{i}of{n}"))))
                .collect(),
        };
        assert!(!parts.is_empty(), "{} {file}", self.tag);
        let columns: usize = parts.iter().map(|part| part.array(key).shape[1]).sum();
        let mut out = Matrix::filled(self.n_cells(), columns, 0.0);
        let mut first = 0;
        for part in &parts {
            let width = part.array(key).shape[1];
            for (i, row) in part.f32(key).chunks_exact(width).enumerate() {
                out.data_mut()[i * columns + first..][..width].copy_from_slice(row);
            }
            first += width;
        }
        out
    }

    /// Reads a COO matrix of cells by cells.
    pub fn coo(&self, npz: &Npz, prefix: &str) -> Csr {
        let name = |part: &str| format!("{prefix}{part}");
        let (row, col, data) = (npz.usize(&name("row")), npz.u32(&name("col")), npz.f32(&name("data")));
        let mut rows = vec![(Vec::new(), Vec::new()); self.n_cells()];
        for ((i, j), value) in row.into_iter().zip(col).zip(data) {
            rows[i].0.push(j);
            rows[i].1.push(value);
        }
        Csr::from_rows(self.n_cells(), &rows)
    }

    pub fn neighbors(&self) -> Neighbors {
        let k = self.base.array("knn_indices").shape[1];
        // Theirs name each cell first.
        let others = |values: Vec<f32>| values.chunks_exact(k).flat_map(|row| row[1..].to_vec()).collect();
        let indices =
            self.base.u32("knn_indices").chunks_exact(k).flat_map(|row| row[1..].to_vec()).collect();
        Neighbors::new(k - 1, indices, others(self.base.f32("knn_distances"))).unwrap()
    }

    /// Our own connectivities from the reference's neighbours.
    pub fn smoother(&self) -> Smoother {
        Smoother::new(&connectivities(&self.neighbors())).unwrap()
    }

    /// Raw counts of one layer after the gene filter.
    pub fn counts(&self, layer: &str) -> Csr {
        let npz = self.npz("counts");
        let part = |part: &str| format!("{layer}_{part}");
        let (indptr, indices, values) =
            (npz.usize(&part("indptr")), npz.u32(&part("indices")), npz.f32(&part("data")));
        let rows: Vec<(Vec<u32>, Vec<f32>)> = indptr
            .windows(2)
            .map(|ends| {
                let stored = ends[0]..ends[1];
                let mut row: Vec<(u32, f32)> =
                    indices[stored.clone()].iter().copied().zip(values[stored].iter().copied()).collect();
                row.sort_by_key(|entry| entry.0);
                row.into_iter().unzip()
            })
            .collect();
        Csr::from_rows(self.n_genes(), &rows)
    }

    /// Size-normalised counts of both layers.
    pub fn normalised(&self) -> [Csr; 2] {
        ["spliced", "unspliced"].map(|layer| {
            let factors = size_factors(&self.base.f64(&format!("initial_size_{layer}")));
            let mut counts = self.counts(layer);
            divide_rows(&mut counts, &factors).unwrap();
            counts
        })
    }

    pub fn moments(&self, smoother: &Smoother) -> Moments {
        let [spliced, unspliced] = self.normalised();
        Moments::new(smoother, &spliced, &unspliced).unwrap()
    }
}
