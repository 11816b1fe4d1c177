//! Formats in HDF5 besides AnnData: Cell Ranger and loom, and what lies in other files.

mod make;

use hdf5::types::FixedAscii;
use hdf5::{File, Group};
use mfdoom_counts::{Column, CountsFile, H5ad, Source, open};
use mfdoom_matrix::Csr;
use ndarray::Array2;

use self::make::{Packing, Sparse, line, scratch, skeleton, sparse, texts};

/// [cells, genes] of counts that tell their place.
fn counts(n_cells: usize, n_genes: usize) -> Array2<u32> {
    Array2::from_shape_fn((n_cells, n_genes), |(cell, gene)| {
        if (cell + 2 * gene) % 3 == 0 { (100 * cell + gene + 1) as u32 } else { 0 }
    })
}

fn expected(counts: &Array2<u32>) -> Csr {
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in counts.rows() {
        for (column, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            indices.push(column as u32);
            values.push(*count as f32);
        }
        indptr.push(indices.len());
    }
    Csr::new(counts.ncols(), indptr, indices, values).unwrap()
}

fn read(file: &dyn CountsFile, source: &str) -> Csr {
    let mut matrix = file.matrix(&source.parse().unwrap()).unwrap();
    let n = file.n_obs();
    let mut whole = matrix.read_rows(0..n / 2).unwrap();
    let rest = matrix.read_rows(n / 2..n).unwrap();
    whole.extend(&rest, 0..rest.n_rows());
    whole
}

/// Writes a matrix as Cell Ranger does: features by barcodes, column by column.
fn cell_ranger(group: &Group, counts: &Array2<u32>) {
    let block = expected(counts);
    let indptr: Vec<i64> = block.indptr().iter().map(|at| *at as i64).collect();
    let indices: Vec<i64> = block.indices().iter().map(|at| i64::from(*at)).collect();
    let data: Vec<i32> = block.values().iter().map(|value| *value as i32).collect();
    line(group, "indptr", &indptr);
    line(group, "indices", &indices);
    line(group, "data", &data);
    line(group, "shape", &[counts.ncols() as i32, counts.nrows() as i32]);
    let cells: Vec<String> = (0..counts.nrows()).map(|cell| format!("AAAC{cell}-1")).collect();
    names(group, "barcodes", &cells.iter().map(String::as_str).collect::<Vec<_>>());
}

fn names(group: &Group, name: &str, values: &[&str]) {
    let fixed: Vec<FixedAscii<24>> =
        values.iter().map(|value| FixedAscii::from_ascii(value).unwrap()).collect();
    line(group, name, &fixed);
}

#[test]
fn cell_ranger_of_version_3_has_feature_types() {
    let (_folder, path) = scratch("v3.h5");
    let file = File::create(&path).unwrap();
    let group = file.create_group("matrix").unwrap();
    let counts = counts(7, 4);
    cell_ranger(&group, &counts);
    let features = group.create_group("features").unwrap();
    names(&features, "id", &["ENSG1", "ENSG2", "CD4", "CD8"]);
    names(&features, "name", &["A", "B", "CD4_TotalC", "CD8_TotalC"]);
    names(
        &features,
        "feature_type",
        &["Gene Expression", "Gene Expression", "Antibody Capture", "Antibody Capture"],
    );
    drop((group, features, file));
    let file = open(&path).unwrap();
    assert_eq!(file.obs_names_in(5..7).unwrap(), ["AAAC5-1", "AAAC6-1"]);
    assert_eq!(read(&*file, "X"), expected(&counts));
    assert_eq!(read(&*file, "X[Gene Expression]"), expected(&counts.slice(ndarray::s![.., ..2]).to_owned()));
    assert_eq!(read(&*file, "X[Antibody Capture]"), expected(&counts.slice(ndarray::s![.., 2..]).to_owned()));
    let symbols = file.var_column_of(&Source::X, "gene_symbols").unwrap().to_strings();
    assert_eq!(symbols[2].as_deref(), Some("CD4_TotalC"));
}

#[test]
fn cell_ranger_of_version_2_has_a_group_a_genome() {
    let (_folder, path) = scratch("v2.h5");
    let file = File::create(&path).unwrap();
    let whole = counts(6, 5);
    for (genome, genes) in [("GRCh38", 0..2), ("mm10", 2..5)] {
        let group = file.create_group(genome).unwrap();
        cell_ranger(&group, &whole.slice(ndarray::s![.., genes.clone()]).to_owned());
        let ids: Vec<String> = genes.clone().map(|gene| format!("{genome}_ENSG{gene}")).collect();
        names(&group, "genes", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    }
    drop(file);
    let file = open(&path).unwrap();
    assert_eq!(read(&*file, "X"), expected(&whole));
    let genomes = file.var_column_of(&Source::X, "genome").unwrap().to_strings();
    assert_eq!(genomes.iter().flatten().collect::<Vec<_>>(), ["GRCh38", "GRCh38", "mm10", "mm10", "mm10"]);
}

#[test]
fn a_cell_ranger_matrix_that_lies_is_refused_when_it_is_opened() {
    for wrong in ["shape", "barcodes", "indptr"] {
        let (_folder, path) = scratch("v3.h5");
        let file = File::create(&path).unwrap();
        let group = file.create_group("matrix").unwrap();
        cell_ranger(&group, &counts(7, 2));
        let features = group.create_group("features").unwrap();
        names(&features, "id", &["ENSG1", "ENSG2"]);
        group.unlink(wrong).unwrap();
        match wrong {
            "shape" => line(&group, "shape", &[2_i64, 8]),
            "barcodes" => names(&group, "barcodes", &["A-1"]),
            _ => line(&group, "indptr", &[0_i64, 1]),
        }
        drop((group, features, file));
        let error = open(&path).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains("matrix"), "{wrong}: {error}");
    }
}

