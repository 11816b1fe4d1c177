//! Peaks weighed by their rarity: against the formula, with a feature that one of two data sets did not measure.

use std::sync::Arc;

use mfdoom_anchor::{Anchor, AnchorCells, Block, Effects, Encoder, Modality, Settings, Transform, fit};

const CELLS: usize = 60;
const PEAKS: u32 = 6;

/// Count of a peak in a cell: two kinds of cells, peak 1 in all of them, peak 6 only in the first data set.
fn count(cell: usize, peak: u32) -> f32 {
    let kind = (cell % 2) as u32;
    match peak {
        1 => 1.0 + (cell % 3) as f32,
        6 => f32::from(u8::from(cell < CELLS / 2 && cell.is_multiple_of(5))),
        _ => f32::from(u8::from(peak % 2 == kind && !cell.is_multiple_of(peak as usize + 1))) * 2.0,
    }
}

struct Counts {
    offsets: Vec<usize>,
    feature: Vec<u32>,
    count: Vec<f32>,
    total: Vec<f64>,
}

fn counts() -> Counts {
    let mut counts = Counts { offsets: vec![0], feature: Vec::new(), count: Vec::new(), total: Vec::new() };
    for cell in 0..CELLS {
        let row = (1..=PEAKS).map(|peak| (peak, count(cell, peak))).filter(|(_, count)| *count > 0.0);
        counts.total.push(3.0);
        for (peak, count) in row {
            counts.feature.push(peak);
            counts.count.push(count);
            *counts.total.last_mut().unwrap() += f64::from(count);
        }
        counts.offsets.push(counts.feature.len());
    }
    counts
}

#[test]
fn peaks_are_weighed_by_their_rarity() {
    let counts = counts();
    let dataset: Vec<u32> = (0..CELLS).map(|cell| u32::from(cell >= CELLS / 2)).collect();
    let present = vec![true; CELLS];
    let block = Block {
        present: &present,
        total: &counts.total,
        offsets: &counts.offsets,
        feature: &counts.feature,
        count: &counts.count,
    };
    let cells = AnchorCells { blocks: vec![block], dataset: &dataset, batch: &dataset };
    let panels = vec![vec![None], vec![Some(Arc::from([1, 2, 3, 4, 5]))]];
    let transform = Transform::for_modality("ATAC");
    assert_eq!(transform, Transform::TfIdf);
    let modality = Modality { name: "ATAC".into(), transform, derived_from: Vec::new() };
    let settings = Settings { dim: 2, effects: Effects::Keep, ..Settings::default() };
    let rows: Vec<usize> = (0..CELLS).collect();
    let anchor = fit(&cells, &panels, &rows, &[modality], &settings).unwrap();
    let part = &anchor.parts[0];
    assert_eq!(part.features, [1, 2, 3, 4, 5, 6]);
    let mut sorted = counts.total.clone();
    sorted.sort_by(f64::total_cmp);
    let scale = 0.5 * (sorted[CELLS / 2 - 1] + sorted[CELLS / 2]);
    for peak in 1..=PEAKS {
        let measured = if peak == 6 { CELLS / 2 } else { CELLS };
        let with = (0..measured).filter(|cell| count(*cell, peak) > 0.0).count();
        let rarity = (1.0 + measured as f64 / with as f64).ln();
        let value = |cell: usize| {
            (f64::from(count(cell, peak)) * rarity * scale / counts.total[cell].max(1.0)).ln_1p()
        };
        let mean = (0..measured).map(value).sum::<f64>() / measured as f64;
        let g = peak as usize - 1;
        assert!((part.rarity[g] - rarity).abs() < 1e-12, "{peak}: {} {rarity}", part.rarity[g]);
        assert!((part.mean[g] - mean).abs() < 1e-12, "{peak}: {} {mean}", part.mean[g]);
    }
    let again = Anchor::from_arrays(&anchor.arrays(), &["ATAC".into()], &[Vec::new()]).unwrap();
    assert_eq!(again, anchor);
    let [a, b] = [&anchor, &again]
        .map(|anchor| Encoder::new(anchor, panels.clone()).embed(&cells, &rows, &[true]).means);
    assert_eq!(a, b);
    // Cells of a kind are more alike than cells of two.
    let alike = |i: usize, j: usize| (0..4).map(|k| a[4 * i + k] * a[4 * j + k]).sum::<f64>();
    let mean = |step: usize| (0..CELLS - 3).map(|i| alike(i, i + step)).sum::<f64>() / (CELLS - 3) as f64;
    assert!(mean(2) > mean(1) + 0.5, "{} {}", mean(2), mean(1));
}
