//! The fit against a float64 reference in numpy, on simulated counts with missing modalities and panels.
//!
//! `test-data/anchor/make_fixtures.py` makes the archive. Factors are known up to rotation, so inner products between
//! cells are compared, and predictions of every modality.

use std::path::Path;
use std::sync::Arc;

use mfdoom_anchor::{
    Anchor, AnchorCells, Block, Effects, Encoder, Modality, Panels, Settings, Transform, fit,
};
use mfdoom_testing::Npz;

const NAMES: [&str; 4] = ["spliced", "unspliced", "expression", "protein"];

struct Counts {
    present: Vec<bool>,
    total: Vec<f64>,
    offsets: Vec<usize>,
    feature: Vec<u32>,
    count: Vec<f32>,
}

impl Counts {
    fn block(&self) -> Block<'_> {
        Block {
            present: &self.present,
            total: &self.total,
            offsets: &self.offsets,
            feature: &self.feature,
            count: &self.count,
        }
    }
}

/// Settings of the reference: features as they vary, batches as they lie.
fn reference() -> Settings {
    let (least_variance, effects) = (0.0, Effects::Keep);
    Settings { dim: 6, iterations: 20, least_variance, effects, ..Settings::default() }
}

struct Fixture {
    npz: Npz,
    counts: Vec<Counts>,
    dataset: Vec<u32>,
    panels: Panels,
}

impl Fixture {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/anchor/anchor.npz");
        let npz = Npz::open(&path);
        let counts = |name: &&str| Counts {
            present: npz.f64(&format!("{name}.present")).iter().map(|p| *p > 0.0).collect(),
            total: npz.f64(&format!("{name}.total")),
            offsets: npz.f64(&format!("{name}.offsets")).iter().map(|o| *o as usize).collect(),
            feature: npz.u32(&format!("{name}.feature")),
            count: npz.f32(&format!("{name}.count")),
        };
        let panel = |name: &&str, dataset: usize| -> Option<Arc<[u32]>> {
            let name = format!("{name}.measured");
            let n = npz.array(&name).shape[1];
            let first = if name.starts_with("protein") { 61 } else { 1 };
            let row = npz.f64(&name)[dataset * n..(dataset + 1) * n].to_vec();
            let seen = (first..).zip(row).filter(|(_, seen)| *seen > 0.0).map(|(id, _)| id);
            Some(seen.collect::<Vec<u32>>().into())
        };
        Self {
            counts: NAMES.iter().map(counts).collect(),
            dataset: npz.u32("dataset"),
            panels: (0..5).map(|d| NAMES.iter().map(|name| panel(name, d)).collect()).collect(),
            npz,
        }
    }

    fn cells(&self) -> AnchorCells<'_> {
        let blocks = self.counts.iter().map(Counts::block).collect();
        AnchorCells { blocks, dataset: &self.dataset, batch: &self.dataset }
    }

    fn rows(&self) -> Vec<usize> {
        (0..self.dataset.len()).collect()
    }

    fn fit(&self) -> Anchor {
        let modality = |name: &&str| Modality {
            name: (*name).into(),
            transform: Transform::for_modality(name),
            derived_from: if *name == "expression" { vec![0, 1] } else { Vec::new() },
        };
        let modalities: Vec<Modality> = NAMES.iter().map(modality).collect();
        fit(&self.cells(), &self.panels, &self.rows(), &modalities, &reference()).unwrap()
    }
}

/// Largest difference between the inner products of all pairs of rows, over the largest inner product.
fn gram_difference(a: &[f64], b: &[f64], d: usize) -> f64 {
    let gram = |x: &[f64]| -> Vec<f64> {
        let rows: Vec<&[f64]> = x.chunks(d).collect();
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        rows.iter().flat_map(|a| rows.iter().map(|b| inner(a, b)).collect::<Vec<_>>()).collect()
    };
    largest(&gram(a), &gram(b))
}

fn largest(found: &[f64], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let scale = wanted.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / scale
}

#[test]
fn posteriors_and_predictions_are_those_of_the_reference() {
    let fixture = Fixture::read();
    let anchor = fixture.fit();
    let cells = fixture.cells();
    let mut encoder = Encoder::new(&anchor, fixture.panels.clone());
    let rows = fixture.rows();
    for (m, name) in NAMES.iter().enumerate() {
        let using: Vec<bool> = (0..4).map(|k| k == m).collect();
        let scores = encoder.scores(&cells, &rows, &using);
        assert_eq!(scores.present, fixture.counts[m].present);
        let difference = gram_difference(&scores.means, &fixture.npz.f64(&format!("{name}.means")), 6);
        assert!(difference < 1e-6, "{name}: {difference:e}");
    }
    let all = encoder.scores(&cells, &rows, &[true; 4]);
    let difference = gram_difference(&all.means, &fixture.npz.f64("all.means"), 6);
    assert!(difference < 1e-6, "all: {difference:e}");
    let ninth: Vec<f64> = all.means.chunks(6).step_by(9).flatten().copied().collect();
    for (m, name) in NAMES.iter().enumerate() {
        let predicted = anchor.predict(&ninth, m);
        let difference = largest(&predicted, &fixture.npz.f64(&format!("{name}.predicted")));
        assert!(difference < 1e-6, "{name} predicted: {difference:e}");
    }
    for (m, name) in NAMES.iter().enumerate().chain([(4, &"all")]) {
        let using: Vec<bool> = (0..4).map(|k| k == m || m == 4).collect();
        let embedding = encoder.embed(&cells, &rows, &using).means;
        let difference = gram_difference(&embedding, &fixture.npz.f64(&format!("{name}.embedding")), 12);
        assert!(difference < 1e-6, "{name} embedded: {difference:e}");
    }
}

