//! What `mfdoom-embed` does.

use mfdoom_artifact::{
    EmbeddingBatch, EmbeddingFormat, EmbeddingSchema, EmbeddingWriter, Head, Manifest, Output,
};
use mfdoom_error::{Error, Result};
use mfdoom_infer::{CellBlock, Inference, MadeBy, TrainedModel, open_device};
use mfdoom_into::EmbeddingsInto;
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
    let model = TrainedModel::open(&args.infer.model, &open_device(args.infer.device.device))?;
    let inference = Inference::open(&args.infer, &model)?;
    let heads = heads(&args, &model)?;
    let schema = schema(&model, &inference, &heads, manifest(&args, &inference, &model, &heads)?)?;
    let mut into = args.into.as_deref().map(|path| EmbeddingsInto::open(path, &schema)).transpose()?;
    if args.common.check {
        tracing::info!("would write {} heads of {} numbers", schema.heads.len(), schema.heads[0].dim);
        return Ok(());
    }
    let create = |output: &Output| {
        let format = args.format.map_or_else(|| EmbeddingFormat::of_name(output), EmbeddingFormat::from);
        EmbeddingWriter::create(output, schema.clone(), format)
    };
    let mut writer = output.as_ref().map(create).transpose()?;
    inference.run("embedding", None, |block| {
        let batch = embed(&model, &heads, block)?;
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
        if let Some(into) = &mut into {
            into.add(&batch);
        }
        Ok(())
    })?;
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

/// A head to write, and its row among the outputs of the model.
struct Wanted {
    name: String,
    row: usize,
}

fn heads(args: &Args, model: &TrainedModel) -> Result<Vec<Wanted>> {
    let scheme = model.model.scheme();
    let modalities = model.model.config().modalities.iter().map(String::as_str);
    let all = ["fusion", "global"].into_iter().chain(modalities).filter(|h| scheme.output(h).is_some());
    let names: Vec<String> =
        if args.heads.is_empty() { all.map(String::from).collect() } else { args.heads.clone() };
    let known: Vec<&str> = scheme.outputs.iter().map(|o| o.name.as_str()).collect();
    let row = |name: String| match scheme.output(&name) {
        Some(row) => Ok(Wanted { name, row }),
        None => {
            Err(Error::usage(format!("--heads: the model has no head '{name}'")).wanted(known.join(", ")))
        }
    };
    names.into_iter().map(row).collect()
}

fn manifest(args: &Args, inference: &Inference, model: &TrainedModel, heads: &[Wanted]) -> Result<Manifest> {
    let names: Vec<&str> = heads.iter().map(|head| head.name.as_str()).collect();
    let mut settings = json!({ "heads": names, "max_tokens": args.infer.max_tokens(model) });
    if !args.infer.use_modalities.is_empty() {
        settings["use_modalities"] = json!(args.infer.use_modalities);
    }
    let made = MadeBy { stage: "mfdoom-embed", version: env!("CARGO_PKG_VERSION"), format: FORMAT };
    inference.manifest(made, settings, [])
}

fn schema(
    model: &TrainedModel,
    inference: &Inference,
    heads: &[Wanted],
    manifest: Manifest,
) -> Result<EmbeddingSchema> {
    let (config, dim) = (model.model.config(), model.width());
    let heads = heads.iter().map(|head| Head { name: head.name.clone(), dim }).collect();
    EmbeddingSchema::new(inference.tokens().obs.clone(), heads, config.modalities.clone(), manifest)
}

/// Embeds a block and returns the embeddings of the cells that are wanted.
fn embed(model: &TrainedModel, heads: &[Wanted], block: CellBlock<'_>) -> Result<EmbeddingBatch> {
    let (dim, outputs) = (model.width(), model.model.scheme().outputs.len());
    let mut vectors = vec![Vec::with_capacity(block.wanted.len() * dim); heads.len()];
    for batch in block.batches() {
        let pooled = model.embed(&block, batch.clone())?;
        for (cell, outputs) in batch.zip(pooled.chunks_exact(dim * outputs)) {
            if block.wanted.contains(&cell) {
                let of = heads.iter().map(|head| &outputs[head.row * dim..(head.row + 1) * dim]);
                vectors.iter_mut().zip(of).for_each(|(to, from)| to.extend_from_slice(from));
            }
        }
    }
    let wanted = block.wanted.clone();
    let present = block.tokens.iter().map(|m| m.present[wanted.clone()].to_vec()).collect();
    let (dataset, cell_id, obs) = block.into_wanted();
    Ok(EmbeddingBatch { dataset, cell_id, obs, heads: vectors, present })
}
