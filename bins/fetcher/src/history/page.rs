//! From an answer of quotes/historical to pages: one for each hour, as a listing of v1 would have it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::{Measure, Slot, timestamp};
use serde_json::value::RawValue;

use super::HOUR;
use super::answer::{PastCoin, PastPoint, PastQuotes};
use super::coins::KnownCoin;

/// What the API says in place of what listings say.
const RENAMED: [(&str, &str); 1] = [("volume_24hr", "volume_24h")];

/// The fields of a quote, with the JSON of each.
type Quote<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The page of one hour.
#[derive(Debug, PartialEq)]
pub(crate) struct Parted {
    pub(crate) slot: Slot,
    pub(crate) body: Vec<u8>,
    /// Coins in it.
    pub(crate) rows: u32,
    /// Coins that the answer has a quote of at this hour or before: those that there are then, as far as it tells.
    pub(crate) there: u32,
    /// Its part of what the answer cost.
    pub(crate) credits: u32,
}

/// Parts an answer, which came at `received_at`, by `slots`, which it was asked for in the currencies `convert`. What makes no sense
/// goes to the first of them, for the cleaning to refuse.
pub(crate) fn part(
    past: &PastQuotes,
    slots: &[Slot],
    coins: &[KnownCoin],
    convert: &[String],
    received_at: DateTime<Utc>,
) -> Vec<Parted> {
    let slugs: HashMap<u32, &str> = coins.iter().map(|coin| (coin.id, coin.slug.as_str())).collect();
    let mut data: Vec<(String, u32, u32)> = vec![(String::new(), 0, 0); slots.len()];
    for coin in &past.coins {
        let slug = slugs.get(&coin.id).copied().filter(|slug| !slug.is_empty());
        let mut is_there = false;
        for (place, slot) in slots.iter().enumerate() {
            // Of two quotes in an hour the first is the hour's.
            let is_of_slot = |point: &&PastPoint| Slot::current(point.at, HOUR) == *slot;
            let (rows, count, there) = &mut data[place];
            if let Some(point) = coin.points.iter().find(is_of_slot) {
                separate(rows);
                write_row(rows, coin, point, slug, convert);
                *count += 1;
                is_there = true;
            }
            *there += u32::from(is_there);
        }
    }
    if let Some((rows, count, there)) = data.first_mut() {
        for odd in &past.odd {
            separate(rows);
            rows.push_str(odd.get());
            *count += 1;
            *there += 1;
        }
    }
    let credits = shares(past.credits, slots.len());
    let pages = slots.iter().zip(data).zip(credits);
    let page = |((slot, (rows, count, there)), credits): ((&Slot, (String, u32, u32)), u32)| {
        let received_at = timestamp::to_text(received_at);
        let body = format!(
            "{{\"status\":{{\"timestamp\":\"{received_at}\",\"error_code\":0,\"error_message\":null,\"credit_count\":{credits},\
             \"notice\":\"made by coinpipe of an answer of quotes/historical\"}},\"data\":[{rows}]}}"
        );
        Parted { slot: *slot, body: body.into_bytes(), rows: count, there, credits }
    };
    pages.map(page).collect()
}

fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push(',');
    }
}

/// `credits` in so many parts, as even as can be.
pub(crate) fn shares(credits: u32, parts: usize) -> Vec<u32> {
    let parts = u32::try_from(parts).unwrap_or(u32::MAX).max(1);
    (0..parts).map(|part| credits / parts + u32::from(part < credits % parts)).collect()
}

/// Writing to a `String` cannot fail, so results of `write!` are dropped.
fn write_row(out: &mut String, coin: &PastCoin, point: &PastPoint, slug: Option<&str>, convert: &[String]) {
    let _ = write!(out, "{{\"id\":{},\"name\":{},\"symbol\":{}", coin.id, coin.name, coin.symbol);
    if let Some(slug) = slug {
        let _ = write!(out, ",\"slug\":{}", serde_json::Value::from(slug));
    }
    if let Some(is_active) = &coin.is_active {
        let _ = write!(out, ",\"is_active\":{is_active}");
    }
    let quotes: Vec<(&String, &RawValue, Option<Quote<'_>>)> = convert
        .iter()
        .filter_map(|currency| {
            let quote = point.quotes.get(currency)?;
            Some((currency, &**quote, fields(quote)))
        })
        .collect();
    // Listings have them beside the quotes.
    for measure in Measure::ALL.into_iter().filter(|measure| measure.is_per_coin()) {
        let name = measure.column();
        let sent = quotes.iter().find_map(|(_, _, fields)| fields.as_ref()?.get(name));
        if let Some(sent) = sent {
            let _ = write!(out, ",\"{name}\":{sent}");
        }
    }
    out.push_str(",\"quote\":{");
    for (index, (currency, raw, fields)) in quotes.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let _ = write!(out, "{}:", serde_json::Value::from(currency.as_str()));
        match fields {
            Some(fields) => write_quote(out, fields, point.at),
            None => out.push_str(raw.get()),
        }
    }
    out.push_str("}}");
}

