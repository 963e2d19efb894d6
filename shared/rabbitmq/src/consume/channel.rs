//! The channel of a consumer. Its deliveries keep it open, because only on it can they be settled.

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::options::BasicQosOptions;
use ports::QueueError;
use tokio::time::timeout;

use crate::session::Session;

/// A channel with a prefetch.
pub(super) struct ConsumerChannel {
    session: Arc<Session>,
    channel: Channel,
    prefetch: u16,
}

impl ConsumerChannel {
    /// Opens one on `session`.
    pub(super) async fn open(session: Arc<Session>, prefetch: u16) -> Result<Self, QueueError> {
        let channel = session.channel().await?;
        let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
        session.call("cannot set the prefetch", qos).await?;
        Ok(Self { session, channel, prefetch })
    }

    /// The channel itself.
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The session that it is on.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// A round trip to the broker. Its answer proves that the broker read all that was sent before, and that the
    /// deliveries on this channel are still ours.
    pub(super) async fn round_trip(&self, limit: Duration) -> Result<(), QueueError> {
        let asked = self.channel.basic_qos(self.prefetch, BasicQosOptions::default());
        if let Ok(Ok(())) = timeout(limit, asked).await {
            return Ok(());
        }
        self.session.abort();
        Err(QueueError::Lost)
    }

    /// Sends an ack or a nack, and waits until the broker has read it.
    pub(super) async fn settle(
        &self,
        sending: impl Future<Output = lapin::Result<bool>>,
        limit: Duration,
    ) -> Result<(), QueueError> {
        if let Ok(Ok(true)) = timeout(limit, sending).await {
            return self.round_trip(limit).await;
        }
        self.session.abort();
        Err(QueueError::Lost)
    }
}
