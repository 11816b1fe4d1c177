//! The loop: the cells of a token table, block by block, under the ids of a model.

use std::ops::Range;
use std::path::PathBuf;

use mfdoom_artifact::{Input, InputId, Manifest};
use mfdoom_cli::{Progress, Shard};
use mfdoom_error::Result;
use mfdoom_tokens::{TokenReader, TokenSchema};
use serde_json::{Value, json};

use crate::args::InferArgs;
use crate::cells::{CellBlock, CellMaker, TokenMapper};
use crate::model::TrainedModel;
use crate::rows::shard_rows;

/// The stage that makes an output, and the format of that.
#[derive(Clone, Copy, Debug)]
pub struct MadeBy {
    /// Name of the stage.
    pub stage: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Number of the output's format.
    pub format: u32,
}

/// A token table and the model that will read it.
pub struct Inference {
    reader: TokenReader,
    mapper: TokenMapper,
    /// The rows of the shard; all where there is none.
    rows: Option<Range<usize>>,
    shard: Option<Shard>,
    batch_cells: usize,
    name: PathBuf,
    model: InputId,
}

impl Inference {
    /// Opens the tokens and sees whether the model can use them.
    ///
    /// # Errors
    /// Those of opening tokens. Usage: a modality that the model does not have, a shard of a stream. Incompatible:
    /// tokens and model have too little in common.
    pub fn open(args: &InferArgs, model: &TrainedModel) -> Result<Self> {
        let input: Input = mfdoom_cli::input(args.tokens.as_deref())?;
        let reader = TokenReader::open(&input)?;
        let max_tokens = args.max_tokens(model);
        let mapper = TokenMapper::new(model, reader.schema(), &args.use_modalities, max_tokens)?;
        Ok(Self {
            rows: shard_rows(&reader, args.shard)?,
            shard: args.shard,
            batch_cells: args.batch_cells,
            name: PathBuf::from(input.base_name()),
            model: model.manifest.as_input(&args.model),
            reader,
            mapper,
        })
    }

    /// Returns the schema of the tokens.
    pub fn tokens(&self) -> &TokenSchema {
        self.reader.schema()
    }

    /// Returns the manifest of what a stage makes of tokens and model, and perhaps of other inputs.
    ///
    /// # Errors
    /// Usage: a shard of a shard.
    pub fn manifest(
        &self,
        made: MadeBy,
        mut settings: Value,
        others: impl IntoIterator<Item = InputId>,
    ) -> Result<Manifest> {
        let shard = self.shard.map(|shard| shard.to_string());
        let (tokens, shard) = self.tokens().manifest.sharded(shard)?;
        if let Some(shard) = shard {
            settings["shard"] = json!(shard);
        }
        // What adds results to a file of the cells finds its genes by the column that the counts were read by.
        if let Some(column) = tokens.config.get("gene_column").filter(|column| column.is_string()) {
            settings["gene_column"] = column.clone();
        }
        let inputs = [tokens.as_input(&self.name), self.model.clone()];
        let inputs = inputs.into_iter().chain(others).collect();
        Ok(Manifest::new(made.stage, made.version, made.format, settings, inputs))
    }

    /// Returns what makes blocks of cells that no table holds, as if these tokens had them.
    pub fn maker(&self, progress: Progress) -> CellMaker {
        self.mapper.maker(self.batch_cells, progress)
    }

    /// Runs `each` over all cells in blocks of `cells`, or of one batch each, and logs what became of them. A block is
    /// cut where it is in the whole table, whatever part of it is read.
    ///
    /// # Errors
    /// Those of reading tokens and of `each`.
    pub fn run(
        self,
        what: &'static str,
        cells: Option<usize>,
        mut each: impl FnMut(CellBlock<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { reader, mut mapper, rows, batch_cells, .. } = self;
        let total = rows.as_ref().map(|rows| rows.len()).or(reader.n_cells());
        let progress = Progress::new(what, total.map(|n| n as u64), "cells");
        for block in reader.aligned(cells.unwrap_or(batch_cells), rows)? {
            each(mapper.map(block?, batch_cells, &progress))?;
        }
        mapper.report();
        Ok(())
    }
}
