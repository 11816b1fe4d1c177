//! Random counts, and how each format has them; the fuzzing of the whole workspace writes the same files.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::zarr::{Store, zip};
use super::{Packing, Sparse, attribute, frame, line, packed, sparse, texts};

/// A small generator of random numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Counts, names, and the dice with which a file is made.
pub struct Case {
    pub rows: Vec<Vec<f32>>,
    pub cells: Vec<String>,
    pub genes: Vec<String>,
    pub random: Random,
}

impl Case {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let (n_cells, n_genes) = (1 + random.below(40), 1 + random.below(30));
        let density = random.below(101);
        let largest = [1, 9, 300, 70_000, 1 << 24][random.below(5)];
        let mut value =
            |_| if random.below(100) < density { (random.below(largest) + 1) as f32 } else { 0.0 };
        let rows = (0..n_cells).map(|_| (0..n_genes).map(&mut value).collect()).collect();
        let letter = |random: &mut Random| "ACGT".as_bytes()[random.below(4)] as char;
        let barcode = |at| (0..16).map(|_| letter(&mut random)).collect::<String>() + &format!("-{at}");
        let cells = (0..n_cells).map(barcode).collect();
        let genes = (0..n_genes).map(|at| format!("ENSG{at:011}")).collect();
        Self { rows, cells, genes, random }
    }

    pub fn shape(&self) -> (usize, usize) {
        (self.rows.len(), self.genes.len())
    }

    /// Row, column and value of what is not 0, row by row.
    fn entries(&self) -> Vec<(usize, usize, f32)> {
        let of_row = |(cell, row): (usize, &Vec<f32>)| -> Vec<(usize, usize, f32)> {
            let counts = row.iter().enumerate().filter(|(_, count)| **count > 0.0);
            counts.map(|(gene, count)| (cell, gene, *count)).collect()
        };
        self.rows.iter().enumerate().flat_map(of_row).collect()
    }

    /// Pointers, indices and values, by rows or by columns.
    fn compressed(&self, by_column: bool) -> (Vec<i32>, Vec<i32>, Vec<i32>) {
        let mut entries = self.entries();
        if by_column {
            entries.sort_by_key(|(cell, gene, _)| (*gene, *cell));
        }
        let major = |entry: &(usize, usize, f32)| if by_column { entry.1 } else { entry.0 };
        let n = if by_column { self.genes.len() } else { self.rows.len() };
        let ends =
            (0..=n).map(|at| entries.iter().filter(|entry| major(entry) < at).count() as i32).collect();
        let minor = |entry: &(usize, usize, f32)| if by_column { entry.0 } else { entry.1 } as i32;
        (ends, entries.iter().map(minor).collect(), entries.iter().map(|entry| entry.2 as i32).collect())
    }
}

fn put(path: &Path, bytes: &[u8], gzip: bool) {
    if !gzip {
        return fs::write(path, bytes).unwrap();
    }
    let mut encoder =
        flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
}

fn list(path: &Path, names: &[String]) {
    fs::write(path, names.join("\n") + "\n").unwrap();
}

