//! Counting what waits, over the connection for looking: no answer to a question cuts off work.

use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::{Channel, ErrorKind};
use ports::{Depth, QueueError, QueueName};
use tokio::time::timeout;

use crate::link::{Session, blame_session};
use crate::queue::Inner;
use crate::topology::short;

/// How much is in `queue`, and in the queues that belong to it.
pub(crate) async fn depth(shared: &Inner, queue: QueueName) -> Result<Depth, QueueError> {
    let Inner { names, observing, tally, .. } = shared;
    let session = observing.session().await?;
    let mut counter = Counter { shared, session: &session, channel: session.channel().await? };
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
    shared: &'a Inner,
    session: &'a Session,
    channel: Channel,
}

impl Counter<'_> {
    async fn count(&mut self, name: &str) -> Result<u64, QueueError> {
        let limit = self.shared.options.call_timeout;
        let what = format!("cannot count queue {name}");
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = self.channel.queue_declare(short(name)?, passive, FieldTable::default());
        match timeout(limit, asking).await {
            Ok(Ok(found)) => Ok(u64::from(found.message_count())),
            Ok(Err(error)) if is_missing(&error) => {
                // The broker closed this one.
                self.channel = self.session.channel().await?;
                Ok(0)
            }
            Ok(Err(error)) => Err(blame_session(self.session, &what, &error)),
            Err(_) => {
                self.session.fail();
                Err(QueueError::unavailable(format!("{what}: no answer in {limit:?}")))
            }
        }
    }
}

/// Not there at all. One whose node is down is "not found" in other words, and may hold anything.
fn is_missing(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
        && error.get_message().as_str().contains("no queue ")
}
