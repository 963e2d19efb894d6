//! Counting messages, on the observing connection: an error here does not disturb work.

use ports::{Depth, QueueError, QueueName};

use crate::client::Client;

/// How much is in `queue`, and in the queues that belong to it.
pub(crate) async fn depth(client: &Client, queue: QueueName) -> Result<Depth, QueueError> {
    let Client { names, observing, counting, in_flight, .. } = client;
    let mut channel = counting.take(observing.session().await?).await?;
    let mut depth = Depth { unsettled: in_flight.unsettled(queue), ..Depth::default() };
    depth.ready = channel.count(&names.of(queue)).await? + in_flight.buffered(queue);
    if queue == QueueName::Dead {
        depth.ready += channel.count(&names.unroutable()).await?;
    }
    for name in names.retry_queues(queue) {
        depth.delayed += channel.count(&name).await?;
    }
    counting.put_back(channel);
    Ok(depth)
}
