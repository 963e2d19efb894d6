//! Messages as they arrive: whatever was published becomes a message that a stage can reject.

use domain::{Bytes, Headers, Message, MessageId, header, wire};
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};

use super::headers::{AROUND_HEADER, MOST_BYTES, MOST_BYTES_OF_MESSAGES, cut, is_of_the_broker};

/// How much of unreadable headers is kept.
const KEPT_BYTES: usize = 4096;

/// The message in `delivery`, and how often it was delivered, with this time.
pub(crate) fn read(delivery: &mut Delivery) -> (Message, u32) {
    read_with(delivery, MOST_BYTES_OF_MESSAGES)
}

/// The same from the dead queue: a letter has the headers of its message, and its own.
pub(crate) fn read_letter(delivery: &mut Delivery) -> (Message, u32) {
    read_with(delivery, MOST_BYTES)
}

fn read_with(delivery: &mut Delivery, most: usize) -> (Message, u32) {
    // lapin doubles the room for a body with each of its frames, so half of it may be empty.
    let body = Bytes::from(std::mem::take(&mut delivery.data).into_boxed_slice());
    let empty = FieldTable::default();
    let table = delivery.properties.headers().as_ref().unwrap_or(&empty);
    let id = match delivery.properties.message_id() {
        Some(id) if !id.as_str().is_empty() => MessageId::new(id.as_str()),
        // A message without an id gets one derived from its body, the same on each delivery.
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

/// One header that shows what was there, as far as it can be shown.
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

/// The text of a value: texts, and the numbers and flags that other programs may write.
pub(crate) fn to_text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(flag) => Some(flag.to_string()),
        AMQPValue::Float(number) => Some(number.to_string()),
        AMQPValue::Double(number) => Some(number.to_string()),
        _ => to_number(value).map(|number| number.to_string()),
    }
}

pub(crate) fn to_number(value: &AMQPValue) -> Option<i128> {
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
