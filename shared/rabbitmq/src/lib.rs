//! The adapter for RabbitMQ: queues, the archive and leadership over AMQP 0-9-1. Works with 3.10 and later.
//!
//! # Guarantees
//! Those of [`ports::Queue`]. A message is published when its queue confirmed it, and settled when the broker
//! has read the acknowledgement: whoever lost a delivery is told so. Calls end in bounded
//! time, whatever the broker and the network do. What arrives is checked before lapin reads it: whatever a
//! publisher wrote becomes a message that can be rejected and filed. Nothing here waits for a broker to come
//! back: the callers back off, and the next call connects again.
//!
//! # Not guaranteed
//! - What a connection held when it broke counts as one more delivery of each, also for messages that
//!   waited in the prefetch of a process that died of another one. A message that is given back does not
//!   count: it is published again, and only when publishing is impossible (the broker's alarms, a full
//!   queue, at the end of a process) returned as it is, which brokers before 4.3 count.
//! - A settlement that publishes (a retry, a letter) and loses its connection before the acknowledgement
//!   leaves both messages.
//! - The archive is a stream, which forgets nothing: a page may be in it twice when the stream confirmed it after
//!   we had stopped waiting, or two processes published it at the same moment. Readers merge the two.

mod archive;
mod catch_up;
mod consume;
mod depth;
mod error;
mod feed;
mod frames;
mod greeting;
mod incoming;
mod known;
mod leader;
mod link;
mod look;
mod names;
mod options;
mod outgoing;
mod publish;
mod queue;
mod receipt;
mod socket;
mod topology;
mod unfit;

pub use options::{Options, check_url};
pub use queue::RabbitQueue;

#[cfg(test)]
mod tests;
