//! Writes the table while the pass makes it: one thread reads and tokenises, one compresses and writes.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use mfdoom_artifact::{Column, ObsField, Output};
use mfdoom_error::{Error, Result};
use mfdoom_tokens::{ModalityTokens, TokenBatch, TokenSchema, TokenWriter};

use crate::pass::KeptCells;

/// Cells per batch, whatever was read at once: what is written depends on nothing else.
const BATCH_CELLS: usize = 128;
/// Batches that may wait to be written.
const WAITING: usize = 1;

enum Message {
    Batch(TokenBatch),
    End,
}

/// Collects cells into batches and sends them to the writer.
pub struct Batches {
    modalities: Vec<String>,
    obs: Vec<ObsField>,
    pending: TokenBatch,
    sender: SyncSender<Message>,
}

/// Opens `output`, lets `produce` fill it, publishes it and returns the number of cells written.
///
/// # Errors
/// Those of `produce` and of the writer; nothing is published then.
pub fn table(
    output: &Output,
    schema: &TokenSchema,
    produce: impl FnOnce(&mut Batches) -> Result<()>,
) -> Result<usize> {
    let writer = TokenWriter::create(output, schema)?;
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || write(writer, &receiver));
        let mut batches = Batches {
            modalities: schema.modalities.clone(),
            obs: schema.obs.clone(),
            pending: TokenBatch::default(),
            sender,
        };
        let produced = produce(&mut batches).and_then(|()| batches.end());
        drop(batches);
        let written = writing.join().map_err(|_| Error::failed("the writer stopped"))?;
        match (produced, written) {
            // The producer only notices that the writer is gone; the writer knows why.
            (_, Err(error)) => Err(error),
            (Err(error), _) => Err(error),
            (Ok(()), Ok(n)) => n.ok_or_else(|| Error::failed("the table was not finished")),
        }
    })
}

/// Writes batches until the end; without an end message nothing is published.
fn write(mut writer: TokenWriter, receiver: &Receiver<Message>) -> Result<Option<usize>> {
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Batch(batch) => writer.put(batch)?,
            Message::End => return writer.finish().map(Some),
        }
    }
    Ok(None)
}

impl Batches {
    /// Adds cells.
    pub fn push(&mut self, mut cells: KeptCells<'_>) -> Result<()> {
        if self.pending.is_empty() && cells.ids.len() == BATCH_CELLS {
            let absent = || ModalityTokens::absent(BATCH_CELLS);
            let of = |name: &String| cells.tokens.remove(name).unwrap_or_else(absent);
            self.pending = TokenBatch {
                dataset: vec![cells.dataset.to_owned(); BATCH_CELLS],
                modalities: self.modalities.iter().map(of).collect(),
                cell_id: cells.ids,
                obs: cells.obs,
            };
            return self.flush();
        }
        let cells = &cells;
        let mut start = 0;
        while start < cells.ids.len() {
            let end = cells.ids.len().min(start + BATCH_CELLS - self.pending.len());
            let rows: Vec<usize> = (start..end).collect();
            self.append(cells, &rows)?;
            start = end;
            if self.pending.len() == BATCH_CELLS {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn append(&mut self, cells: &KeptCells<'_>, rows: &[usize]) -> Result<()> {
        let pending = &mut self.pending;
        if pending.is_empty() {
            pending.obs = self.obs.iter().map(|field| Column::empty(field.kind)).collect();
            pending.modalities = vec![ModalityTokens::default(); self.modalities.len()];
        }
        pending.dataset.extend(rows.iter().map(|_| cells.dataset.to_owned()));
        pending.cell_id.extend(rows.iter().map(|row| cells.ids[*row].clone()));
        for (column, values) in pending.obs.iter_mut().zip(&cells.obs) {
            column.append(&values.take(rows))?;
        }
        for (name, tokens) in self.modalities.iter().zip(&mut pending.modalities) {
            match cells.tokens.get(name) {
                Some(found) => rows.iter().for_each(|row| tokens.push_from(found, *row)),
                None => rows.iter().for_each(|_| tokens.push_absent()),
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.pending);
        self.send(Message::Batch(batch))
    }

    fn end(&mut self) -> Result<()> {
        if !self.pending.is_empty() {
            self.flush()?;
        }
        self.send(Message::End)
    }

    fn send(&self, message: Message) -> Result<()> {
        self.sender.send(message).map_err(|_| Error::failed("the writer is gone"))
    }
}