#[test]
fn threads_change_no_byte() {
    let fixture = Fixture::read();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let anchor = fixture.fit();
            let scores = Encoder::new(&anchor, fixture.panels.clone()).embed(
                &fixture.cells(),
                &fixture.rows(),
                &[true; 4],
            );
            (anchor, scores)
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn arrays_give_the_model_back() {
    let anchor = Fixture::read().fit();
    let names: Vec<String> = NAMES.iter().map(|n| (*n).into()).collect();
    let derived: Vec<Vec<usize>> = anchor.parts.iter().map(|p| p.derived_from.clone()).collect();
    let mut arrays = anchor.arrays();
    assert_eq!(Anchor::from_arrays(&arrays, &names, &derived).unwrap(), anchor);
    arrays.get_mut("protein.noise").unwrap().data[0] = -1.0;
    assert!(Anchor::from_arrays(&arrays, &names, &derived).is_err());
    arrays.remove("protein.noise");
    let error = Anchor::from_arrays(&arrays, &names, &derived).unwrap_err();
    assert!(error.to_string().contains("protein.noise"), "{error}");
}

#[test]
fn a_missing_modality_is_a_missing_term() {
    let fixture = Fixture::read();
    let anchor = fixture.fit();
    let mut encoder = Encoder::new(&anchor, fixture.panels.clone());
    let cells = fixture.cells();
    let rows = fixture.rows();
    let all = encoder.scores(&cells, &rows, &[true; 4]);
    let protein = encoder.scores(&cells, &rows, &[false, false, false, true]);
    // Data set 3 has protein alone; data set 0 has more.
    let at = |dataset: u32| fixture.dataset.iter().position(|d| *d == dataset).unwrap() * 6;
    assert_eq!(all.means[at(3)..at(3) + 6], protein.means[at(3)..at(3) + 6]);
    assert_ne!(all.means[at(0)..at(0) + 6], protein.means[at(0)..at(0) + 6]);
    let none = encoder.scores(&cells, &rows, &[false; 4]);
    assert!(none.means.iter().all(|z| *z == 0.0) && none.present.iter().all(|p| !p));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let fixture = Fixture::read();
    let cells = fixture.cells();
    let modalities: Vec<Modality> = NAMES
        .iter()
        .map(|n| Modality { name: (*n).into(), transform: Transform::Log1p, derived_from: Vec::new() })
        .collect();
    let fitted =
        |rows: &[usize], settings: &Settings| fit(&cells, &fixture.panels, rows, &modalities, settings);
    assert!(fitted(&[0], &Settings::default()).unwrap_err().to_string().contains("at least 2 cells"));
    assert!(fitted(&[0, 0], &Settings::default()).unwrap_err().to_string().contains("varies"));
    let settings = Settings { dim: 0, ..Settings::default() };
    assert!(fitted(&[0, 1], &settings).unwrap_err().to_string().contains("dimensions"));
    assert!(fitted(&[0, 1, 2], &Settings::default()).is_ok(), "fewer cells than factors");
}

#[test]
fn cross_fitted_coordinates_lie_in_the_space_of_the_whole_fit() {
    let fixture = Fixture::read();
    let (cells, rows) = (fixture.cells(), fixture.rows());
    let anchor = fixture.fit();
    let groups: Vec<usize> = rows.iter().map(|row| row % 3).collect();
    let subsets = [vec![true; 4], vec![false, false, true, false]];
    let folds = mfdoom_anchor::CrossFit {
        cells: &cells,
        panels: &fixture.panels,
        rows: &rows,
        fold: &groups,
        settings: &reference(),
    };
    let crossed = mfdoom_anchor::cross_fit(&folds, &anchor, &subsets).unwrap();
    let mut encoder = Encoder::new(&anchor, fixture.panels.clone());
    for (using, crossed) in subsets.iter().zip(crossed) {
        let whole = encoder.embed(&cells, &rows, using);
        assert_eq!(whole.present, crossed.present);
        let pairs = whole.means.chunks(12).zip(crossed.means.chunks(12)).zip(&whole.present);
        let cosines: Vec<f64> = pairs
            .filter(|(_, present)| **present)
            .map(|((a, b), _)| a.iter().zip(b).map(|(x, y)| x * y).sum())
            .collect();
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        // Without the turn the axes of three fits have nothing in common.
        assert!(mean > 0.8 && mean < 0.9999, "{mean}");
    }
}
