//! Masked values: what was hidden of a cell, from the rows of its modality and from fusion (FLAVA, arXiv 2112.04482).
//!
//! A hidden value leaves its gene: the row is the gene's embedding alone. Values are `ln(1 + 1e4 count / library size)`.
//!
//! ```text
//! own:     a_m . h[t] + b_m                                    h[t] the final state of the hidden token's row
//! fusion:  c_m . (e[g] + attention(norm(e[g]), rows of fusion)) + d_m
//! term     mean over the hidden tokens of the squared error
//! ```

use candle_core::{Result, Tensor};
use mfdoom_nn::{AttentionPlan, Group, Init, ParameterBuilder, Segment, gather, layer_norm, linear};

use super::outputs::Outputs;
use super::{NamedTerm, Needs, Terms};
use crate::attention::Attention;
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::model::Hidden;
use crate::scheme::{Reads, Scheme};

/// Squared error of hidden values: in cells that show one modality only from that modality's rows, in cells that show
/// all of them from fusion.
#[derive(Debug)]
pub struct MaskedValue {
    own: Vec<Linear>,
    fusion: Option<(Attention, Vec<Linear>)>,
    eps: f64,
}

/// A linear map to one number.
#[derive(Debug)]
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

/// A batch some of whose values are hidden.
#[derive(Clone, Debug, Default)]
pub struct Masked {
    /// What is shown, the hidden counts being 0.
    pub batch: PackedBatch,
    /// For each modality the places of its hidden tokens among all of its tokens, ascending.
    pub tokens: Vec<Vec<u32>>,
}

/// Hidden tokens of a modality.
struct Hid {
    modality: usize,
    /// Cell and place of each, ascending.
    tokens: Vec<(usize, usize)>,
}

impl Terms for MaskedValue {
    fn check(_: &ModelConfig, _: &Scheme) -> std::result::Result<(), String> {
        Ok(())
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let p = p.pp("masked_value");
        let heads = |p: ParameterBuilder| -> Result<Vec<Linear>> {
            let init = Init::Linear { inputs: config.dim };
            let head = |name: &String| {
                let p = p.pp(name);
                Ok(Linear { weight: p.get("weight", (1, config.dim), init)?, bias: p.get("bias", 1, init)? })
            };
            config.modalities.iter().map(head).collect()
        };
        let fused = Scheme::of(config).whole().is_some();
        let fusion = || {
            Ok::<_, candle_core::Error>((Attention::build(&p.pp("attn"), config)?, heads(p.pp("fusion"))?))
        };
        Ok(Self { own: heads(p.pp("own"))?, fusion: fused.then(fusion).transpose()?, eps: config.ln_eps })
    }

    fn needs(&self, _: &Scheme) -> Needs {
        Needs { masked: true, ..Needs::default() }
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let Some(masked) = &outputs.views.masked else { return Ok(Vec::new()) };
        let hidden = outputs.model.hidden(&masked.batch)?;
        let names = &outputs.config().modalities;
        let shown = |cell: usize| outputs.present.iter().filter(|present| present[cell]).count();
        let mut all = Vec::new();
        for (m, name) in names.iter().enumerate() {
            let own = Hid::of(masked, m, |cell| shown(cell) == 1);
            all.push((name.clone(), self.own_error(outputs, &hidden, &own)?));
        }
        for (m, name) in names.iter().enumerate().filter(|_| self.fusion.is_some()) {
            let whole = Hid::of(masked, m, |cell| shown(cell) == names.len());
            all.push((format!("{name}|fusion"), self.fusion_error(outputs, &hidden, &whole)?));
        }
        Ok(all)
    }
}

impl MaskedValue {
    fn own_error(&self, outputs: &Outputs<'_>, hidden: &Hidden, hid: &Hid) -> Result<Option<Tensor>> {
        if hid.tokens.is_empty() {
            return Ok(None);
        }
        let first = hidden.layout.modality(0, hid.modality).start;
        let rows: Vec<u32> = hid.tokens.iter().map(|(_, at)| (first + at) as u32).collect();
        self.own[hid.modality].error(&gather(&hidden.states, &rows.into())?, outputs, hid).map(Some)
    }

    fn fusion_error(&self, outputs: &Outputs<'_>, hidden: &Hidden, hid: &Hid) -> Result<Option<Tensor>> {
        let Some((attention, heads)) = self.fusion.as_ref().filter(|_| !hid.tokens.is_empty()) else {
            return Ok(None);
        };
        let tokens = &outputs.views.shown.modalities[hid.modality];
        let ids: Vec<u32> = hid.tokens.iter().map(|(_, at)| tokens.ids[*at]).collect();
        let genes = outputs.model.genes(hid.modality, &ids)?;
        let queries = layer_norm(&genes, &attention.norm, None, self.eps)?;
        let mut groups = Vec::new();
        let mut start = 0;
        for of_cell in hid.tokens.chunk_by(|a, b| a.0 == b.0) {
            let queries = start..start + of_cell.len();
            start = queries.end;
            let keys = hidden.layout.reads(of_cell[0].0, Reads::Block(0));
            groups.push(Group { segments: vec![Segment { queries, keys }] });
        }
        let plan = AttentionPlan::new(groups, ids.len(), hidden.layout.rows())?;
        let read = (attention.forward(&queries, &hidden.states, &plan.into())? + genes)?;
        heads[hid.modality].error(&read, outputs, hid).map(Some)
    }
}

impl Hid {
    fn of(masked: &Masked, modality: usize, wanted: impl Fn(usize) -> bool) -> Self {
        let offsets = &masked.batch.modalities[modality].offsets;
        let cell = |at: usize| offsets.partition_point(|start| *start <= at) - 1;
        let tokens = masked.tokens[modality].iter().map(|at| (cell(*at as usize), *at as usize));
        Self { modality, tokens: tokens.filter(|(cell, _)| wanted(*cell)).collect() }
    }
}

impl Linear {
    /// Mean squared error of the values that are read from one row for each hidden token.
    fn error(&self, rows: &Tensor, outputs: &Outputs<'_>, hid: &Hid) -> Result<Tensor> {
        let tokens = &outputs.views.shown.modalities[hid.modality];
        let value = |(cell, at): &(usize, usize)| {
            (1e4 * f64::from(tokens.counts[*at]) / f64::from(tokens.library_size[*cell].max(1.0))).ln_1p()
        };
        let wanted: Vec<f64> = hid.tokens.iter().map(value).collect();
        let wanted =
            Tensor::from_vec(wanted, (hid.tokens.len(), 1), rows.device())?.to_dtype(rows.dtype())?;
        (linear(rows, &self.weight, Some(&self.bias))? - wanted)?.sqr()?.mean_all()
    }
}
