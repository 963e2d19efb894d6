//! What the broker put on the dead or the unroutable queue by itself becomes a dead letter like those of the stages.

use chrono::{DateTime, Utc};
use domain::{Class, DeadLetter, Message, header};
use lapin::message::Delivery;
use lapin::types::AMQPValue;
use ports::QueueName;

use crate::message::{cut, to_number, to_text};
use crate::topology::Names;

/// How many bytes are kept of what the broker wrote about a death.
const KEPT_OF_DEATH: usize = 255;

/// The newest entry of `x-death`: why the broker moved a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) queue: String,
    pub(super) reason: String,
    pub(super) at: Option<DateTime<Utc>>,
}

/// The newest death of the message in `delivery`; `None` when it has none that can be read.
pub(super) fn death(delivery: &Delivery) -> Option<Death> {
    let table = delivery.properties.headers().as_ref()?;
    let Some(AMQPValue::FieldArray(deaths)) = table.inner().get("x-death") else { return None };
    let Some(AMQPValue::FieldTable(death)) = deaths.as_slice().first() else { return None };
    // Publishers may write this header too, and some brokers pass it on.
    let text = |name: &str| cut(death.inner().get(name).and_then(to_text).unwrap_or_default(), KEPT_OF_DEATH);
    let seconds = death.inner().get("time").and_then(to_number).and_then(|number| i64::try_from(number).ok());
    let at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Some(Death { queue: text("queue"), reason: text("reason"), at })
}

/// The broker's reason when a consumer rejected a message, as `receipt` does.
const REJECTED: &str = "rejected";
/// The broker's reasons to move a message, except for the delivery limit.
const REASONS: [&str; 3] = [REJECTED, "expired", "maxlen"];

/// What is known about how a message came to the dead or the unroutable queue.
pub(super) struct LetterContext<'a> {
    pub(super) names: &'a Names,
    pub(super) death: Option<Death>,
    pub(super) exchange: &'a str,
    pub(super) routing_key: &'a str,
    pub(super) delivery_limit: u32,
    pub(super) now: DateTime<Utc>,
}

/// What arrived on the dead queue, as a letter. Stages publish letters; what the broker moved there is made into one.
pub(super) fn dead_letter(message: Message, context: &LetterContext<'_>) -> Message {
    let Some(death) = context.death.as_ref().filter(|_| !is_letter(&message)) else { return message };
    let at = death.at.unwrap_or(context.now);
    let Some(queue) = context.names.queue_of(&death.queue) else { return message };
    if death.reason == "delivery_limit" {
        return DeadLetter::delivery_limit(&message, queue.consumer(), context.delivery_limit, at)
            .into_message();
    }
    // A publisher may have written the reason, and there must be few codes.
    let code = REASONS.into_iter().find(|known| *known == death.reason).unwrap_or("dead_lettered");
    let mut reason =
        format!("RabbitMQ moved it from queue {} to the dead letters: {:?}", death.queue, death.reason);
    if death.reason == REJECTED {
        reason.push_str(
            "; a worker could not publish what it wanted to become of it, as the worker's log says",
        );
    }
    let stage = queue.consumer();
    DeadLetter::for_message(&message, stage, Class::Unknown, code, reason, at).into_message()
}

/// What arrived on the unroutable queue, as a letter.
pub(super) fn unroutable_letter(message: Message, context: &LetterContext<'_>) -> Message {
    if is_letter(&message) {
        return message;
    }
    let LetterContext { names, exchange, routing_key, .. } = context;
    let in_key = || routing_key.split('.').next().and_then(|word| word.parse().ok());
    let queue = names.queue_of(exchange).or_else(in_key).unwrap_or(QueueName::Dead);
    let reason = format!(
        "RabbitMQ had no queue for it (exchange {exchange:?}, routing key {routing_key:?}): it was published while \
         its queue was missing"
    );
    let stage = queue.consumer();
    let at = context.death.as_ref().and_then(|death| death.at).unwrap_or(context.now);
    DeadLetter::for_message(&message, stage, Class::Unknown, "unroutable", reason, at).into_message()
}

fn is_letter(message: &Message) -> bool {
    message.headers.iter().any(|(name, _)| name.starts_with(header::DEAD_PREFIX))
}
