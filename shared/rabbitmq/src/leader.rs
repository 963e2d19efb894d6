//! Leadership: the single active consumer of one queue leads, and the leader's note is a message on it.
//!
//! The queue holds *tokens*. A token is a note with the number of the term in which it was written, and its place in that
//! term. The token with the latest number counts. The leader keeps it unacknowledged, so that the broker delivers it to
//! the successor. A process that joins publishes a *knock*, so that there is something to deliver: the process that gets
//! a delivery is the active consumer. It publishes a *fence* and reads until the fence arrives: then it has seen every
//! token. Then it writes the note again with the number of its own term, which no late token of an earlier leader can
//! beat.
//!
//! A token is written when it was delivered back to its writer: that proves that the writer was still the active consumer.
//! A lost connection, a token that does not arrive in time, or a later token of another process ends the term.
//!
//! Brokers take away what a consumer holds for too long: up to 4.2 with its channel, from 4.3 on by cancelling the
//! consumer, and one that then stays connected may block the queue for all (rabbitmq-server #17317). So a term is a task
//! of its own, which runs whatever its holder does: it writes the token anew long before any such limit, and when its
//! consumer is cancelled it ends the connection. It does not listen while a token waits for its publisher confirm, which
//! takes no longer than the publish timeout: a cancellation in that time is noticed after it.

mod consumer;
mod number;
mod term;
mod token;

use std::sync::Arc;

use ports::{QueueError, Term};

use self::consumer::LeaderConsumer;
use self::term::HeldTerm;
use crate::client::Client;

/// A process that wants to lead.
pub(crate) struct Candidate(LeaderConsumer);

impl Candidate {
    /// Joins those who wait to lead.
    pub(crate) async fn join(client: Arc<Client>) -> Result<Self, QueueError> {
        Ok(Self(LeaderConsumer::join(client).await?))
    }

    /// Waits until this process leads, and begins its term.
    pub(crate) async fn lead(self) -> Result<Box<dyn Term>, QueueError> {
        let Self(mut consumer) = self;
        consumer.wait_until_active().await?;
        Ok(Box::new(HeldTerm::begin(consumer).await?))
    }
}
