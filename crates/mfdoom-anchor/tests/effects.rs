//! The defaults beyond the factor analysis against numpy: least variances, and batch effects that are removed.
//!
//! `test-data/anchor/make_effects.py` makes the archive: two data sets, the second with some genes higher in every cell.

use std::path::Path;

use mfdoom_anchor::{
    Anchor, AnchorCells, Block, Effects, Encoder, Modality, Panels, Settings, Transform, fit,
};
use mfdoom_testing::Npz;

const NAMES: [&str; 2] = ["expression", "protein"];
const D: usize = 6;

struct Counts {
    total: Vec<f64>,
    offsets: Vec<usize>,
    feature: Vec<u32>,
    count: Vec<f32>,
}

struct Fixture {
    npz: Npz,
    present: Vec<bool>,
    counts: Vec<Counts>,
    dataset: Vec<u32>,
    panels: Panels,
}

impl Fixture {
    fn read() -> Self {
        let npz =
            Npz::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/anchor/effects.npz"));
        let dataset = npz.u32("dataset");
        let counts = |name: &&str| {
            let array = |of: &str| format!("{name}.{of}");
            Counts {
                total: npz.f64(&array("total")),
                offsets: npz.f64(&array("offsets")).iter().map(|o| *o as usize).collect(),
                feature: npz.u32(&array("feature")),
                count: npz.f32(&array("count")),
            }
        };
        let counts = NAMES.iter().map(counts).collect();
        let (present, panels) = (vec![true; dataset.len()], vec![vec![None; 2]; 2]);
        Self { npz, present, counts, dataset, panels }
    }

    fn cells(&self) -> AnchorCells<'_> {
        let blocks = self.counts.iter().map(|counts| Block {
            present: &self.present,
            total: &counts.total,
            offsets: &counts.offsets,
            feature: &counts.feature,
            count: &counts.count,
        });
        AnchorCells { blocks: blocks.collect(), dataset: &self.dataset, batch: &self.dataset }
    }

    fn rows(&self) -> Vec<usize> {
        (0..self.dataset.len()).collect()
    }

    fn fit(&self, effects: Effects) -> Anchor {
        let modality = |name: &&str| Modality {
            name: (*name).into(),
            transform: Transform::for_modality(name),
            derived_from: Vec::new(),
        };
        let modalities: Vec<Modality> = NAMES.iter().map(modality).collect();
        let settings = Settings { dim: D, iterations: 20, effects, ..Settings::default() };
        fit(&self.cells(), &self.panels, &self.rows(), &modalities, &settings).unwrap()
    }

    fn embed(&self, anchor: &Anchor, using: [bool; 2]) -> Vec<f64> {
        Encoder::new(anchor, self.panels.clone()).embed(&self.cells(), &self.rows(), &using).means
    }

    /// Distance between the means of both data sets over the root mean square distance of cells from them.
    fn apart(&self, embedding: &[f64]) -> f64 {
        let rows = |dataset: u32| {
            let of = embedding.chunks(2 * D).zip(&self.dataset);
            of.filter(move |(_, own)| **own == dataset).map(|(row, _)| row)
        };
        let mean = |dataset: u32| {
            let n = rows(dataset).count() as f64;
            rows(dataset).fold([0.0; 2 * D], |mut sum, row| {
                sum.iter_mut().zip(row).for_each(|(s, x)| *s += x / n);
                sum
            })
        };
        let square = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
        let means = [mean(0), mean(1)];
        let within: f64 =
            embedding.chunks(2 * D).zip(&self.dataset).map(|(row, k)| square(row, &means[*k as usize])).sum();
        (square(&means[0], &means[1]) / (within / self.dataset.len() as f64)).sqrt()
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    let gram = |x: &[f64]| -> Vec<f64> {
        let rows: Vec<&[f64]> = x.chunks(2 * D).collect();
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        rows.iter().flat_map(|a| rows.iter().map(|b| inner(a, b)).collect::<Vec<_>>()).collect()
    };
    assert_eq!(a.len(), b.len());
    gram(a).iter().zip(gram(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn coordinates_are_those_of_the_reference() {
    let fixture = Fixture::read();
    let anchor = fixture.fit(Effects::Remove);
    let removed = anchor.weights.iter().filter(|weight| **weight == 0.0).count();
    assert_eq!(removed, fixture.npz.u32("removed")[0] as usize);
    for (name, using) in [("all", [true; 2]), ("expression", [true, false]), ("protein", [false, true])] {
        let wanted = fixture.npz.f64(&format!("{name}.embedding"));
        let difference = largest_difference(&fixture.embed(&anchor, using), &wanted);
        assert!(difference < 1e-6, "{name}: {difference:e}");
    }
}

#[test]
fn batches_lie_together_without_their_effects() {
    let fixture = Fixture::read();
    let apart = |effects: Effects| fixture.apart(&fixture.embed(&fixture.fit(effects), [true; 2]));
    let (kept, removed) = (apart(Effects::Keep), apart(Effects::Remove));
    // The data sets differ in the shares of their kinds of cells, which stays.
    assert!(removed < 0.6 * kept, "{removed} where {kept} was");
}

#[test]
fn one_batch_has_no_effects() {
    let mut fixture = Fixture::read();
    fixture.dataset.fill(0);
    assert_eq!(fixture.fit(Effects::Remove), fixture.fit(Effects::Keep));
}
