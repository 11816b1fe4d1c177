//! An Arrow IPC stream that knows whether it was ended or cut off.

use std::io::{self, Read};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_schema::{ArrowError, SchemaRef};

/// The mark every whole stream ends with: a continuation of length zero.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Record batches of a stream.
pub(super) struct Stream(StreamReader<Tail<Box<dyn Read + Send>>>);

impl Stream {
    pub(super) fn open(reader: Box<dyn Read + Send>) -> Result<Self, ArrowError> {
        let tail = Tail { inner: reader, last: [0; 8] };
        Ok(Self(StreamReader::try_new(tail, None)?))
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    /// Reads the next batch; a stream without the mark at its end was cut off, and nothing may come behind it.
    pub(super) fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        match self.0.next() {
            None if self.0.get_ref().last != END => {
                Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
            }
            None => match self.0.get_mut().read(&mut [0]) {
                Ok(0) => None,
                Ok(_) => Some(Err(io::Error::from(io::ErrorKind::InvalidData).into())),
                Err(error) => Some(Err(error.into())),
            },
            batch => batch,
        }
    }
}

/// Reader that remembers the last eight bytes.
struct Tail<R> {
    inner: R,
    last: [u8; 8],
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let fresh = &buffer[n.saturating_sub(8)..n];
        self.last.rotate_left(fresh.len());
        self.last[8 - fresh.len()..].copy_from_slice(fresh);
        Ok(n)
    }
}
