//! What `mfdoom-finetune-decoder` does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mfdoom_artifact::{Manifest, ModelDirWriter};
use mfdoom_cli::{Console, MemorySize};
use mfdoom_decoder::{
    Chosen, DECODER_FORMAT, Decoder, DecoderCells, DecoderConfig, DecoderViews, Finetuning, PREFIX, PathUse,
    SELECTION, Starter, is_constant, is_fitted,
};
use mfdoom_error::{Error, Result};
use mfdoom_infer::{GENES, TrainedModel, open_device};
use mfdoom_model::{Model, TensorResult};
use mfdoom_nn::{ParameterBuilder, ParameterStore};
use mfdoom_tokens::Vocabulary;
use mfdoom_train::{Checkpoint, Plan, Selection, Split, TrainingCells, Views, Wanted, train};
use serde_json::json;

use crate::args::Args;
use crate::design::{Backbone, allowed, configure};

/// Trains a decoder and publishes its folder.
///
/// # Errors
/// Those of reading tokens, model and targets, of the settings, and of training.
pub fn run(mut args: Args) -> Result<()> {
    args.training.shared.or_known(3e-4, 0.1);
    let output = output(&args)?;
    let inputs = mfdoom_cli::inputs(&args.tokens)?;
    let device = open_device(args.device.device);
    let trained = TrainedModel::open(&args.model, &device)?;
    let cells = TrainingCells::read(&inputs, &wanted(&args, &trained)?)?;
    let (task, length) = (args.decoder.task, args.decoder.chain_length);
    let mut chosen = task.read_chains(&args.targets, args.decoder.loss(), &cells, length)?;
    let split = split(&args, &cells, &mut chosen)?;
    let backbone = trained.model.config().clone();
    let given = Backbone { config: &backbone, sha256: &trained.weights_sha256 };
    let config = configure(&args, &given, &cells, &chosen, &split)?;
    describe(&config, &cells, &split);
    let manifest = manifest(&args, &config, &cells, (&trained, &chosen))?;
    if args.common.check {
        return Ok(());
    }
    let checkpoint = checkpoint(&args, &output, &manifest)?;
    if checkpoint.had_ended(&output, DECODER_FORMAT)? {
        return Ok(());
    }
    let folder = ModelDirWriter::create(&output, args.output.force)?;

    let mut store = parameters(&trained, &config, args.seed.seed).or_failed()?;
    let starter = Starter {
        cells: &cells,
        targets: chosen.targets.as_ref(),
        training: &split.training,
        seed: args.seed.seed,
        penalty: args.decoder.penalty,
    };
    let started = starter.apply(&store, &config, &backbone)?.penalties;
    for (modality, penalties) in &started {
        let penalties: Vec<String> = penalties.iter().map(f64::to_string).collect();
        tracing::info!("start from {modality}: penalty {}", penalties.join(", "));
    }
    let kept = args.decoder.path() == PathUse::Kept && !started.is_empty();
    freeze(&args, &mut store, (backbone.depth, kept));
    let views = views(&args, &trained)?;
    let plan = plan(&args, &cells, &split, views.views.max_tokens);
    let model = Model::load(&store, &backbone).or_failed()?;
    let decoder = Decoder::load(&store, &config, &backbone).or_failed()?;
    let data = DecoderCells { cells: &cells, targets: chosen.targets.as_ref(), held_back: split.validation };
    let task = Finetuning::new(model, decoder, data, views, args.training.shared.batch_cells);
    let task = if args.decoder.unfreeze.is_none() { task.with_frozen_backbone() } else { task };
    let metrics = train(
        &task,
        &store,
        &plan,
        &checkpoint,
        &mut Console::new(plan.training.epochs, |name| name.ends_with("/all")),
    )?;

    folder.write_config(&mfdoom_cli::to_json(&config)?)?;
    let weights = store.save_where(|name| name.starts_with(PREFIX) || store.is_trained(name)).or_failed()?;
    std::fs::write(folder.weights_path(), weights).map_err(|e| Error::io(&folder.weights_path(), e))?;
    folder.write_text(GENES, &Vocabulary::new(chosen.genes.iter().cloned()).to_json())?;
    folder.write_metrics(&metrics)?;
    folder.commit(manifest)?;
    checkpoint.remove()?;
    tracing::info!("wrote {}", output.display());
    Ok(())
}

fn checkpoint(args: &Args, output: &Path, manifest: &Manifest) -> Result<Checkpoint> {
    let mut path = output.to_owned().into_os_string();
    path.push(".checkpoint");
    Checkpoint::new(path.into(), manifest.content_id.clone(), args.resume, args.output.force)
}

fn output(args: &Args) -> Result<PathBuf> {
    let path =
        args.output.output.clone().ok_or_else(|| {
            Error::usage("no output").wanted("a folder for the decoder").help("-o decoder/")
        })?;
    match mfdoom_cli::is_stream(&path) {
        true => {
            Err(Error::usage("a decoder is a folder and cannot go to standard output").help("-o decoder/"))
        }
        false => Ok(path.components().collect()),
    }
}

