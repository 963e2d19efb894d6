//! The adapter for RabbitMQ: queues, the archive and leadership over AMQP 0-9-1. Works with 3.10 and later.
//!
//! # Guarantees
//! Those of [`ports::Queue`]. A message is published when every queue it goes to confirmed it, and settled
//! when the broker has read the acknowledgement: whoever lost a delivery is told so. Calls end in bounded
//! time, whatever the broker and the network do. Nothing here waits for a broker to come back: the callers
//! back off, and the next call connects again.
//!
//! # Not guaranteed
//! - What a connection held when it broke counts as one more delivery of each, also for messages that
//!   waited in the prefetch of a process that died of another one. A message that is given back does not
//!   count: it is published again, and only when publishing is impossible (the broker's alarms, a full
//!   queue, at the end of a process) returned as it is, which brokers before 4.3 count.
//! - A settlement that publishes (a retry, a letter) and loses its connection before the acknowledgement
//!   leaves both messages.
//! - The archive is a stream: it holds a page as often as it was published.

mod archive;
mod consume;
mod error;
mod greeting;
mod incoming;
mod leader;
mod link;
mod look;
mod options;
mod outgoing;
mod publish;
mod queue;
mod receipt;
mod socket;
mod topology;

pub use options::{Options, check_url};
pub use queue::RabbitQueue;

#[cfg(test)]
mod tests;
