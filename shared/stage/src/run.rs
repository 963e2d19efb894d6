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
//! - After `stop` it takes nothing new, finishes what is in hand and returns.
//!
//! # Not guaranteed
//! Order, and exactly-once handling: see [`Queue`].

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use domain::{Class, DeadLetter, StageName, header};
use futures_util::FutureExt;
use ports::{Clock, Consumer, Delivery, Queue, QueueError, QueueName, Settlement};
use telemetry::{Metrics, trace};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, debug, error, info, info_span, warn};

use crate::contract::{Failure, Output, Stage};
use crate::failpoint::{Crash, Failpoints, Point};
use crate::life;
use crate::metrics::{Outcome, StageMetrics};
use crate::outage::{Missing, News, Outage};
use crate::retry::RetryPolicy;

/// How a stage is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Messages in hand at once, at least 1.
    pub concurrency: u16,
    /// The longest time to handle one message; well below the queue's own limit.
    pub deadline: Duration,
    /// Retries.
    pub retry: RetryPolicy,
}

/// What a stage runs on.
#[derive(Clone)]
pub struct Surroundings {
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
    surroundings: Surroundings,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let metrics = StageMetrics::new(&surroundings.metrics, stage.name());
    let spine = Arc::new(Spine { name: stage.name(), stage, settings, surroundings, metrics });
    let ended = spine.run(&stop).await;
    // A crash, in a test, gives nothing back.
    if !matches!(ended, Err(RunError::Crash(_))) {
        spine.surroundings.queue.flush().await;
    }
    ended
}

/// How a session with the queue ended.
enum Ended {
    Stopped,
    QueueAway(String),
    Outage(String),
    Fatal(String),
    Crashed(Crash),
}

/// What one delivery means for the session.
enum After {
    /// A message was handled: whatever is needed is there.
    Worked,
    GoOn,
    End(Ended),
}

struct Spine {
    name: StageName,
    stage: Arc<dyn Stage>,
    settings: Settings,
    surroundings: Surroundings,
    metrics: StageMetrics,
}

