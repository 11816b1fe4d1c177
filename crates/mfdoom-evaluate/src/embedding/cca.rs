//! Canonical correlation of pairs of modalities: the plain method that embeds a cell from either of two.

use mfdoom_matrix::{Cca, Matrix, subsample};

use super::baseline::BaselineCounts;
use super::input::HeadVectors;
use super::plain::components;
use crate::args::EmbeddingArgs;
use crate::scores::Kind;

/// Directions of the common space.
const DIRECTIONS: usize = 30;
/// Share of the mean variance that is added to every direction.
const RIDGE: f64 = 0.1;
/// Fewest cells with both modalities.
const LEAST: usize = 50;
/// Most cells that the directions are fitted to, drawn by the seed.
const MOST: usize = 20_000;
/// Most modalities: pairs grow with the square.
const MODALITIES: usize = 3;

/// Principal components of the cells that have a modality.
struct Block {
    scores: Matrix,
    /// Row of `scores` of each cell.
    row: Vec<Option<usize>>,
}

/// Returns for each pair of modalities three heads: cells embedded from whichever they have, from the one, from the other.
pub(super) fn heads(counts: &BaselineCounts, n: usize, args: &EmbeddingArgs) -> Vec<[HeadVectors; 3]> {
    let modalities = counts.n_modalities();
    if !(2..=MODALITIES).contains(&modalities) {
        return Vec::new();
    }
    let blocks: Vec<Option<Block>> = (0..modalities).map(|at| block(counts, at, n, args)).collect();
    let pairs = (0..modalities).flat_map(|first| (first + 1..modalities).map(move |second| [first, second]));
    pairs.filter_map(|pair| of_pair(counts, &blocks, pair, args)).collect()
}

fn block(counts: &BaselineCounts, modality: usize, n: usize, args: &EmbeddingArgs) -> Option<Block> {
    let cells: Vec<usize> = (0..n).filter(|&cell| counts.is_present(modality, cell)).collect();
    let scores = components(counts, modality, &cells, args).ok()?;
    let mut row = vec![None; n];
    cells.iter().enumerate().for_each(|(at, &cell)| row[cell] = Some(at));
    Some(Block { scores, row })
}

fn of_pair(
    counts: &BaselineCounts,
    blocks: &[Option<Block>],
    pair: [usize; 2],
    args: &EmbeddingArgs,
) -> Option<[HeadVectors; 3]> {
    let [first, second] = pair.map(|at| blocks[at].as_ref());
    let (first, second) = (first?, second?);
    let both: Vec<(usize, usize)> =
        first.row.iter().zip(&second.row).filter_map(|(one, other)| Some(((*one)?, (*other)?))).collect();
    let names = pair.map(|at| counts.name(at).to_owned());
    let name = format!("cca_{}", names.join("_"));
    if both.len() < LEAST {
        tracing::info!("{name}: {} cells have both, fewer than {LEAST}", both.len());
        return None;
    }
    let drawn = subsample(both.len(), MOST, args.run.seed.seed);
    let x = first.scores.select_rows(&drawn.iter().map(|&at| both[at].0).collect::<Vec<_>>());
    let y = second.scores.select_rows(&drawn.iter().map(|&at| both[at].1).collect::<Vec<_>>());
    let projected = Cca::fit(&x, &y, DIRECTIONS, RIDGE)
        .and_then(|found| Ok([found.first(&first.scores)?, found.second(&second.scores)?]));
    let projected = projected.inspect_err(|error| tracing::warn!("{name}: {error}")).ok()?;
    let mixed: Vec<bool> =
        first.row.iter().zip(&second.row).map(|(one, other)| one.is_some() && other.is_some()).collect();
    let sides = [(first, &projected[0]), (second, &projected[1])];
    let head = |from: &[usize]| HeadVectors {
        name: name.clone(),
        kind: Kind::Baseline,
        from: from.iter().map(|&at| names[at].clone()).collect(),
        is_mixed: (from.len() == sides.len()).then(|| mixed.clone()),
        present: presence(from.iter().map(|&at| sides[at].0)),
        vectors: mean(from.iter().map(|&at| sides[at])),
    };
    Some([head(&[0, 1]), head(&[0]), head(&[1])])
}

/// Returns which cells have one of the blocks; nothing where all have.
fn presence<'a>(blocks: impl Iterator<Item = &'a Block> + Clone) -> Option<Vec<bool>> {
    let n = blocks.clone().next().map_or(0, |block| block.row.len());
    let flags: Vec<bool> = (0..n).map(|cell| blocks.clone().any(|block| block.row[cell].is_some())).collect();
    flags.contains(&false).then_some(flags)
}

/// Returns for each cell the mean of its unit vectors; 0 for a cell without any.
fn mean<'a>(sides: impl Iterator<Item = (&'a Block, &'a Matrix)> + Clone) -> Matrix {
    let Some((block, vectors)) = sides.clone().next() else { return Matrix::default() };
    let (n, dim) = (block.row.len(), vectors.n_cols());
    let mut data = vec![0.0; n * dim];
    for (cell, to) in data.chunks_exact_mut(dim).enumerate() {
        let there = sides.clone().filter_map(|(block, vectors)| Some(vectors.row(block.row[cell]?)));
        let share = 1.0 / there.clone().count().max(1) as f32;
        for row in there {
            let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            to.iter_mut().zip(row).for_each(|(sum, value)| *sum += share * value / length);
        }
    }
    Matrix::new(data, n, dim).unwrap_or_default()
}
