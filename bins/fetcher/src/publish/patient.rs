//! Publishing while a person waits for it.

use chrono::TimeDelta;
use outage::Backoff;
use ports::Clock;
use tokio_util::sync::CancellationToken;

use super::{PublishError, Publisher};
use crate::progress::{ProgressObserver, Step};

impl Publisher {
    /// Publishes what is there, however long the queue is away. `false` when asked to stop before. The error is one that waiting
    /// cannot help.
    pub(crate) async fn publish_patiently(
        &self,
        clock: &dyn Clock,
        observer: &dyn ProgressObserver,
        stop: &CancellationToken,
    ) -> Result<bool, PublishError> {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.publish_all().await {
                Ok(_) => return Ok(true),
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => error,
            };
            let wait = backoff.next_wait();
            let until = clock.now() + TimeDelta::from_std(wait).unwrap_or(TimeDelta::zero());
            observer.step(Step::Waiting { until, reason: &telemetry::error_chain(&error), next: None });
            tokio::select! {
                () = stop.cancelled() => return Ok(false),
                () = clock.sleep(wait) => {}
            }
        }
    }
}
