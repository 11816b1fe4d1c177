//! What `mfdoom-decode` does.

use std::path::PathBuf;

use mfdoom_artifact::{AtomicDir, GeneTableWriter, Input, Manifest, Output, TableFormat};
use mfdoom_cli::{Progress, Shard};
use mfdoom_error::{Error, Result};
use mfdoom_tokens::{TokenReader, TokenSchema};
use mfdoom_train::{Looks, TrainedDecoder};
use serde_json::json;

use crate::args::Args;
use crate::genes;
use crate::table::Columns;

/// Version of the predictions' manifest.
const FORMAT: u32 = 1;

/// Applies a decoder to the cells of a token table or stream.
///
/// # Errors
/// Those of opening tokens, model, decoder and outputs; of genes or modalities that they do not have; of the
/// device.
pub fn run(args: Args) -> Result<()> {
    let target = Target::new(&args)?;
    let input = mfdoom_cli::input(args.tokens.as_deref())?;
    let decoder =
        TrainedDecoder::open(&args.decoder, &args.model, &mfdoom_infer::open_device(args.device.device))?;
    let columns = Columns {
        genes: genes::chosen(&decoder.genes, args.genes.as_deref())?,
        sample: args.sample.map(|n| (n, args.seed.seed)),
        decoder: &decoder,
    };
    columns.check()?;
    let reader = TokenReader::open(&input)?;
    let tokens = reader.schema().clone();
    let max_tokens = args.max_tokens.unwrap_or(decoder.model.config().max_tokens);
    let looks = Looks { max_tokens, subsets: args.subsets };
    let mut adapter = decoder.adapter(&tokens, &args.use_modalities, max_tokens)?;
    let schema = columns.schema(tokens.obs.clone(), manifest(&args, &columns, &tokens, &input)?);
    if args.common.check {
        tracing::info!("would predict {} of {} genes", schema.matrices.join(", "), schema.genes.len());
        return Ok(());
    }
    let mut writer = GeneTableWriter::create(&target.output, schema, target.format)?;
    let cells = reader.n_cells().map(|n| args.shard.unwrap_or(Shard::WHOLE).rows(n as u64));
    let progress = Progress::new("decoding", cells.map(|c| c.end - c.start), "cells");
    let rows = mfdoom_infer::shard_rows(&reader, args.shard)?;
    for batch in reader.aligned(args.batch_cells as usize, rows)? {
        let (batch, rows) = batch?;
        let predicted = decoder.predict(&mut adapter, &batch, &looks)?;
        let mapped = adapter.map(&batch);
        let n = batch.len();
        let block = columns.rows(batch, &tokens.obs, &mapped, &predicted)?;
        let block = if rows.len() == n { block } else { block.rows(rows.clone()) };
        progress.inc(rows.len() as u64);
        writer.write(block)?;
    }
    adapter.report();
    let cells = writer.finish()?;
    tracing::info!("decoded {cells} cells");
    match (&args.into, &target.table) {
        (Some(path), Some(table)) => {
            let mut into = mfdoom_into::Target::in_place(path)?;
            into.add_predictions(table)?;
            into.commit()
        }
        _ => Ok(()),
    }
}

/// Where predictions go; with `--into` and without `-o` through a table of no name.
struct Target {
    output: Output,
    format: TableFormat,
    table: Option<PathBuf>,
    _folder: Option<AtomicDir>,
}

impl Target {
    fn new(args: &Args) -> Result<Self> {
        if let (None, Some(into)) = (&args.output.output, &args.into) {
            // Beside the file, where there is room for it, and removed whatever ends the run.
            let mut name = into.clone().into_os_string();
            name.push(".predictions");
            let folder = AtomicDir::create(PathBuf::from(name), true)?;
            let path = folder.path().join("predictions.parquet");
            let output = Output::file(&path, true);
            return Ok(Self {
                output,
                format: TableFormat::Parquet,
                table: Some(path),
                _folder: Some(folder),
            });
        }
        let output = mfdoom_cli::output(args.output.output.as_deref(), args.output.force)?;
        let format = args.format.map_or_else(|| TableFormat::of_name(&output), TableFormat::from);
        let table = match &output {
            Output::Path { path, .. } if !output.is_stream() => Some(path.clone()),
            _ => None,
        };
        if args.into.is_some() && table.is_none() {
            return Err(
                Error::usage("--into needs the predictions in a file").help("leave out -o, or name a file")
            );
        }
        Ok(Self { output, format, table, _folder: None })
    }
}

fn manifest(args: &Args, columns: &Columns<'_>, schema: &TokenSchema, input: &Input) -> Result<Manifest> {
    let decoder = columns.decoder;
    let max_tokens = args.max_tokens.unwrap_or(decoder.model.config().max_tokens);
    let mut settings = json!({ "max_tokens": max_tokens, "subsets": args.subsets });
    if !args.use_modalities.is_empty() {
        settings["use_modalities"] = json!(args.use_modalities);
    }
    if args.genes.is_some() {
        let ids: Vec<&str> = columns.genes.iter().map(|i| decoder.genes[*i].id.as_str()).collect();
        settings["genes"] = json!(ids);
    }
    if let Some(n) = args.sample {
        settings["sample"] = json!(n);
    }
    let (tokens, shard) = schema.manifest.sharded(args.shard.map(|shard| shard.to_string()))?;
    if let Some(shard) = shard {
        settings["shard"] = json!(shard);
    }
    let base = PathBuf::from(input.base_name());
    let inputs = vec![
        tokens.as_input(&base),
        decoder.backbone.manifest.as_input(&args.model),
        decoder.manifest.as_input(&args.decoder),
    ];
    let manifest = Manifest::new("mfdoom-decode", env!("CARGO_PKG_VERSION"), FORMAT, settings, inputs);
    Ok(if args.sample.is_some() { manifest.with_seed(args.seed.seed) } else { manifest })
}
