//! The reader from which lapin reads its frames, checked.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;

use super::Frames;
use crate::version::Version;

/// How much is read ahead: several small frames at once. Longer bodies are read straight into lapin's buffer.
const AHEAD_BYTES: usize = 8 * 1024;

/// Reads frames and checks them.
pub(crate) struct CheckedReader {
    frames: Frames,
    ahead: Box<[u8]>,
    from: usize,
    to: usize,
}

impl CheckedReader {
    /// At the beginning of a connection.
    pub(crate) fn new() -> Self {
        Self { frames: Frames::new(), ahead: vec![0; AHEAD_BYTES].into(), from: 0, to: 0 }
    }

    /// The version in the broker's greeting, once it arrived.
    pub(crate) fn version(&self) -> Option<Version> {
        self.frames.version()
    }

    /// Reads from `stream` into `buffer`, as [`AsyncRead::poll_read`] does; an error of the kind `InvalidData` when
    /// the connection cannot go on. `most`: the frame size that was agreed upon.
    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        most: usize,
    ) -> Poll<io::Result<usize>> {
        let broken = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut given = 0;
        loop {
            given += self.frames.give(&mut buffer[given..]);
            let room = buffer.len() - given;
            if room == 0 {
                return Poll::Ready(Ok(given));
            }
            let passing = self.frames.passing();
            let ahead = &self.ahead[self.from..self.to];
            if !ahead.is_empty() {
                let count = ahead.len().min(passing).min(room);
                self.from += if count > 0 {
                    buffer[given..given + count].copy_from_slice(&ahead[..count]);
                    given += count;
                    self.frames.passed(&ahead[..count]).map_err(broken)?;
                    count
                } else {
                    self.frames.take(ahead, most).map_err(broken)?
                };
            } else if given > 0 {
                return Poll::Ready(Ok(given));
            } else if passing >= AHEAD_BYTES {
                let count = room.min(passing);
                let read = ready!(Pin::new(stream).poll_read(context, &mut buffer[..count]))?;
                self.frames.passed(&buffer[..read]).map_err(broken)?;
                return Poll::Ready(Ok(read));
            } else {
                let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut self.ahead))?;
                if read == 0 {
                    return Poll::Ready(Ok(0));
                }
                (self.from, self.to) = (0, read);
            }
        }
    }
}
