//! What a graph adds to a folder.

use mfdoom_artifact::velocity::{self, VelocityDirWriter, prediction_schema};
use mfdoom_artifact::{Column, Gene, GeneBatch, Manifest, VelocityDir};
use mfdoom_counts::H5ad;
use serde_json::json;

use crate::world::{Place, World};

fn numbers(dir: &VelocityDir, name: &str) -> Vec<f64> {
    match dir.cells().unwrap().unwrap().column(name) {
        Some(Column::Float(values)) => values.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn cells_move_along_the_lineage() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @v --mode dynamical --obs stage").unwrap();
    let gene = "gene_5";
    let line = "graph @v -o @g --embedding @counts.h5ad:X_flat --embedding umap --plots svg --portraits";
    place.run(&format!("{line} {gene}")).unwrap();
    let dir = VelocityDir::open(place.at("g")).unwrap();
    assert_eq!(dir.bases().unwrap(), ["flat", "umap"]);
    let flat = dir.projection("flat").unwrap().unwrap().next().unwrap().unwrap();
    let right = (10..100).filter(|cell| flat.heads[1][2 * cell] > 0.0).count();
    assert!(right > 75, "{right} of 90 cells move to later times");
    let confidence = numbers(&dir, "confidence");
    assert!(confidence.iter().sum::<f64>() / 150.0 > 0.7);
    for name in ["length", "self_transition", "pseudotime", "root", "end", "latent_time"] {
        assert_eq!(numbers(&dir, name).len(), 150);
    }
    let pairs = dir.graph().unwrap().unwrap().read_all().unwrap();
    assert!(
        pairs.values.iter().all(|v| v.abs() <= 1.0 && *v != 0.0) && pairs.values.iter().any(|v| *v < 0.0)
    );
    let drivers = dir.drivers().unwrap().unwrap();
    assert!(drivers.iter().any(|driver| driver.cluster == "late" && driver.rank == 1));
    let portrait = format!("portrait_{gene}.svg");
    for plot in ["stream_flat.svg", "stream_umap.svg", &portrait] {
        let text = std::fs::read_to_string(place.at("g").join(plot)).unwrap();
        assert!(text.contains("<svg") && text.contains("early"), "{plot}");
    }
    assert!(dir.moments().unwrap().is_some() && dir.kinetics().unwrap().is_some());
    // A graph of a graph starts from the fit, not from the other graph.
    place.run("graph @g -o @h --embedding @g/projection_umap.parquet:embedding").unwrap();
    let again = VelocityDir::open(place.at("h")).unwrap();
    assert_eq!(numbers(&again, "confidence"), confidence);
    assert_eq!(again.bases().unwrap(), ["embedding"]);
}

#[test]
fn a_prediction_is_displaced_from_its_state_and_keeps_its_name() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @v --into @counts.h5ad").unwrap();
    let fit = VelocityDir::open(place.at("v")).unwrap();
    let velocities = fit.velocities().unwrap().read_all().unwrap();
    let state = fit.moments().unwrap().unwrap().select(&["Ms"]).unwrap().read_all().unwrap();
    let genes: Vec<Gene> = fit.velocities().unwrap().schema().genes.clone();
    let manifest =
        Manifest::new("mfdoom-velocity predict", "0", velocity::VELOCITY_DIR_FORMAT, json!({}), vec![]);
    let folder = VelocityDirWriter::create(place.at("p"), false).unwrap();
    let mut table = folder.velocities(prediction_schema(genes, manifest.clone())).unwrap();
    table
        .write(GeneBatch {
            obs: vec![Column::Float(vec![0.5; 150])],
            matrices: vec![velocities.matrices[0].clone(), state.matrices[0].clone()],
            ..velocities
        })
        .unwrap();
    table.finish().unwrap();
    folder.commit(&manifest).unwrap();
    place.run("graph @p -o @g --embedding @counts.h5ad:X_flat --into @counts.h5ad").unwrap();
    let file = H5ad::open(place.at("counts.h5ad")).unwrap();
    let sources: Vec<String> = file.sources().iter().map(ToString::to_string).collect();
    assert!(sources.contains(&"layers/velocity_mfdoom".to_owned()), "{sources:?}");
    assert!(sources.contains(&"obsm/velocity_mfdoom_flat".to_owned()), "{sources:?}");
    assert!(!sources.contains(&"obsm/velocity_flat".to_owned()), "a prediction passes for a fit");
    assert!(file.obs_columns().contains(&"velocity_mfdoom_uncertainty".to_owned()));
}

#[test]
fn a_graph_in_parts_has_no_transition_between_them() {
    let place = Place::new(&World { apart: true, ..World::default() });
    place.run("fit @counts.h5ad -o @v --n-neighbors 10 --mode deterministic").unwrap();
    place.run("graph @v -o @g --embedding @counts.h5ad:X_flat").unwrap();
    let dir = VelocityDir::open(place.at("g")).unwrap();
    // From the root and back from the end: a part with neither has no time.
    assert!(numbers(&dir, "pseudotime").iter().all(|t| t.is_nan() || (0.0..=1.0).contains(t)));
    let pairs = dir.graph().unwrap().unwrap().read_all().unwrap();
    assert!(pairs.rows.iter().zip(&pairs.cols).all(|(row, col)| (*row < 75) == (*col < 75)));
    assert!(pairs.rows.contains(&0) && pairs.rows.contains(&149));
}
