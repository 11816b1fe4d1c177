//! What a fit leaves in its folder.

use std::fs;

use mfdoom_artifact::VelocityDir;
use mfdoom_artifact::velocity::Kinetics;
use mfdoom_counts::{Column, H5ad, Source};

use crate::world::{Place, World, gamma};

fn kinetics(place: &Place, folder: &str) -> Kinetics {
    VelocityDir::open(place.at(folder)).unwrap().kinetics().unwrap().unwrap()
}

#[test]
fn every_mode_recovers_the_rates_and_says_what_it_wrote() {
    let place = Place::new(&World::default());
    for mode in ["deterministic", "stochastic", "dynamical"] {
        place
            .run(&format!("fit @counts.h5ad -o @{mode} --mode {mode} --obs stage --n-neighbors 15"))
            .unwrap();
        let dir = VelocityDir::open(place.at(mode)).unwrap();
        let found = kinetics(&place, mode);
        assert_eq!(found.len(), 40);
        let ratio = |gene: usize| match mode {
            "dynamical" => found.fit("fit_gamma").unwrap()[gene] / found.fit("fit_beta").unwrap()[gene],
            _ => found.gamma[gene],
        };
        // Slow genes are far from their steady state at the end, so that only the order is asked for.
        let mut order: Vec<usize> = (0..40).collect();
        order.sort_by(|&a, &b| ratio(a).total_cmp(&ratio(b)));
        let slow = order[..20].iter().filter(|&&gene| gamma(gene) < 0.52).count();
        assert!(slow >= 15, "{mode}: {slow} of the 20 genes of least ratio are slow");
        let velocity = dir.velocities().unwrap().read_all().unwrap();
        assert_eq!((velocity.len(), velocity.dataset[0].as_str()), (150, "counts"));
        // Genes that were switched on not long ago rise, those that were switched off fall.
        let values = &velocity.matrices[0];
        let at = |gene: usize| (15..60).map(move |cell| values[cell * 40 + gene]);
        let right = |genes: [usize; 5], sign: f32| {
            let moving: Vec<f32> = genes.into_iter().flat_map(&at).filter(|v| v.is_finite()).collect();
            moving.iter().filter(|v| **v * sign > 0.0).count() as f64 / moving.len().max(1) as f64
        };
        let (up, down) = (right([0, 4, 8, 12, 16], 1.0), right([1, 5, 9, 13, 17], -1.0));
        assert!(up > 0.8 && down > 0.8, "{mode}: {up} rise, {down} fall");
        assert_eq!(dir.latent().unwrap().is_some(), mode == "dynamical");
        let neighbors = dir.neighbors().unwrap().unwrap().read_all().unwrap();
        assert_eq!(neighbors.rows.len(), 150 * 14);
        let cells = dir.cells().unwrap().unwrap();
        assert_eq!(cells.column("stage").unwrap().to_strings()[149].as_deref(), Some("late"));
        assert!(cells.column("unspliced_fraction").is_some());
        let config = &dir.manifest().config;
        assert_eq!((config["mode"].as_str(), config["n_pcs"].as_u64()), (Some(mode), Some(30)));
        assert_eq!(config["layers"]["spliced"], "layers/spliced");
        assert!(
            !dir.manifest().to_json().contains(place.at("").to_str().unwrap()),
            "a path is in the manifest"
        );
    }
}

#[test]
fn threads_and_repetition_change_no_byte() {
    let places = [1, 2, 2].map(|threads| {
        let place = Place::new(&World::default());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            place.run("fit @counts.h5ad -o @v --mode stochastic").unwrap();
            place.run("graph @v -o @v --force --embedding umap").unwrap();
        });
        place
    });
    let mut files = 0;
    for file in fs::read_dir(places[0].at("v")).unwrap() {
        let name = file.unwrap().file_name();
        let [one, two, again] = [0, 1, 2].map(|k| fs::read(places[k].at("v").join(&name)).unwrap());
        assert!(one == two && two == again, "{name:?} differs");
        files += 1;
    }
    assert!(files >= 8, "{files} files");
}

