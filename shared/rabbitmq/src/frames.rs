//! What the broker sends, checked before lapin parses it: frame by frame, whatever the sizes of the reads.
//!
//! The broker passes on what publishers wrote: any bytes for texts, and tables in tables as deep as a frame is
//! long. lapin's parser wants UTF-8, follows tables by recursion without a bound, and ends the connection (or the
//! process, by a stack overflow) when it cannot go on. The broker delivers the message again on the next connection,
//! so one message would stop every consumer for ever.
//!
//! # Guarantees
//! - lapin's parser accepts what it gets. A frame that it accepts passes byte for byte; a content header that it does
//!   not accept is rewritten (`content`), and so is a text in a method (`method`).
//! - Bodies and heartbeats pass through: they are neither kept nor checked, except for the byte that ends them.
//! - No bytes make it panic or recurse. What no message can cause, such as a frame of an unknown type, ends the
//!   connection with an error that says so.
//!
//! # Not guaranteed
//! That frames are in a valid order: lapin follows channels, and ends a connection whose frames are not.

mod content;
mod field;
mod method;
mod printable;
mod reader;

use std::fmt;

pub(crate) use self::reader::CheckedReader;
use crate::version::Version;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const END: u8 = 0xce;
/// Type, channel and length of the payload.
const HEAD_BYTES: usize = 7;
/// How much longer a frame is than its payload.
const AROUND_BYTES: usize = HEAD_BYTES + 1;
/// The first byte of the answer of a server that does not speak AMQP 0-9-1: the protocol header that it speaks.
const OTHER_PROTOCOL: u8 = b'A';
const PROTOCOL_HEADER_BYTES: usize = 8;

/// Methods hold a few short texts; the greeting, which holds a table, has some 500 bytes.
const LONGEST_METHOD: usize = 128 * 1024;
/// The broker sends a content header in one frame, also when smaller frames were agreed upon: it holds what a publisher
/// with larger frames or another protocol wrote, and what the broker added. No message is larger than this.
const LONGEST_HEADER: usize = 512 * 1024 * 1024;
/// How much memory is kept for the next frame.
const KEPT_BYTES: usize = 256 * 1024;

/// Why a connection cannot go on: the server violates the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProtocolViolation(String);

impl fmt::Display for ProtocolViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server does not speak AMQP 0-9-1 as it should: {}", self.0)
    }
}

impl std::error::Error for ProtocolViolation {}

/// Where in the stream of frames we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte.
    Start,
    /// In the head of a frame.
    Head,
    /// In a frame of that many bytes, which is collected before it is checked.
    Collect(usize),
    /// In what passes through unchecked: how many bytes are left, and whether the last one ends a frame.
    Pass { left: usize, ends_frame: bool },
}

/// Follows the frames on one connection.
#[derive(Debug)]
pub(crate) struct Frames {
    state: State,
    /// What arrived of a head, or of a frame that is collected.
    frame: Vec<u8>,
    /// What was checked, and how much of it lapin has read.
    ready: Vec<u8>,
    given: usize,
    version: Option<Version>,
}

impl Frames {
    /// At the beginning of a connection.
    pub(crate) fn new() -> Self {
        Self { state: State::Start, frame: Vec::new(), ready: Vec::new(), given: 0, version: None }
    }

    /// The version in the broker's greeting, once it arrived.
    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    /// Copies what was checked to the front of `buffer`; returns how many bytes.
    fn give(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = self.ready.get(self.given..).unwrap_or_default();
        let count = waiting.len().min(buffer.len());
        buffer[..count].copy_from_slice(&waiting[..count]);
        self.given += count;
        count
    }

    /// How many bytes may pass through, once all that was checked was read.
    fn passing(&self) -> usize {
        match self.state {
            State::Pass { left, .. } => left,
            _ => 0,
        }
    }

    /// `bytes` passed through.
    fn passed(&mut self, bytes: &[u8]) -> Result<(), ProtocolViolation> {
        let State::Pass { left, ends_frame } = self.state else { return Ok(()) };
        let left = left.saturating_sub(bytes.len());
        if left > 0 {
            self.state = State::Pass { left, ends_frame };
            return Ok(());
        }
        self.state = State::Head;
        if ends_frame { check_end(bytes.last().copied()) } else { Ok(()) }
    }

    /// Takes from the front of `input` what must be checked, at most to the end of a frame; returns how many bytes.
    /// `most`: the frame size that was agreed upon.
    fn take(&mut self, input: &[u8], most: usize) -> Result<usize, ProtocolViolation> {
        if self.state == State::Start {
            self.state = match input.first() {
                None => return Ok(0),
                Some(&OTHER_PROTOCOL) => State::Pass { left: PROTOCOL_HEADER_BYTES, ends_frame: false },
                Some(_) => State::Head,
            };
        }
        let whole = match self.state {
            State::Collect(whole) => whole,
            State::Pass { .. } => return Ok(0),
            State::Start | State::Head => HEAD_BYTES,
        };
        let count = input.len().min(whole.saturating_sub(self.frame.len()));
        self.frame.extend_from_slice(&input[..count]);
        if self.frame.len() == whole {
            if whole == HEAD_BYTES { self.begin(most)? } else { self.finish(most)? }
        }
        Ok(count)
    }

    /// The head of a frame is complete.
    fn begin(&mut self, most: usize) -> Result<(), ProtocolViolation> {
        let &[kind, _, _, a, b, c, d] = self.frame.as_slice() else { return Ok(()) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let longest = match kind {
            METHOD => LONGEST_METHOD,
            HEADER => LONGEST_HEADER,
            BODY | HEARTBEAT => most.saturating_sub(AROUND_BYTES),
            _ => return Err(ProtocolViolation(format!("a frame of the unknown type {kind}"))),
        };
        if length > longest {
            return Err(ProtocolViolation(format!("a frame of type {kind} with {length} bytes")));
        }
        if kind == METHOD || kind == HEADER {
            self.state = State::Collect(length + AROUND_BYTES);
        } else {
            self.hand_on();
            self.state = State::Pass { left: length + 1, ends_frame: true };
        }
        Ok(())
    }

    /// A frame that was collected is complete.
    fn finish(&mut self, most: usize) -> Result<(), ProtocolViolation> {
        check_end(self.frame.last().copied())?;
        let (head, payload) = self.frame.split_at_mut(HEAD_BYTES);
        let end = payload.len() - 1;
        let payload = &mut payload[..end];
        if head[0] == METHOD {
            if let Some(version) = method::repair(payload)? {
                self.version = Some(version);
            }
        } else if let Some(rewritten) = content::rewritten(payload, most.saturating_sub(AROUND_BYTES))? {
            let length = u32::try_from(rewritten.len()).unwrap_or(u32::MAX);
            head[3..].copy_from_slice(&length.to_be_bytes());
            self.frame.truncate(HEAD_BYTES);
            self.frame.extend_from_slice(&rewritten);
            self.frame.push(END);
        }
        self.hand_on();
        self.state = State::Head;
        Ok(())
    }

    fn hand_on(&mut self) {
        std::mem::swap(&mut self.ready, &mut self.frame);
        self.given = 0;
        self.frame.clear();
        self.frame.shrink_to(KEPT_BYTES);
    }
}

fn check_end(last: Option<u8>) -> Result<(), ProtocolViolation> {
    match last {
        Some(END) => Ok(()),
        _ => Err(ProtocolViolation("a frame does not end where it says".to_owned())),
    }
}

#[cfg(test)]
mod tests;
