//! Splicing kinetics: simulation, moments, velocity fits and graphs on plain slices.
