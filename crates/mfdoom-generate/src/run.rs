//! What `mfdoom-generate` does.

use std::path::PathBuf;

use mfdoom_artifact::trajectories::TRAJECTORIES_FORMAT;
use mfdoom_artifact::{AtomicDir, Manifest, ObsField, ObsType};
use mfdoom_cli::{CellList, Progress, Shard};
use mfdoom_error::{Error, Result};
use mfdoom_infer::{CellMaker, Inference, MadeBy};
use mfdoom_matrix::median;
use serde_json::json;

use crate::ahead::Ahead;
use crate::args::{Args, Take};
use crate::decoders::{Decoders, Dynamics};
use crate::field::Field;
use crate::observed::Observed;
use crate::starts::{self, Cell, Kept};
use crate::walk::{Row, Walk};
use crate::write::{Plan, Writer, free_fields};

/// Modalities that trajectories run in, the first that the tokens have: velocities are those of spliced counts.
const SOURCES: [&str; 2] = ["spliced", "expression"];

/// Generates trajectories from the cells of a token table.
///
/// # Errors
/// Those of opening tokens, model, decoders and outputs. Contract: no cell to begin at, velocities of 0. Incompatible:
/// decoders of another model or for nothing that the model knows. Failed: all trajectories leave the observed cells.
pub fn run(args: Args) -> Result<()> {
    let output = output(&args)?;
    let decoders = Decoders::open(&args)?;
    let mut infer = args.infer.clone();
    let shard = infer.shard.take();
    let inference = Inference::open(&infer, &decoders.moves.backbone)?;
    let modality = modality(&args, &inference, &decoders)?;
    let total = shard.unwrap_or(Shard::WHOLE).rows(args.walk.n_trajectories as u64);
    let maker = inference.maker(Progress::new("generating", Some(total.end - total.start), "trajectories"));
    let name = decoders.moves.model.config().modalities[modality].clone();
    let size = size(&decoders, &name);
    let field = Field::new(&decoders, &maker, modality, size)?;
    let obs = obs_fields(&args, &inference)?;
    // Read once: it may be a pipe.
    let listed = args.cells.as_deref().map(CellList::read).transpose()?;
    let manifest = manifest(&args, &inference, (&decoders, listed.as_ref()), shard)?;
    if args.common.check {
        let walk = &args.walk;
        tracing::info!(
            "would generate {} trajectories of {} steps in {name}",
            walk.n_trajectories,
            walk.steps
        );
        return Ok(());
    }
    let Kept { observed, starts } = starts::read(&args, listed, inference, modality)?;
    let genes = decoders.moves.backbone.vocabulary.genes().to_vec();
    let observed = Observed::new(observed, (genes.len(), size), args.walk.anchor, args.seed.seed)?;
    field.check(&observed.mean(&(0..observed.cells().len() as u32).collect::<Vec<_>>()))?;
    let mut scatter = observed.scatter(args.seed.seed);
    if let Some(learned) = field.overdispersion(genes.len())? {
        scatter.overdispersion = learned;
    }
    let ahead = Ahead::new(&observed, &field);
    let mut walk = Walk {
        observed: &observed,
        field: &field,
        scatter: &scatter,
        ahead: &ahead,
        args: &args.walk,
        time: 0.0,
    };
    let time = args.walk.step_size.map_or_else(|| walk.pace(), |time| walk.pace().map(|_| time))?;
    walk.time = if args.walk.backward { -time } else { time };
    match field.dynamics() {
        Dynamics::Velocity => {
            tracing::info!("{} steps of {time:.4} each, in the time of the velocities", args.walk.steps)
        }
        Dynamics::NextState(n) => {
            tracing::info!("{} steps, each from at most {n} cells to the next", args.walk.steps)
        }
    }
    let modalities: Vec<String> = [name].into_iter().chain(field.added.iter().cloned()).collect();
    let obs = free_fields(obs, &modalities);
    let plan = Plan { genes, modalities, width: field.width(), obs, take: args.walk.take, manifest };
    let mut writer = Writer::create(&output, args.output.force, plan)?;
    let report = generate(&walk, (&args, total, &maker), &starts, &mut writer)?;
    report.check()?;
    let rows = writer.finish()?;
    report.tell();
    tracing::info!("{}: {rows} cells of {} trajectories", output.display(), report.trajectories);
    Ok(())
}

fn output(args: &Args) -> Result<PathBuf> {
    let path = args.output.output.clone();
    let path = path.ok_or_else(|| {
        Error::usage("no output").wanted("a folder for the trajectories").help("-o trajectories/")
    })?;
    match mfdoom_cli::is_stream(&path) {
        true => Err(Error::usage("trajectories are a folder and cannot go to standard output")
            .help("-o trajectories/")),
        false => {
            let path: PathBuf = path.components().collect();
            AtomicDir::check(&path, args.output.force)?;
            Ok(path)
        }
    }
}

/// Returns the modality that trajectories run in, by its number in the model.
fn modality(args: &Args, inference: &Inference, decoders: &Decoders) -> Result<usize> {
    let names = &decoders.moves.model.config().modalities;
    let only = &args.infer.use_modalities;
    let usable = |name: &String| {
        inference.tokens().modalities.contains(name) && (only.is_empty() || only.contains(name))
    };
    let place = |source: &&str| names.iter().position(|name| name == source).filter(|at| usable(&names[*at]));
    let found = SOURCES.iter().find_map(place);
    found.ok_or_else(|| {
        Error::incompatible("the tokens have no modality that velocities move")
            .found(inference.tokens().modalities.join(", "))
            .wanted(SOURCES.join(" or "))
            .help("name the modality as the model does: mfdoom-preprocess --modality NAME=SOURCE")
    })
}

