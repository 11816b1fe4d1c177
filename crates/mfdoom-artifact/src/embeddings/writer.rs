//! Writes embeddings block by block, in any of their forms.

use mfdoom_error::Result;

use super::batch::EmbeddingBatch;
use super::safetensors::SafetensorsWriter;
use super::schema::EmbeddingSchema;
use crate::place::Output;
use crate::table::{TableFormat, TableOptions, TableWriter};

/// Form of the embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbeddingFormat {
    /// A parquet file.
    Parquet,
    /// An Arrow IPC stream.
    Ipc,
    /// Tensors: `<head>` f32 [n, dim] and `<modality>_present` u8 [n]; the keys as UTF-8 text, one line
    /// per cell, in the u8 tensors `dataset` and `cell_id`. Obs columns are left out.
    Safetensors,
}

impl EmbeddingFormat {
    /// Returns the form the name of an output asks for; parquet on standard output.
    pub fn of_name(output: &Output) -> Self {
        match (output.extension().as_deref(), TableFormat::of_name(output)) {
            (Some("safetensors"), _) => Self::Safetensors,
            (_, TableFormat::Ipc) => Self::Ipc,
            (_, TableFormat::Parquet) => Self::Parquet,
        }
    }
}

/// Writer of embeddings; nothing is published before [`finish`](Self::finish).
pub struct EmbeddingWriter {
    schema: EmbeddingSchema,
    form: Form,
    name: String,
    /// Cells with a number that is none.
    not_finite: usize,
}

enum Form {
    Table(TableWriter),
    Safetensors(SafetensorsWriter),
}

impl EmbeddingWriter {
    /// Opens `output`.
    pub fn create(output: &Output, schema: EmbeddingSchema, format: EmbeddingFormat) -> Result<Self> {
        let table = |format| TableWriter::create(output, schema.to_arrow(), TableOptions::new(format));
        let form = match format {
            EmbeddingFormat::Parquet => Form::Table(table(TableFormat::Parquet)?),
            EmbeddingFormat::Ipc => Form::Table(table(TableFormat::Ipc)?),
            EmbeddingFormat::Safetensors => Form::Safetensors(SafetensorsWriter::create(output, &schema)?),
        };
        Ok(Self { schema, form, name: output.to_string(), not_finite: 0 })
    }

    /// Writes the embeddings of a block of cells.
    pub fn write(&mut self, batch: &EmbeddingBatch) -> Result<()> {
        self.not_finite += self.count_not_finite(batch);
        match &mut self.form {
            Form::Table(writer) => writer.write(&batch.to_arrow(&self.schema)?),
            Form::Safetensors(writer) => writer.write(batch).map_err(|error| error.context(&self.name)),
        }
    }

    fn count_not_finite(&self, batch: &EmbeddingBatch) -> usize {
        let heads = || self.schema.heads.iter().zip(&batch.heads);
        let vector = |cell: usize, dim: usize, values: &[f32]| {
            values[cell * dim..(cell + 1) * dim].iter().all(|value| value.is_finite())
        };
        let finite = |cell: &usize| heads().all(|(head, values)| vector(*cell, head.dim, values));
        (0..batch.len()).filter(|cell| !finite(cell)).count()
    }

    /// Publishes the embeddings and returns the number of cells; says how many hold numbers that are none.
    pub fn finish(self) -> Result<usize> {
        if self.not_finite > 0 {
            tracing::warn!("{}: the vectors of {} cells hold NaN or infinity", self.name, self.not_finite);
        }
        match self.form {
            Form::Table(writer) => writer.finish(),
            Form::Safetensors(writer) => {
                writer.finish(&self.schema).map_err(|error| error.context(&self.name))
            }
        }
    }
}
