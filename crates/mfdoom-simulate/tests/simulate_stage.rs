//! The stage in this process: what the files hold, for every kind of truth and of batches.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use clap::Parser;
use mfdoom_counts::{Column, H5ad, Source};
use mfdoom_error::Kind;
use mfdoom_matrix::Csr;
use mfdoom_simulate::{Args, Plan, run};

fn args(output: &Path, more: &str) -> Args {
    let base = ["mfdoom-simulate", "-o", output.to_str().unwrap(), "--cells", "120", "--genes", "60"];
    Args::try_parse_from(base.into_iter().chain(more.split_whitespace())).unwrap()
}

fn simulate(more: &str) -> (tempfile::TempDir, H5ad) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sim.h5ad");
    run(args(&path, more)).unwrap();
    (folder, H5ad::open(path).unwrap())
}

fn whole(file: &H5ad, source: &str) -> Csr {
    let mut matrix = file.matrix(&source.parse().unwrap()).unwrap();
    matrix.read_rows(0..file.n_obs()).unwrap()
}

fn dense(file: &H5ad, source: &str) -> Vec<f64> {
    let block = whole(file, source);
    let mut values = vec![0.0; file.n_obs() * block.n_cols()];
    for row in 0..block.n_rows() {
        let (columns, found) = block.row(row);
        for (column, value) in columns.iter().zip(found) {
            values[row * block.n_cols() + *column as usize] = f64::from(*value);
        }
    }
    values
}

fn texts(column: Column) -> Vec<String> {
    column.to_strings().into_iter().map(|text| text.unwrap_or_default()).collect()
}

fn floats(column: Column) -> Vec<f64> {
    let Column::Float(values) = column else { panic!("not numbers: {column:?}") };
    values
}

fn names(file: &H5ad) -> Vec<String> {
    let mut names: Vec<_> = file.sources().iter().map(Source::to_string).collect();
    names.sort();
    names
}

#[test]
fn the_default_file_holds_counts_labels_and_rates() {
    let (_folder, file) = simulate("");
    assert_eq!((file.n_obs(), file.n_vars()), (120, 60));
    assert_eq!(names(&file), ["X", "layers/spliced", "layers/unspliced"]);
    assert_eq!(file.obs_columns(), ["cell_type", "batch", "lineage", "true_t", "true_capture"]);
    assert_eq!(
        file.var_columns(),
        [
            "true_alpha",
            "true_alpha_low",
            "true_beta",
            "true_gamma",
            "true_t_on",
            "true_t_off",
            "programme",
            "programme_branch"
        ]
    );
    let (total, spliced) = (dense(&file, "X"), dense(&file, "layers/spliced"));
    let unspliced = dense(&file, "layers/unspliced");
    let counts = total.iter().zip(spliced.iter().zip(unspliced));
    assert!(counts.into_iter().all(|(total, (s, u))| *total == s + u && total.fract() == 0.0));
    assert!(total.iter().sum::<f64>() > 1000.0);
}

#[test]
fn types_batches_and_lineages_are_named_and_agree() {
    let (_folder, file) = simulate("--batches 3");
    let types = texts(file.obs_column("cell_type").unwrap());
    let lineages = texts(file.obs_column("lineage").unwrap());
    let times = floats(file.obs_column("true_t").unwrap());
    for name in ["progenitor", "intermediate", "fate_1", "fate_2"] {
        assert!(types.iter().any(|found| found == name), "no {name}");
    }
    for ((name, lineage), time) in types.iter().zip(&lineages).zip(&times) {
        let wanted = if name.starts_with("fate") { name } else { "uncommitted" };
        assert_eq!(lineage, wanted);
        assert_eq!(name == "progenitor", *time < 6.0);
    }
    let batches = texts(file.obs_column("batch").unwrap());
    assert_eq!(batches.iter().filter(|batch| *batch == "batch_3").count(), 40);
    assert_eq!(file.obs_names().unwrap()[119], "cell_0000120");
    assert_eq!(file.var_names().unwrap()[59], "gene_00060");
}

#[test]
fn full_truth_is_consistent_with_the_rates() {
    let (_folder, file) = simulate("--truth full");
    let (u, s) = (dense(&file, "layers/true_unspliced"), dense(&file, "layers/true_spliced"));
    let velocity = dense(&file, "layers/true_velocity");
    let beta = floats(file.var_column("true_beta").unwrap());
    let gamma = floats(file.var_column("true_gamma").unwrap());
    let mut moving = 0;
    for (at, velocity) in velocity.iter().enumerate() {
        let gene = at % 60;
        let wanted = beta[gene] * u[at] - gamma[gene] * s[at];
        assert!((velocity - wanted).abs() < 1e-5 * (beta[gene] * u[at]).max(1.0), "{velocity} {wanted}");
        moving += usize::from(velocity.abs() > 1e-3);
    }
    assert!(moving > 500, "only {moving} entries move");
}

