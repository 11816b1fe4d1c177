//! Simulates single-cell counts with splicing kinetics, and their truth.
