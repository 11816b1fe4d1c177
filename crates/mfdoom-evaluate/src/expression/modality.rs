//! All scores of one predicted modality.

use std::collections::HashMap;

use mfdoom_error::Result;
use mfdoom_matrix::Matrix;
use mfdoom_metrics::MeanGene;
use serde::Serialize;

use super::Setup;
use super::baselines::{self, Inputs, Targets};
use super::cells::{SizedCounts, TokenCells};
use super::scale::Scale;
use super::score::{Method, Scorer, failed, shares_of};
use crate::metric;
use crate::metric::profile;
use crate::scores::{Kind, Place, Scores};

/// Fewest cells that are scored, and learnt from.
const LEAST_CELLS: usize = 3;

/// Cells of a table that take part in a modality.
struct Part<'a> {
    cells: &'a TokenCells,
    /// Position of the modality among those of the table.
    modality: usize,
    /// Cells with counts in it, and in the input of the baselines.
    rows: Vec<usize>,
}

impl<'a> Part<'a> {
    /// Finds the cells, or says why there are too few.
    fn new(cells: &'a TokenCells, name: &str, input: Option<usize>, what: &str) -> Result<Self, String> {
        let Some(modality) = cells.modality(name) else {
            return Err(format!("not in the {what}"));
        };
        let mut rows = cells.with_counts(modality);
        if let Some(input) = input {
            let others = cells.with_counts(input);
            rows.retain(|row| others.binary_search(row).is_ok());
        }
        match rows.len() < LEAST_CELLS {
            true => Err(format!("{} cells of the {what} have counts in it", rows.len())),
            false => Ok(Self { cells, modality, rows }),
        }
    }

    fn counts(&self, genes: &[String]) -> SizedCounts {
        self.cells.counts(self.modality, &self.rows, genes)
    }
}

/// How many cells and genes of a modality were scored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Extent {
    /// The modality.
    pub(super) modality: String,
    /// Why it was not scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) skipped: Option<String>,
    /// Cells scored: with counts in it, and in the input of the baselines.
    pub(super) cells: usize,
    /// Matched cells without those counts.
    pub(super) without_counts: usize,
    /// Training cells that baselines and dispersions are from.
    pub(super) training: Option<usize>,
    /// Values that are correlated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) values: Option<&'static str>,
    /// Genes scored: predicted, measured in all data sets, with counts in the training (else scored) cells.
    pub(super) genes: usize,
}

/// Scores the modality at a position among the predicted ones.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn score(setup: &Setup, at: usize, scores: &mut Scores) -> Result<Extent> {
    let name = &setup.profiles.modalities[at];
    let from: Vec<String> = setup.args.input.iter().cloned().collect();
    let skipped = |why: String, scores: &mut Scores| {
        let place = Place::new(name, "predicted", 0).from(&from);
        metric::refuse(&profile::all(), &why, &place, scores);
        let modality = name.clone();
        Ok(Extent {
            modality,
            skipped: Some(why),
            cells: 0,
            without_counts: 0,
            training: None,
            values: None,
            genes: 0,
        })
    };
    let input = setup.training.as_ref().map(|training| training.input);
    let scored = match Part::new(&setup.cells, name, input.map(|[_, scored]| scored), "tokens") {
        Ok(part) => part,
        Err(why) => return skipped(why, scores),
    };
    let training = setup.training.as_ref().zip(input);
    let training = training.map(|(all, [own, _])| Part::new(&all.cells, name, Some(own), "training tokens"));
    let training = match training.transpose() {
        Ok(part) => part,
        Err(why) => return skipped(why, scores),
    };
    let (genes, model) = genes(setup, &scored, training.as_ref())?;
    if genes.is_empty() {
        return skipped("no predicted gene has counts".to_owned(), scores);
    }
    let seed = setup.args.run.seed.seed;
    let scale = Scale::of(name);
    let counts = scored.counts(&genes);
    let log = predicted(setup, at, &scored, &genes)?;
    let shares = shares_of(&log)?;
    let values = scale.of_logs(log, &counts.sizes)?;
    let scorer = Scorer::new(counts, model.clone(), scale, seed)?;
    let place = || Place::new(name, "predicted", scored.rows.len()).from(&from);
    scorer.score(&Method { name: "predicted", kind: Kind::Head, values, shares }, place(), scores);
    scorer.score(&baselines::mean(&model, scored.rows.len())?, place(), scores);
    if let Some(part) = &training {
        let counts = part.counts(&genes);
        let inputs = inputs(setup, &scored, part)?;
        let targets = Targets { counts: &counts, scale, model: &model };
        for baseline in [baselines::ridge, baselines::kernel_ridge, baselines::knn] {
            scorer.score(&baseline(&inputs, &targets, seed)?, place(), scores);
        }
    }
    Ok(Extent {
        modality: name.clone(),
        skipped: None,
        cells: scored.rows.len(),
        without_counts: setup.cells.len() - scored.rows.len(),
        training: training.map(|part| part.rows.len()),
        values: Some(scale.name()),
        genes: genes.len(),
    })
}