#[test]
fn no_truth_leaves_only_what_an_experiment_gives() {
    let (_folder, file) = simulate("--truth none");
    assert_eq!(file.obs_columns(), ["cell_type", "batch"]);
    assert!(file.var_columns().is_empty());
}

#[test]
fn truth_changes_no_count() {
    let (_a, none) = simulate("--truth none");
    let (_b, full) = simulate("--truth full");
    assert_eq!(whole(&none, "X"), whole(&full, "X"));
}

#[test]
fn dropped_batches_go_to_a_second_file_with_totals_only() {
    let (folder, measured) = simulate("--batches 4 --drop-modalities 0.5 --truth full");
    let expression = H5ad::open(folder.path().join("sim.expression.h5ad")).unwrap();
    assert_eq!((measured.n_obs(), expression.n_obs()), (60, 60));
    assert!(names(&measured).contains(&"layers/unspliced".to_owned()));
    assert_eq!(
        names(&expression),
        ["X", "layers/true_spliced", "layers/true_unspliced", "layers/true_velocity"]
    );
    assert_eq!(texts(measured.obs_column("batch").unwrap())[59], "batch_2");
    assert_eq!(texts(expression.obs_column("batch").unwrap())[0], "batch_3");
    assert_eq!(expression.obs_names().unwrap()[0], "cell_0000061");

    let (_folder, together) = simulate("--batches 4");
    let (head, tail) = (dense(&measured, "X"), dense(&expression, "X"));
    assert_eq!(
        [head, tail].concat(),
        dense(&together, "X"),
        "dropping changes what is written, not the cells"
    );
}

#[test]
fn all_batches_dropped_leave_one_file() {
    let (folder, file) = simulate("--drop-modalities 1");
    assert_eq!(names(&file), ["X"]);
    assert_eq!(file.n_obs(), 120);
    assert!(!folder.path().join("sim.expression.h5ad").exists());
}

#[test]
fn impossible_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sim.h5ad");
    let bad = [
        ("--genes 0", "--genes is 0"),
        ("--cells 0", "--cells is 0"),
        ("--lineages 0", "--lineages is 0"),
        ("--batches 121", "--batches is 121"),
        ("--drop-modalities 1.5", "--drop-modalities is 1.5"),
        ("--drop-modalities NaN", "--drop-modalities is NaN"),
        ("--drop-modalities 0.1", "--drop-modalities 0.1 of 2 batches"),
        ("--capture 0", "--capture is 0"),
        ("--dispersion -1", "--dispersion is -1"),
        ("--max-memory 1k", "--max-memory 1.0 KiB is too little"),
    ];
    for (flags, message) in bad {
        let flags = flags.split_once(' ').map(|(flag, value)| format!("{flag}={value}")).unwrap();
        let base = ["mfdoom-simulate", "-o", path.to_str().unwrap(), "--cells=120", "--genes=60"];
        let replaced = base.into_iter().filter(|arg| arg.split('=').next() != flags.split('=').next());
        let args = match Args::try_parse_from(replaced.chain([flags.as_str()])) {
            Ok(args) => args,
            Err(error) => {
                let flag = flags.split('=').next().unwrap();
                assert_eq!(error.exit_code(), 2, "{flags}");
                assert!(error.to_string().contains(flag), "{flags}: {error}");
                continue;
            }
        };
        let error = run(args).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{flags}");
        assert!(error.message().starts_with(message), "{flags}: {error}");
        assert!(error.help_text().is_some(), "{flags}: {error}");
    }
    for output in ["-", "sim.csv"] {
        assert_eq!(run(args(Path::new(output), "")).unwrap_err().kind(), Kind::Usage);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn one_cell_one_gene_one_lineage_is_a_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.h5ad");
    let flags = "--cells=1 --genes=1 --lineages=1 --batches=1 --noise=poisson --truth=full --batch-effect=0";
    let base = ["mfdoom-simulate", "-o", path.to_str().unwrap()];
    run(Args::try_parse_from(base.into_iter().chain(flags.split(' '))).unwrap()).unwrap();
    assert_eq!(H5ad::open(path).unwrap().n_obs(), 1);
}

#[test]
fn outputs_are_kept_unless_forced_and_checks_write_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sim.h5ad");
    run(args(&path, "--check")).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    run(args(&path, "")).unwrap();
    let error = run(args(&path, "--seed 1")).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(run(args(&path, "--check")).unwrap_err().kind(), Kind::Usage);
    let first = whole(&H5ad::open(&path).unwrap(), "X");
    run(args(&path, "--seed 1 --force")).unwrap();
    assert_ne!(first, whole(&H5ad::open(&path).unwrap(), "X"));
}

#[test]
fn a_plan_names_files_and_cells() {
    let plan = Plan::new(&args(Path::new("a.b.h5ad"), "--batches 3 --drop-modalities 0.34")).unwrap();
    let parts: Vec<_> =
        plan.parts.iter().map(|part| (part.path.to_str().unwrap(), part.cells.clone())).collect();
    assert_eq!(parts, [("a.b.h5ad", 0..80), ("a.b.expression.h5ad", 80..120)]);
}
