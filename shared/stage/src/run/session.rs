//! One session with the queue: from the first delivery to the end of what is in flight.

use std::sync::Arc;

use outage::Outage;
use ports::Consumer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Runner;
use super::ended::{After, Ended};

impl Runner {
    /// Consumes until stopped or in trouble, then finishes what is in flight.
    pub(super) async fn session(self: &Arc<Self>, outage: &mut Outage, stop: &CancellationToken) -> Ended {
        let concurrency = self.settings.concurrency.max(1);
        let consuming = self.context.queue.consume(self.stage.input(), concurrency);
        let mut consumer = tokio::select! {
            () = stop.cancelled() => return Ended::Stopped,
            consumer = consuming => match consumer {
                Ok(consumer) => consumer,
                Err(error) => return Ended::by(&error),
            },
        };
        self.metrics.consuming(true);
        let mut in_flight = JoinSet::new();
        let ended = self.consume(consumer.as_mut(), &mut in_flight, outage, stop).await;
        drop(consumer);
        if let Ended::Crashed(_) = ended {
            in_flight.shutdown().await;
            return ended;
        }
        // A worse end than "stopped" may come up among what was in flight.
        let mut ended = ended;
        while let Some(joined) = in_flight.join_next().await {
            if let (Ok(After::End(later)), Ended::Stopped) = (joined, &ended) {
                ended = match later {
                    // The message was requeued; its next consumer will wait for the outage to end.
                    Ended::Outage(_) | Ended::QueueAway(_) => Ended::Stopped,
                    worse => worse,
                };
            }
        }
        ended
    }

    async fn consume(
        self: &Arc<Self>,
        consumer: &mut dyn Consumer,
        in_flight: &mut JoinSet<After>,
        outage: &mut Outage,
        stop: &CancellationToken,
    ) -> Ended {
        loop {
            // In an outage one message is enough to find out whether it is over.
            let most = if outage.is_on() { 1 } else { self.settings.concurrency.max(1) };
            let has_room = in_flight.len() < usize::from(most);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                Some(joined) = in_flight.join_next() => match joined {
                    Ok(After::Worked) => if let Some(lasted) = outage.worked() {
                        info!(stage = %self.name, seconds = lasted.num_seconds(), "back; going on");
                    },
                    Ok(After::GoOn) => {}
                    Ok(After::End(ended)) => return ended,
                    // `settle_one` catches panics of the stage; this would be one of our own.
                    Err(error) => return Ended::Fatal(format!("the loop itself failed: {error}")),
                },
                next = consumer.next(), if has_room => match next {
                    Ok(delivery) => {
                        self.metrics.received();
                        let runner = Arc::clone(self);
                        in_flight.spawn(async move { runner.settle_one(delivery).await });
                    }
                    Err(error) => return Ended::by(&error),
                },
            }
        }
    }
}
