//! Objectives: each returns its terms by name, so that none hides in a sum.
//!
//! An objective is one file here, with a type that implements [`Terms`]: what it needs of a model, its parameters,
//! the views of a batch that it looks at, and its terms. One line in the list below makes it known: from that list
//! come the configuration's values and the choices of the command line.

mod combinatorial;
mod contrastive;
mod invariance;
mod neighbours;
mod outputs;
mod reconstruction;

use std::sync::Arc;

use candle_core::{Result, Tensor};
pub use contrastive::pairs;
use mfdoom_nn::{ParameterBuilder, ParameterStore};
pub use neighbours::{Readout, Targets};
pub use outputs::Outputs;
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

    /// Brings its parameters into their bounds before a step.
    ///
    /// # Errors
    /// Where the device fails.
    fn project(&self, _store: &ParameterStore, _config: &ModelConfig) -> Result<()> {
        Ok(())
    }

    /// Returns the map from heads to coordinates that it trains, if it does.
    fn readout(&self) -> Option<&Readout> {
        None
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
}

impl Needs {
    fn and(self, other: Self) -> Self {
        Self {
            subset: self.subset || other.subset,
            targets: self.targets || other.targets,
            counts: self.counts || other.counts,
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

    /// Returns the map from heads to coordinates that an objective trains, if one does.
    pub fn readout(&self) -> Option<&Readout> {
        self.active().find_map(|(_, _, terms)| terms.readout())
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
    loss_of(model, &model.forward(&views.shown)?, views)
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
        let terms = terms.terms(&outputs)?;
        let valid: Vec<&Tensor> = terms.iter().filter_map(|(_, value)| value.as_ref()).collect();
        if !valid.is_empty() {
            let sum = Tensor::stack(&valid, 0)?.sum_all()?;
            let count = match model.config().contrastive.reduction {
                Reduction::Mean => valid.len() as f64,
                Reduction::Sum => 1.0,
            };
            total = (total + (sum * (weight / count))?)?;
        }
        all.extend(terms.into_iter().map(|(name, value)| Term { objective, name, value }));
    }
    Ok(Loss { total, terms: all })
}
