//! Trained models and decoders opened for use, and the one loop that runs them over a token table.

mod device;
mod rows;

pub use device::open_device;
pub use rows::shard_rows;
