//! Embeds cells with a trained model.