/// A loom file whose chunks have this shape.
fn loom(path: &std::path::Path, counts: &Array2<u32>, chunk: Option<(usize, usize)>) {
    let file = File::create(path).unwrap();
    let genes_first = counts.t().as_standard_layout().to_owned();
    let put = |group: &Group, name: &str, data: &Array2<u32>| {
        let builder = group.new_dataset_builder();
        let builder = match chunk {
            Some(chunk) => builder.chunk(chunk).deflate(2),
            None => builder,
        };
        builder.with_data(data.view()).create(name).unwrap();
    };
    put(&file, "matrix", &genes_first);
    let layers = file.create_group("layers").unwrap();
    put(&layers, "spliced", &(&genes_first * 2));
    let rows = file.create_group("row_attrs").unwrap();
    let genes: Vec<String> = (0..counts.ncols()).map(|gene| format!("gene{gene}")).collect();
    line(&rows, "Gene", &texts(&genes.iter().map(String::as_str).collect::<Vec<_>>()));
    let columns = file.create_group("col_attrs").unwrap();
    let cells: Vec<String> = (0..counts.nrows()).map(|cell| format!("sample:AC{cell}x")).collect();
    line(&columns, "CellID", &texts(&cells.iter().map(String::as_str).collect::<Vec<_>>()));
    line(&columns, "Clusters", &(0..counts.nrows() as i32).collect::<Vec<_>>());
    columns.new_dataset_builder().with_data(&Array2::<f32>::zeros((counts.nrows(), 2))).create("_X").unwrap();
}

#[test]
fn looms_of_any_chunks_are_read_cell_by_cell() {
    let counts = counts(50, 9);
    for chunk in [None, Some((4, 8)), Some((9, 1)), Some((1, 50)), Some((9, 50))] {
        let (_folder, path) = scratch("some.loom");
        loom(&path, &counts, chunk);
        let file = open(&path).unwrap();
        assert_eq!((file.format(), file.n_obs()), ("loom (.loom)", 50));
        assert_eq!(read(&*file, "X"), expected(&counts), "{chunk:?}");
        assert_eq!(read(&*file, "layers/spliced"), expected(&(&counts * 2)));
        assert_eq!(file.obs_names_in(49..50).unwrap(), ["sample:AC49x"]);
        assert_eq!(file.obs_columns(), ["Clusters"]);
        assert_eq!(file.obs_column_in("Clusters", 3..4).unwrap(), Column::Int(vec![Some(3)]));
        // So little memory that cells are set aside.
        let mut matrix = file.matrix(&Source::X).unwrap();
        matrix.set_memory(2048);
        let block = matrix.read_rows(0..50).unwrap();
        assert_eq!(block, expected(&counts), "{chunk:?} in 2 KiB");
    }
}

#[test]
fn genes_of_a_loom_may_be_named_by_any_attribute() {
    let (_folder, path) = scratch("some.loom");
    loom(&path, &counts(50, 9), None);
    let file = File::append(&path).unwrap();
    let rows = file.group("row_attrs").unwrap();
    rows.relink("Gene", "Locus").unwrap();
    drop((rows, file));
    let file = open(&path).unwrap();
    let error = mfdoom_counts::genes_of(&*file, &Source::X, None).unwrap_err();
    assert!(error.to_string().contains("Locus") && error.to_string().contains("--gene-column"), "{error}");
    let genes = mfdoom_counts::genes_of(&*file, &Source::X, Some("Locus")).unwrap();
    assert_eq!((&*genes[3].id, &*genes[3].symbol), ("gene3", "gene3"));
}

#[test]
fn what_lies_in_another_file_is_not_read() {
    let (folder, path) = scratch("pointing.h5ad");
    let csr = Sparse {
        encoding: "csr_matrix",
        shape: [3, 4],
        indptr: &[0, 1, 1, 1],
        indices: &[0],
        data: &[7_i32],
    };
    let secret = folder.path().join("secret.h5ad");
    sparse(&skeleton(&secret), "X", &csr, Packing::None);
    let file = skeleton(&path);
    file.link_external(secret.to_str().unwrap(), "/X", "X").unwrap();
    let raw = folder.path().join("secret.bin");
    std::fs::write(&raw, [1_u8; 48]).unwrap();
    let layers = file.group("layers").unwrap();
    let builder = layers.new_dataset_builder().external(raw.to_str().unwrap(), 0, 48);
    builder.empty::<i32>().shape((3, 4)).create("counts").unwrap();
    drop((layers, file));
    let file = H5ad::open(&path).unwrap();
    assert!(file.sources().is_empty());
    for source in [Source::X, Source::Layer("counts".into())] {
        let error = file.matrix(&source).unwrap_err();
        assert!(error.to_string().contains("lies in another file"), "{error}");
        let found = error.found_text().unwrap();
        assert!(found.contains("secret"), "{found}");
    }
}
