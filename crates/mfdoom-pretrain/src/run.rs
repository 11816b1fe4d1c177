//! What `mfdoom-pretrain` does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use mfdoom_anchor::Anchor;
use mfdoom_artifact::{Input, InputId, Manifest, MetricRow, ModelDir, ModelDirWriter};
use mfdoom_cli::{Console, MemorySize};
use mfdoom_error::{Error, Result};
use mfdoom_model::{
    ANCHOR, Anchoring, FORMAT, Model, ModelConfig, Objective, Scheme, TensorResult, anchor_parameters,
    is_profile_constant,
};
use mfdoom_nn::{ParameterBuilder, ParameterStore};
use mfdoom_tokens::Vocabulary;
use mfdoom_train::{
    Checkpoint, Coordinates, Memory, Plan, Pretraining, Split, TrainingCells, Views, Wanted, train,
};
use serde_json::json;

use crate::anchor;
use crate::answers;
use crate::args::Args;
use crate::card;
use crate::velocity;

/// Trains a model on token tables and publishes its folder.
///
/// # Errors
/// Those of reading tokens, of the settings, and of training.
pub fn run(mut args: Args) -> Result<()> {
    settle_training(&mut args);
    let output = output(&args)?;
    let inputs = mfdoom_cli::inputs(&args.tokens)?;
    let init = args.init.as_ref().map(|path| Init::open(path)).transpose()?;
    let cells = read(&args, &inputs, init.as_ref())?;
    let split = args.training.shared.validation.split(&cells, args.seed.seed)?;
    let mut config = match &init {
        Some(init) => init.continued(&args)?,
        None => configure(&args, &cells)?,
    };
    check(&config, &args)?;
    describe(&config, &cells, &split);
    if args.common.check {
        return Ok(());
    }
    let answers = answers::find(&args, (&cells, &split), &mut config)?;
    let anchor = match &init {
        Some(_) => None,
        None => anchor::fit(&args.anchor, &cells, &split, &mut config)?,
    };
    config.check()?;
    let manifest = manifest(&args, &config, &cells, init.as_ref())?;
    let checkpoint = checkpoint(&args, &output, &manifest)?;
    if checkpoint.had_ended(&output, FORMAT)? {
        return Ok(());
    }
    let folder = ModelDirWriter::create(&output, args.output.force)?;

    let (init, anchor) = (init.as_ref(), anchor.as_ref());
    let materials = Materials { config: &config, cells: &cells, split: &split, init, anchor };
    let (model, store, coordinates) = network(&args, &materials)?;
    let task = Pretraining {
        model,
        cells: &cells,
        coordinates,
        held_back: split.validation,
        memory: Memory::new(cells.modalities.len(), cells.len(), answers::width(&config)).into(),
        answers,
        views: views(&args, &config),
        batch_cells: args.training.shared.batch_cells,
    };
    let plan = Plan::new(&args.training.shared, &cells, split.training, config.max_tokens, args.seed.seed);
    let plan = Plan { checkpoint_every: args.checkpoint_every, ..plan };
    let mut console = Console::new(plan.training.epochs, |name| name.ends_with("recall_at_10"));
    let metrics = train(&task, &store, &plan, &checkpoint, &mut console)?;

    if plan.training.epochs > 0 {
        anchor::settle(&task, &mut config)?;
    } else if let Some(anchor) = &mut config.anchor {
        anchor.heads = Anchoring::Only;
    }
    publish(folder, manifest, &Outcome { config: &config, cells: &cells, store: &store, metrics: &metrics })?;
    checkpoint.remove()?;
    tracing::info!("wrote {}: {} parameters", output.display(), store.elem_count());
    Ok(())
}

fn checkpoint(args: &Args, output: &Path, manifest: &Manifest) -> Result<Checkpoint> {
    let mut path = output.to_owned().into_os_string();
    path.push(".checkpoint");
    Checkpoint::new(path.into(), manifest.content_id.clone(), args.resume, args.output.force)
}

/// What a network is made of.
struct Materials<'a> {
    config: &'a ModelConfig,
    cells: &'a TrainingCells,
    split: &'a Split,
    init: Option<&'a Init>,
    anchor: Option<&'a Anchor>,
}

