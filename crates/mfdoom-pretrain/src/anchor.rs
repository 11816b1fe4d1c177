//! The closed-form model: its settings, its fit before training, and what training added.

use std::collections::BTreeMap;

use clap::Args as Group;
use mfdoom_anchor::{Anchor, Effects, Transform};
use mfdoom_error::Result;
use mfdoom_model::{AnchorConfig, Anchoring, ModelConfig, Objective};
use mfdoom_train::{AnchorOptions, Coordinates, Pretraining, Split, TrainingCells, fit_anchor, judge};
use serde::Serialize;

use crate::args::Args;

/// The closed-form model next to the network.
#[derive(Clone, Debug, Group, Serialize)]
pub struct AnchorArgs {
    /// What heads are made of: blend (closed form and network, or the closed form alone where held-back cells find
    /// each other no better with the network), only (closed form, no training) or none (network)
    #[arg(long, value_name = "WHICH", default_value_t = Anchoring::Blend, help_heading = "Closed form")]
    pub anchor: Anchoring,

    /// Factors of the closed form
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Closed form")]
    pub anchor_dim: usize,

    /// Rounds of its fit
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::count::<usize>, help_heading = "Closed form")]
    pub anchor_iterations: usize,

    /// Training cells at most that it is fitted to, drawn evenly over data sets
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Closed form")]
    pub anchor_cells: usize,

    /// Genes at most of a modality that it is fitted to, those whose values vary most
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Closed form")]
    pub anchor_genes: usize,

    /// What becomes of directions in which alike cells of different batches lie apart: remove or keep
    #[arg(long, value_name = "WHICH", default_value_t = Effects::Remove, help_heading = "Closed form")]
    #[serde(serialize_with = "mfdoom_cli::as_text")]
    pub batch_effects: Effects,

    /// Obs column that tells the batches of a data set [default: each data set is a batch]
    #[arg(long, value_name = "COLUMN", help_heading = "Closed form")]
    pub batch_column: Option<String>,

    /// How the counts of a modality become its values: log_normalized, log1p, clr, binary or tf_idf [default: clr for
    /// proteins, tf_idf for peaks, log_normalized for all else]
    #[arg(long, value_name = "MODALITY=NAME", value_parser = transform, value_delimiter = ',', help_heading = "Closed form")]
    #[serde(serialize_with = "as_text")]
    pub anchor_transform: Vec<(String, Transform)>,
}

fn transform(text: &str) -> Result<(String, Transform), String> {
    let (name, transform) = text.split_once('=').ok_or("not MODALITY=NAME")?;
    Ok((name.into(), transform.parse().map_err(|error: mfdoom_anchor::Error| error.to_string())?))
}

#[allow(clippy::ptr_arg, reason = "serde passes the field")]
fn as_text<S: serde::Serializer>(of: &Vec<(String, Transform)>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(of.iter().map(|(name, transform)| format!("{name}={transform}")))
}

/// Fits the closed form to the training cells, where it is wanted, and enters it into the configuration.
///
/// # Errors
/// Those of [`fit_anchor`].
pub(crate) fn fit(
    args: &AnchorArgs,
    cells: &TrainingCells,
    split: &Split,
    config: &mut ModelConfig,
) -> Result<Option<Anchor>> {
    if args.anchor == Anchoring::None {
        return Ok(None);
    }
    let options = options(args);
    let clock = std::time::Instant::now();
    let anchor = fit_anchor(cells, &split.training, &options)?;
    tracing::info!("fitted the closed form in {:.1} s", clock.elapsed().as_secs_f64());
    config.anchor = Some(AnchorConfig::of(&anchor, args.anchor));
    Ok(Some(anchor))
}

/// Returns how a closed form is fitted.
pub(crate) fn options(args: &AnchorArgs) -> AnchorOptions {
    AnchorOptions {
        settings: mfdoom_anchor::Settings {
            dim: args.anchor_dim,
            iterations: args.anchor_iterations,
            features: args.anchor_genes,
            effects: args.batch_effects,
            ..mfdoom_anchor::Settings::default()
        },
        cells: args.anchor_cells,
        transforms: args.anchor_transform.iter().cloned().collect::<BTreeMap<_, _>>(),
    }
}

/// Whether training looks at cells in the closed form.
pub(crate) fn is_looked_at(config: &ModelConfig) -> bool {
    config.profile_tokens > 0 || config.weight(Objective::Neighbours) > 0.0
}

/// Embeds all cells for training on top of the closed form.
///
/// # Errors
/// Failed where a fit fails.
pub(crate) fn coordinates(
    args: &Args,
    cells: &TrainingCells,
    split: &Split,
    anchor: &Anchor,
) -> Result<Coordinates> {
    let clock = std::time::Instant::now();
    let options = options(&args.anchor);
    let coordinates = Coordinates::new(cells, &split.training, (anchor, Some(&options)), args.seed.seed)?;
    tracing::info!("cross-fitted the closed form in {:.1} s", clock.elapsed().as_secs_f64());
    Ok(coordinates)
}

/// Decides by the cells held back whether heads keep the network, and says so.
///
/// # Errors
/// Where the device fails.
pub(crate) fn settle(task: &Pretraining<'_>, config: &mut ModelConfig) -> Result<()> {
    let (Some(anchor), Some(settings)) = (task.model.anchor(), config.anchor.as_mut()) else { return Ok(()) };
    if settings.heads != Anchoring::Blend {
        return Ok(());
    }
    settings.heads = match judge(task, anchor)? {
        Some(found) => {
            let better = found.blend > found.anchor;
            tracing::info!(
                "held-back cells found across modalities among the first 10: {:.3} by the closed form, {:.3} with the \
                 network; heads are {}",
                found.anchor,
                found.blend,
                if better { "those of both" } else { "those of the closed form" }
            );
            if better { Anchoring::Blend } else { Anchoring::Only }
        }
        None => {
            tracing::info!(
                "too few held-back cells have two modalities to judge the network: heads are those of the closed form"
            );
            Anchoring::Only
        }
    };
    Ok(())
}
