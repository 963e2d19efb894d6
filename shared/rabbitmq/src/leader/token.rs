//! The messages on the leader queue: tokens, knocks and fences.

use domain::{Headers, Message, MessageId};

use super::number::Number;

const KIND: &str = "x-leader-kind";

/// What a message is for.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A note, with its number.
    Token,
    /// A token without a note.
    EmptyToken,
    /// Makes the broker deliver something to a process that joins.
    Knock,
    /// Marks the end of what a process that begins to lead has to read.
    Fence,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::EmptyToken => "empty-token",
            Self::Knock => "knock",
            Self::Fence => "fence",
        }
    }
}

/// A message of this kind, with a random id.
pub(super) fn message(kind: Kind, number: Number, body: Vec<u8>) -> Message {
    let name = kind.as_str();
    let id = MessageId::new(format!("leader/{name}/{:016x}", fastrand::u64(..)));
    Message { id, headers: number.write(Headers::new().with(KIND, name)), body: body.into() }
}

/// The note and the number in a token; `None` when `headers` are those of another message.
pub(super) fn read(headers: &Headers, body: domain::Bytes) -> Option<(Option<Vec<u8>>, Number)> {
    let kind = headers.get(KIND)?;
    let note = if kind == Kind::Token.as_str() {
        Some(body.into())
    } else if kind == Kind::EmptyToken.as_str() {
        None
    } else {
        return None;
    };
    Some((note, Number::read(headers)?))
}
