//! Counting what waits, over the connection for looking: no answer to a question cuts off work.

use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use ports::{Depth, QueueError, QueueName};

use crate::link::Session;
use crate::queue::Inner;
use crate::topology::short;

/// How much is in `queue`, and in the queues that belong to it.
pub(crate) async fn depth(shared: &Inner, queue: QueueName) -> Result<Depth, QueueError> {
    let Inner { names, observing, tally, .. } = shared;
    let session = observing.session().await?;
    let mut counter = Counter { session: &session, channel: session.channel().await? };
    let mut depth = Depth { unsettled: tally.held(queue), ..Depth::default() };
    depth.ready = counter.count(&names.of(queue)).await? + tally.waiting(queue);
    if queue == QueueName::Dead {
        depth.ready += counter.count(&names.unroutable()).await?;
    }
    for name in names.retry_queues(queue) {
        depth.delayed += counter.count(&name).await?;
    }
    session.call("cannot close a channel", counter.channel.close(200, "counted".into())).await?;
    Ok(depth)
}

struct Counter<'a> {
    session: &'a Session,
    channel: Channel,
}

impl Counter<'_> {
    /// Nothing is in a queue that is not there.
    async fn count(&mut self, name: &str) -> Result<u64, QueueError> {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = self.channel.queue_declare(short(name)?, passive, FieldTable::default());
        if let Some(found) = self.session.ask(&format!("cannot count queue {name}"), asking).await? {
            return Ok(u64::from(found.message_count()));
        }
        // The broker closed this one.
        self.channel = self.session.channel().await?;
        Ok(0)
    }
}
