//! The configuration of a decoder, from the command line and the data.

use mfdoom_decoder::{ChainConfig, Chosen, DECODER_FORMAT, DecoderConfig, PathUse, ProfileConfig, libraries};
use mfdoom_error::{Error, Result};
use mfdoom_model::ModelConfig;
use mfdoom_train::{Split, TrainingCells};

use crate::args::Args;

const COMPONENTS: usize = 50;
const RANK: usize = 64;
const NEIGHBOURS: usize = 30;

/// Returns which modalities of the model the decoder may see.
///
/// # Errors
/// Usage: a name that is none of them.
pub fn allowed(args: &Args, modalities: &[String]) -> Result<Vec<bool>> {
    let wanted = &args.decoder.use_modalities;
    if let Some(name) = wanted.iter().find(|name| !modalities.contains(name)) {
        return Err(Error::usage(format!("--use-modalities: the model knows no modality '{name}'"))
            .wanted(modalities.join(", ")));
    }
    Ok(modalities.iter().map(|m| wanted.is_empty() || wanted.contains(m)).collect())
}

/// The model that a decoder stands on.
#[derive(Clone, Copy, Debug)]
pub struct Backbone<'a> {
    /// Its configuration.
    pub config: &'a ModelConfig,
    /// The hash of its weights.
    pub sha256: &'a str,
}

/// Returns the configuration.
///
/// # Errors
/// Usage, where settings do not fit each other or the model.
pub fn configure(
    args: &Args,
    backbone: &Backbone<'_>,
    cells: &TrainingCells,
    chosen: &Chosen,
    split: &Split,
) -> Result<DecoderConfig> {
    let Backbone { config: model, sha256 } = *backbone;
    let genes = chosen.genes.len();
    let profile = profile(args, cells, split)?;
    let outputs = chosen.names.len() * genes.max(chosen.classes.len());
    let largest = outputs.min(split.training.len()).max(1);
    let mut libraries = libraries(cells, &split.training, &chosen.libraries);
    libraries.retain(|_, library| library.median > 0.0);
    let config = DecoderConfig {
        format: DECODER_FORMAT,
        task: args.decoder.task,
        architecture: args.decoder.architecture,
        head: args.decoder.head.clone(),
        loss: args.decoder.loss(),
        targets: chosen.names.clone(),
        genes,
        classes: chosen.classes.clone(),
        rank: args.decoder.rank.unwrap_or(RANK).min(largest),
        hidden: args.decoder.hidden,
        profile,
        chain: args.decoder.task.is_of_chains().then_some(ChainConfig { length: args.decoder.chain_length }),
        cosine: args.decoder.cosine,
        libraries,
        backbone_sha256: sha256.to_owned(),
    };
    config.check(model)?;
    Ok(config)
}

/// The profile path of the modalities that some training cells have; none where it is off.
fn profile(args: &Args, cells: &TrainingCells, split: &Split) -> Result<Option<ProfileConfig>> {
    if args.decoder.path() == PathUse::Off {
        return Ok(None);
    }
    let allowed = allowed(args, &cells.modalities)?;
    let with =
        |m: &usize| split.training.iter().filter(|cell| !cells.tokens(*m).cell(**cell).0.is_empty()).count();
    let modalities: Vec<(usize, usize)> =
        (0..allowed.len()).filter(|m| allowed[*m]).map(|m| (m, with(&m))).filter(|(_, n)| *n > 1).collect();
    let Some(fewest) = modalities.iter().map(|(_, n)| *n).min() else { return Ok(None) };
    let largest = fewest.min(cells.vocabulary.len());
    let landmarks = Some(args.decoder.task.landmarks().min(fewest)).filter(|n| *n > 1).unwrap_or(0);
    let kept = args.decoder.path() == PathUse::Kept;
    Ok(Some(ProfileConfig {
        linear: args.decoder.task.is_linear(),
        landmarks,
        neighbours: if kept { NEIGHBOURS.min(landmarks) } else { 0 },
        modalities: modalities.into_iter().map(|(m, _)| cells.modalities[m].clone()).collect(),
        components: args.decoder.components.unwrap_or(COMPONENTS.min(largest)),
        features: args.decoder.features,
    }))
}
