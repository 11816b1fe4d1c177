//! `mfdoom-evaluate generated`: generated counts next to real ones.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | the command line |
//! | `cells` | counts of a token table or of sampled predictions |
//! | `negative_binomial` | a plain generator |
//! | `draw` | what the report draws |

pub mod args;
mod cells;
mod draw;
mod negative_binomial;

use mfdoom_artifact::Input;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Csr, Matrix, SizeTarget, log_normalise, pca, subsample};
use serde_json::json;

use self::args::GeneratedArgs;
use self::cells::{CountedCells, LabelledCounts};
use crate::metric;
use crate::metric::samples::{self, Samples};
use crate::outputs::Outputs;
use crate::report::Page;
use crate::scores::{Document, Kind, Place, Scores, text};

/// Total that counts of a cell are scaled to.
const TARGET: f64 = 1e4;
/// Fewest cells of either sample that are scored.
const LEAST: usize = 20;

/// Runs `mfdoom-evaluate generated`.
///
/// # Errors
/// Usage: settings or outputs that cannot be. Contract: no counts, no modalities or genes in common.
pub fn run(args: &GeneratedArgs) -> Result<()> {
    if args.components < 1 || args.max_cells < 2 * LEAST {
        return Err(Error::usage(format!(
            "--components {}, --max-cells {}",
            args.components, args.max_cells
        ))
        .wanted(format!("at least 1 component and {} cells", 2 * LEAST)));
    }
    let outputs = Outputs::plan(&args.run, &[])?;
    let input = mfdoom_cli::input(args.generated.as_deref())?;
    one_stream(args, &input)?;
    let real = CountedCells::tokens(&args.real, args)?;
    real.check_label(args)?;
    let mut generated = CountedCells::read(&input, args)?;
    generated.take_labels(&real);
    let train = args.train.as_deref().map(|path| CountedCells::tokens(path, args)).transpose()?;
    let modalities: Vec<String> =
        generated.modalities.iter().filter(|name| real.modalities.contains(name)).cloned().collect();
    if modalities.is_empty() {
        return Err(Error::contract("generated and real cells have no modality in common").found(format!(
            "{}; {}",
            generated.modalities.join(", "),
            real.modalities.join(", ")
        )));
    }
    if args.run.common.check {
        return Ok(());
    }
    let inputs = [Some(&generated.source), Some(&real.source), train.as_ref().map(|train| &train.source)];
    let mut document = Document::new(
        "generated",
        mfdoom_cli::settings(args)?,
        inputs.into_iter().flatten().cloned().collect(),
    );
    let n_train = train.as_ref().map(CountedCells::len);
    document.cells = json!({"generated": generated.len(), "real": real.len(), "training": n_train});
    let comparison = Comparison { args, real: &real, generated: &generated, train: train.as_ref() };
    modalities.iter().try_for_each(|modality| comparison.score(modality, &mut document.scores))?;
    let title = format!("Generated cells of {}", generated.source.name);
    let page = || {
        let plots = draw::plots(&comparison, &modalities)?;
        Ok(Page { plots, ..Page::new(title, &document) })
    };
    outputs.write(&document, &[], page)?;
    tracing::info!("{}", text(&document.scores));
    Ok(())
}

/// Checks that standard input is read once.
fn one_stream(args: &GeneratedArgs, generated: &Input) -> Result<()> {
    let others = [Some(&args.real), args.train.as_ref()].into_iter().flatten();
    let streams = others.filter(|path| mfdoom_cli::is_stream(path)).count();
    match streams + usize::from(*generated == Input::Stdin) > 1 {
        true => {
            Err(Error::usage("standard input is named twice").help("name - once, and files for the others"))
        }
        false => Ok(()),
    }
}

/// What is compared.
struct Comparison<'a> {
    args: &'a GeneratedArgs,
    real: &'a CountedCells,
    generated: &'a CountedCells,
    train: Option<&'a CountedCells>,
}

/// Cells of a baseline, next to the real and the generated.
struct Compared<'a> {
    real: &'a LabelledCounts,
    other: &'a LabelledCounts,
    generated: &'a LabelledCounts,
}

