//! `mfdoom-evaluate expression`: predicted profiles against the counts of the same cells, next to plain baselines.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | the command line |
//! | `profiles` | the predictions |
//! | `cells` | counts of the same cells, and of training cells |
//! | `modality` | cells, genes and methods of one modality |
//! | `scale` | the values that a modality is compared in |
//! | `score` | Pearson's correlation and deviance of one method |
//! | `baselines` | mean gene, ridge regression, nearest neighbours |

pub mod args;
mod baselines;
mod cells;
mod modality;
mod profiles;
mod scale;
mod score;

use mfdoom_error::{Error, Result};
use serde_json::json;

use self::args::ExpressionArgs;
use self::cells::TokenCells;
use self::modality::Extent;
use self::profiles::Profiles;
use crate::outputs::Outputs;
use crate::report::Page;
use crate::scores::{Document, text};

/// Everything that was read.
pub(crate) struct Setup<'a> {
    args: &'a ExpressionArgs,
    profiles: Profiles,
    cells: TokenCells,
    /// Where each cell is among the profiles.
    of: Vec<usize>,
    training: Option<Training>,
}

/// What the baselines learn from.
struct Training {
    cells: TokenCells,
    /// Position of the input among the modalities of the training cells, and of the predicted cells.
    input: [usize; 2],
}

/// Runs `mfdoom-evaluate expression`.
///
/// # Errors
/// Usage: settings or outputs that cannot be. Contract: no profiles, no cells or modalities in common, NaN.
pub fn run(args: &ExpressionArgs) -> Result<()> {
    if args.max_cells < 3 {
        return Err(Error::usage(format!("--max-cells {}", args.max_cells)).wanted("at least 3"));
    }
    let outputs = Outputs::plan(&args.run, &[])?;
    let setup = Setup::read(args)?;
    setup.log();
    if args.run.common.check {
        return Ok(());
    }
    let mut document = setup.document()?;
    let n = setup.profiles.modalities.len();
    let extents: Vec<Extent> =
        (0..n).map(|at| modality::score(&setup, at, &mut document.scores)).collect::<Result<_>>()?;
    setup.need_scores(&extents)?;
    document.detail("modalities", &extents)?;
    let title = format!("Expression profiles of {}", setup.profiles.source.name);
    outputs.write(&document, &[], || Ok(Page::new(title, &document)))?;
    tracing::info!("{}", text(&document.scores));
    Ok(())
}

impl<'a> Setup<'a> {
    fn read(args: &'a ExpressionArgs) -> Result<Self> {
        let profiles = Profiles::read(args)?;
        let (cells, of) = TokenCells::matching(&args.tokens, &profiles.cells)?;
        let training = match (&args.train, &args.input) {
            (Some(path), Some(input)) => {
                let scored = cells.need_modality(input)?;
                let training = TokenCells::training(path, args)?;
                Some(Training { input: [training.need_modality(input)?, scored], cells: training })
            }
            _ => None,
        };
        Ok(Self { args, profiles, cells, of, training })
    }

    fn log(&self) {
        let Profiles { modalities, genes, cells, n_total, .. } = &self.profiles;
        tracing::info!(
            "{} of {n_total} cells drawn, {} of them in the tokens; {} of {} genes",
            cells.len(),
            self.cells.len(),
            modalities.join(", "),
            genes.len()
        );
        if let Some(training) = &self.training {
            tracing::info!("baselines learn from {} cells", training.cells.len());
        }
        let lost = cells.len() - self.cells.len();
        if lost > 0 {
            tracing::warn!("{lost} predicted cells are not in the tokens and are left out");
        }
    }

    /// Returns the document without scores.
    fn document(&self) -> Result<Document> {
        let Self { args, profiles, cells, training, .. } = self;
        let training = training.as_ref().map(|training| &training.cells);
        let inputs = [Some(&profiles.source), Some(&cells.source), training.map(|cells| &cells.source)];
        let inputs = inputs.into_iter().flatten().cloned().collect();
        let mut document = Document::new("expression", mfdoom_cli::settings(args)?, inputs);
        document.settings["reference"] = if training.is_some() { "training" } else { "scored" }.into();
        document.cells = json!({
            "predicted": profiles.n_total,
            "drawn": profiles.cells.len(),
            "matched": cells.len(),
            "training": training.map(TokenCells::len),
        });
        document.detail("genes", &profiles.genes.len())?;
        Ok(document)
    }

    /// Checks that a modality was scored, and says which cells and modalities were left out.
    fn need_scores(&self, scores: &[Extent]) -> Result<()> {
        for score in scores {
            let Extent { modality, skipped, without_counts, .. } = score;
            if let Some(why) = skipped {
                tracing::warn!("{modality} is not scored: {why}");
            }
            if *without_counts > 0 {
                tracing::warn!("{modality}: {without_counts} cells without counts are left out");
            }
        }
        if scores.iter().any(|score| score.skipped.is_none()) {
            return Ok(());
        }
        let why = scores
            .iter()
            .map(|score| format!("{}: {}", score.modality, score.skipped.as_deref().unwrap_or_default()));
        Err(Error::contract("no predicted modality can be scored")
            .found(why.collect::<Vec<_>>().join("; "))
            .wanted("a column named as a modality of the tokens, with counts")
            .help("give the tokens of cells that were measured in it"))
    }
}
