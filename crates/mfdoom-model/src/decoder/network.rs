//! The network of a decoder: gene queries meet what the backbone says of a cell.

use candle_core::{Result, Tensor};
use mfdoom_nn::{ParameterBuilder, ParameterStore, layer_norm, linear};

use super::config::{Architecture, DecoderConfig};
use crate::attention::Attention;
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::model::{Hidden, Model};
use crate::parameters::tensor;
use crate::scheme::{Reads, Scheme};

/// What the network sees of cells.
#[derive(Clone, Debug)]
pub enum Context {
    /// The pooled vector of the head, `[cells, dim]`.
    Pooled(Tensor),
    /// The final hidden states.
    States(Hidden),
}

/// Gene queries and the layers around them.
#[derive(Clone, Debug)]
pub struct Network {
    kind: Kind,
    /// Which output of the backbone is seen, and what it reads.
    head: (usize, Reads),
    eps: f64,
}

#[derive(Clone, Debug)]
enum Kind {
    Pooled {
        norm: Tensor,
        /// `[rank, dim]`
        project: Tensor,
        mlp: Option<Mlp>,
    },
    Attention {
        /// `[rows, dim]`
        genes: Tensor,
        attention: Attention,
        mlp: Mlp,
    },
}

/// What the network says of cells.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A vector that all queries meet, `[cells, rank]`.
    ForAll(Tensor),
    /// A value per query, `[cells, rows]`.
    ForEach(Tensor),
}

#[derive(Clone, Debug)]
struct Mlp {
    weight: Tensor,
    bias: Tensor,
    out: Tensor,
}

impl Mlp {
    fn load(store: &ParameterStore) -> Result<Self> {
        let get = |leaf: &str| tensor(store, &format!("decoder.mlp.{leaf}"));
        Ok(Self { weight: get("in.weight")?, bias: get("in.bias")?, out: get("out.weight")? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        linear(&linear(x, &self.weight, Some(&self.bias))?.gelu_erf()?, &self.out, None)
    }
}

impl Network {
    /// Takes the network from a store.
    ///
    /// # Errors
    /// Where a parameter is missing, or the backbone has no such head.
    pub fn load(store: &ParameterStore, config: &DecoderConfig, backbone: &ModelConfig) -> Result<Self> {
        let scheme = Scheme::of(backbone);
        let Some(row) = scheme.output(&config.head) else {
            candle_core::bail!("the model has no output '{}'", config.head)
        };
        let kind = match config.architecture {
            Architecture::Pooled => Kind::Pooled {
                norm: tensor(store, "decoder.norm.weight")?,
                project: tensor(store, "decoder.project.weight")?,
                mlp: (config.hidden > 0).then(|| Mlp::load(store)).transpose()?,
            },
            Architecture::Attention => Kind::Attention {
                genes: tensor(store, "decoder.genes")?,
                attention: Attention::build(&ParameterBuilder::over(store).pp("decoder.attn"), backbone)?,
                mlp: Mlp::load(store)?,
            },
        };
        Ok(Self { kind, head: (row, scheme.outputs[row].reads), eps: backbone.ln_eps })
    }

    /// Runs the backbone as far as this network needs it.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn context(&self, model: &Model, batch: &PackedBatch) -> Result<Context> {
        self.context_of(model, model.hidden(batch)?)
    }

    /// Returns what this network needs of hidden states.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn context_of(&self, model: &Model, hidden: Hidden) -> Result<Context> {
        match self.kind {
            Kind::Attention { .. } => Ok(Context::States(hidden)),
            Kind::Pooled { .. } => {
                let pooled = model.pool(&hidden)?.narrow(1, self.head.0, 1)?;
                Ok(Context::Pooled(pooled.squeeze(1)?.contiguous()?))
            }
        }
    }

    /// Returns what the network says of the cells.
    ///
    /// # Errors
    /// Where the context is not of this architecture or the device fails.
    pub fn forward(&self, context: &Context) -> Result<Answer> {
        match (&self.kind, context) {
            (Kind::Pooled { norm, project, mlp }, Context::Pooled(pooled)) => {
                let z = layer_norm(pooled, norm, None, self.eps)?; // [cells, dim]
                let h = linear(&z, project, None)?;
                match mlp {
                    Some(mlp) => (h + mlp.forward(&z)?).map(Answer::ForAll),
                    None => Ok(Answer::ForAll(h)),
                }
            }
            (Kind::Attention { genes, attention, mlp }, Context::States(hidden)) => {
                self.attend(genes, attention, mlp, hidden).map(Answer::ForEach)
            }
            _ => candle_core::bail!("the context is not of this decoder's architecture"),
        }
    }

    fn attend(&self, genes: &Tensor, attention: &Attention, mlp: &Mlp, hidden: &Hidden) -> Result<Tensor> {
        let (rows, dim) = genes.dims2()?;
        let cells = hidden.layout.cells;
        let every = |x: &Tensor| x.broadcast_as((cells, rows, dim))?.reshape((cells * rows, dim));
        let mut x = every(genes)?;
        if hidden.layout.rows() > 0 {
            let queries = every(&layer_norm(genes, &attention.norm, None, self.eps)?)?;
            let plan = hidden.layout.reading(self.head.1, rows)?;
            x = (x + attention.forward(&queries, &hidden.states, &plan)?)?;
        }
        mlp.forward(&x)?.reshape((cells, rows))
    }
}