/// Makes the model, with the coordinates of the closed form that it looks at in training.
fn network(args: &Args, of: &Materials<'_>) -> Result<(Model, ParameterStore, Option<Coordinates>)> {
    let Materials { config, cells, split, init, anchor } = *of;
    let device = mfdoom_infer::open_device(args.device.device);
    let coordinates = match anchor {
        Some(anchor) if anchor::is_looked_at(config) => {
            Some(anchor::coordinates(args, cells, split, anchor)?)
        }
        _ => None,
    };
    let constants = coordinates.as_ref().map(|c| c.constants(cells, &split.training)).unwrap_or_default();
    let start = match (init, anchor) {
        (Some(init), _) => Start::Model(init),
        (None, Some(anchor)) => Start::Anchor(anchor, &constants),
        (None, None) => Start::Nothing,
    };
    let (model, store) = build(args, config, start, &device)?;
    let coordinates = match model.anchor() {
        Some(anchor) if coordinates.is_none() && anchor::is_looked_at(config) => {
            Some(Coordinates::new(cells, &split.training, (anchor, None), args.seed.seed)?)
        }
        _ => coordinates,
    };
    Ok((model, store, coordinates))
}

/// What training made.
struct Outcome<'a> {
    config: &'a ModelConfig,
    cells: &'a TrainingCells,
    store: &'a ParameterStore,
    metrics: &'a [MetricRow],
}

fn publish(folder: ModelDirWriter, manifest: Manifest, outcome: &Outcome<'_>) -> Result<()> {
    let Outcome { config, cells, store, metrics } = outcome;
    folder.write_config(&mfdoom_cli::to_json(config)?)?;
    let weights = store.save().or_failed()?;
    std::fs::write(folder.weights_path(), weights).map_err(|e| Error::io(&folder.weights_path(), e))?;
    folder.write_text("vocab.json", &cells.vocabulary.to_json())?;
    folder.write_text("README.md", &card::text(config, cells, metrics))?;
    folder.write_metrics(metrics)?;
    folder.commit(manifest)
}

fn output(args: &Args) -> Result<PathBuf> {
    let path = args
        .output
        .output
        .clone()
        .ok_or_else(|| Error::usage("no output").wanted("a folder for the model").help("-o model/"))?;
    match mfdoom_cli::is_stream(&path) {
        true => Err(Error::usage("a model is a folder and cannot go to standard output").help("-o model/")),
        false => Ok(path.components().collect()),
    }
}

fn read(args: &Args, inputs: &[Input], init: Option<&Init>) -> Result<TrainingCells> {
    let batch = &args.anchor.batch_column;
    let wanted = Wanted {
        obs: columns(args),
        model: init.map(|i| (Arc::clone(&i.vocabulary), i.config.modalities.clone())),
        max_bytes: args.common.max_memory.map(MemorySize::bytes),
        ids: args.model.velocity.is_some(),
    };
    let mut cells = TrainingCells::read(inputs, &wanted)?;
    if let Some(column) = batch {
        cells.batch_by(column);
    }
    Ok(cells)
}

