//! Every file of the shared data folder opens by its content, and its matrices add up to what Python says.

use std::path::Path;

use mfdoom_counts::{CountsFile, Source, open};
use mfdoom_testing::shared;

/// Cells, and of a matrix its features, values and their sum.
fn sums(file: &dyn CountsFile, source: &str) -> (usize, usize, usize, f64) {
    let mut matrix = file.matrix(&source.parse().unwrap()).unwrap();
    let (mut nnz, mut sum) = (0, 0.0);
    for start in (0..file.n_obs()).step_by(100) {
        let block = matrix.read_rows(start..file.n_obs().min(start + 100)).unwrap();
        nnz += block.nnz();
        sum += block.values().iter().map(|value| f64::from(*value)).sum::<f64>();
    }
    assert_eq!(file.var_names_of(&source.parse().unwrap()).unwrap().len(), matrix.n_cols());
    (file.n_obs(), matrix.n_cols(), nnz, sum)
}

fn listed(file: &dyn CountsFile) -> Vec<String> {
    file.sources().iter().map(Source::to_string).collect()
}

#[test]
fn every_file_of_the_data_folder_is_read() {
    let Some(data) = shared("data") else { return };
    for folder in ["encodings", "expression", "multimodal", "spliced", "formats"] {
        for entry in std::fs::read_dir(data.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let path = if path.ends_with("cellranger_v3") {
                path.join("filtered_feature_bc_matrix.h5")
            } else {
                path
            };
            let file = open(&path).unwrap();
            assert_eq!(file.obs_names_in(0..file.n_obs()).unwrap().len(), file.n_obs(), "{}", path.display());
            for source in listed(&*file) {
                sums(&*file, &source);
            }
            for column in file.obs_columns() {
                assert_eq!(file.obs_column_in(&column, 0..file.n_obs()).unwrap().len(), file.n_obs());
            }
        }
    }
}

#[test]
fn cell_ranger_is_the_same_from_hdf5_and_from_text() {
    let Some(data) = shared("data/formats/cellranger_v3") else { return };
    let hdf5 = open(data.join("filtered_feature_bc_matrix.h5")).unwrap();
    let text = open(data.join("filtered_feature_bc_matrix")).unwrap();
    assert_eq!((hdf5.n_obs(), sums(&*hdf5, "X")), (1107, sums(&*text, "X")));
    let names = |file: &dyn CountsFile| {
        let symbols = file.var_column_of(&Source::X, "gene_symbols").unwrap();
        (file.obs_names_in(0..1107).unwrap(), file.var_names_of(&Source::X).unwrap(), symbols)
    };
    assert_eq!(names(&*hdf5), names(&*text));
    let rows = |file: &dyn CountsFile| file.matrix(&Source::X).unwrap().read_rows(500..700).unwrap();
    assert_eq!(rows(&*hdf5), rows(&*text));
}

#[test]
fn a_mosaic_keeps_what_was_not_measured_apart() {
    let Some(path) = shared("data/multimodal/midas_quickstart_pbmc_mosaic.h5mu") else { return };
    let file = open(&path).unwrap();
    assert_eq!(listed(&*file), ["mod/rna/X", "mod/adt/X"]);
    assert_eq!(sums(&*file, "mod/rna/X").0, 1600);
    let present = |source: &str| {
        let mut matrix = file.matrix(&source.parse().unwrap()).unwrap();
        let present = matrix.present(0..1600).unwrap().unwrap();
        present.iter().filter(|present| **present).count()
    };
    assert_eq!((present("mod/rna/X"), present("mod/adt/X")), (1200, 1200));
}

#[test]
fn other_formats_are_read() {
    let Some(formats) = shared("data/formats") else { return };
    let layers = |name: &str| listed(&*open(formats.join(name)).unwrap());
    assert_eq!(layers("alevin_fry_usa_basic"), ["layers/spliced", "layers/unspliced", "layers/ambiguous"]);
    assert_eq!(layers("kb_lamanno_counts"), ["layers/spliced", "layers/unspliced"]);
    let file = open(formats.join("alevin_fry_usa_basic")).unwrap();
    // bc1 of example-dat.csv: 2 1 2 2 spliced, 1 2 1 2 unspliced, 1 1 1 2 ambiguous.
    let row = |layer: &str| {
        let source = Source::Layer(layer.to_owned());
        file.matrix(&source).unwrap().read_rows(0..1).unwrap().values().to_vec()
    };
    assert_eq!((row("spliced"), row("unspliced")), (vec![2.0, 1.0, 2.0, 2.0], vec![1.0, 2.0, 1.0, 2.0]));
    assert_eq!(row("ambiguous"), [1.0, 1.0, 1.0, 2.0]);
    assert!(Path::new(file.name()).ends_with("alevin_fry_usa_basic"));
}
