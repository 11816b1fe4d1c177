//! The settings of a simulation, and which of them are impossible.

use std::ops::Range;

use super::Noise;

/// Most cells: as many as a matrix may have rows.
const MAX_CELLS: usize = u32::MAX as usize;
/// Most genes, some hundred times those of a genome. All of them are held in memory, drawn before the first cell.
const MAX_GENES: usize = 1 << 24;
/// Most terminal fates.
const MAX_LINEAGES: usize = 1000;
/// Most factors of genes, one a batch, and as many marks, one a fate: both are held too.
const MAX_FACTORS: usize = 1 << 28;

/// Settings of a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Number of cells, over all batches.
    pub cells: usize,
    /// Number of genes.
    pub genes: usize,
    /// Number of terminal fates of the tree.
    pub lineages: usize,
    /// Number of experimental batches; cell counts differ by at most one.
    pub batches: usize,
    /// Seed of every random number.
    pub seed: u64,
    /// How counts scatter around their mean.
    pub noise: Noise,
    /// Mean share of a cell's molecules that is captured, above 0 and at most 1.
    pub capture: f64,
    /// Standard deviation of the log factors by which a batch changes genes and depth; 0 switches them off.
    pub batch_effect: f64,
    /// Share of genes whose transcription switches; the others are housekeeping genes.
    pub dynamic_genes: f64,
    /// Median ratio of a switching gene's high to its low transcription rate, above 1.
    pub fold_change: f64,
}

impl Default for Design {
    fn default() -> Self {
        Self {
            cells: 2000,
            genes: 1000,
            lineages: 2,
            batches: 2,
            seed: 0,
            noise: Noise::NegativeBinomial { dispersion: 0.2 },
            capture: 0.15,
            batch_effect: 0.15,
            dynamic_genes: 0.6,
            fold_change: 6.0,
        }
    }
}

/// A setting that no simulation can have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// A number of things that must be at least one is zero, or beyond what can be named.
    #[error("{setting} is {found}, wanted {wanted}")]
    Count {
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: usize,
        /// What it may be.
        wanted: String,
    },
    /// A real number is out of its range.
    #[error("{setting} is {found}, wanted {wanted}")]
    Number {
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: f64,
        /// What it may be.
        wanted: &'static str,
    },
}

impl Design {
    /// Refuses impossible settings.
    ///
    /// # Errors
    /// The first setting out of its range, by name.
    pub fn check(&self) -> Result<(), DesignError> {
        let of_genes = MAX_FACTORS / self.genes.clamp(1, MAX_GENES);
        let counts = [
            ("cells", self.cells, MAX_CELLS),
            ("genes", self.genes, MAX_GENES),
            ("lineages", self.lineages, MAX_LINEAGES.min(of_genes)),
            ("batches", self.batches, self.cells.min(of_genes)),
        ];
        for (setting, found, most) in counts {
            if found == 0 || found > most {
                let wanted = match most == of_genes {
                    true => format!("1 to {most} with {} genes", self.genes),
                    false => format!("1 to {most}"),
                };
                return Err(DesignError::Count { setting, found, wanted });
            }
        }
        let dispersion = match self.noise {
            Noise::Poisson => 1.0,
            Noise::NegativeBinomial { dispersion } => dispersion,
        };
        let numbers = [
            ("capture", self.capture, self.capture > 0.0 && self.capture <= 1.0, "above 0, at most 1"),
            ("batch-effect", self.batch_effect, (0.0..=3.0).contains(&self.batch_effect), "0 to 3"),
            ("dynamic-genes", self.dynamic_genes, (0.0..=1.0).contains(&self.dynamic_genes), "0 to 1"),
            (
                "fold-change",
                self.fold_change,
                self.fold_change > 1.0 && self.fold_change <= 1e6,
                "above 1, at most 1e6",
            ),
            ("dispersion", dispersion, (1e-6..=100.0).contains(&dispersion), "0.000001 to 100"),
        ];
        match numbers.into_iter().find(|(_, _, fits, _)| !fits) {
            Some((setting, found, _, wanted)) => Err(DesignError::Number { setting, found, wanted }),
            None => Ok(()),
        }
    }

    /// Returns the cells of a batch: batches are contiguous runs of cells.
    pub fn cells_of_batch(&self, batch: usize) -> Range<usize> {
        let edge = |batch: usize| (batch as u128 * self.cells as u128 / self.batches as u128) as usize;
        edge(batch)..edge(batch + 1)
    }

    /// Returns the batch of a cell.
    pub fn batch_of_cell(&self, cell: usize) -> usize {
        (((cell as u128 + 1) * self.batches as u128 - 1) / self.cells as u128) as usize
    }
}
