//! The adapter for RabbitMQ: queues, the archive and leadership over AMQP 0-9-1. Works with 3.10 and later.
//!
//! # Guarantees
//! Those of [`ports::Queue`]. A message is published when its queue confirmed it (publisher confirms), and settled when
//! the broker has read the acknowledgement: a late ack returns [`ports::QueueError::Lost`]. Calls end in bounded time,
//! whatever the broker and the network do. What arrives is checked before lapin reads it: whatever a publisher wrote
//! becomes a message that can be rejected and dead-lettered. Nothing here waits for a broker to come back: the callers
//! back off, and the next call connects again.
//!
//! # Not guaranteed
//! - When a connection breaks, each message that it held counts one more delivery, also those that only waited in the
//!   prefetch of a process that another message killed. A message that is requeued does not count: it is published
//!   again. Only when publishing is impossible (an alarm of the broker, a full queue, at the end of a process) it is
//!   returned as it is, which brokers before 4.3 count.
//! - A settlement that publishes (a retry, a dead letter) and loses its connection before the acknowledgement leaves both
//!   messages.
//! - The archive is a stream, which keeps duplicates: a page may be in it twice when the stream confirmed it after we had
//!   stopped waiting, or two processes published it at the same moment. Readers merge the two.

mod archive;
mod client;
mod connection;
mod consume;
mod counting;
mod depth;
mod error;
mod frames;
mod in_flight;
mod inspect;
mod leader;
mod message;
mod options;
mod publish;
mod queue;
mod session;
mod topology;
mod version;

pub use options::{Options, check_url};
pub use queue::RabbitQueue;

#[cfg(test)]
mod tests;
