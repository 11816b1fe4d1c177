//! Pooled vectors of a frozen backbone, computed once for each view of a cell.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use candle_core::{DType, Device, Result, Tensor};

use super::views::View;
use crate::network::Context;

/// Cells that go through the backbone together. They are the same whatever batch first needs one of them, so
/// that a resumed run finds the same bits.
const BLOCK: usize = 64;

/// Vectors of views, block of cells by block.
#[derive(Debug)]
pub(super) struct Frozen {
    /// Those held back are apart from the others, since a view is asked for the one or the other.
    blocks: Vec<Vec<usize>>,
    /// Block and place in it of every cell.
    places: Vec<(usize, usize)>,
    vectors: RefCell<HashMap<(usize, View), Vec<f32>>>,
}

impl Frozen {
    /// Prepares the blocks of `n` cells.
    pub(super) fn new(n: usize, held_back: &[usize]) -> Self {
        let apart: HashSet<usize> = held_back.iter().copied().collect();
        let others: Vec<usize> = (0..n).filter(|cell| !apart.contains(cell)).collect();
        let blocks = others.chunks(BLOCK).chain(held_back.chunks(BLOCK)).map(<[usize]>::to_vec);
        let blocks: Vec<Vec<usize>> = blocks.collect();
        let mut places = vec![(0, 0); n];
        for (b, block) in blocks.iter().enumerate() {
            block.iter().enumerate().for_each(|(i, cell)| places[*cell] = (b, i));
        }
        Self { blocks, places, vectors: RefCell::default() }
    }

    /// Returns the context of cells, from vectors that are there already or that `compute` returns for a block of cells.
    pub(super) fn context(
        &self,
        batch: &[usize],
        view: View,
        device: &Device,
        compute: impl Fn(&[usize]) -> Result<Context>,
    ) -> Result<Context> {
        let mut rows: Vec<f32> = Vec::new();
        for &cell in batch {
            let (block, place) = self.places[cell];
            if !self.vectors.borrow().contains_key(&(block, view)) {
                let vectors = pooled(&compute(&self.blocks[block])?)?;
                self.vectors.borrow_mut().insert((block, view), vectors);
            }
            let vectors = &self.vectors.borrow()[&(block, view)];
            let dim = vectors.len() / self.blocks[block].len();
            rows.extend_from_slice(&vectors[place * dim..(place + 1) * dim]);
        }
        let dim = rows.len() / batch.len().max(1);
        Tensor::from_vec(rows, (batch.len(), dim), device).map(Context::Pooled)
    }
}

fn pooled(context: &Context) -> Result<Vec<f32>> {
    match context {
        Context::Pooled(pooled) => pooled.to_dtype(DType::F32)?.flatten_all()?.to_vec1(),
        Context::Chains(..) | Context::States(_) => candle_core::bail!("only pooled vectors are kept"),
    }
}
