//! `mfdoom-evaluate velocity` on simulated cells, whose velocities are known.

use std::path::PathBuf;

use clap::Parser;
use mfdoom_artifact::velocity::{CellTable, VELOCITY_DIR_FORMAT, VELOCITY_FORMAT, prediction_schema};
use mfdoom_artifact::{
    Column, Gene, GeneBatch, GeneTableSchema, GeneTableWriter, Manifest, Output, TableFormat,
    VelocityDirWriter,
};
use mfdoom_counts::{Frame, H5adWriter, MatrixKind, NewFile, NewMatrix, Source};
use mfdoom_error::Result;
use mfdoom_evaluate::{Args, run};
use mfdoom_kinetics::simulate::{Design, Simulation};
use serde_json::Value;
use tempfile::TempDir;

use crate::world::{noise, row, value};

const CELLS: usize = 400;
const EDGES: &str = "progenitor>intermediate,intermediate>fate_1,intermediate>fate_2";

/// Simulated cells with their truth, in a folder of their own.
pub struct Moving {
    folder: TempDir,
    genes: Vec<Gene>,
    labels: Vec<Option<String>>,
    velocity: Vec<f32>,
    spliced: Vec<f32>,
}

impl Moving {
    pub fn new() -> Self {
        let design = Design { cells: CELLS, genes: 60, lineages: 2, seed: 3, ..Design::default() };
        let simulation = Simulation::new(design).unwrap();
        let truth = simulation.truth(0..CELLS);
        let label = |cell| simulation.tree().branches()[simulation.cell(cell).branch].name.clone();
        Self {
            folder: tempfile::tempdir().unwrap(),
            genes: (0..60).map(|gene| Gene::new(format!("g{gene:02}"), "")).collect(),
            labels: (0..CELLS).map(|cell| Some(label(cell))).collect(),
            velocity: truth.velocity,
            spliced: truth.spliced,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keys(&self, dataset: &str) -> (Vec<String>, Vec<String>) {
        (vec![dataset.to_owned(); CELLS], (0..CELLS).map(|cell| format!("c{cell}")).collect())
    }

    fn manifest() -> Manifest {
        Manifest::new("mfdoom-velocity", "0.1.0", VELOCITY_DIR_FORMAT, Value::Null, Vec::new())
    }

    /// Writes a prediction: the truth and so much noise, in units of the spread of the truth.
    pub fn predicted(&self, name: &str, share: f32) -> PathBuf {
        self.folder_of(name, |at, value| value + share * 10.0 * (noise(at, 1, 5) - 0.5))
    }

    /// Writes a prediction whose uncertainty is the standard deviation of its noise.
    fn uncertain(&self, name: &str) -> PathBuf {
        let spread = |cell: usize| 1.0 + (cell % 10) as f32;
        let uncertainty = (0..CELLS).map(|cell| f64::from(spread(cell))).collect();
        let noisy = |at: usize, value: f32| value + spread(at / 60) * 12f32.sqrt() * (noise(at, 1, 5) - 0.5);
        self.folder_with(name, uncertainty, noisy)
    }

    /// Writes a velocity folder of changed velocities, whose state is the true one.
    fn folder_of(&self, name: &str, change: impl Fn(usize, f32) -> f32) -> PathBuf {
        self.folder_with(name, vec![1.0; CELLS], change)
    }

    fn folder_with(&self, name: &str, uncertainty: Vec<f64>, change: impl Fn(usize, f32) -> f32) -> PathBuf {
        let folder = VelocityDirWriter::create(self.path(name), true).unwrap();
        let (dataset, cell_id) = self.keys("sim");
        let velocity = self.velocity.iter().enumerate().map(|(at, &value)| change(at, value)).collect();
        let mut cells = CellTable { dataset: dataset.clone(), cell_id: cell_id.clone(), columns: Vec::new() };
        cells.set("type", Column::String(self.labels.clone()));
        folder.cells(&cells).unwrap();
        let matrices = vec![velocity, self.spliced.clone()];
        let obs = vec![Column::Float(uncertainty)];
        let schema = prediction_schema(self.genes.clone(), Self::manifest());
        let mut table = folder.velocities(schema).unwrap();
        table.write(GeneBatch { dataset, cell_id, obs, matrices }).unwrap();
        table.finish().unwrap();
        folder.commit(&Self::manifest()).unwrap();
        self.path(name)
    }

    /// Writes the true velocities of all cells but the first three and all genes but the first, as a bare table.
    pub fn truth(&self, name: &str, dataset: &str) -> PathBuf {
        let path = self.path(name);
        let schema =
            GeneTableSchema::new(VELOCITY_FORMAT, self.genes[1..].to_vec(), &["velocity"], Self::manifest());
        let mut table =
            GeneTableWriter::create(&Output::file(&path, true), schema, TableFormat::Parquet).unwrap();
        let (dataset, cell_id) = self.keys(dataset);
        let velocity = self.velocity.chunks_exact(60).skip(3).flat_map(|row| row[1..].to_vec()).collect();
        let (dataset, cell_id) = (dataset[3..].to_vec(), cell_id[3..].to_vec());
        table.write(GeneBatch { dataset, cell_id, obs: Vec::new(), matrices: vec![velocity] }).unwrap();
        table.finish().unwrap();
        path
    }

    /// Runs the stage and returns the text of `metrics.json`.
    pub fn score(&self, more: &[&str]) -> Result<String> {
        let output = self.path("m.json");
        let args = ["mfdoom-evaluate", "velocity", "-o", output.to_str().unwrap(), "--force"];
        run(Args::parse_from(args.iter().chain(more)))?;
        Ok(std::fs::read_to_string(output).unwrap())
    }

    fn json(&self, more: &[&str]) -> Value {
        serde_json::from_str(&self.score(more).unwrap()).unwrap()
    }

    #[track_caller]
    fn fails(&self, more: &[&str], code: i32, says: &[&str]) {
        let error = self.score(more).unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        says.iter().for_each(|text| assert!(error.to_string().contains(text), "{text:?} is not in: {error}"));
        assert!(!self.path("m.json").exists());
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn better_predictions_score_better_and_the_truth_runs_along_the_lineage() {
    let moving = Moving::new();
    let (good, bad) = (moving.predicted("good", 0.1), moving.predicted("bad", 3.0));
    let truth = moving.truth("truth.parquet", "sim");
    let truth = truth.to_str().unwrap();
    let score = |path: &PathBuf| {
        let more = ["--truth", truth, "--label", "type", "--edges", EDGES, "--umap-seeds", "2"];
        moving.json(&[&[path.to_str().unwrap()], &more[..]].concat())
    };
    let (good, bad) = (score(&good), score(&bad));
    for metrics in [&good, &bad] {
        assert_eq!([&metrics["cells"]["common"], &metrics["cells"]["scored"]], [397, 397]);
        assert_eq!([&metrics["genes"]["common"], &metrics["genes"]["graph"]], [59, 59]);
    }
    let of = |metrics: &Value, name: &str| value(metrics, ["all", "predicted", "truth", name]);
    assert!(of(&good, "pearson") > of(&bad, "pearson") + 0.1);
    assert!(of(&good, "cosine") > of(&bad, "cosine") + 0.1);
    let all = |metrics: &Value, field: &str, name: &str| value(metrics, ["all", field, "", name]);
    let truth = [all(&good, "truth", "cbdir"), all(&bad, "truth", "cbdir")];
    assert_eq!(truth[0], truth[1], "the truth is drawn on the same coordinates next to either");
    assert!(truth[0] > 0.2 && truth[0] > all(&good, "truth, shuffled", "cbdir") + 0.1, "{truth:?}");
    assert!(all(&good, "predicted", "cbdir") > all(&bad, "predicted", "cbdir"));
    assert!(all(&good, "predicted", "iccoh") > all(&bad, "predicted", "iccoh") + 0.1);
    let excess = all(&good, "predicted", "cbdir") - all(&good, "predicted, constant", "cbdir");
    assert!((all(&good, "predicted", "cbdir_excess") - excess).abs() < 1e-12);
    let edge = row(&good, ["intermediate > fate_2", "predicted", "", "cbdir"]);
    assert!(
        number(&edge["low"]) <= number(&edge["value"]) && number(&edge["value"]) <= number(&edge["high"])
    );
}

#[test]
fn threads_and_repeats_give_the_same_bytes() {
    let moving = Moving::new();
    let (path, truth) = (moving.predicted("p", 1.0), moving.truth("t.parquet", "sim"));
    let (stream, page) = (moving.path("s.png"), moving.path("r.html"));
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let more = [
        text(&path),
        "--truth".into(),
        text(&truth),
        "--label".into(),
        "type".into(),
        "--edges".into(),
        EDGES.into(),
        "--umap-seeds".into(),
        "2".into(),
        "--plot".into(),
        text(&stream),
        "--report".into(),
        text(&page),
    ];
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let json = pool.install(|| moving.score(&more).unwrap());
        (json, std::fs::read(&stream).unwrap(), std::fs::read_to_string(&page).unwrap())
    };
    let (json, png, page) = all(1);
    assert!((json.clone(), png.clone(), page.clone()) == all(2));
    assert!(png.starts_with(b"\x89PNG"));
    for text in ["Velocities of p", "constant", "<svg", "predicted", "truth", "fate_1", "</html>\n"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("<script src") && !json.contains(moving.path("p").to_str().unwrap()));
}

#[test]
fn what_is_missing_is_masked_and_never_zero() {
    let moving = Moving::new();
    // One gene has no velocity at all, another none in every tenth cell.
    let missing = |at: usize| at % 60 == 5 || (at % 60 == 6 && (at / 60).is_multiple_of(10));
    let holes = moving.folder_of("holes", |at, value| if missing(at) { f32::NAN } else { value });
    let truth = moving.truth("t.parquet", "sim");
    let more = ["--truth", truth.to_str().unwrap(), "--label", "type", "--edges", EDGES, "--umap-seeds", "1"];
    let metrics = moving.json(&[&[holes.to_str().unwrap()], &more[..]].concat());
    let of = |name: &str| value(&metrics, ["all", "predicted", "truth", name]);
    for exact in [of("pearson_q25"), of("cosine")] {
        assert!((exact - 1.0).abs() < 1e-6, "equal wherever there is a velocity: {exact}");
    }
    let varies = |gene: &usize| {
        let first = moving.velocity[3 * 60 + gene];
        *gene != 5 && moving.velocity[3 * 60..].chunks_exact(60).any(|row| (row[*gene] - first).abs() > 1e-6)
    };
    let genes = (1..60).filter(varies).count();
    assert_eq!(of("genes"), genes as f64, "housekeeping genes have a constant velocity");
    assert!(genes < 58);
    assert_eq!([&metrics["genes"]["common"], &metrics["genes"]["graph"]], [59, 57]);
    let direction = |field: &str| value(&metrics, ["all", field, "", "cbdir"]);
    assert_eq!(direction("predicted"), direction("truth"));
}

#[test]
fn cells_without_any_velocity_are_left_out() {
    let moving = Moving::new();
    let more = ["--label", "type", "--edges", EDGES, "--umap-seeds", "1"];
    let none = moving.folder_of("none", |_, _| f32::NAN);
    moving.fails(&[&[none.to_str().unwrap()], &more[..]].concat(), 3, &["no cell has a velocity"]);
    let lost = moving.folder_of("lost", |at, value| if at / 60 < 10 { f32::NAN } else { value });
    let metrics = moving.json(&[&[lost.to_str().unwrap()], &more[..]].concat());
    assert_eq!(metrics["genes"]["graph"], 60, "no gene lacks a velocity in the other cells");
}

#[test]
fn an_uncertainty_is_scored_by_the_errors_of_the_cells() {
    let moving = Moving::new();
    let (told, constant) = (moving.uncertain("u"), moving.predicted("c", 1.0));
    let (truth, picture, page) =
        (moving.truth("t.parquet", "sim"), moving.path("c.svg"), moving.path("r.html"));
    let [told, constant, truth] = [&told, &constant, &truth].map(|path| path.to_str().unwrap());
    let (drawn, report) = (picture.to_str().unwrap(), page.to_str().unwrap());
    let metrics = moving.json(&[told, "--truth", truth, "--calibration", drawn, "--report", report]);
    let score = &metrics["calibration"][0];
    assert_eq!([&score["against"], &score["cells"]], [&Value::from("truth"), &Value::from(397)]);
    assert!(number(&score["spearman"]) > 0.95, "{score}");
    assert!((number(&score["scale"]) - 1.0).abs() < 0.05, "a standard deviation: {score}");
    let bins = score["bins"].as_array().unwrap();
    assert_eq!((bins.len(), bins.iter().map(|bin| bin["n"].as_u64().unwrap()).sum()), (10, 397));
    for bin in bins {
        let ratio = number(&bin["error"]) / number(&bin["uncertainty"]);
        assert!((ratio - 1.0).abs() < 0.1, "{bin}");
    }
    let [picture, page] = [&picture, &page].map(|path| std::fs::read_to_string(path).unwrap());
    assert!(picture.contains("<svg") && page.contains(&picture), "the page holds the picture");
    assert!(page.contains("Uncertainty and error of a cell"));

    let metrics = moving.json(&[constant, "--truth", truth]);
    assert!(metrics["calibration"][0]["spearman"].is_null(), "the same for every cell tells nothing");
    let metrics = moving.json(&[truth, "--fitted", told]);
    assert_eq!(metrics["calibration"].as_array().unwrap().len(), 0, "of the predicted only");
    std::fs::remove_file(moving.path("m.json")).unwrap();
    let more = ["--calibration", drawn];
    moving.fails(
        &[&[truth, "--fitted", told], &more[..]].concat(),
        3,
        &["uncertainty", "mfdoom-velocity predict"],
    );
    moving.fails(&[told, "--label", "type", "--calibration", drawn], 2, &["--calibration", "--truth"]);
}

#[test]
fn labels_may_come_from_another_table_and_accuracy_needs_none() {
    let moving = Moving::new();
    let (path, truth) = (moving.truth("p.parquet", "sim"), moving.predicted("t", 0.0));
    let (path, truth) = (path.to_str().unwrap(), truth.to_str().unwrap());
    let metrics = moving.json(&[path, "--truth", truth]);
    assert!((value(&metrics, ["all", "predicted", "truth", "pearson"]) - 1.0).abs() < 1e-6);
    let named = |metrics: &Value, name: &str| {
        metrics["scores"].as_array().unwrap().iter().filter(|row| row["name"] == name).count()
    };
    assert_eq!(named(&metrics, "iccoh"), 0);
    let source = moving.path("t/cells.parquet");
    let more = ["--label", "type", "--label-source", source.to_str().unwrap(), "--umap-seeds", "1"];
    let metrics = moving.json(&[&[path, "--fitted", truth], &more[..]].concat());
    assert_eq!(named(&metrics, "iccoh"), 2 * (4 + 2), "of two fields: each cluster, their mean, shuffled");
    assert_eq!(named(&metrics, "cbdir"), 0);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let moving = Moving::new();
    let (path, other) = (moving.predicted("p", 1.0), moving.truth("o.parquet", "other"));
    let (path, other) = (path.to_str().unwrap(), other.to_str().unwrap());
    moving.fails(&[path], 2, &["--label", "--truth"]);
    moving.fails(&[path, "--truth", other], 3, &["share no cell", "sim", "other"]);
    moving.fails(&[path, "--label", "celltype"], 3, &["celltype", "type", "--label-source"]);
    moving.fails(&[path, "--label", "type", "--edges", "progenitor>islet"], 3, &["islet", "fate_1"]);
    moving.fails(&[path, "--label", "type", "--edges", "progenitor"], 2, &["A>B"]);
    let line = ["mfdoom-evaluate", "velocity", path, "--label", "type", "--umap-seeds", "0"];
    let error = Args::try_parse_from(line).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("--umap-seeds"), "{error}");
    moving.fails(&[path, "--label", "type", "--plot", "s.pdf"], 2, &[".svg or .png"]);
    moving.fails(&[other, "--label", "type", "--edges", "a>b", "--fitted", path], 3, &["share no cell"]);
    let genes = moving.path("g.parquet");
    let schema =
        GeneTableSchema::new(VELOCITY_FORMAT, vec![Gene::new("x", "")], &["velocity"], Moving::manifest());
    let mut table =
        GeneTableWriter::create(&Output::file(&genes, true), schema, TableFormat::Parquet).unwrap();
    let (dataset, cell_id) = moving.keys("sim");
    table.write(GeneBatch { dataset, cell_id, obs: Vec::new(), matrices: vec![vec![1.0; CELLS]] }).unwrap();
    table.finish().unwrap();
    moving.fails(&[path, "--truth", genes.to_str().unwrap()], 3, &["no velocity gene", "such as x"]);
    let bare = moving.truth("b.parquet", "sim");
    let source = moving.path("p/cells.parquet");
    let more = ["--label", "type", "--label-source", source.to_str().unwrap(), "--edges", EDGES];
    moving.fails(
        &[&[bare.to_str().unwrap()], &more[..]].concat(),
        3,
        &["nothing to displace from", "--fitted"],
    );
    moving.fails(&["no such folder", "--label", "type"], 3, &["no such"]);
}

/// Writes the truth as `mfdoom-simulate --truth full` does: layers and the type of each cell.
fn simulated(moving: &Moving) -> PathBuf {
    let path = moving.path("sim.h5ad");
    let [velocity, spliced] = ["true_velocity", "true_spliced"].map(|name| Source::Layer(name.to_owned()));
    let matrices = [&velocity, &spliced].map(|layer| NewMatrix::new(layer, MatrixKind::Dense, 60)).to_vec();
    let genes = moving.genes.iter().map(|gene| gene.id.clone()).collect();
    let new = NewFile { var: Frame::new(genes), matrices, uns: Vec::new() };
    let mut writer = H5adWriter::create(&path, true, &new).unwrap();
    writer.append_dense(&velocity, &moving.velocity).unwrap();
    writer.append_dense(&spliced, &moving.spliced).unwrap();
    let categories =
        vec!["fate_1".to_owned(), "fate_2".to_owned(), "intermediate".to_owned(), "progenitor".to_owned()];
    let code = |label: &Option<String>| {
        categories.iter().position(|name| Some(name) == label.as_ref()).map(|at| at as u32)
    };
    let types = Column::Categorical {
        codes: moving.labels.iter().map(code).collect(),
        categories: categories.clone(),
    };
    writer.finish(&Frame::new(moving.keys("").1).with("cell_type", types)).unwrap();
    path
}

#[test]
fn the_truth_may_be_the_file_of_the_simulation() {
    let moving = Moving::new();
    let (path, truth) = (moving.truth("p.parquet", "any"), simulated(&moving));
    let (path, truth) = (path.to_str().unwrap(), truth.to_str().unwrap());
    let more = ["--label", "cell_type", "--edges", EDGES, "--umap-seeds", "1"];
    let metrics = moving.json(&[&[path, "--truth", truth], &more[..]].concat());
    assert_eq!([&metrics["cells"]["scored"], &metrics["genes"]["common"]], [397, 59], "by cell id alone");
    assert!((value(&metrics, ["all", "predicted", "truth", "cosine"]) - 1.0).abs() < 1e-6);
    let direction = |field: &str| value(&metrics, ["all", field, "", "cbdir"]);
    assert_eq!(direction("predicted"), direction("truth"));
    let error = moving.score(&[path, "--truth", truth, "--label", "no such"]).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("cell_type"), "{error}");
}
