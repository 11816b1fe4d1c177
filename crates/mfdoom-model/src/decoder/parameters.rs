//! Names, shapes and initial values of a decoder's tensors.

use candle_core::Result;
use mfdoom_nn::{Init, ParameterStore};

use super::config::{Architecture, DecoderConfig};
use crate::config::ModelConfig;
use crate::parameters::{Parameter, add, parameter};

/// Beginning of the name of every tensor of a decoder.
pub const PREFIX: &str = "decoder.";

/// Whether a tensor is a constant of the training data, saved with a decoder and never trained: all of the
/// profile path but its map, and the mean and scale of the target.
pub fn is_constant(name: &str) -> bool {
    name.starts_with("decoder.target.") || (name.starts_with("decoder.profile.") && !name.ends_with(".map"))
}

/// Returns whether a tensor is one that the regression a decoder starts from fits: maps, gene vectors and bias.
pub fn is_fitted(name: &str) -> bool {
    name.starts_with("decoder.profile.") || name == "decoder.queries" || name == "decoder.bias"
}

/// Returns the tensors of a decoder.
///
/// What ends a path (the last layer of the network, the map of the profile path) starts at zero, so that a
/// decoder predicts nothing but its bias until it is given a start or trained.
pub fn decoder_parameters(config: &DecoderConfig, backbone: &ModelConfig) -> Vec<Parameter> {
    let (n, rows, k, hidden) = (config.outputs(), config.rows(), config.rank, config.hidden);
    let (dim, zero) = (backbone.dim, Init::Constant(0.0));
    let mut all = vec![
        parameter("decoder.queries", [rows, k], Init::Normal(1.0 / (k as f64).sqrt())),
        parameter("decoder.bias", [rows], zero),
    ];
    let mlp = |out: usize| {
        [
            parameter("decoder.mlp.in.weight", [hidden, dim], Init::Linear { inputs: dim }),
            parameter("decoder.mlp.in.bias", [hidden], Init::Linear { inputs: dim }),
            parameter("decoder.mlp.out.weight", [out, hidden], zero),
        ]
    };
    match config.architecture {
        Architecture::Pooled => {
            all.push(parameter("decoder.norm.weight", [dim], Init::Constant(1.0)));
            all.push(parameter("decoder.project.weight", [k, dim], zero));
            if hidden > 0 {
                all.extend(mlp(k));
            }
        }
        Architecture::Attention => {
            all.push(parameter("decoder.genes", [rows, dim], Init::Normal(1.0)));
            let (inner, from) = (backbone.inner(), |inputs| Init::Linear { inputs });
            all.push(parameter("decoder.attn.norm.weight", [dim], Init::ONES));
            all.push(parameter("decoder.attn.to_q.weight", [inner, dim], from(dim)));
            all.push(parameter("decoder.attn.to_kv.weight", [2 * inner, dim], from(dim)));
            all.push(parameter("decoder.attn.to_out.weight", [dim, inner], from(inner)));
            all.extend(mlp(1));
        }
    }
    if config.loss.is_of_counts() {
        all.push(parameter("decoder.log_dispersion", [n], zero));
    }
    if config.is_standardised() {
        all.push(parameter("decoder.target.mean", [n], zero));
        all.push(parameter("decoder.target.scale", [n], Init::Constant(1.0)));
    }
    if let Some(profile) = &config.profile {
        let (r, features) = (profile.components, profile.features);
        for m in &profile.modalities {
            let name = |leaf: &str| format!("decoder.profile.{m}.{leaf}");
            all.push(parameter(name("mean"), [backbone.vocab], zero));
            all.push(parameter(name("genes"), [backbone.vocab, r], zero));
            all.push(parameter(name("frequency"), [features, r], zero));
            all.push(parameter(name("phase"), [features], zero));
            all.push(parameter(name("centre"), [features], zero));
            all.push(parameter(name("map"), [k, features], zero));
        }
    }
    all
}

/// Adds the tensors of a decoder to the store of its backbone.
///
/// # Errors
/// Where the store has a decoder already, or the device has no memory left.
pub fn add_decoder(store: &mut ParameterStore, config: &DecoderConfig, backbone: &ModelConfig) -> Result<()> {
    add(store, decoder_parameters(config, backbone))
}