#[test]
fn a_fit_of_some_genes_at_a_time_gives_the_same_bytes() {
    for mode in ["deterministic", "stochastic"] {
        let place = Place::new(&World::default());
        place.run(&format!("fit @counts.h5ad -o @all --mode {mode}")).unwrap();
        let limit = "--max-memory 330KiB";
        // The limit is too small for all genes at once, which groups would need.
        let groups = place.run(&format!("fit @counts.h5ad -o @g --mode {mode} --group-key stage {limit}"));
        assert!(groups.unwrap_err().message().contains("the fit needs about"));
        place.run(&format!("fit @counts.h5ad -o @some --mode {mode} {limit}")).unwrap();
        let mut files = 0;
        for file in fs::read_dir(place.at("all")).unwrap() {
            let name = file.unwrap().file_name();
            let [all, some] = ["all", "some"].map(|folder| fs::read(place.at(folder).join(&name)).unwrap());
            assert!(all == some, "{mode}: {name:?} differs");
            files += 1;
        }
        assert!(files >= 5, "{files} files");
        place.run(&format!("fit @counts.h5ad -o @given --kinetics @all/kinetics.parquet {limit}")).unwrap();
        place.run("fit @counts.h5ad -o @whole --kinetics @all/kinetics.parquet").unwrap();
        let [given, whole] =
            ["given", "whole"].map(|folder| fs::read(place.at(folder).join("velocity.parquet")).unwrap());
        assert!(given == whole, "{mode}: velocities by given rates differ");
    }
}

#[test]
fn a_gene_without_counts_and_other_names_of_layers_are_no_trouble() {
    let world = World { layers: vec!["mature", "nascent"], silent: Some(3), ..World::default() };
    let place = Place::new(&world);
    place.run("fit @counts.h5ad -o @v --min-shared-counts 0").unwrap();
    let found = kinetics(&place, "v");
    assert_eq!(found.len(), 40);
    assert!(found.gamma[3].is_nan() && !found.velocity_gene[3] && found.unspliced_cells[3] == 0.0);
    let velocity = VelocityDir::open(place.at("v")).unwrap().velocities().unwrap().read_all().unwrap();
    assert!(velocity.matrices[0].chunks_exact(40).all(|row| row[3].is_nan() && row[4].is_finite()));
    place.run("graph @v -o @g").unwrap();
}

#[test]
fn given_rates_are_applied_to_other_cells() {
    let place = Place::new(&World::default());
    let ids: Vec<String> = (0..150).step_by(2).map(|cell| format!("cell_{cell}")).collect();
    fs::write(place.at("even.txt"), ids.join("\n")).unwrap();
    place.run("fit @counts.h5ad -o @all --mode deterministic").unwrap();
    place.run("fit @counts.h5ad -o @even --cells @even.txt --kinetics @all/kinetics.parquet").unwrap();
    let (all, even) = (kinetics(&place, "all"), kinetics(&place, "even"));
    assert_eq!(all.gamma, even.gamma);
    let dir = VelocityDir::open(place.at("even")).unwrap();
    let velocity = dir.velocities().unwrap().read_all().unwrap();
    assert_eq!(velocity.cell_id, ids);
    let moments = dir.moments().unwrap().unwrap().read_all().unwrap();
    for (at, v) in velocity.matrices[0].iter().enumerate() {
        let expected = moments.matrices[1][at] - all.gamma[at % 40] as f32 * moments.matrices[0][at];
        assert!((v - expected).abs() < 1e-5);
    }
}

#[test]
fn groups_are_fitted_by_themselves() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @v --group-key batch --min-r2 -0.5 --into @counts.h5ad").unwrap();
    let found = kinetics(&place, "v");
    assert_eq!(found.len(), 80);
    assert_eq!((found.groups[0].as_str(), found.groups[79].as_str()), ("b0", "b1"));
    assert_ne!(found.gamma[..40], found.gamma[40..]);
    place.run("graph @v -o @g").unwrap();
    let drivers = VelocityDir::open(place.at("g")).unwrap().drivers().unwrap().unwrap();
    assert!(drivers.iter().any(|driver| driver.cluster == "b0" && driver.rank == 1));
    let file = H5ad::open(place.at("counts.h5ad")).unwrap();
    assert!(file.var_columns().contains(&"velocity_gamma_b1".to_owned()));
}

