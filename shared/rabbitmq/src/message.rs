//! Messages as AMQP carries them, in both directions.

mod headers;
mod incoming;
mod outgoing;

pub(crate) use self::headers::{cut, is_of_the_broker};
pub(crate) use self::incoming::{read, read_letter, to_number, to_text};
pub(crate) use self::outgoing::properties;
