//! What `mfdoom-decode` does.

use std::path::PathBuf;

use mfdoom_artifact::gene_table::PREDICTIONS_FORMAT;
use mfdoom_artifact::key::{CELL_ID, DATASET};
use mfdoom_artifact::obs::free_names;
use mfdoom_artifact::{
    AtomicDir, GeneBatch, GeneTableSchema, GeneTableWriter, Manifest, ObsField, Output, TableFormat,
};
use mfdoom_decoder::{Draws, Request, Rows, Table};
use mfdoom_error::{Error, Result};
use mfdoom_infer::{Inference, MadeBy, TrainedDecoder, open_device};
use serde_json::json;

use crate::args::Args;
use crate::genes;

/// Version of the predictions' manifest.
const FORMAT: u32 = 1;

/// Applies a decoder to the cells of a token table or stream.
///
/// # Errors
/// Those of opening tokens, model, decoder and outputs; of genes or modalities that they do not have; of the
/// device.
pub fn run(args: Args) -> Result<()> {
    let target = Target::new(&args)?;
    let decoder =
        TrainedDecoder::open(&args.decoder, &args.infer.model, &open_device(args.infer.device.device))?;
    let genes = genes::chosen(&decoder.genes, args.genes.as_deref())?;
    let draws = args.sample.map(|count| Draws { count, seed: args.seed.seed });
    let request = Request { genes: &genes, draws };
    let config = decoder.decoder.config();
    let table = config.task.table(config, draws)?;
    let inference = Inference::open(&args.infer, &decoder.backbone)?;
    let carried = carried(&inference.tokens().obs, &table);
    let obs = carried.into_iter().chain(table.obs.iter().cloned()).collect();
    let names: Vec<&str> = table.matrices.iter().map(String::as_str).collect();
    let manifest = manifest(&args, &decoder, &genes, &inference)?;
    let of_genes = genes.iter().map(|gene| decoder.genes[*gene].clone()).collect();
    let schema = GeneTableSchema::new(PREDICTIONS_FORMAT, of_genes, &names, manifest).with_obs(obs);
    if args.common.check {
        tracing::info!("would predict {} of {} genes", schema.matrices.join(", "), schema.genes.len());
        return Ok(());
    }
    let mut writer = GeneTableWriter::create(&target.output, schema, target.format)?;
    inference.run("decoding", None, |block| {
        for batch in block.batches() {
            let predictions = decoder.predict(&block, batch.clone(), args.subsets)?;
            let Rows { matrices, obs } = decoder.rows(&block, batch, &predictions, &request)?;
            let obs = block.obs.iter().cloned().chain(obs).collect();
            let (dataset, cell_id) = (block.dataset.clone(), block.cell_id.clone());
            writer.write(GeneBatch { dataset, cell_id, obs, matrices }.rows(block.wanted.clone()))?;
        }
        Ok(())
    })?;
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

/// Returns the obs columns of the tokens, under names that the predictions do not take.
fn carried(fields: &[ObsField], table: &Table) -> Vec<ObsField> {
    let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let own = table.obs.iter().map(|field| field.name.as_str());
    let own = own.chain(table.matrices.iter().map(String::as_str));
    let names = free_names(&names, own.chain([DATASET, CELL_ID]));
    fields.iter().zip(names).map(|(field, name)| ObsField { name, ..field.clone() }).collect()
}

/// Where predictions go; with `--into` and without `-o` through a table next to that file, which is never published.
struct Target {
    output: Output,
    format: TableFormat,
    table: Option<PathBuf>,
    _folder: Option<AtomicDir>,
}

impl Target {
    fn new(args: &Args) -> Result<Self> {
        if let (None, Some(into)) = (&args.output.output, &args.into) {
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

fn manifest(
    args: &Args,
    decoder: &TrainedDecoder,
    genes: &[usize],
    inference: &Inference,
) -> Result<Manifest> {
    let max_tokens = args.infer.max_tokens(&decoder.backbone);
    let mut settings = json!({ "max_tokens": max_tokens, "subsets": args.subsets });
    if !args.infer.use_modalities.is_empty() {
        settings["use_modalities"] = json!(args.infer.use_modalities);
    }
    if args.genes.is_some() {
        let ids: Vec<&str> = genes.iter().map(|i| decoder.genes[*i].id.as_str()).collect();
        settings["genes"] = json!(ids);
    }
    if let Some(n) = args.sample {
        settings["sample"] = json!(n);
    }
    let made = MadeBy { stage: "mfdoom-decode", version: env!("CARGO_PKG_VERSION"), format: FORMAT };
    let manifest = inference.manifest(made, settings, [decoder.as_input(&args.decoder)])?;
    Ok(if args.sample.is_some() { manifest.with_seed(args.seed.seed) } else { manifest })
}
