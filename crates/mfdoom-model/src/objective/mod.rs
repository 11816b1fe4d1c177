//! Objectives: each returns its terms by name, so that none hides in a sum.
//!
//! An objective is one file here, with a type that implements [`Terms`]: what it needs of a model, its parameters,
//! the views of a batch that it looks at, and its terms. One line in the list below makes it known: from that list
//! come the configuration's values and the choices of the command line.

mod answers;
mod combinatorial;
mod contrastive;
mod invariance;
mod masked_value;
mod matching;
mod multiple_positives;
mod neighbours;
mod outputs;
mod pseudo_supervision;
mod reconstruction;

use std::sync::Arc;

pub use answers::{Labels, Said};
use candle_core::{Result, Tensor};
pub use contrastive::pairs;
pub use masked_value::Masked;
pub use matching::Mixed;
use mfdoom_nn::{ParameterBuilder, ParameterStore};
pub use neighbours::{Readout, Targets};
pub use outputs::Outputs;
pub(crate) use outputs::normalise;
pub use reconstruction::{AllCounts, ModalityCounts};
use serde::{Deserialize, Serialize};

use crate::batch::PackedBatch;
use crate::choice::choices;
use crate::config::{ModelConfig, Reduction};
use crate::model::Model;
use crate::scheme::Scheme;

/// A term by name; `None` where no cell of the batch could be compared.
pub type NamedTerm = (String, Option<Tensor>);

/// One objective.
pub trait Terms: std::fmt::Debug + Send + Sync {
    /// Says why a model cannot be trained with it.
    ///
    /// # Errors
    /// What it needs, as the end of a sentence that begins with its name.
    fn check(config: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String>
    where
        Self: Sized;

    /// Takes its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self>
    where
        Self: Sized;

    /// Returns which views of a batch it looks at, besides what the model is shown.
    fn needs(&self, _scheme: &Scheme) -> Needs {
        Needs::default()
    }

    /// Whether it looks at heads that read all modalities of what is shown; passes that nobody looks at are not made.
    fn looks_at_whole(&self) -> bool {
        true
    }

    /// Brings its parameters into their bounds before a step.
    ///
    /// # Errors
    /// Where the device fails.
    fn project(&self, _store: &ParameterStore, _config: &ModelConfig) -> Result<()> {
        Ok(())
    }

    /// Returns the weight of one of its terms among them.
    fn weight(&self, _config: &ModelConfig, _term: &str) -> f64 {
        1.0
    }

    /// Returns the map from heads to coordinates that it trains, if it does.
    fn readout(&self) -> Option<&Readout> {
        None
    }

    /// Returns what each modality says of the cells of a batch, for an objective that wants it in later epochs.
    ///
    /// # Errors
    /// Where the device fails.
    fn said(&self, _outputs: &Outputs<'_>) -> Result<Vec<Said>> {
        Ok(Vec::new())
    }

    /// Returns its terms for a batch.
    ///
    /// # Errors
    /// Where the device fails.
    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>>;
}

/// Declares the objectives: documentation, name and type.
macro_rules! objectives {
    ($($(#[$doc:meta])* $name:ident: $terms:ty),* $(,)?) => {
        /// What is optimised.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Objective { $($(#[$doc])* $name),* }

        choices!(Objective { $($name),* });

        impl Objective {
            /// Says why a model cannot be trained with this objective.
            ///
            /// # Errors
            /// What it needs, as the end of a sentence that begins with its name.
            pub fn check(self, config: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
                match self { $(Self::$name => <$terms>::check(config, scheme)),* }
            }

            fn build(self, p: &ParameterBuilder, config: &ModelConfig) -> Result<Arc<dyn Terms>> {
                Ok(match self { $(Self::$name => Arc::new(<$terms>::build(p, config)?)),* })
            }
        }
    };
}

objectives! {
    /// Symmetric InfoNCE over pairs of modalities and (modality, fusion).
    Contrastive: contrastive::Contrastive,
    /// Each modality against the joint vector of the others.
    Combinatorial: combinatorial::Combinatorial,
    /// Fusion from a subset of the modalities, and `global`, against fusion from all of them.
    Invariance: invariance::Invariance,
    /// Where the nearest training cells lie in the closed-form model, from every head.
    Neighbours: neighbours::Neighbours,
    /// The likelihood of every count of the cell, from `fusion` of what is shown.
    Reconstruction: reconstruction::Reconstruction,
    /// Hidden values of a cell, from their modality's own rows and from fusion.
    MaskedValue: masked_value::MaskedValue,
    /// Whether the modalities belong to one cell.
    Matching: matching::Matching,
    /// Modalities in a hierarchy of spaces, against two draws of a cell's tokens at once.
    MultiplePositives: multiple_positives::MultiplePositives,
    /// Labels from fusion, and what each modality said of them in earlier epochs.
    PseudoSupervision: pseudo_supervision::PseudoSupervision,
}

/// What a training step sees of its cells.
#[derive(Clone, Debug, Default)]
pub struct BatchViews {
    /// What the model is shown.
    pub shown: PackedBatch,
    /// The same with one modality of each cell hidden, where it has two.
    pub subset: Option<PackedBatch>,
    /// Where the nearest training cells of each cell are.
    pub targets: Option<Targets>,
    /// All counts of the cells, also those that are not shown.
    pub counts: Option<AllCounts>,
    /// What is shown, with some values hidden.
    pub masked: Option<Masked>,
    /// What is shown, with modalities exchanged between cells.
    pub mixed: Option<Mixed>,
    /// Another draw of the tokens of the modalities that are shown.
    pub again: Option<PackedBatch>,
    /// Labels of the cells, and what each modality said of them before.
    pub labels: Option<Labels>,
}

/// Which views of a batch are wanted besides what is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// [`BatchViews::subset`].
    pub subset: bool,
    /// [`BatchViews::targets`].
    pub targets: bool,
    /// [`BatchViews::counts`].
    pub counts: bool,
    /// [`BatchViews::masked`].
    pub masked: bool,
    /// [`BatchViews::mixed`].
    pub mixed: bool,
    /// [`BatchViews::again`].
    pub again: bool,
    /// [`BatchViews::labels`].
    pub labels: bool,
}

impl Needs {
    fn and(self, other: Self) -> Self {
        Self {
            subset: self.subset || other.subset,
            targets: self.targets || other.targets,
            counts: self.counts || other.counts,
            masked: self.masked || other.masked,
            mixed: self.mixed || other.mixed,
            again: self.again || other.again,
            labels: self.labels || other.labels,
        }
    }
}

impl From<PackedBatch> for BatchViews {
    fn from(shown: PackedBatch) -> Self {
        Self { shown, ..Self::default() }
    }
}

/// A loss and the terms that it consists of.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Weighted sum of the objectives, a scalar.
    pub total: Tensor,
    /// Every term by objective and name.
    pub terms: Vec<Term>,
}

/// One term of an objective.
#[derive(Clone, Debug)]
pub struct Term {
    /// The objective.
    pub objective: Objective,
    /// What it compares, for example `spliced|unspliced`.
    pub name: String,
    /// A scalar; `None` where no cell of the batch could be compared.
    pub value: Option<Tensor>,
}

/// The objectives of a model, with their weights and parameters.
#[derive(Clone, Debug)]
pub struct Objectives(Vec<(Objective, f64, Arc<dyn Terms>)>);

impl Objectives {
    /// Takes the parameters of the objectives that a configuration names, also of those with the weight 0.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let build =
            |(objective, weight): (&Objective, &f64)| Ok((*objective, *weight, objective.build(p, config)?));
        config.objectives.iter().map(build).collect::<Result<_>>().map(Self)
    }

