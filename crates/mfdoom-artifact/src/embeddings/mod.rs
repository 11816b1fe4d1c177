//! The embeddings table: key, obs columns, one vector per head, and which modalities were present.
//!
//! As parquet or Arrow IPC, each head is a `fixed_size_list<float32>` column named as the head, followed
//! by one `<modality>_present` column each. As safetensors, see [`EmbeddingFormat::Safetensors`].
//! [`EmbeddingReader`] reads all three, and vectors from tables that others wrote.

mod batch;
mod foreign;
mod reader;
mod safetensors;
mod schema;
mod writer;

pub use batch::EmbeddingBatch;
pub use reader::EmbeddingReader;
pub use schema::{EMBEDDINGS_FORMAT, EmbeddingSchema, Head};
pub use writer::{EmbeddingFormat, EmbeddingWriter};