fn wanted(args: &Args, trained: &TrainedModel) -> Result<Wanted> {
    let needs = args.decoder.task.needs(&args.targets)?;
    let mut obs = needs.obs;
    obs.extend(args.training.shared.validation.column().map(str::to_owned));
    obs.sort_unstable();
    obs.dedup();
    Ok(Wanted {
        obs,
        ids: needs.ids,
        model: Some((Arc::clone(&trained.vocabulary), trained.model.config().modalities.clone())),
        max_bytes: args.common.max_memory.map(MemorySize::bytes),
    })
}

/// Splits the cells that have a target and something to see, and drops genes that no training cell knows.
fn split(args: &Args, cells: &TrainingCells, chosen: &mut Chosen) -> Result<Split> {
    let mut split = args.training.shared.validation.split(cells, args.seed.seed)?;
    let allowed = allowed(args, &cells.modalities)?;
    let usable = |cell: &usize| {
        let seen = (0..allowed.len()).any(|m| allowed[m] && !cells.tokens(m).cell(*cell).0.is_empty());
        seen && chosen.targets.has(cells, *cell)
    };
    split.training.retain(usable);
    split.validation.retain(usable);
    if split.training.len() < 2 {
        return Err(Error::contract("too few training cells have a target and a modality to see")
            .found(format!("{} cells", split.training.len()))
            .wanted("at least 2")
            .help("other --targets, --validation or --use-modalities"));
    }
    let dropped = chosen.drop_unknown(&split.training);
    if dropped > 0 {
        tracing::info!("{dropped} genes have no value in any training cell: left out");
    }
    Ok(split)
}

fn describe(config: &DecoderConfig, cells: &TrainingCells, split: &Split) {
    tracing::info!(
        "{} of {} cells to train on, {} held back; {} outputs: {}",
        split.training.len(),
        cells.len(),
        split.validation.len(),
        config.outputs(),
        config.targets.join(", ")
    );
}

fn manifest(
    args: &Args,
    config: &DecoderConfig,
    cells: &TrainingCells,
    (trained, chosen): (&TrainedModel, &Chosen),
) -> Result<Manifest> {
    let settings = json!({
        "decoder": mfdoom_cli::to_json(config)?,
        "settings": mfdoom_cli::settings(&args.decoder)?,
        "training": mfdoom_cli::settings(&args.training)?,
    });
    let mut inputs = cells.inputs.clone();
    inputs.extend(chosen.inputs.iter().cloned());
    inputs.push(trained.manifest.as_input(&args.model));
    let version = env!("CARGO_PKG_VERSION");
    let manifest = Manifest::new("mfdoom-finetune-decoder", version, DECODER_FORMAT, settings, inputs);
    Ok(manifest.with_seed(args.seed.seed))
}

/// Returns the parameters of the backbone, shared with it, and those of the decoder, drawn from the seed.
fn parameters(
    trained: &TrainedModel,
    config: &DecoderConfig,
    seed: u64,
) -> candle_core::Result<ParameterStore> {
    let backbone = trained.model.config();
    let p = ParameterBuilder::over(&trained.store).or_fresh(seed);
    Model::build(&p, backbone)?;
    Decoder::build(&p.pp("decoder"), config, backbone)?;
    p.finish()
}

/// Freezes the backbone, but for what is to be trained, the constants of the decoder and, where it is `kept`, all that
/// the regression fitted.
fn freeze(args: &Args, store: &mut ParameterStore, (depth, kept): (usize, bool)) {
    let unfreeze = args.decoder.unfreeze;
    store.freeze(|name| match name.starts_with(PREFIX) {
        true => is_constant(name) || (kept && is_fitted(name)),
        false => !unfreeze.is_some_and(|parts| parts.trains(name, depth)),
    });
}

fn views(args: &Args, trained: &TrainedModel) -> Result<DecoderViews> {
    let config = trained.model.config();
    Ok(DecoderViews {
        views: Views {
            max_tokens: args.training.max_tokens.unwrap_or(config.max_tokens),
            token_dropout: 0.0,
            modality_dropout: args.training.shared.modality_dropout,
            hide_one: false,
            seed: args.seed.seed,
        },
        hide_genes: args.training.hide_genes.unwrap_or(args.decoder.task.hidden_genes()),
        allowed: allowed(args, &config.modalities)?,
        count: args.training.views,
    })
}

fn plan(args: &Args, cells: &TrainingCells, split: &Split, max_tokens: usize) -> Plan {
    let training = split.training.clone();
    let held_back = !split.validation.is_empty();
    let selection = || Selection { score: SELECTION.into(), patience: args.training.patience };
    Plan {
        checkpoint_every: args.checkpoint_every,
        selection: held_back.then(selection),
        ..Plan::new(&args.training.shared, cells, training, max_tokens, args.seed.seed)
    }
}