/// Returns the total that states are scaled to: the unit of the velocities.
fn size(decoders: &Decoders, modality: &str) -> f64 {
    let libraries = &decoders.moves.decoder.config().libraries;
    let found = SOURCES.iter().chain([&modality]).find_map(|name| libraries.get(*name));
    found.map(|library| library.median).filter(|median| *median > 0.0).unwrap_or(1e4)
}

/// Returns names and types of the obs columns that states take: numbers, and anything else as text.
fn obs_fields(args: &Args, inference: &Inference) -> Result<Vec<ObsField>> {
    let of = |column: usize| {
        let field = &inference.tokens().obs[column];
        let kind = match field.kind {
            ObsType::Int | ObsType::Float => ObsType::Float,
            ObsType::String | ObsType::Bool => ObsType::String,
        };
        ObsField::new(&field.name, kind)
    };
    Ok(starts::columns(&args.walk, inference)?.into_iter().map(of).collect())
}

fn manifest(
    args: &Args,
    inference: &Inference,
    (decoders, listed): (&Decoders, Option<&CellList>),
    shard: Option<Shard>,
) -> Result<Manifest> {
    let mut settings = mfdoom_cli::settings(&args.walk)?;
    settings["max_tokens"] = json!(args.infer.max_tokens(&decoders.moves.backbone));
    // What a model makes of a cell depends in the last bit on the cells around it.
    settings["batch_cells"] = json!(args.infer.batch_cells);
    if !args.infer.use_modalities.is_empty() {
        settings["use_modalities"] = json!(args.infer.use_modalities);
    }
    if args.walk.take == Take::Sample {
        settings["sample"] = json!(1);
    }
    if let Some(listed) = listed {
        settings["cells"] = json!(listed.content_id);
    }
    if let Some(shard) = shard {
        settings["shard"] = json!(shard);
    }
    let made =
        MadeBy { stage: "mfdoom-generate", version: env!("CARGO_PKG_VERSION"), format: TRAJECTORIES_FORMAT };
    Ok(inference.manifest(made, settings, decoders.inputs())?.with_seed(args.seed.seed))
}

/// Walks blocks of trajectories, cut where they are among all of them, and writes those that are wanted.
fn generate(
    walk: &Walk<'_>,
    (args, wanted, maker): (&Args, std::ops::Range<u64>, &CellMaker),
    starts: &[Cell],
    writer: &mut Writer,
) -> Result<Report> {
    let block = args.infer.batch_cells as u64;
    let mut report = Report::new(args.walk.steps);
    let mut first = wanted.start / block * block;
    while first < wanted.end {
        let last = (first + block).min(args.walk.n_trajectories as u64);
        let from: Vec<&Cell> = (first..last).map(|at| &starts[at as usize % starts.len()]).collect();
        let walked = walk.run(first, &from)?;
        report.at_rest += walked.at_rest;
        for (rows, number) in walked.rows.iter().zip(first..).filter(|(_, at)| wanted.contains(at)) {
            debug_assert!(rows.iter().all(|row| row.trajectory == number));
            report.add(rows);
            writer.write(rows, walk.observed.cells())?;
            maker.progress.inc(1);
        }
        first = last;
    }
    Ok(report)
}

/// How trajectories went.
struct Report {
    steps: usize,
    trajectories: usize,
    /// Step at which a trajectory left the observed cells, of those that did.
    left: Vec<usize>,
    at_rest: usize,
    /// Drift of each trajectory, by step.
    drift: Vec<Vec<f64>>,
}

impl Report {
    fn new(steps: usize) -> Self {
        Self { steps, trajectories: 0, left: Vec::new(), at_rest: 0, drift: Vec::new() }
    }

    fn add(&mut self, rows: &[Row]) {
        self.trajectories += 1;
        // As many steps as were taken, not as many as were asked for.
        self.drift.resize(self.drift.len().max(rows.len()), Vec::new());
        rows.iter().for_each(|row| self.drift[row.step].push(row.drift));
        self.left.extend(rows.last().filter(|row| row.left).map(|row| row.step));
    }

    /// Stops the run where no trajectory is left among the observed cells.
    fn check(&self) -> Result<()> {
        let last = self.left.iter().max().copied().unwrap_or_default();
        if self.trajectories > 0 && self.left.len() == self.trajectories && last < self.steps {
            let drift = median(&mut self.drift[last].clone()).unwrap_or(f64::NAN);
            return Err(Error::failed(format!(
                "every trajectory has left the observed cells by step {last}"
            ))
            .found(format!("{drift:.1} times the usual distance to them"))
            .wanted("states among the observed cells, for which velocities are known")
            .help(
                "a smaller --step-size, a higher --anchor or --pull, fewer --steps, or another --max-drift",
            ));
        }
        Ok(())
    }

    /// Logs the drift along the trajectories.
    fn tell(&self) {
        if let Some(first) = self.left.iter().min() {
            tracing::warn!(
                "{} of {} trajectories left the observed cells and ended, the first at step {first}",
                self.left.len(),
                self.trajectories
            );
        }
        if self.at_rest > 0 {
            tracing::warn!("{} steps had no velocity: the state stayed", self.at_rest);
        }
        let last = self.drift.len().saturating_sub(1);
        let every = last.div_ceil(10).max(1);
        let shown = (0..self.drift.len()).filter(|step| step % every == 0 || *step == last);
        let of =
            |step: usize| median(&mut self.drift[step].clone()).map(|drift| format!("{step}: {drift:.2}"));
        let told: Vec<String> = shown.filter_map(of).collect();
        tracing::info!("median drift from the observed cells by step: {}", told.join(", "));
    }
}
