//! Messages as they arrive: whatever someone published, it becomes a message that a stage can reject and a
//! desk can file. And what the broker put on the dead or the unroutable queue by itself becomes a letter.

use chrono::{DateTime, Utc};
use domain::{Bytes, Class, DeadLetter, Headers, Message, MessageId, header, wire};
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use ports::QueueName;

use crate::outgoing::{AROUND_HEADER, MOST_BYTES as MOST_BYTES_OF_LETTERS};
use crate::topology::Names;

/// What headers may have in all before they count as unreadable; a letter about them must fit a frame too.
const MOST_BYTES: usize = 64 * 1024;
/// How much of what the broker is said to have said is kept.
const KEPT_OF_DEATH: usize = 255;
/// How much of unreadable headers is kept.
const KEPT_BYTES: usize = 4096;

/// Headers that brokers write, or that steer them. They are no part of a message: sent back, older brokers
/// would believe them.
pub(crate) fn is_of_the_broker(name: &str) -> bool {
    const PREFIXES: [&str; 4] = ["x-first-death-", "x-last-death-", "x-opt-", "x-stream-"];
    const NAMES: [&str; 7] =
        ["x-death", "x-delivery-count", "x-acquired-count", "x-delay", "x-received-from", "CC", "BCC"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The message in `delivery`, and how often it was handed out, counting this time.
pub(crate) fn read(delivery: &mut Delivery) -> (Message, u32) {
    read_with(delivery, MOST_BYTES)
}

/// The same from the dead queue: a letter has the headers of its message, and its own.
pub(crate) fn read_letter(delivery: &mut Delivery) -> (Message, u32) {
    read_with(delivery, MOST_BYTES_OF_LETTERS)
}

fn read_with(delivery: &mut Delivery, most: usize) -> (Message, u32) {
    let body = Bytes::from(std::mem::take(&mut delivery.data));
    let empty = FieldTable::default();
    let table = delivery.properties.headers().as_ref().unwrap_or(&empty);
    let id = match delivery.properties.message_id() {
        Some(id) if !id.as_str().is_empty() => MessageId::new(id.as_str()),
        // The same whenever it is delivered, as far as the message can say.
        _ => MessageId::new(format!(
            "no-id/{}/{:08x}-{}",
            delivery.routing_key,
            wire::crc32c(&body),
            body.len()
        )),
    };
    let returns = table.inner().get("x-delivery-count").and_then(to_number).unwrap_or(0);
    let deliveries = u32::try_from(returns).unwrap_or(u32::MAX).saturating_add(1);
    (Message { id, headers: headers(table, most), body }, deliveries)
}

fn headers(table: &FieldTable, most: usize) -> Headers {
    let ours = || table.inner().iter().filter(|(name, _)| !is_of_the_broker(name.as_str()));
    let mut headers = Headers::new();
    let mut size = 0;
    for (name, value) in ours() {
        let Some(text) = to_text(value) else { return unreadable(ours()) };
        size += name.as_str().len() + text.len() + AROUND_HEADER;
        headers.set(name.as_str(), text);
    }
    if size > most { unreadable(ours()) } else { headers }
}

/// One header that holds what there was, as far as it can be shown.
fn unreadable<'a>(table: impl Iterator<Item = (&'a lapin::types::ShortString, &'a AMQPValue)>) -> Headers {
    let mut text = String::new();
    for (name, value) in table {
        if text.len() > KEPT_BYTES {
            break;
        }
        let shown = to_text(value).unwrap_or_else(|| format!("{value:?}"));
        text.extend([name.as_str(), ": ", &cut(shown, KEPT_BYTES), "\n"]);
    }
    Headers::new().with(header::UNREADABLE, cut(text, KEPT_BYTES))
}

/// The first `most` bytes of `text`, to the last whole character.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}

/// Texts, and what others may write for a number or a flag.
fn to_text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(flag) => Some(flag.to_string()),
        AMQPValue::Float(number) => Some(number.to_string()),
        AMQPValue::Double(number) => Some(number.to_string()),
        _ => to_number(value).map(|number| number.to_string()),
    }
}

