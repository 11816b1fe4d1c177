//! Which features take part where a modality has more than are wanted.

use mfdoom_anchor::{AnchorCells, Block, Effects, Modality, Settings, Transform, fit};

const CELLS: usize = 80;

/// Counts of five genes. Genes 1 and 2 tell the halves apart in every cell. Genes 3 and 4 are in two cells each, so that they
/// vary more for their mean, and less in all. Gene 5 is the same in all cells.
fn counts(cell: usize) -> [f32; 5] {
    let half = cell < CELLS / 2;
    let rare = |k: usize| if cell % (CELLS / 2) == k { 3.0 } else { 0.0 };
    let (up, down) = if half { (12.0, 4.0) } else { (4.0, 12.0) };
    [up + (cell % 3) as f32, down + (cell % 2) as f32, rare(7), rare(11), 5.0]
}

#[test]
fn features_that_vary_most_take_part_and_rare_ones_do_not() {
    let rows: Vec<Vec<(u32, f32)>> =
        (0..CELLS).map(|cell| (1..).zip(counts(cell)).filter(|(_, count)| *count > 0.0).collect()).collect();
    let mut offsets = vec![0];
    for row in &rows {
        offsets.push(offsets[offsets.len() - 1] + row.len());
    }
    let (feature, count): (Vec<u32>, Vec<f32>) = rows.into_iter().flatten().unzip();
    let (present, dataset, total) = (vec![true; CELLS], vec![0_u32; CELLS], vec![1000.0; CELLS]);
    let block =
        Block { present: &present, total: &total, offsets: &offsets, feature: &feature, count: &count };
    let cells = AnchorCells { blocks: vec![block], dataset: &dataset, batch: &dataset };
    let modality =
        Modality { name: "expression".into(), transform: Transform::LogNormalized, derived_from: Vec::new() };
    let all: Vec<usize> = (0..CELLS).collect();
    let features = |most: usize| {
        let settings = Settings { dim: 1, features: most, effects: Effects::Keep, ..Settings::default() };
        let anchor =
            fit(&cells, &vec![vec![None]], &all, std::slice::from_ref(&modality), &settings).unwrap();
        anchor.parts[0].features.clone()
    };
    assert_eq!(features(2), [1, 2]);
    assert_eq!(features(10), [1, 2, 3, 4]);
}
