//! The one loop: receive → handle → publish, confirmed → settle.
//!
//! # Guarantees
//! - Outputs are durable before their input is settled (invariant 2), and each delivery is settled at
//!   most once (invariant 3). A crash at any point repeats work and loses none.
//! - A message that cannot succeed goes to the dead letters with its reason; one that may is retried a
//!   counted number of times; a panic or a missed deadline of one message does not touch the others.
//! - While the queue or what the stage writes to is away, the loop waits for it, however long, and
//!   neither counts attempts nor fills the dead letters (invariant 5). It waits before each try, ever longer,
//!   until a message was handled: whatever says that all is well again is not believed twice. Until then it
//!   tries one message at a time.
//! - After `stop` it takes nothing new, finishes what is in flight and returns.
//!
//! # Not guaranteed
//! Order, and exactly-once handling: see [`Queue`].

mod ended;
mod session;
mod settle;
mod settlement;

use std::sync::Arc;
use std::time::Duration;

use domain::StageName;
use outage::{News, Outage, Resource};
use ports::{Clock, Queue};
use telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::contract::{Failure, Stage};
use crate::failpoint::{Crash, Failpoints};
use crate::metrics::StageMetrics;
use crate::retry::RetryPolicy;
use ended::Ended;

/// How a stage is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Messages in flight at once, at least 1.
    pub concurrency: u16,
    /// The longest time to handle one message; well below the queue's own limit.
    pub deadline: Duration,
    /// Retries.
    pub retry: RetryPolicy,
}

/// What a stage runs on.
#[derive(Clone)]
pub struct StageContext {
    /// Where it consumes and publishes.
    pub queue: Arc<dyn Queue>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What it counts.
    pub metrics: Metrics,
    /// Where tests make it crash.
    pub failpoints: Failpoints,
}

/// Why a stage ended by itself. It never does while waiting can help.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Someone has to change the configuration.
    #[error("{stage} stopped: {reason}")]
    Fatal {
        /// Which stage.
        stage: StageName,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A failpoint stopped it, in a test.
    #[error(transparent)]
    Crash(#[from] Crash),
}

/// Runs `stage` until `stop`, or until it cannot go on.
pub async fn run(
    stage: Arc<dyn Stage>,
    settings: Settings,
    context: StageContext,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let metrics = StageMetrics::new(&context.metrics, stage.name());
    let runner = Arc::new(Runner { name: stage.name(), stage, settings, context, metrics });
    let ended = runner.run(&stop).await;
    // A crash, in a test, gives nothing back.
    if !matches!(ended, Err(RunError::Crash(_))) {
        runner.context.queue.flush().await;
    }
    ended
}

/// One stage with what it runs on.
struct Runner {
    name: StageName,
    stage: Arc<dyn Stage>,
    settings: Settings,
    context: StageContext,
    metrics: StageMetrics,
}

impl Runner {
    async fn run(self: &Arc<Self>, stop: &CancellationToken) -> Result<(), RunError> {
        let mut outage = Outage::new(Arc::clone(&self.context.clock));
        loop {
            let ended = self.session(&mut outage, stop).await;
            self.metrics.consuming(false);
            match ended {
                Ended::Stopped => return Ok(()),
                Ended::Crashed(crash) => return Err(crash.into()),
                Ended::Fatal(reason) => return Err(RunError::Fatal { stage: self.name, reason }),
                Ended::QueueAway(reason) => {
                    self.metrics.reconnected();
                    self.tell(outage.failed(Resource::Queue), "the queue is away; waiting for it", &reason);
                    if !self.wait(outage.next_wait(), stop).await {
                        return Ok(());
                    }
                }
                Ended::Outage(reason) => {
                    self.tell(outage.failed(Resource::Store), PAUSED, &reason);
                    match self.wait_until_ready(&mut outage, stop).await {
                        Ok(true) => {}
                        Ok(false) => return Ok(()),
                        Err(reason) => return Err(RunError::Fatal { stage: self.name, reason }),
                    }
                }
            }
        }
    }

    /// Logs what is news.
    fn tell(&self, news: News, what: &str, reason: &str) {
        match news {
            News::Begins => warn!(stage = %self.name, reason, "{what}"),
            News::Lasts(time) => {
                warn!(stage = %self.name, reason, "since {} minutes: {what}", time.num_minutes());
            }
            News::Old => {}
        }
    }

    /// Waits; `false` when stopped meanwhile.
    async fn wait(&self, duration: Duration, stop: &CancellationToken) -> bool {
        tokio::select! {
            () = stop.cancelled() => false,
            () = self.context.clock.sleep(duration) => true,
        }
    }

    /// Waits, and asks the stage, until it may be ready (`Ok(true)`), is stopped (`Ok(false)`), or never will be.
    async fn wait_until_ready(&self, outage: &mut Outage, stop: &CancellationToken) -> Result<bool, String> {
        loop {
            if !self.wait(outage.next_wait(), stop).await {
                return Ok(false);
            }
            if !outage.is_worth_asking() {
                return Ok(true);
            }
            let asked = tokio::select! {
                () = stop.cancelled() => return Ok(false),
                asked = tokio::time::timeout(self.settings.deadline, self.stage.ready()) => asked,
            };
            let reason = match asked {
                Ok(Ok(())) => {
                    outage.asked();
                    return Ok(true);
                }
                Ok(Err(Failure::Fatal { reason })) => return Err(reason),
                Ok(Err(failure)) => failure.to_string(),
                Err(_elapsed) => format!("no answer within {:?}", self.settings.deadline),
            };
            self.tell(outage.failed(Resource::Store), PAUSED, &reason);
        }
    }
}

/// What is logged while the stage waits for what it needs.
const PAUSED: &str = "paused until what the stage needs is back";

#[cfg(test)]
mod outages;
#[cfg(test)]
mod tests;