/// Returns the genes to score, by id, and their mean-gene model.
fn genes(setup: &Setup, scored: &Part<'_>, training: Option<&Part<'_>>) -> Result<(Vec<String>, MeanGene)> {
    let predicted = setup.profiles.genes.iter().map(|gene| gene.id.clone());
    let parts: Vec<_> = std::iter::once(scored)
        .chain(training)
        .map(|part| part.cells.measured(part.modality, &part.rows))
        .collect();
    let mut genes: Vec<String> =
        predicted.filter(|gene| parts.iter().all(|measured| measured.contains(gene.as_str()))).collect();
    genes.sort_unstable();
    let reference = training.unwrap_or(scored);
    let fit = |genes: &[String]| {
        let counts = reference.counts(genes);
        MeanGene::fit(&counts.counts, &counts.sizes).map_err(failed)
    };
    // Of a gene without counts in the reference nothing can be said: any count would refute it.
    let all = fit(&genes)?;
    let mut shares = all.shares.iter();
    genes.retain(|_| shares.next().is_some_and(|share| *share > 0.0));
    let model = fit(&genes)?;
    Ok((genes, model))
}

/// Returns the predicted values [n, genes] of the scored cells.
fn predicted(setup: &Setup, at: usize, scored: &Part<'_>, genes: &[String]) -> Result<Matrix> {
    let profiles = &setup.profiles;
    let places = profiles.genes.iter().enumerate().map(|(place, gene)| (gene.id.as_str(), place));
    let places: HashMap<&str, usize> = places.collect();
    let columns: Vec<usize> = genes.iter().filter_map(|gene| places.get(gene.as_str()).copied()).collect();
    let values = profiles.cells.matrices[at].chunks_exact(profiles.genes.len());
    let values: Vec<&[f32]> = values.collect();
    let row =
        |cell: &usize| columns.iter().map(|&column| values[setup.of[*cell]][column]).collect::<Vec<_>>();
    Matrix::new(scored.rows.iter().flat_map(row).collect(), scored.rows.len(), columns.len()).map_err(failed)
}

/// Returns what the baselines see of the cells: the genes of the input that every data set measured.
fn inputs(setup: &Setup, scored: &Part<'_>, training: &Part<'_>) -> Result<Inputs> {
    let [own, other] = setup.training.as_ref().map(|all| all.input).unwrap_or_default();
    let measured = scored.cells.measured(other, &scored.rows);
    let mut genes: Vec<String> = training
        .cells
        .measured(own, &training.rows)
        .intersection(&measured)
        .map(|gene| (*gene).to_owned())
        .collect();
    genes.sort_unstable();
    let counts = |part: &Part<'_>, modality: usize| part.cells.counts(modality, &part.rows, &genes);
    let (training, scored) = (counts(training, own), counts(scored, other));
    let (seed, input) = (setup.args.run.seed.seed, setup.args.input.as_deref().unwrap_or_default());
    match Scale::of(input) {
        Scale::LogShare => Inputs::new(&training.log_normalised()?, &scored.log_normalised()?, seed),
        scale => Inputs::new(&scale.values(&training)?, &scale.values(&scored)?, seed),
    }
}
