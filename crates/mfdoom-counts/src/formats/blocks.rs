//! Bytes of a file in blocks; a long gzip file is unpacked on a thread of its own.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::codec::deflate::{Frame, Inflating};

/// Bytes of a block.
const BLOCK: usize = 1 << 18;
/// Blocks after which a packed file is a long one: most are only looked at.
const FIRST: usize = 4;
/// Blocks that may wait to be taken.
const WAITING: usize = 1;

/// The bytes of a file, one block after the other.
pub(super) struct Blocks {
    source: Source,
    packed: bool,
    taken: usize,
}

enum Source {
    Here(Box<dyn Read + Send>),
    There { filled: Receiver<io::Result<Vec<u8>>>, used: Sender<Vec<u8>> },
}

impl Blocks {
    /// Opens a file; gzip is told by its first bytes.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(BLOCK, File::open(path)?);
        let packed = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read + Send> = match packed {
            true => Box::new(Inflating::new(file, Frame::Gzip)),
            false => Box::new(file),
        };
        Ok(Self { source: Source::Here(reader), packed, taken: 0 })
    }

    /// Appends the next bytes, about a block of them; none behind the last ones.
    pub(super) fn append(&mut self, to: &mut Vec<u8>) -> io::Result<usize> {
        self.taken += 1;
        if self.packed && self.taken > FIRST && rayon::current_num_threads() > 1 {
            self.hand_over();
        }
        match &mut self.source {
            Source::Here(reader) => read_block(reader, to),
            Source::There { filled, used } => match filled.recv() {
                Ok(Ok(block)) => {
                    to.extend_from_slice(&block);
                    let n = block.len();
                    // The thread may have ended already.
                    let _ = used.send(block);
                    Ok(n)
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Ok(0),
            },
        }
    }

    /// Lets a thread go on reading, unless there is none to be had.
    fn hand_over(&mut self) {
        self.packed = false;
        let nothing: Box<dyn Read + Send> = Box::new(io::empty());
        let Source::Here(reader) = std::mem::replace(&mut self.source, Source::Here(nothing)) else { return };
        let (sender, filled) = sync_channel(WAITING);
        let (used, empty) = channel();
        // The reader is put back where the thread does not come to life.
        let shared = std::sync::Arc::new(std::sync::Mutex::new(Some(reader)));
        let taken = shared.clone();
        let take = |from: &std::sync::Mutex<Option<_>>| from.lock().ok().and_then(|mut reader| reader.take());
        let begun = std::thread::Builder::new().name("unpacking".into()).spawn(move || {
            if let Some(reader) = take(&taken) {
                unpack(reader, &sender, &empty);
            }
        });
        self.source = match begun {
            Ok(_) => Source::There { filled, used },
            Err(_) => Source::Here(take(&shared).unwrap_or_else(|| Box::new(io::empty()))),
        };
    }
}

fn unpack(mut reader: Box<dyn Read + Send>, to: &SyncSender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut block = empty.try_recv().unwrap_or_default();
        block.clear();
        let read = read_block(&mut reader, &mut block);
        let ended = matches!(read, Ok(0) | Err(_));
        if !block.is_empty() && to.send(Ok(block)).is_err() {
            return;
        }
        if let Err(error) = read {
            let _ = to.send(Err(error));
        }
        if ended {
            return;
        }
    }
}

/// Appends a block, fewer bytes at the end; what came before an error is appended too.
fn read_block(reader: &mut impl Read, to: &mut Vec<u8>) -> io::Result<usize> {
    let before = to.len();
    reader.take(BLOCK as u64).read_to_end(to)?;
    Ok(to.len() - before)
}
