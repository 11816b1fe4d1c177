//! The token table: a parquet file, or the same record batches as an Arrow IPC stream.

mod aligned;
mod arrow;
mod check;
mod reader;
mod writer;

pub use aligned::AlignedBatches;
pub use arrow::to_arrow;
pub use reader::{TokenBatches, TokenReader};
pub use writer::{ROW_GROUP_CELLS, TokenWriter};
