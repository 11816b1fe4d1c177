//! Memory that one thread reuses for every gene: the fit allocates nothing inside its loops.

/// Latent time and branch of every cell under one set of parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Assignment {
    /// Latent time: since induction began; from the switch on, repression.
    pub time: Vec<f64>,
    /// Cell is induced or silent (scVelo's `o`).
    pub on: Vec<bool>,
}

/// Values per cell that an evaluation fills.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    /// Scaled unspliced abundance.
    pub u: Vec<f64>,
    /// Time on the induction branch.
    pub tau: Vec<f64>,
    /// Time on the repression branch.
    pub tau_off: Vec<f64>,
    /// Squared distances to the repression and to the induction branch, at least [`crate::moments::NARROW`] long.
    pub distances: Vec<[f64; 2]>,
    /// The same summed over every neighbourhood.
    pub sums: Vec<[f64; 2]>,
    /// Cells whose time was adjusted.
    pub adjusted: Vec<u32>,
    /// Cell is nearer to the induction branch, averaged over its neighbourhood.
    pub nearer_on: Vec<bool>,
    /// Times in order, as bits.
    pub order: Vec<u64>,
    /// Anything.
    pub values: Vec<f64>,
}
