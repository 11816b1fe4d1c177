//! Trained models and decoders opened for use, and the one loop that runs them over a token table.