/// Returns the obs columns that are looked at, each once.
fn columns(args: &Args) -> Vec<String> {
    let held_back = args.training.shared.validation.column();
    let wanted = [held_back, args.anchor.batch_column.as_deref(), args.model.label.as_deref()];
    let targets = args.model.targets.iter().map(String::as_str);
    let mut columns = Vec::new();
    for column in wanted.into_iter().flatten().chain(targets).map(String::from) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

fn configure(args: &Args, cells: &TrainingCells) -> Result<ModelConfig> {
    let model = &args.model;
    let mut config = ModelConfig::preset(model.preset, cells.modalities.clone(), cells.vocabulary.len());
    config.fusion = model.fusion;
    config.fusion_tokens = model.fusion_tokens.unwrap_or(config.fusion_tokens);
    config.value_transform = model.value_transform;
    config.max_value = model.max_value;
    config.shared_genes = !model.separate_genes;
    config.datasets = cells.datasets().len();
    config.profile_tokens = model.profile_tokens;
    let (scheme, default) = (Scheme::of(&config), config.clone());
    config.objectives.retain(|objective, _| objective.check(&default, &scheme).is_ok());
    settle(args, config)
}

/// Sets what may also change when training goes on from another model.
fn settle(args: &Args, mut config: ModelConfig) -> Result<ModelConfig> {
    config.max_tokens = args.model.max_tokens.unwrap_or(config.max_tokens);
    config.objectives.extend(args.model.objectives.iter().copied());
    config.contrastive.negatives = args.model.negatives;
    config.contrastive.temperature = args.model.temperature;
    config.contrastive.among = args.model.among;
    config.other_pairs = args.model.other_pairs;
    match config.objectives.values().any(|w| *w > 0.0) {
        true => Ok(config),
        false => Err(Error::usage("no objective has a weight above 0").help("--objective contrastive=1")),
    }
}

/// Checks the settings before anything is fitted.
fn check(config: &ModelConfig, args: &Args) -> Result<()> {
    let mut before = config.clone();
    if args.anchor.anchor != Anchoring::None && before.anchor.is_none() {
        before.objectives.remove(&Objective::Neighbours);
        (before.profile_tokens, before.max_tokens) = (0, before.max_tokens.max(1));
    }
    answers::check(args, &mut before)?;
    before.check()
}

fn describe(config: &ModelConfig, cells: &TrainingCells, split: &Split) {
    tracing::info!(
        "{} cells ({} to train on, {} held back), {} genes, modalities {}",
        cells.len(),
        split.training.len(),
        split.validation.len(),
        cells.vocabulary.len(),
        config.modalities.join(", ")
    );
    let cut = cells.longer_than(config.max_tokens);
    if cut > 0 && config.max_tokens > 0 {
        tracing::info!(
            "{cut} cells have more than {} tokens in a modality: each epoch draws a fresh part of them",
            config.max_tokens
        );
    }
}

fn manifest(
    args: &Args,
    config: &ModelConfig,
    cells: &TrainingCells,
    init: Option<&Init>,
) -> Result<Manifest> {
    let mut settings = json!({
        "model": mfdoom_cli::to_json(config)?,
        "anchor": mfdoom_cli::settings(&args.anchor)?,
        "training": mfdoom_cli::settings(&args.training)?,
    });
    if let Some(answers) = answers::described(args) {
        settings["answers"] = answers;
    }
    let mut inputs = cells.inputs.clone();
    inputs.extend(init.map(|i| i.id.clone()));
    if let Some(path) = &args.model.velocity {
        inputs.push(velocity::id(path)?);
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(Manifest::new("mfdoom-pretrain", version, FORMAT, settings, inputs).with_seed(args.seed.seed))
}

/// Where parameters come from that are not drawn.
enum Start<'a> {
    Nothing,
    /// The closed form, and constants of the training cells by name.
    Anchor(&'a Anchor, &'a [(String, Vec<f32>)]),
    Model(&'a Init),
}

/// Takes the parameters that there are, and draws the others.
fn build(
    args: &Args,
    config: &ModelConfig,
    start: Start<'_>,
    device: &Device,
) -> Result<(Model, ParameterStore)> {
    let seed = args.seed.seed;
    let made = |p: ParameterBuilder| {
        let p = p.frozen(|name| name.starts_with(ANCHOR) || is_profile_constant(name));
        Ok((Model::build(&p, config)?, p.finish()?))
    };
    match start {
        Start::Nothing => made(ParameterBuilder::fresh(seed, DType::F32, device)).or_failed(),
        Start::Anchor(anchor, constants) => {
            let known = || {
                let mut store = anchor_parameters(anchor, device)?;
                for (name, values) in constants {
                    store.insert(name, &Tensor::from_slice(values, values.len(), &Device::Cpu)?)?;
                }
                made(ParameterBuilder::over(&store).or_fresh(seed))
            };
            known().or_failed()
        }
        Start::Model(init) => {
            ParameterBuilder::file(&init.weights, DType::F32, device).and_then(made).or_unfit(&init.weights)
        }
    }
}

fn views(args: &Args, config: &ModelConfig) -> Views {
    Views {
        max_tokens: config.max_tokens,
        token_dropout: args.training.token_dropout,
        modality_dropout: args.training.shared.modality_dropout,
        hide_one: args.training.hide_one,
        seed: args.seed.seed,
    }
}

/// Fills in what is known to serve the size of the model; the closed form alone is not trained.
fn settle_training(args: &mut Args) {
    let known = if args.init.is_some() { 1e-3 } else { args.model.preset.learning_rate() };
    let training = &mut args.training.shared;
    training.or_known(known, 0.01);
    if args.anchor.anchor == Anchoring::Only {
        training.epochs = 0;
    }
}

/// A model to start from.
struct Init {
    config: ModelConfig,
    vocabulary: Arc<Vocabulary>,
    weights: PathBuf,
    id: InputId,
}

impl Init {
    fn open(path: &std::path::Path) -> Result<Self> {
        let model = ModelDir::open(path, FORMAT)?;
        Ok(Self {
            config: ModelConfig::from_json(model.config()).map_err(|e| e.context(path.display()))?,
            vocabulary: Arc::new(Vocabulary::load(&model.vocabulary_path())?),
            weights: model.weights_path(),
            id: model.manifest().as_input(path),
        })
    }

    fn continued(&self, args: &Args) -> Result<ModelConfig> {
        let config = settle(args, self.config.clone())?;
        match config.contrastive.temperature == self.config.contrastive.temperature {
            true => Ok(config),
            false => Err(Error::usage("--temperature differs from that of the model to start from")),
        }
    }
}