fn fields(quote: &RawValue) -> Option<Quote<'_>> {
    serde_json::from_str(quote.get()).ok().filter(|_| quote.get().starts_with('{'))
}

fn write_quote(out: &mut String, fields: &Quote<'_>, at: DateTime<Utc>) {
    out.push('{');
    for (name, value) in fields {
        let _ = write!(out, "{}:{value},", serde_json::Value::from(name.as_ref()));
    }
    for (sent, meant) in RENAMED {
        if let Some(value) = fields.get(sent).filter(|_| !fields.contains_key(meant)) {
            let _ = write!(out, "\"{meant}\":{value},");
        }
    }
    if fields.contains_key("last_updated") {
        out.pop();
    } else {
        let at = fields.get("timestamp").map_or_else(
            || format!("\"{}\"", timestamp::to_text(at)),
            |timestamp| timestamp.get().to_owned(),
        );
        let _ = write!(out, "\"last_updated\":{at}");
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn slot(hour: u32) -> Slot {
        Slot::at(timestamp::from_text(&format!("2026-11-22T{hour:02}:00:00Z")).unwrap())
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn point(at: &str, quote: &str) -> PastPoint {
        let quotes = BTreeMap::from([("USD".to_owned(), raw(quote))]);
        PastPoint { at: timestamp::from_text(at).unwrap(), quotes }
    }

    fn parted(points: Vec<PastPoint>, odd: Vec<Box<RawValue>>) -> Vec<Parted> {
        let (name, symbol) = (raw("\"Bitcoin\""), raw("\"BTC\""));
        let coin = PastCoin { id: 1, name, symbol, is_active: Some(raw("1")), points };
        let past = PastQuotes { coins: vec![coin], odd, credits: 3, simulated: false };
        let known = [KnownCoin { id: 1, slug: "bit\"coin".to_owned() }];
        part(&past, &[slot(14), slot(15)], &known, &["USD".to_owned()], slot(16).starts_at())
    }

    fn rows(page: &Parted) -> Vec<Value> {
        let body: Value = serde_json::from_slice(&page.body).unwrap();
        body["data"].as_array().unwrap().clone()
    }

    #[test]
    fn an_hour_is_a_listing_with_the_text_of_the_numbers_as_it_was_sent() {
        let quote = r#"{"price": 1.2300, "volume_24hr": 7e-7, "circulating_supply": 21, "last_updated": "2026-11-22T13:59:00.000Z"}"#;
        let pages = parted(vec![point("2026-11-22T14:00:00Z", quote)], Vec::new());
        let expected = json!({"id": 1, "name": "Bitcoin", "symbol": "BTC", "slug": "bit\"coin", "is_active": 1,
            "circulating_supply": 21, "quote": {"USD": {"price": 1.23, "volume_24hr": 7e-7, "volume_24h": 7e-7,
            "circulating_supply": 21, "last_updated": "2026-11-22T13:59:00.000Z"}}});
        assert_eq!(rows(&pages[0]), [expected]);
        assert!(String::from_utf8_lossy(&pages[0].body).contains("\"price\":1.2300,"));
        assert_eq!((pages[0].rows, pages[1].rows, rows(&pages[1]).len()), (1, 0, 0));
        assert_eq!((pages[0].credits, pages[1].credits), (2, 1));
    }

    #[test]
    fn a_quote_belongs_to_the_hour_that_it_is_in_and_the_first_counts() {
        let points = vec![
            point("2026-11-22T14:04:59Z", r#"{"price": 1, "timestamp": "2026-11-22T14:04:00Z"}"#),
            point("2026-11-22T14:59:59Z", r#"{"price": 2}"#),
            point("2026-11-22T15:00:00Z", r#"{"price": 3}"#),
            point("2026-11-22T16:00:00Z", r#"{"price": 4}"#),
        ];
        let pages = parted(points, Vec::new());
        let quotes: Vec<_> = pages.iter().flat_map(rows).map(|row| row["quote"]["USD"].clone()).collect();
        let expected = [
            json!({"price": 1, "timestamp": "2026-11-22T14:04:00Z", "last_updated": "2026-11-22T14:04:00Z"}),
            json!({"price": 3, "last_updated": "2026-11-22T15:00:00.000Z"}),
        ];
        assert_eq!(quotes, expected);
    }

    #[test]
    fn what_makes_no_sense_is_on_the_first_page() {
        let pages = parted(vec![point("2026-11-22T15:00:00Z", "7")], vec![raw("null")]);
        assert_eq!((rows(&pages[0]), pages[0].rows), (vec![Value::Null], 1));
        assert_eq!(rows(&pages[1])[0]["quote"], json!({"USD": 7}));
    }
}
