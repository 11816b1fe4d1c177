//! DEFLATE: whole buffers and streams, in the frames of zlib and gzip or without one.

use std::cell::RefCell;
use std::io::{self, BufRead, Read};

use zlib_rs::{Inflate, InflateFlush, Status};

/// The largest window, which every stream fits.
const WINDOW: u8 = 15;

/// What is around a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// gzip; further members may follow, and nothing else.
    Gzip,
    Zlib,
    Raw,
}

impl Frame {
    fn begin(self) -> Inflate {
        match self {
            Self::Gzip => Inflate::new(true, 16 + WINDOW),
            Self::Zlib => Inflate::new(true, WINDOW),
            Self::Raw => Inflate::new(false, WINDOW),
        }
    }
}

thread_local! {
    static INFLATE: RefCell<Inflate> = RefCell::new(Frame::Zlib.begin());
}

/// Fills `bytes` from a zlib stream; nothing where there are more or fewer.
pub(crate) fn fill(packed: &[u8], bytes: &mut [u8]) -> Option<()> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(true);
        let status = inflate.decompress(packed, bytes, InflateFlush::Finish).ok()?;
        (status == Status::StreamEnd && inflate.total_out() == bytes.len() as u64).then_some(())
    })
}

/// Reads what a stream holds.
pub(crate) struct Inflating<R> {
    packed: R,
    frame: Frame,
    state: Inflate,
    /// Whether a stream has ended, and no other one has begun.
    ended: bool,
}

impl<R: BufRead> Inflating<R> {
    /// Begins where the frame begins.
    pub(crate) fn new(packed: R, frame: Frame) -> Self {
        Self { packed, frame, state: frame.begin(), ended: false }
    }

    /// Goes on with the next member; false where there is none.
    fn next_member(&mut self) -> io::Result<bool> {
        if self.frame != Frame::Gzip || self.packed.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.state = self.frame.begin();
        self.ended = false;
        Ok(true)
    }
}

impl<R: BufRead> Read for Inflating<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while !to.is_empty() {
            if self.ended && !self.next_member()? {
                break;
            }
            let packed = self.packed.fill_buf()?;
            if packed.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the packed data are cut off"));
            }
            let before = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(packed, to, InflateFlush::NoFlush);
            let used = (self.state.total_in() - before.0) as usize;
            let written = (self.state.total_out() - before.1) as usize;
            self.packed.consume(used);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if used + written > 0 => {}
                Ok(_) => return Err(damaged("data that lead nowhere")),
                Err(error) => return Err(damaged(error.as_str())),
            }
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the packed data are damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn text() -> Vec<u8> {
        (0..40_000_u32).flat_map(|at| (at * 2_654_435_761 % 977).to_string().into_bytes()).collect()
    }

    fn packed(frame: Frame) -> Vec<u8> {
        let text = text();
        macro_rules! with {
            ($encoder:ident) => {{
                let mut encoder = $encoder::new(Vec::new(), Compression::fast());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            }};
        }
        match frame {
            Frame::Gzip => with!(GzEncoder),
            Frame::Zlib => with!(ZlibEncoder),
            Frame::Raw => with!(DeflateEncoder),
        }
    }

    fn read(packed: &[u8], frame: Frame) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        // Few bytes at a time, so that a stream goes over many reads.
        let reader = io::BufReader::with_capacity(1000, packed);
        Inflating::new(reader, frame).read_to_end(&mut all).map(|_| all)
    }

    #[test]
    fn streams_are_read_whole_and_cut_or_damaged_ones_are_told() {
        for frame in [Frame::Gzip, Frame::Zlib, Frame::Raw] {
            let whole = packed(frame);
            assert_eq!(read(&whole, frame).unwrap(), text());
            for len in [0, 1, 9, whole.len() / 2, whole.len() - 1] {
                assert!(read(&whole[..len], frame).is_err(), "{frame:?} cut to {len}");
            }
            let mut damaged = whole.clone();
            let last = damaged.len() - 2;
            damaged[last] ^= 1;
            // Without a frame there is no checksum.
            assert!(frame == Frame::Raw || read(&damaged, frame).is_err(), "{frame:?}");
        }
    }

    #[test]
    fn members_of_gzip_follow_each_other_and_nothing_else_does() {
        let two = [packed(Frame::Gzip), packed(Frame::Gzip)].concat();
        assert_eq!(read(&two, Frame::Gzip).unwrap(), [text(), text()].concat());
        assert!(read(&[&two[..], b"more"].concat(), Frame::Gzip).is_err());
    }

    #[test]
    fn a_buffer_is_filled_exactly_or_not_at_all() {
        let (whole, text) = (packed(Frame::Zlib), text());
        let filled = |len: usize| {
            let mut bytes = vec![0; len];
            fill(&whole, &mut bytes).map(|()| bytes)
        };
        assert_eq!(filled(text.len()).unwrap(), text);
        assert!(filled(text.len() - 1).is_none() && filled(text.len() + 1).is_none());
        assert_eq!(filled(text.len()).unwrap(), text, "after a failure");
    }
}
