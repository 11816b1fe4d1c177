//! Trains the multimodal model on token tables.