#[test]
fn sizes_may_come_from_obs_and_few_genes_may_be_kept() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @plain --top-genes 12").unwrap();
    place.run("fit @counts.h5ad -o @sized --top-genes 12 --library-size spliced=size").unwrap();
    // Genes of equal dispersion at the edge are all kept.
    let kept = kinetics(&place, "plain").len();
    assert!((12..40).contains(&kept), "{kept} genes");
    assert_ne!(kinetics(&place, "plain").gamma, kinetics(&place, "sized").gamma);
}

#[test]
fn a_fit_goes_into_the_file_and_the_rest_of_it_stays() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @v --mode deterministic --into @counts.h5ad").unwrap();
    let file = H5ad::open(place.at("counts.h5ad")).unwrap();
    let names: Vec<String> = file.sources().iter().map(Source::to_string).collect();
    for layer in ["spliced", "unspliced", "velocity", "Ms", "Mu"] {
        assert!(names.contains(&format!("layers/{layer}")), "{names:?}");
    }
    assert!(file.obs_columns().contains(&"stage".to_owned()));
    let Column::Float(gamma) = file.var_column("velocity_gamma").unwrap() else { panic!() };
    assert_eq!(gamma, kinetics(&place, "v").gamma);
    let mut velocity = file.matrix(&"layers/velocity".parse().unwrap()).unwrap();
    let block = velocity.read_rows(0..150).unwrap();
    let found = VelocityDir::open(place.at("v")).unwrap().velocities().unwrap().read_all().unwrap();
    let (columns, values) = block.row(77);
    columns.iter().zip(values).for_each(|(&gene, v)| {
        assert_eq!(*v, found.matrices[0][77 * 40 + gene as usize]);
    });
}

/// Groups of 1, 2 and 147 cells: the small ones have no velocities, in every mode alike.
#[test]
fn groups_that_are_too_small_have_no_velocities_and_end_no_run() {
    let place = Place::new(&World::default());
    for mode in ["deterministic", "stochastic", "dynamical"] {
        place
            .run(&format!(
                "fit @counts.h5ad -o @{mode} --mode {mode} --group-key few --min-r2 -0.5 --into @counts.h5ad"
            ))
            .unwrap();
        let found = kinetics(&place, mode);
        assert!(found.len() == 40 && found.groups.iter().all(|group| group == "many"), "{mode}");
        let velocity = VelocityDir::open(place.at(mode)).unwrap().velocities().unwrap().read_all().unwrap();
        for (cell, row) in velocity.matrices[0].chunks_exact(40).enumerate() {
            assert_eq!(row.iter().any(|value| value.is_finite()), cell >= 3, "{mode}: cell {cell}");
        }
        place.run(&format!("graph @{mode} -o @g --force")).unwrap();
    }
    let error = place.run("fit @counts.h5ad -o @v --group-key each").unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.message().contains("no group of 'each' can be fitted"), "{}", error.message());
}

#[test]
fn groups_that_differ_in_a_slash_have_columns_of_their_own() {
    let place = Place::new(&World::default());
    place.run("fit @counts.h5ad -o @v --group-key slash --min-r2 -0.5 --into @counts.h5ad").unwrap();
    let columns = H5ad::open(place.at("counts.h5ad")).unwrap().var_columns();
    let mut gammas: Vec<&String> = columns.iter().filter(|name| name.starts_with("velocity_gamma")).collect();
    gammas.sort();
    assert_eq!(gammas, ["velocity_gamma_T_NK", "velocity_gamma_T_NK_2"]);
}

#[test]
fn an_empty_layer_is_named() {
    let mut world = World { layers: vec!["spliced", "unspliced"], ..World::default() };
    world.empty = Some(1);
    let error = Place::new(&world).run("fit @counts.h5ad -o @v").unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.message().contains("layers/unspliced, taken as unspliced"), "{}", error.message());
}
