//! Input that cannot be taken, and what the stage says of it.

use mfdoom_error::{Error, Kind};

use crate::world::{Place, World};

fn refused(place: &Place, line: &str) -> Error {
    let error = place.run(line).expect_err(line);
    assert!(!place.at("v").exists(), "{line} left a folder");
    error
}

fn says(error: &Error, kind: Kind, part: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn without_unspliced_counts_predict_is_named() {
    let place = Place::new(&World { layers: vec!["spliced"], ..World::default() });
    let error = refused(&place, "fit @counts.h5ad -o @v");
    says(&error, Kind::Contract, "mfdoom-velocity predict");
    says(&error, Kind::Contract, "layers/spliced");
}

#[test]
fn what_is_no_raw_count_is_refused() {
    let place = Place::new(&World { factor: 0.37, ..World::default() });
    let error = refused(&place, "fit @counts.h5ad -o @v");
    says(&error, Kind::Contract, "does not hold raw counts");
    place.run("fit @counts.h5ad -o @v --allow-non-integer --min-shared-counts 1").unwrap();
}

#[test]
fn too_few_cells_are_refused() {
    let place = Place::new(&World { n_cells: 25, ..World::default() });
    let error = refused(&place, "fit @counts.h5ad -o @v");
    says(&error, Kind::Contract, "25 cells, 30 neighbours");
    place.run("fit @counts.h5ad -o @v --n-neighbors 5").unwrap();
    place.run("graph @v -o @g").unwrap();
}

#[test]
fn empty_layers_and_hopeless_filters_are_refused() {
    let place = Place::new(&World { factor: 0.0, ..World::default() });
    says(&refused(&place, "fit @counts.h5ad -o @v"), Kind::Contract, "no count at all");
    let place = Place::new(&World::default());
    let error = refused(&place, "fit @counts.h5ad -o @v --min-shared-counts 1e9");
    says(&error, Kind::Contract, "--min-shared-counts");
}

#[test]
fn names_that_are_not_there_are_told_with_the_nearest() {
    let place = Place::new(&World::default());
    let cases = [
        ("fit @counts.h5ad -o @v --group-key stages", Kind::Contract, "did you mean stage?"),
        ("fit @counts.h5ad -o @v --obs x", Kind::Contract, "no column of obs 'x'"),
        ("fit @counts.h5ad -o @v --modality unspliced=layers/x", Kind::Contract, "layers/x"),
        ("fit @counts.h5ad -o @v --modality protein=X", Kind::Usage, "no such layer"),
        ("fit @counts.h5ad -o @v --library-size spliced=stage", Kind::Contract, "library sizes"),
        ("fit @none.h5ad -o @v", Kind::Contract, "no such file"),
        ("fit @counts.h5ad -o @v --mode dynamical --kinetics @k.parquet", Kind::Usage, "--kinetics"),
        ("fit @counts.h5ad -o @v --max-memory 10KiB", Kind::Usage, "--max-memory"),
        ("graph @none -o @v", Kind::Contract, "no such velocity folder"),
    ];
    for (line, kind, part) in cases {
        says(&refused(&place, line), kind, part);
    }
}

#[test]
fn a_graph_says_what_it_lacks() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @fit").unwrap();
    let cases = [
        ("graph @fit -o @v --embedding @counts.h5ad:X_umap", Kind::Contract, "obsm/X_flat"),
        ("graph @fit -o @v --embedding @counts.h5ad", Kind::Usage, "FILE.h5ad:KEY"),
        ("graph @fit -o @v --cluster-key stage", Kind::Contract, "--obs stage"),
        ("graph @fit -o @v --portraits gene_x", Kind::Contract, "did you mean --portraits gene_"),
        ("graph @fit -o @fit", Kind::Usage, "--force"),
        (
            "graph @fit -o @v --embedding umap --embedding @fit/velocity.parquet:umap",
            Kind::Contract,
            "holds something else",
        ),
    ];
    for (line, kind, part) in cases {
        says(&refused(&place, line), kind, part);
    }
    let other = Place::new(&World { n_cells: 100, ..World::default() });
    let line = format!("graph @fit -o @v --embedding {}:X_flat", other.at("counts.h5ad").display());
    says(&refused(&place, &line), Kind::Contract, "50 of 150");
}

#[test]
fn a_check_writes_nothing() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @v --check").unwrap();
    assert!(!place.at("v").exists());
    place.run("fit @counts.h5ad -o @v").unwrap();
    place.run("graph @v -o @g --check").unwrap();
    assert!(!place.at("g").exists());
}
