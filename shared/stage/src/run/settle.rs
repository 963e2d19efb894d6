//! One delivery, from received to settled.

use std::panic::AssertUnwindSafe;

use domain::{Class, MessageId, header, one_line};
use futures_util::FutureExt;
use ports::{Delivery, Queue, QueueError, QueueName, Settlement};
use telemetry::trace;
use tracing::{Instrument as _, Span, debug, info, info_span};

use super::ended::{After, Ended};
use super::{Runner, StageContext};
use crate::contract::{Failure, Output};
use crate::failpoint::{Crash, Point};
use crate::metrics::Outcome;
use crate::replay_id;

impl Runner {
    /// Takes one delivery from received to settled.
    ///
    /// Every line that is logged meanwhile, here or in an adapter, names the message; ids begin with the batch.
    pub(super) async fn settle_one(&self, delivery: Delivery) -> After {
        let trace = trace::handling(self.stage.input(), delivery.message());
        // An id comes from outside: with line breaks in it, it could forge log lines.
        let id = one_line(delivery.message().id.as_str(), MessageId::MAX_BYTES);
        let span = info_span!("delivery", stage = %self.name, id);
        match self.try_settle_one(delivery, &trace).instrument(span).instrument(trace.clone()).await {
            Ok(after) => after,
            Err(crash) => After::End(Ended::Crashed(crash)),
        }
    }

    async fn try_settle_one(&self, delivery: Delivery, trace: &Span) -> Result<After, Crash> {
        let StageContext { queue, failpoints, .. } = &self.context;
        failpoints.pass(self.name, Point::Received).await?;
        let started = tokio::time::Instant::now();
        let result = self.handle(&delivery).await;
        self.metrics.handled(started.elapsed().as_secs_f64());
        failpoints.pass(self.name, Point::Handled).await?;

        let (settlement, outcome, then) = match result {
            Ok(mut outputs) => {
                for output in &mut outputs {
                    trace::pass_on(trace, &delivery.message().headers, &mut output.message.headers);
                    replay_id::pass_on(&delivery.message().headers, &mut output.message.headers);
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
                        return Ok(After::End(Ended::by(&error)));
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
            Err(error) => Ok(After::End(Ended::by(&error))),
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
}

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

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