impl Comparison<'_> {
    fn score(&self, modality: &str, scores: &mut Scores) -> Result<()> {
        let all = [Some(self.real), Some(self.generated), self.train];
        let genes = cells::common_genes(all.into_iter().flatten(), modality);
        if genes.is_empty() {
            let place = Place::new("all", "generated", 0).from(&[modality.to_owned()]);
            metric::refuse(&samples::all(), "no gene is in all of the samples", &place, scores);
            return Ok(());
        }
        let of = |cells: &CountedCells| cells.counts(modality, &genes);
        let (real, generated) = (of(self.real), of(self.generated));
        let from = [modality.to_owned()];
        let place = |head: &str, kind: Kind| Place::new("all", head, 0).kind(kind).from(&from);
        self.against(&place("generated", Kind::Head), &real, &generated, scores)?;
        self.per_value(&place("generated", Kind::Head), &real, &generated, scores)?;
        match self.train {
            Some(train) => {
                let train = of(train);
                self.against(&place("training cells", Kind::Control), &real, &train, scores)?;
                let drawn = negative_binomial::per_label(&train, self.args.run.seed.seed)?;
                self.against(&place("nb_per_label", Kind::Baseline), &real, &drawn, scores)?;
                let beside = Compared { real: &real, other: &drawn, generated: &generated };
                self.baseline_per_value(&place("nb_per_label", Kind::Baseline), &beside, scores)
            }
            None => {
                let n = real.counts.n_rows();
                let half = subsample(n, n / 2, self.args.run.seed.seed);
                let others: Vec<usize> = (0..n).filter(|row| half.binary_search(row).is_err()).collect();
                let (one, other) = (real.select(&half), real.select(&others));
                self.against(&place("half of the real cells", Kind::Control), &one, &other, scores)
            }
        }
    }

    /// Scores one sample against another, all cells and each label.
    fn against(
        &self,
        place: &Place,
        real: &LabelledCounts,
        other: &LabelledCounts,
        scores: &mut Scores,
    ) -> Result<()> {
        let mut sets = vec![("all".to_owned(), real.clone(), other.clone())];
        for label in real.label_names() {
            sets.push((label.clone(), real.of_label(&label), other.of_label(&label)));
        }
        sets.into_iter().try_for_each(|(set, real, other)| {
            self.one(&Place { set, ..place.clone() }, &real, &other, scores)
        })
    }

    /// Scores the generated cells of each value of a column against real cells with the same shares of the labels.
    fn per_value(
        &self,
        place: &Place,
        real: &LabelledCounts,
        generated: &LabelledCounts,
        scores: &mut Scores,
    ) -> Result<()> {
        let Some(column) = &self.args.per else { return Ok(()) };
        generated.by_value().into_iter().try_for_each(|(value, rows)| {
            let here = generated.select(&rows);
            let place = Place { set: format!("{column} {value}"), ..place.clone() };
            self.one(&place, &real.with_shares_of(&here, self.args.run.seed.seed), &here, scores)
        })
    }

    /// Scores other cells likewise, with the shares of the labels that the generated cells of each value have.
    fn baseline_per_value(&self, place: &Place, compared: &Compared<'_>, scores: &mut Scores) -> Result<()> {
        let Compared { real, other, generated } = compared;
        let Some(column) = &self.args.per else { return Ok(()) };
        let seed = self.args.run.seed.seed;
        generated.by_value().into_iter().try_for_each(|(value, rows)| {
            let here = generated.select(&rows);
            let place = Place { set: format!("{column} {value}"), ..place.clone() };
            self.one(&place, &real.with_shares_of(&here, seed), &other.with_shares_of(&here, seed), scores)
        })
    }

    /// Scores one sample against another.
    fn one(
        &self,
        place: &Place,
        real: &LabelledCounts,
        other: &LabelledCounts,
        scores: &mut Scores,
    ) -> Result<()> {
        let drawn = |counts: &LabelledCounts| {
            counts.select(&subsample(counts.counts.n_rows(), self.args.max_cells, self.args.run.seed.seed))
        };
        let (real, other) = (drawn(real), drawn(other));
        let (n, m) = (real.counts.n_rows(), other.counts.n_rows());
        let place = Place { n: m, ..place.clone() };
        if n < LEAST || m < LEAST {
            let why = format!("{n} real and {m} other cells: at least {LEAST} are needed");
            metric::refuse(&samples::all(), &why, &place, scores);
            return Ok(());
        }
        let samples = self.samples(real.counts, other.counts)?;
        metric::score(&samples::all(), &samples, &place, scores);
        Ok(())
    }

    /// Lays two samples on joint principal components.
    fn samples(&self, real: Csr, generated: Csr) -> Result<Samples> {
        let failed = |error| Error::failed("the samples cannot be laid on components").source(error);
        let n = real.n_rows();
        let mut joint = real.clone();
        joint.extend(&generated, 0..generated.n_rows());
        let sizes = joint.row_sums();
        log_normalise(&mut joint, Some(&sizes), SizeTarget::Total(TARGET)).map_err(failed)?;
        let k = self.args.components.min(joint.n_cols()).min(joint.n_rows() - 1);
        let components = pca(&joint, k, self.args.run.seed.seed).map_err(failed)?.scores;
        let part =
            |rows: std::ops::Range<usize>| -> Matrix { components.select_rows(&rows.collect::<Vec<_>>()) };
        Ok(Samples {
            real: part(0..n),
            generated: part(n..components.n_rows()),
            real_counts: real,
            generated_counts: generated,
            seed: self.args.run.seed.seed,
        })
    }
}
