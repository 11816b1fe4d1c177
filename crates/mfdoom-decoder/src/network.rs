//! The network of a decoder: gene queries read what the backbone says of a cell.

use candle_core::{Result, Tensor};
use mfdoom_model::{Attention, Hidden, Model, ModelConfig, PackedBatch, Reads, Scheme};
use mfdoom_nn::{Init, ParameterBuilder, layer_norm, linear};

use crate::chain::Causal;
use crate::config::{Architecture, DecoderConfig};

/// What the network sees of cells.
#[derive(Clone, Debug)]
pub enum Context {
    /// The pooled vector of the head, `[cells, dim]`.
    Pooled(Tensor),
    /// The same of chains of cells, chain by chain, and how many cells each has.
    Chains(Tensor, usize),
    /// The final hidden states.
    States(Hidden),
}

impl Context {
    /// Returns the same cells as chains of `length`, chain by chain; hidden states stay as they are.
    pub fn in_chains(self, length: usize) -> Self {
        match self {
            Self::Pooled(pooled) => Self::Chains(pooled, length),
            other => other,
        }
    }
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
        /// Lets a cell read those before it in its chain.
        causal: Option<Causal>,
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
pub enum Said {
    /// A vector that all queries are multiplied by, `[cells, rank]`.
    OfCell(Tensor),
    /// A value per query, `[cells, rows]`.
    OfGenes(Tensor),
}

#[derive(Clone, Debug)]
struct Mlp {
    weight: Tensor,
    bias: Tensor,
    out: Tensor,
}

impl Mlp {
    /// The last layer starts at zero: a decoder predicts what its start says until it is trained.
    fn build(p: &ParameterBuilder, [inputs, hidden, outputs]: [usize; 3]) -> Result<Self> {
        Ok(Self {
            weight: p.get("in.weight", (hidden, inputs), Init::Linear { inputs })?,
            bias: p.get("in.bias", hidden, Init::Linear { inputs })?,
            out: p.get("out.weight", (outputs, hidden), Init::ZEROS)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        linear(&linear(x, &self.weight, Some(&self.bias))?.gelu_erf()?, &self.out, None)
    }
}

impl Network {
    /// Takes the network from the parameters of a decoder.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`], and where the backbone has no such head.
    pub fn build(p: &ParameterBuilder, config: &DecoderConfig, backbone: &ModelConfig) -> Result<Self> {
        let scheme = Scheme::of(backbone);
        let Some(row) = scheme.output(&config.head) else {
            candle_core::bail!("the model has no output '{}'", config.head)
        };
        let (rows, k, hidden, dim) = (config.rows(), config.rank, config.hidden, backbone.dim);
        let mlp = |outputs| Mlp::build(&p.pp("mlp"), [dim, hidden, outputs]);
        let kind = match config.architecture {
            Architecture::Pooled => Kind::Pooled {
                norm: p.get("norm.weight", dim, Init::ONES)?,
                project: p.get("project.weight", (k, dim), Init::ZEROS)?,
                mlp: (hidden > 0).then(|| mlp(k)).transpose()?,
                causal: match &config.chain {
                    Some(chain) => Some(Causal::build(&p.pp("chain"), chain, backbone)?),
                    None => None,
                },
            },
            Architecture::Attention => Kind::Attention {
                genes: p.get("genes", (rows, dim), Init::Normal(1.0))?,
                attention: Attention::build(&p.pp("attn"), backbone)?,
                mlp: mlp(1)?,
            },
        };
        Ok(Self { kind, head: (row, scheme.outputs[row].reads), eps: backbone.ln_eps })
    }

    /// Runs the backbone as far as this network needs it.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn context(&self, model: &Model, batch: &PackedBatch) -> Result<Context> {
        let hidden = model.hidden(batch)?;
        match self.kind {
            Kind::Attention { .. } => Ok(Context::States(hidden)),
            Kind::Pooled { .. } => self.context_of(&model.pool(&hidden)?, hidden),
        }
    }

    /// Returns what this network needs of hidden states and of what was pooled from them.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn context_of(&self, pooled: &Tensor, hidden: Hidden) -> Result<Context> {
        match self.kind {
            Kind::Attention { .. } => Ok(Context::States(hidden)),
            Kind::Pooled { .. } => {
                Ok(Context::Pooled(pooled.narrow(1, self.head.0, 1)?.squeeze(1)?.contiguous()?))
            }
        }
    }

    /// Returns what the network says of the cells.
    ///
    /// # Errors
    /// Where the context is not of this architecture or the device fails.
    pub fn forward(&self, context: &Context) -> Result<Said> {
        match (&self.kind, context) {
            (Kind::Pooled { .. }, Context::Pooled(pooled)) => self.say(pooled, 1),
            (Kind::Pooled { .. }, Context::Chains(pooled, length)) => self.say(pooled, *length),
            (Kind::Attention { genes, attention, mlp }, Context::States(hidden)) => {
                self.attend(genes, attention, mlp, hidden).map(Said::OfGenes)
            }
            _ => candle_core::bail!("the context is not of this decoder's architecture"),
        }
    }

    /// Returns what is said of cells in chains of `length`, `[cells, dim]` to `[cells, rank]`.
    fn say(&self, pooled: &Tensor, length: usize) -> Result<Said> {
        let Kind::Pooled { norm, project, mlp, causal } = &self.kind else {
            candle_core::bail!("the context is not of this decoder's architecture")
        };
        let x = match causal {
            Some(causal) => &causal.forward(pooled, length)?,
            None => pooled,
        };
        let z = layer_norm(x, norm, None, self.eps)?; // [cells, dim]
        let h = linear(&z, project, None)?;
        match mlp {
            Some(mlp) => (h + mlp.forward(&z)?).map(Said::OfCell),
            None => Ok(Said::OfCell(h)),
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
