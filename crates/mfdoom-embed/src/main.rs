//! Embeds cells with a trained model.
fn main() {}
