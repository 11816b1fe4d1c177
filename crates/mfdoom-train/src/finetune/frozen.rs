//! Pooled vectors of a frozen backbone, computed once for each view of a cell.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::{DType, Device, Result, Tensor};
use mfdoom_model::Model;
use mfdoom_model::decoder::{Context, Network};

use super::views::{DecoderViews, Shown};
use crate::data::Cells;

/// Cells that go through the backbone together. They are the same whatever batch first needs one of them, so
/// that a resumed run finds the same bits.
const BLOCK: usize = 64;

/// Modalities shown, as bits, and the draw of tokens and hidden genes.
type View = (u64, u64);

/// Vectors by block of cells and view.
#[derive(Debug, Default)]
pub(super) struct Frozen {
    blocks: RefCell<HashMap<(usize, View), Vec<f32>>>,
}

impl Frozen {
    /// Returns the context of cells, from vectors that are there already or are now computed.
    pub(super) fn context(
        &self,
        (model, network): (&Model, &Network),
        (cells, views): (&Cells, &DecoderViews),
        (batch, shown): (&[usize], &Shown),
        device: &Device,
    ) -> Result<Context> {
        let dim = model.config().dim;
        let mut rows: Vec<f32> = Vec::with_capacity(batch.len() * dim);
        for (&cell, modalities) in batch.iter().zip(&shown.modalities) {
            let key = (cell / BLOCK, (bits(modalities), shown.draw));
            if !self.blocks.borrow().contains_key(&key) {
                let vectors = block(model, network, cells, views, key)?;
                self.blocks.borrow_mut().insert(key, vectors);
            }
            let at = (cell % BLOCK) * dim;
            rows.extend_from_slice(&self.blocks.borrow()[&key][at..at + dim]);
        }
        Tensor::from_vec(rows, (batch.len(), dim), device).map(Context::Pooled)
    }
}

fn bits(modalities: &[bool]) -> u64 {
    modalities.iter().enumerate().map(|(m, shown)| u64::from(*shown) << m).sum()
}

/// Computes the vectors of all cells of a block that have every modality of the view.
fn block(
    model: &Model,
    network: &Network,
    cells: &Cells,
    views: &DecoderViews,
    (block, (wanted, draw)): (usize, View),
) -> Result<Vec<f32>> {
    let batch: Vec<usize> = (block * BLOCK..((block + 1) * BLOCK).min(cells.len())).collect();
    let shown = |cell: &usize| {
        let has = |m: usize| wanted >> m & 1 == 1 && !cells.tokens(m).cell(*cell).0.is_empty();
        let modalities: Vec<bool> = (0..cells.modalities.len()).map(has).collect();
        match bits(&modalities) == wanted {
            true => modalities,
            false => vec![false; modalities.len()],
        }
    };
    let shown = Shown { modalities: batch.iter().map(shown).collect(), draw };
    let packed = views.pack(cells, &batch, &shown);
    match network.context(model, &packed)? {
        Context::Pooled(pooled) => pooled.to_dtype(DType::F32)?.flatten_all()?.to_vec1(),
        Context::States(_) => candle_core::bail!("only pooled vectors are kept"),
    }
}
