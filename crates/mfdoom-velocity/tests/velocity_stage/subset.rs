//! A file that scVelo saved with some of its genes: the sizes of cells over all genes, which obs keeps, decide.

use clap::Parser;
use mfdoom_artifact::VelocityDir;
use mfdoom_counts::{Column, Frame, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
use mfdoom_matrix::Csr;
use serde_json::Value;

/// Counts, sizes and scVelo's velocities, written by `workflows/bench/velocity_subset.py --fixture`.
const FIXTURE: &str = include_str!("subset.json");
/// Least median of the cosines with scVelo's velocities.
const LEAST: f64 = 0.9999;

fn rows(fixture: &Value, name: &str) -> Vec<Vec<f64>> {
    let row = |row: &Value| row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    fixture[name].as_array().unwrap().iter().map(row).collect()
}

fn block(rows: &[Vec<f64>]) -> Csr {
    let mut block = Csr::empty(rows[0].len());
    rows.iter()
        .for_each(|row| block.push_dense_row(&row.iter().map(|count| *count as f32).collect::<Vec<_>>()));
    block
}

#[test]
fn velocities_of_some_genes_are_scvelos() {
    let fixture: Value = serde_json::from_str(FIXTURE).unwrap();
    let names = ["spliced", "unspliced"];
    let layers = names.map(|name| block(&rows(&fixture, name)));
    let sizes = names.map(|name| {
        let sizes = fixture[format!("size_{name}")].as_array().unwrap().iter();
        (format!("initial_size_{name}"), Column::Float(sizes.map(|size| size.as_f64().unwrap()).collect()))
    });
    let theirs = rows(&fixture, "velocity");
    let (n_cells, n_genes) = (theirs.len(), theirs[0].len());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("subset.h5ad");
    let names_of = |prefix: &str, n: usize| (0..n).map(|at| format!("{prefix}{at}")).collect();
    let sources = names.map(|name| Source::Layer(name.into()));
    let matrices = sources.iter().map(|source| NewMatrix::new(source, MatrixKind::Counts, n_genes)).collect();
    let new = NewFile { var: Frame::new(names_of("gene", n_genes)), matrices, uns: Vec::new() };
    let mut file = H5adWriter::create(&path, false, &new).unwrap();
    sources.iter().zip(&layers).for_each(|(source, layer)| file.append(source, layer).unwrap());
    let obs = Frame::new(names_of("cell", n_cells));
    let obs = sizes.into_iter().fold(obs, |obs, (name, column)| obs.with(&name, column));
    file.finish(&obs).unwrap();
    // Up to 50 genes scVelo takes no components; all 14 of them tell the same neighbours as the genes.
    let cosine = |more: &str| {
        let text = format!(
            "mfdoom-velocity fit {} -o {} --force --min-shared-counts 0 --n-neighbors 15 --n-pcs 14 {more}",
            path.display(),
            folder.path().join("v").display()
        );
        mfdoom_velocity::run(mfdoom_velocity::Args::try_parse_from(text.split_whitespace()).unwrap())
            .unwrap();
        let ours =
            VelocityDir::open(folder.path().join("v")).unwrap().velocities().unwrap().read_all().unwrap();
        let genes: Vec<usize> = (0..n_genes).filter(|gene| fixture["velocity_genes"][gene] == true).collect();
        let of_cell = |cell: usize| {
            let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
            for &gene in &genes {
                let (a, b) = (f64::from(ours.matrices[0][cell * n_genes + gene]), theirs[cell][gene]);
                (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
            }
            ab / (aa * bb).sqrt()
        };
        let mut all: Vec<f64> = (0..n_cells).map(of_cell).collect();
        all.sort_by(f64::total_cmp);
        all[n_cells / 2]
    };
    let by_all_genes = cosine("");
    let by_these = cosine("--library-size spliced=none --library-size unspliced=none");
    eprintln!(
        "cosine with scVelo: {by_all_genes:.4} by sizes of all genes, {by_these:.4} by these genes alone"
    );
    assert!(by_all_genes >= LEAST, "{by_all_genes}");
    assert!(by_these < by_all_genes - 0.1, "the sizes make no difference: {by_these}");
}
