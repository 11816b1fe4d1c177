//! Turns raw counts into one table of tokens.
fn main() {}
