//! Who reads what: a fusion scheme as plain data.
//!
//! A scheme is one file here, with a function that returns a [`Scheme`], and one line in the list below: from that
//! list come the configuration's values and the choices of the command line.

mod everything_at_once;
mod layout;
mod leave_one_out;
mod modal_channel;
mod none;
mod projection;
mod zorro;

pub use layout::Layout;
use serde::{Deserialize, Serialize};

use crate::choice::choices;
use crate::config::ModelConfig;

/// Declares the schemes: documentation, name and the module with the function `scheme`.
macro_rules! schemes {
    ($($(#[$doc:meta])* $name:ident: $module:ident),* $(,)?) => {
        /// Which query rows read which key ranges.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Fusion { $($(#[$doc])* $name),* }

        choices!(Fusion { $($name),* });

        impl Scheme {
            /// Returns the scheme of a configuration.
            pub fn of(config: &ModelConfig) -> Self {
                match config.fusion { $(Fusion::$name => $module::scheme(config)),* }
            }
        }
    };
}

schemes! {
    /// Block 0 reads all modalities, one more block per modality reads all but that one.
    LeaveOneOut: leave_one_out,
    /// One fusion block that reads every present modality.
    Zorro: zorro,
    /// One block for each set of two or more modalities.
    ModalChannel: modal_channel,
    /// No fusion tokens: the layers run once for each modality, each pair and all together.
    EverythingAtOnce: everything_at_once,
    /// Modalities become a few common tokens, whose sum a second transformer reads.
    Projection: projection,
    /// No fusion tokens: the outputs of the modalities only.
    None: none,
}

/// The fusion blocks and the outputs of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// Fusion blocks; each has the same number of learned tokens. Block 0 reads all modalities.
    pub blocks: Vec<Block>,
    /// Pooled vectors, in the order of the rows of `pool.queries`.
    pub outputs: Vec<Output>,
    /// Learned tokens of one block.
    pub block_tokens: usize,
    /// Profile tokens of a modality.
    pub profile_tokens: usize,
    /// What the rows of a block are.
    pub fusing: Fusing,
}

/// What the rows of a fusion block are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fusing {
    /// Learned tokens, which pass the layers with those of the modalities, and read them and themselves.
    Tokens,
    /// Copies of the rows of the modalities that it reads, which pass the layers and read each other; of a modality that
    /// a cell lacks one learned token.
    Copies,
    /// Sums of what each modality that it reads puts into a common place, made behind the layers; they pass further
    /// layers and read each other.
    Sums,
}

/// One block of fusion tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Name of its output: `fusion`, `fusion_without_<modality>`, `fusion_of_<modality>_<modality>` or a modality.
    pub name: String,
    /// For each modality whether this block reads it. Blocks read themselves, never each other.
    pub reads: Vec<bool>,
}

/// One pooled vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Name of the head.
    pub name: String,
    /// The rows that its query reads.
    pub reads: Reads,
}

/// The rows that a pooling query reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Tokens of one modality.
    Modality(usize),
    /// Tokens of one fusion block.
    Block(usize),
    /// Every row of the cell.
    All,
}

impl Block {
    /// Returns the block that reads all of `n` modalities.
    fn whole(n: usize) -> Self {
        Self { name: "fusion".into(), reads: vec![true; n] }
    }

    /// Returns the block of a subset of the modalities, `fusion_of_<modality>_<modality>`.
    fn of(names: &[String], reads: Vec<bool>) -> Self {
        let read = names.iter().zip(&reads).filter(|(_, reads)| **reads);
        let read: Vec<&str> = read.map(|(name, _)| name.as_str()).collect();
        Self { name: format!("fusion_of_{}", read.join("_")), reads }
    }

    /// Returns the modalities that it reads.
    pub fn members(&self) -> impl Iterator<Item = usize> + '_ {
        self.reads.iter().enumerate().filter(|(_, reads)| **reads).map(|(m, _)| m)
    }
}

impl Scheme {
    /// Returns the scheme of a model without blocks and outputs.
    fn empty(config: &ModelConfig) -> Self {
        Self {
            blocks: Vec::new(),
            outputs: Vec::new(),
            block_tokens: config.fusion_tokens,
            profile_tokens: config.profile_tokens,
            fusing: Fusing::Tokens,
        }
    }

    /// Returns the scheme of a block that reads everything and of further ones. Its outputs are the modalities,
    /// `fusion`, `global`, and the further blocks.
    pub fn fused(config: &ModelConfig, parts: Vec<Block>) -> Self {
        let whole = Block::whole(config.modalities.len());
        let mut outputs = modalities(config);
        outputs.push(Output { name: whole.name.clone(), reads: Reads::Block(0) });
        outputs.push(Output { name: "global".into(), reads: Reads::All });
        outputs.extend(heads(&parts, 1));
        let blocks = [whole].into_iter().chain(parts).collect();
        Self { blocks, outputs, ..Self::empty(config) }
    }

    /// Returns the block that reads every modality, where there is fusion.
    pub fn whole(&self) -> Option<&Block> {
        self.blocks.first()
    }

    /// Returns the blocks that leave modalities out.
    pub fn parts(&self) -> &[Block] {
        self.blocks.get(1..).unwrap_or_default()
    }

    /// Learned rows of a cell.
    pub fn fusion_rows(&self) -> usize {
        match self.fusing {
            Fusing::Tokens => self.blocks.len() * self.block_tokens,
            Fusing::Copies | Fusing::Sums => 0,
        }
    }

    /// Returns the row of `pool.queries` of a head.
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|o| o.name == name)
    }
}

/// Returns one output for each of some blocks, of which the first is block `first`.
fn heads(blocks: &[Block], first: usize) -> impl Iterator<Item = Output> + '_ {
    let head = move |(k, block): (usize, &Block)| Output {
        name: block.name.clone(),
        reads: Reads::Block(first + k),
    };
    blocks.iter().enumerate().map(head)
}

/// Returns the subsets of `n` things with `size` members, in the order of their members.
fn subsets(n: usize, size: usize) -> Vec<Vec<bool>> {
    if size > n {
        return Vec::new();
    }
    let Some(rest) = n.checked_sub(1) else { return vec![Vec::new()] };
    let begin = |first: bool, rest: Vec<Vec<bool>>| {
        rest.into_iter().map(move |rest| [first].into_iter().chain(rest).collect::<Vec<bool>>())
    };
    let with = if size > 0 { subsets(rest, size - 1) } else { Vec::new() };
    begin(true, with).chain(begin(false, subsets(rest, size))).collect()
}

/// Returns one output for each modality.
fn modalities(config: &ModelConfig) -> Vec<Output> {
    let output = |(m, name): (usize, &String)| Output { name: name.clone(), reads: Reads::Modality(m) };
    config.modalities.iter().enumerate().map(output).collect()
}