fn to_number(value: &AMQPValue) -> Option<i128> {
    Some(match value {
        AMQPValue::ShortShortInt(number) => i128::from(*number),
        AMQPValue::ShortShortUInt(number) => i128::from(*number),
        AMQPValue::ShortInt(number) => i128::from(*number),
        AMQPValue::ShortUInt(number) => i128::from(*number),
        AMQPValue::LongInt(number) => i128::from(*number),
        AMQPValue::LongUInt(number) => i128::from(*number),
        AMQPValue::LongLongInt(number) => i128::from(*number),
        AMQPValue::Timestamp(number) => i128::from(*number),
        _ => return None,
    })
}

/// What the broker says about why it moved a message: the newest of its deaths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    pub queue: String,
    pub reason: String,
    pub at: Option<DateTime<Utc>>,
}

/// The last death of the message in `delivery`, if it says so in a readable way.
pub(crate) fn death(delivery: &Delivery) -> Option<Death> {
    let table = delivery.properties.headers().as_ref()?;
    let Some(AMQPValue::FieldArray(deaths)) = table.inner().get("x-death") else { return None };
    let Some(AMQPValue::FieldTable(death)) = deaths.as_slice().first() else { return None };
    // Some brokers take what a publisher wrote for their own.
    let text = |name: &str| cut(death.inner().get(name).and_then(to_text).unwrap_or_default(), KEPT_OF_DEATH);
    let seconds = death.inner().get("time").and_then(to_number).and_then(|number| i64::try_from(number).ok());
    let at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Some(Death { queue: text("queue"), reason: text("reason"), at })
}

/// What the broker calls it when a worker hands a message over, see `receipt`.
const REJECTED: &str = "rejected";
/// Why brokers move messages, beside the limit on deliveries.
const REASONS: [&str; 3] = [REJECTED, "expired", "maxlen"];

/// What is known about how a message came to the dead or the unroutable queue.
pub(crate) struct Trail<'a> {
    pub names: &'a Names,
    pub death: Option<Death>,
    pub exchange: &'a str,
    pub routing_key: &'a str,
    pub delivery_limit: u32,
    pub now: DateTime<Utc>,
}

/// What arrived on the dead queue, as a letter: most are; what the broker moved there by itself is not yet.
pub(crate) fn dead_letter(message: Message, trail: &Trail<'_>) -> Message {
    let Some(death) = trail.death.as_ref().filter(|_| !is_letter(&message)) else { return message };
    let at = death.at.unwrap_or(trail.now);
    let Some(queue) = trail.names.queue_of(&death.queue) else { return message };
    if death.reason == "delivery_limit" {
        return DeadLetter::delivery_limit(&message, queue.consumer(), trail.delivery_limit, at)
            .into_message();
    }
    // A publisher may have written it, and a code is one of a few words.
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
pub(crate) fn unroutable_letter(message: Message, trail: &Trail<'_>) -> Message {
    if is_letter(&message) {
        return message;
    }
    let Trail { names, exchange, routing_key, .. } = trail;
    let in_key = || routing_key.split('.').next().and_then(|word| word.parse().ok());
    let queue = names.queue_of(exchange).or_else(in_key).unwrap_or(QueueName::Dead);
    let reason = format!(
        "RabbitMQ had no queue for it (exchange {exchange:?}, routing key {routing_key:?}): it was published while \
         its queue was missing"
    );
    let stage = queue.consumer();
    let at = trail.death.as_ref().and_then(|death| death.at).unwrap_or(trail.now);
    DeadLetter::for_message(&message, stage, Class::Unknown, "unroutable", reason, at).into_message()
}

fn is_letter(message: &Message) -> bool {
    message.headers.iter().any(|(name, _)| name.starts_with(header::DEAD_PREFIX))
}