impl Spine {
    async fn run(self: &Arc<Self>, stop: &CancellationToken) -> Result<(), RunError> {
        let mut outage = Outage::new(Arc::clone(&self.surroundings.clock));
        loop {
            let ended = self.session(&mut outage, stop).await;
            self.metrics.consuming(false);
            match ended {
                Ended::Stopped => return Ok(()),
                Ended::Crashed(crash) => return Err(crash.into()),
                Ended::Fatal(reason) => return Err(RunError::Fatal { stage: self.name, reason }),
                Ended::QueueAway(reason) => {
                    self.metrics.reconnected();
                    self.tell(outage.failed(Missing::Queue), "the queue is away; waiting for it", &reason);
                    if !self.wait(outage.next_wait(), stop).await {
                        return Ok(());
                    }
                }
                Ended::Outage(reason) => {
                    self.tell(outage.failed(Missing::Store), PAUSED, &reason);
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

    /// Consumes until stopped or in trouble, then finishes what is in hand.
    async fn session(self: &Arc<Self>, outage: &mut Outage, stop: &CancellationToken) -> Ended {
        let concurrency = self.settings.concurrency.max(1);
        let consuming = self.surroundings.queue.consume(self.stage.input(), concurrency);
        let mut consumer = tokio::select! {
            () = stop.cancelled() => return Ended::Stopped,
            consumer = consuming => match consumer {
                Ok(consumer) => consumer,
                Err(error) => return ended_by(&error),
            },
        };
        self.metrics.consuming(true);
        let mut in_hand = JoinSet::new();
        let ended = self.consume(consumer.as_mut(), &mut in_hand, outage, stop).await;
        drop(consumer);
        if let Ended::Crashed(_) = ended {
            in_hand.shutdown().await;
            return ended;
        }
        // A worse end than "stopped" may come up among what was in hand.
        let mut ended = ended;
        while let Some(joined) = in_hand.join_next().await {
            if let (Ok(After::End(later)), Ended::Stopped) = (joined, &ended) {
                ended = match later {
                    // The message went back; whoever consumes next will wait for the outage to end.
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
        in_hand: &mut JoinSet<After>,
        outage: &mut Outage,
        stop: &CancellationToken,
    ) -> Ended {
        loop {
            // Whether what was away is back, one message shows as well as many.
            let most = if outage.is_on() { 1 } else { self.settings.concurrency.max(1) };
            let has_room = in_hand.len() < usize::from(most);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                Some(joined) = in_hand.join_next() => match joined {
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
                        let spine = Arc::clone(self);
                        in_hand.spawn(async move { spine.settle_one(delivery).await });
                    }
                    Err(error) => return ended_by(&error),
                },
            }
        }
    }

    /// Takes one delivery from received to settled.
    ///
    /// Every line that is logged meanwhile, here or in an adapter, names the message; ids begin with the batch.
    async fn settle_one(&self, delivery: Delivery) -> After {
        let trace = trace::handling(self.stage.input(), delivery.message());
        let span = info_span!("delivery", stage = %self.name, id = %delivery.message().id);
        match self.try_settle_one(delivery, &trace).instrument(span).instrument(trace.clone()).await {
            Ok(after) => after,
            Err(crash) => After::End(Ended::Crashed(crash)),
        }
    }

    async fn try_settle_one(&self, delivery: Delivery, trace: &Span) -> Result<After, Crash> {
        let Surroundings { queue, failpoints, .. } = &self.surroundings;
        failpoints.pass(self.name, Point::Received).await?;
        let started = tokio::time::Instant::now();
        let result = self.handle(&delivery).await;
        self.metrics.handled(started.elapsed().as_secs_f64());
        failpoints.pass(self.name, Point::Handled).await?;

        let (settlement, outcome, then) = match result {
            Ok(mut outputs) => {
                for output in &mut outputs {
                    trace::pass_on(trace, &delivery.message().headers, &mut output.message.headers);
                    life::pass_on(&delivery.message().headers, &mut output.message.headers);
                }
                let count = outputs.len() as u64;
                match publish(queue.as_ref(), outputs).await {
                    Ok(()) => {
                        self.metrics.published(count);
                        failpoints.pass(self.name, Point::Published).await?;
                        (Settlement::Done, Outcome::Done, After::Worked)
                    }
                    // Handled again, it would be refused again.
                    Err(error @ QueueError::Refused { .. }) => {
                        trace::failed(trace, &error.to_string());
                        self.settlement_for(&delivery, error.into())
                    }
                    Err(error) => {
                        trace::failed(trace, &error.to_string());
                        // Not settled: the delivery goes back by being dropped, and is handled again.
                        return Ok(After::End(ended_by(&error)));
                    }
                }
            }
            Err(failure) => {
                trace::failed(trace, &failure.to_string());
                self.settlement_for(&delivery, failure)
            }
        };
        trace.record("coinpipe.outcome", outcome.as_str());
        let (settlement, dead_class) = match settlement {
            Settlement::DeadLetter(mut letter) => {
                let class = letter.class;
                trace::pass_on(trace, &delivery.message().headers, &mut letter.headers);
                (Settlement::DeadLetter(letter), Some(class))
            }
            other => (other, None),
        };
        match delivery.settle(settlement).await {
            Ok(()) => {
                self.metrics.settled(outcome);
                if let Some(class) = dead_class {
                    self.metrics.dead(class);
                }
                failpoints.pass(self.name, Point::Settled).await?;
                Ok(then)
            }
            Err(QueueError::Lost) => {
                info!("held too long: another worker has the message now");
                Ok(After::GoOn)
            }
            Err(error) => Ok(After::End(ended_by(&error))),
        }
    }

    /// Lets the stage handle the message, within the deadline, whatever it does.
    async fn handle(&self, delivery: &Delivery) -> Result<Vec<Output>, Failure> {
        let message = delivery.message();
        debug!(attempt = message.attempt(), "handling");
        // Letters are filed with whatever they have.
        if let Some(unreadable) = message.headers.get(header::UNREADABLE)
            && self.stage.input() != QueueName::Dead
        {
            let reason = format!("its headers cannot be read: {unreadable:?}");
            return Err(Failure::Reject { class: Class::Poison, code: "unreadable_headers", reason });
        }
        let handling = AssertUnwindSafe(self.stage.handle(message)).catch_unwind();
        match tokio::time::timeout(self.settings.deadline, handling).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(Failure::Reject {
                class: Class::Poison,
                code: "panic",
                reason: format!("the {} panicked: {}", self.name, panic_text(panic.as_ref())),
            }),
            Err(_elapsed) => Err(Failure::Retry {
                code: "deadline",
                reason: format!("not done within {:?}", self.settings.deadline),
            }),
        }
    }

    /// How a failed delivery is settled, and what follows for the session.
    fn settlement_for(&self, delivery: &Delivery, failure: Failure) -> (Settlement, Outcome, After) {
        let message = delivery.message();
        let letter = |class, code: &str, reason: String| {
            let now = self.surroundings.clock.now();
            Settlement::DeadLetter(Box::new(DeadLetter::for_message(
                message, self.name, class, code, reason, now,
            )))
        };
        let attempt = message.attempt();
        match failure {
            Failure::Retry { code, reason } => {
                if let Some(delay) = self.settings.retry.delay_after(attempt) {
                    warn!(attempt, code, reason, retry_in = ?delay, "failed; will try again");
                    (Settlement::RetryAfter { delay, attempt: attempt + 1 }, Outcome::Retry, After::GoOn)
                } else {
                    error!(attempt, code, reason, "failed for the last time; to the dead letters");
                    (letter(Class::RetriesExhausted, code, reason), Outcome::Dead, After::GoOn)
                }
            }
            Failure::Reject { class, code, reason } => {
                error!(%class, code, reason, "cannot be handled; to the dead letters");
                (letter(class, code, reason), Outcome::Dead, After::GoOn)
            }
            Failure::Outage { reason } => {
                let delay = self.settings.retry.outage_delay();
                let then = After::End(Ended::Outage(reason));
                (Settlement::RetryAfter { delay, attempt }, Outcome::Outage, then)
            }
            Failure::Fatal { reason } => {
                let delay = self.settings.retry.outage_delay();
                let then = After::End(Ended::Fatal(reason));
                (Settlement::RetryAfter { delay, attempt }, Outcome::Outage, then)
            }
        }
    }

    /// Waits; `false` when stopped meanwhile.
    async fn wait(&self, duration: Duration, stop: &CancellationToken) -> bool {
        tokio::select! {
            () = stop.cancelled() => false,
            () = self.surroundings.clock.sleep(duration) => true,
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
            self.tell(outage.failed(Missing::Store), PAUSED, &reason);
        }
    }
}

/// What is logged while the stage waits for what it needs.
const PAUSED: &str = "paused until what the stage needs is back";

/// Publishes the outputs, queue by queue: rows before the dead letters about them.
async fn publish(queue: &dyn Queue, mut outputs: Vec<Output>) -> Result<(), QueueError> {
    for to in QueueName::ALL {
        let messages: Vec<_> =
            outputs.extract_if(.., |output| output.to == to).map(|output| output.message).collect();
        if !messages.is_empty() {
            queue.publish(to, &messages).await?;
        }
    }
    Ok(())
}

fn ended_by(error: &QueueError) -> Ended {
    if error.is_transient() { Ended::QueueAway(error.to_string()) } else { Ended::Fatal(error.to_string()) }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod outages;
#[cfg(test)]
mod tests;
