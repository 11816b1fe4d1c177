//! Layers and the optimiser that candle lacks or cannot train, with forward and backward.
