//! Counting messages, on the observing connection: an error here does not disturb work.

use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use ports::{Depth, QueueError, QueueName};

use crate::client::Client;
use crate::session::Session;
use crate::topology::short;

/// How much is in `queue`, and in the queues that belong to it.
pub(crate) async fn depth(client: &Client, queue: QueueName) -> Result<Depth, QueueError> {
    let Client { names, observing, in_flight, .. } = client;
    let session = observing.session().await?;
    let mut counter = Counter { session: &session, channel: session.channel().await? };
    let mut depth = Depth { unsettled: in_flight.unsettled(queue), ..Depth::default() };
    depth.ready = counter.count(&names.of(queue)).await? + in_flight.buffered(queue);
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
    /// A queue that does not exist holds nothing.
    async fn count(&mut self, name: &str) -> Result<u64, QueueError> {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = self.channel.queue_declare(short(name)?, passive, FieldTable::default());
        if let Some(found) = self.session.look_up(&format!("cannot count queue {name}"), asking).await? {
            return Ok(u64::from(found.message_count()));
        }
        // The broker closes a channel after an error.
        self.channel = self.session.channel().await?;
        Ok(0)
    }
}