    fn active(&self) -> impl Iterator<Item = (Objective, f64, &dyn Terms)> {
        self.0.iter().filter(|(_, weight, _)| *weight > 0.0).map(|(o, weight, terms)| (*o, *weight, &**terms))
    }

    /// Returns which views of a batch the objectives look at, besides what the model is shown.
    pub fn needs(&self, scheme: &Scheme) -> Needs {
        self.active().fold(Needs::default(), |needs, (_, _, terms)| needs.and(terms.needs(scheme)))
    }

    /// Whether an objective looks at heads that read all modalities of what is shown.
    pub(crate) fn look_at_whole(&self) -> bool {
        self.active().any(|(_, _, terms)| terms.looks_at_whole())
    }

    /// Returns the map from heads to coordinates that an objective trains, if one does.
    pub fn readout(&self) -> Option<&Readout> {
        self.active().find_map(|(_, _, terms)| terms.readout())
    }

    /// Returns what each modality says of the cells of a batch, where an objective wants it in later epochs.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn said(&self, outputs: &Outputs<'_>) -> Result<Vec<Said>> {
        let mut all = self.active().map(|(_, _, terms)| terms.said(outputs));
        all.find(|said| said.as_ref().map_or(true, |said| !said.is_empty())).unwrap_or(Ok(Vec::new()))
    }

    /// Brings the parameters of the objectives into their bounds.
    pub(crate) fn project(&self, store: &ParameterStore, config: &ModelConfig) -> Result<()> {
        self.0.iter().try_for_each(|(_, _, terms)| terms.project(store, config))
    }
}

/// Computes the loss of a batch.
///
/// # Errors
/// Where the device fails.
pub fn loss(model: &Model, views: &BatchViews) -> Result<Loss> {
    loss_of(model, &model.forward_for_objectives(&views.shown)?, views)
}

/// As [`loss`], from pooled vectors `[cells, outputs, dim]` that are there already.
///
/// # Errors
/// Where the device fails.
pub fn loss_of(model: &Model, pooled: &Tensor, views: &BatchViews) -> Result<Loss> {
    let outputs = Outputs::new(model, pooled, views);
    let mut total = pooled.zeros_like()?.sum_all()?;
    let mut all = Vec::new();
    for (objective, weight, terms) in model.objectives().active() {
        let found = terms.terms(&outputs)?;
        let weigh = |(name, value): &NamedTerm| Some((terms.weight(model.config(), name), value.clone()?));
        let valid: Vec<(f64, Tensor)> = found.iter().filter_map(weigh).collect();
        if !valid.is_empty() {
            let weighted =
                valid.iter().map(|(w, value)| if *w == 1.0 { Ok(value.clone()) } else { value * *w });
            let sum = Tensor::stack(&weighted.collect::<Result<Vec<_>>>()?, 0)?.sum_all()?;
            let count = match model.config().contrastive.reduction {
                Reduction::Mean => valid.iter().map(|(w, _)| w).sum(),
                Reduction::Sum => 1.0,
            };
            total = (total + (sum * (weight / count))?)?;
        }
        all.extend(found.into_iter().map(|(name, value)| Term { objective, name, value }));
    }
    Ok(Loss { total, terms: all })
}
