//! What `mfdoom-embed` does.

use std::ops::Range;

use candle_core::DType;
use mfdoom_artifact::{
    EmbeddingBatch, EmbeddingFormat, EmbeddingSchema, EmbeddingWriter, Head, Input, Manifest, Output,
};
use mfdoom_cli::{Progress, Shard};
use mfdoom_error::{Error, Result};
use mfdoom_into::EmbeddingsInto;
use mfdoom_model::TensorResult;
use mfdoom_tokens::{TokenBatch, TokenReader, TokenSchema};
use mfdoom_train::{Adapter, Trained};
use serde_json::json;

use crate::args::Args;

/// Version of the embeddings' manifest.
const FORMAT: u32 = 1;

/// Embeds the cells of a token table or stream.
///
/// # Errors
/// Those of opening tokens, model and outputs; of a head or modality that the model does not have; of the
/// device.
pub fn run(args: Args) -> Result<()> {
    let output = output(&args)?;
    let input = mfdoom_cli::input(args.tokens.as_deref())?;
    let trained = Trained::open(&args.model, &mfdoom_infer::open_device(args.device.device))?;
    let reader = TokenReader::open(&input)?;
    let schema = reader.schema().clone();
    let max_tokens = args.max_tokens.unwrap_or(trained.model.config().max_tokens);
    let mut embedder = Embedder {
        adapter: Adapter::new(&trained, &schema, &args.use_modalities, max_tokens)?,
        heads: heads(&args, &trained)?,
        trained: &trained,
        max_tokens,
    };
    let manifest = manifest(&args, &embedder, &schema, &input)?;
    let schema = embedder.schema(&schema, manifest)?;
    let mut into = args.into.as_deref().map(|path| EmbeddingsInto::open(path, &schema)).transpose()?;
    if args.common.check {
        tracing::info!("would write {} heads of {} numbers", schema.heads.len(), schema.heads[0].dim);
        return Ok(());
    }
    let mut writer = match &output {
        Some(output) => {
            let format = args.format.map_or_else(|| EmbeddingFormat::of_name(output), EmbeddingFormat::from);
            Some(EmbeddingWriter::create(output, schema.clone(), format)?)
        }
        None => None,
    };
    let cells = reader.n_cells().map(|n| args.shard.unwrap_or(Shard::WHOLE).rows(n as u64));
    let progress = Progress::new("embedding", cells.map(|c| c.end - c.start), "cells");
    let rows = mfdoom_infer::shard_rows(&reader, args.shard)?;
    for batch in reader.aligned(args.batch_cells, rows)? {
        let (batch, rows) = batch?;
        let batch = embedder.embed(batch, rows)?;
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
        if let Some(into) = &mut into {
            into.add(&batch)?;
        }
        progress.inc(batch.len() as u64);
    }
    embedder.adapter.report();
    if let Some(into) = into {
        into.commit()?;
    }
    if let Some(writer) = writer {
        let cells = writer.finish()?;
        tracing::info!("embedded {cells} cells");
    }
    Ok(())
}

/// Returns where embeddings go; with `--into` and without `-o` to the h5ad file alone.
fn output(args: &Args) -> Result<Option<Output>> {
    match (&args.output.output, &args.into) {
        (None, Some(_)) => Ok(None),
        (path, _) => mfdoom_cli::output(path.as_deref(), args.output.force).map(Some),
    }
}

/// Returns name and row of each head to write.
fn heads(args: &Args, trained: &Trained) -> Result<Vec<(String, usize)>> {
    let scheme = trained.model.scheme();
    let modalities = trained.model.config().modalities.iter().map(String::as_str);
    let all = ["fusion", "global"].into_iter().chain(modalities).filter(|h| scheme.output(h).is_some());
    let names: Vec<String> =
        if args.heads.is_empty() { all.map(String::from).collect() } else { args.heads.clone() };
    let known: Vec<&str> = scheme.outputs.iter().map(|o| o.name.as_str()).collect();
    let row = |name: String| match scheme.output(&name) {
        Some(row) => Ok((name, row)),
        None => {
            Err(Error::usage(format!("--heads: the model has no head '{name}'")).wanted(known.join(", ")))
        }
    };
    names.into_iter().map(row).collect()
}

fn manifest(args: &Args, embedder: &Embedder<'_>, schema: &TokenSchema, input: &Input) -> Result<Manifest> {
    let names: Vec<&str> = embedder.heads.iter().map(|(name, _)| name.as_str()).collect();
    let mut settings = json!({ "heads": names, "max_tokens": embedder.max_tokens });
    if !args.use_modalities.is_empty() {
        settings["use_modalities"] = json!(args.use_modalities);
    }
    let (tokens, shard) = schema.manifest.sharded(args.shard.map(|shard| shard.to_string()))?;
    if let Some(shard) = shard {
        settings["shard"] = json!(shard);
    }
    let base = std::path::PathBuf::from(input.base_name());
    let inputs = vec![tokens.as_input(&base), embedder.trained.manifest.as_input(&args.model)];
    Ok(Manifest::new("mfdoom-embed", env!("CARGO_PKG_VERSION"), FORMAT, settings, inputs))
}

/// A model, and the way from tokens to its heads.
struct Embedder<'a> {
    trained: &'a Trained,
    adapter: Adapter,
    heads: Vec<(String, usize)>,
    max_tokens: usize,
}

impl Embedder<'_> {
    fn schema(&self, tokens: &TokenSchema, manifest: Manifest) -> Result<EmbeddingSchema> {
        let config = self.trained.model.config();
        let head = |(name, _): &(String, usize)| Head { name: name.clone(), dim: config.dim };
        let heads = self.heads.iter().map(head).collect();
        EmbeddingSchema::new(tokens.obs.clone(), heads, config.modalities.clone(), manifest)
    }

    /// Embeds a batch and returns the embeddings of `rows`.
    fn embed(&mut self, part: TokenBatch, rows: Range<usize>) -> Result<EmbeddingBatch> {
        let present: Vec<Vec<bool>> = self.adapter.measured(&part);
        let packed = self.adapter.pack(&part);
        let pooled = self.trained.model.forward(&packed).or_failed()?;
        let vectors = |row: usize| {
            let head = pooled
                .narrow(1, row, 1)?
                .narrow(0, rows.start, rows.len())?
                .to_dtype(DType::F32)?
                .flatten_all()?;
            head.to_vec1::<f32>()
        };
        let heads: Vec<Vec<f32>> =
            self.heads.iter().map(|(_, row)| vectors(*row).or_failed()).collect::<Result<_>>()?;
        let present = present.into_iter().map(|of| of[rows.clone()].to_vec()).collect();
        let TokenBatch { dataset, cell_id, obs, .. } = part.take(&rows.collect::<Vec<_>>());
        Ok(EmbeddingBatch { dataset, cell_id, obs, heads, present })
    }
}