/// Writes a case below a folder and returns where, and the matrix to read.
pub type Write = fn(&mut Case, &Path) -> (PathBuf, &'static str);

fn table(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let (turned, gzip) = (case.random.below(2) == 1, case.random.below(2) == 1);
    let delimiter = if case.random.below(2) == 1 { "\t" } else { "," };
    let (across, down) = if turned { (&case.cells, &case.genes) } else { (&case.genes, &case.cells) };
    let mut text = format!("{delimiter}{}\n", across.join(delimiter));
    for (at, name) in down.iter().enumerate() {
        write!(text, "{name}").unwrap();
        for other in 0..across.len() {
            let count = if turned { case.rows[other][at] } else { case.rows[at][other] };
            write!(text, "{delimiter}{count}").unwrap();
        }
        text.push('\n');
    }
    let path = folder.join("table.txt");
    put(&path, text.as_bytes(), gzip);
    (path, "X")
}

fn market(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let mut entries = case.entries();
    if case.random.below(2) == 1 {
        for at in (1..entries.len()).rev() {
            entries.swap(at, case.random.below(at + 1));
        }
    }
    let (turned, gzip) = (case.random.below(2) == 1, case.random.below(2) == 1);
    let kind = ["integer", "real"][case.random.below(2)];
    let (n_cells, n_genes) = case.shape();
    let shape = if turned { (n_cells, n_genes) } else { (n_genes, n_cells) };
    let mut text = format!(
        "%%MatrixMarket matrix coordinate {kind} general\n{} {} {}\n",
        shape.0,
        shape.1,
        entries.len()
    );
    for (cell, gene, count) in entries {
        let (row, column) = if turned { (cell, gene) } else { (gene, cell) };
        writeln!(text, "{} {} {count}", row + 1, column + 1).unwrap();
    }
    put(&folder.join(if gzip { "matrix.mtx.gz" } else { "matrix.mtx" }), text.as_bytes(), gzip);
    list(&folder.join("barcodes.tsv"), &case.cells);
    list(&folder.join("genes.tsv"), &case.genes);
    (folder.to_owned(), "X")
}

fn eds(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let mut bytes = Vec::new();
    for row in &case.rows {
        let mut flags = vec![0_u8; row.len().div_ceil(8)];
        let set = row.iter().enumerate().filter(|(_, count)| **count > 0.0);
        set.for_each(|(gene, _)| flags[gene / 8] |= 128 >> (gene % 8));
        bytes.extend(flags);
        bytes.extend(row.iter().filter(|count| **count > 0.0).flat_map(|count| count.to_le_bytes()));
    }
    put(&folder.join("quants_mat.gz"), &bytes, true);
    list(&folder.join("quants_mat_rows.txt"), &case.cells);
    list(&folder.join("quants_mat_cols.txt"), &case.genes);
    (folder.to_owned(), "X")
}

fn bustools(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let (n_cells, n_genes) = case.shape();
    for name in ["spliced", "unspliced"] {
        let entries = case.entries();
        let mut text = format!(
            "%%MatrixMarket matrix coordinate real general\n%\n{n_cells} {n_genes} {}\n",
            entries.len()
        );
        entries
            .iter()
            .for_each(|(cell, gene, count)| writeln!(text, "{} {} {count}", cell + 1, gene + 1).unwrap());
        fs::write(folder.join(format!("{name}.mtx")), text).unwrap();
        list(&folder.join(format!("{name}.barcodes.txt")), &case.cells);
        list(&folder.join(format!("{name}.genes.txt")), &case.genes);
    }
    (folder.to_owned(), "layers/unspliced")
}

fn zarr(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let root = folder.join("a.zarr");
    let store = Store { root: &root, v3: case.random.below(2) == 1 };
    store.group("", "{}");
    let names = |names: &[String]| names.iter().map(String::as_str).collect::<Vec<_>>().join("\0");
    for (name, of) in [("obs", names(&case.cells)), ("var", names(&case.genes))] {
        store.group(name, "{\"_index\":\"_index\",\"column-order\":[]}");
        store.texts(&format!("{name}/_index"), &of.split('\0').collect::<Vec<_>>());
    }
    let (n_cells, n_genes) = case.shape();
    if case.random.below(3) == 0 {
        let (height, width) = (1 + case.random.below(n_cells + 3), 1 + case.random.below(n_genes + 3));
        let mut chunks = Vec::new();
        for (down, across) in (0..n_cells.div_ceil(height))
            .flat_map(|down| (0..n_genes.div_ceil(width)).map(move |at| (down, at)))
        {
            let at = |row: usize, column: usize| case.rows.get(row).and_then(|row| row.get(column)).copied();
            let cell = |i: usize| (down * height + i / width, across * width + i % width);
            let values = (0..height * width).map(|i| at(cell(i).0, cell(i).1).unwrap_or(7.0));
            chunks.push((format!("{down}.{across}"), values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()));
        }
        let chunks: Vec<(&str, Vec<u8>)> =
            chunks.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        store.array("X", (&[n_cells, n_genes], &[height, width]), ("<f4", "float32"), &chunks);
    } else {
        let by_column = case.random.below(2) == 1;
        let encoding = if by_column { "csc_matrix" } else { "csr_matrix" };
        store.group("X", &format!("{{\"encoding-type\":\"{encoding}\",\"shape\":[{n_cells},{n_genes}]}}"));
        let (indptr, indices, data) = case.compressed(by_column);
        store.ints("X/indptr", &indptr);
        store.ints("X/indices", &indices);
        store.ints("X/data", &data);
    }
    if case.random.below(2) == 1 {
        let path = folder.join("a.zip");
        zip(&root, ["", "a.zarr/"][case.random.below(2)], &path);
        fs::remove_dir_all(&root).unwrap();
        return (path, "X");
    }
    (root, "X")
}

fn anndata(case: &mut Case, group: &hdf5::Group) {
    let names = |names: &[String]| names.iter().map(String::as_str).collect::<Vec<_>>().join("\0");
    frame(group, "obs", "_index", &names(&case.cells).split('\0').collect::<Vec<_>>());
    frame(group, "var", "_index", &names(&case.genes).split('\0').collect::<Vec<_>>());
    let packing = [Packing::None, Packing::Gzip, Packing::Lzf][case.random.below(3)];
    let (n_cells, n_genes) = case.shape();
    if case.random.below(3) == 0 {
        let values: Vec<f32> = case.rows.concat();
        let array = ndarray::Array2::from_shape_vec((n_cells, n_genes), values).unwrap();
        let chunk = (1 + case.random.below(n_cells), 1 + case.random.below(n_genes));
        let dataset =
            group.new_dataset_builder().chunk(chunk).deflate(1).with_data(&array).create("X").unwrap();
        return attribute(&dataset, "encoding-type", "array");
    }
    let by_column = case.random.below(2) == 1;
    let encoding = if by_column { "csc_matrix" } else { "csr_matrix" };
    let (indptr, indices, data) = case.compressed(by_column);
    let shape = [n_cells as i64, n_genes as i64];
    sparse(group, "X", &Sparse { encoding, shape, indptr: &indptr, indices: &indices, data: &data }, packing);
}

fn h5ad(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let path = folder.join("a");
    let file = hdf5::File::create(&path).unwrap();
    attribute(&file, "encoding-type", "anndata");
    anndata(case, &file);
    (path, "X")
}

fn h5mu(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let path = folder.join("a");
    let file = hdf5::File::create(&path).unwrap();
    attribute(&file, "encoding-type", "MuData");
    let names: Vec<&str> = case.cells.iter().map(String::as_str).collect();
    frame(&file, "obs", "_index", &names);
    let modality = file.create_group("mod").unwrap().create_group("rna").unwrap();
    anndata(case, &modality);
    (path, "mod/rna/X")
}

fn loom(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let path = folder.join("a");
    let file = hdf5::File::create(&path).unwrap();
    let (n_cells, n_genes) = case.shape();
    let turned: Vec<f32> = (0..n_genes).flat_map(|gene| case.rows.iter().map(move |row| row[gene])).collect();
    let array = ndarray::Array2::from_shape_vec((n_genes, n_cells), turned).unwrap();
    let chunk = (1 + case.random.below(n_genes), 1 + case.random.below(n_cells));
    file.new_dataset_builder().chunk(chunk).deflate(1).with_data(&array).create("matrix").unwrap();
    file.create_group("layers").unwrap();
    let wide = case.random.below(2) == 1;
    for (group, name, names) in [("row_attrs", "Gene", &case.genes), ("col_attrs", "CellID", &case.cells)] {
        let group = file.create_group(group).unwrap();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let values = ndarray::Array1::from(texts(&names));
        if wide {
            let values = values.insert_axis(ndarray::Axis(1));
            group.new_dataset_builder().with_data(&values).create(name).unwrap();
        } else {
            group.new_dataset_builder().with_data(&values).create(name).unwrap();
        }
    }
    (path, "X")
}

fn cell_ranger(case: &mut Case, folder: &Path) -> (PathBuf, &'static str) {
    let path = folder.join("a");
    let file = hdf5::File::create(&path).unwrap();
    let matrix = file.create_group("matrix").unwrap();
    let (indptr, indices, data) = case.compressed(false);
    let (n_cells, n_genes) = case.shape();
    for (name, values) in [
        ("indptr", indptr),
        ("indices", indices),
        ("data", data),
        ("shape", vec![n_genes as i32, n_cells as i32]),
    ] {
        packed(&matrix, name, &values, Packing::Gzip);
    }
    let text = |names: &[String]| texts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    line(&matrix, "barcodes", &text(&case.cells));
    let features = matrix.create_group("features").unwrap();
    line(&features, "id", &text(&case.genes));
    line(&features, "name", &text(&case.genes));
    let types = vec!["Gene Expression".to_owned(); n_genes];
    line(&features, "feature_type", &text(&types));
    (path, "X")
}

pub const FORMATS: [(&str, Write); 9] = [
    ("table", table),
    ("Matrix Market", market),
    ("EDS", eds),
    ("bustools", bustools),
    ("Zarr", zarr),
    ("h5ad", h5ad),
    ("h5mu", h5mu),
    ("loom", loom),
    ("Cell Ranger", cell_ranger),
];
