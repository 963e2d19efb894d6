//! Reads one coin: raw JSON in; a typed coin with its quotes, or why it cannot be read, out.
//!
//! Only fields that the tables hold are looked at, so that unknown or odd others never cost a coin.
//! What identifies a coin, and every number that is used, must make sense or the coin is rejected.
//! Optional descriptions (tags, platform, date added, flags) that make no sense count as not known.

mod fault;
mod numbers;
mod quotes;

use std::sync::LazyLock;

use domain::json::each_element;
use domain::{Coin, CoinRow, Measure, timestamp};
use serde_json::value::RawValue;

pub(crate) use self::fault::CoinFault;
use self::fault::Unreadable;
pub(crate) use self::numbers::number;
use crate::fields::{Fields, Sent, excerpt, parse_as};

/// The longest symbol, name, slug and token address, in characters: what the text columns hold.
pub(crate) const MAX_CHARS: usize = 255;
/// The most tags of a coin. The API sends some sixty.
pub(crate) const MAX_TAGS: usize = 1000;

/// The fields of a coin that are looked at.
static COIN: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let others = [
        "id",
        "name",
        "symbol",
        "slug",
        "date_added",
        "platform",
        "tags",
        "infinite_supply",
        "is_active",
        "quote",
    ];
    others.into_iter().chain(columns(true)).collect()
});

/// The names of the measures that belong to a coin, or to each of its quotes.
fn columns(per_coin: bool) -> impl Iterator<Item = &'static str> {
    Measure::ALL.into_iter().filter(move |measure| measure.is_per_coin() == per_coin).map(Measure::column)
}

/// Reads `raw` with one quote for each currency of `convert`.
pub(crate) fn read_coin(raw: &RawValue, convert: &[String]) -> Result<CoinRow, Unreadable> {
    let without_id = |fault| Unreadable { coin_id: None, fault };
    let fields = Fields::of(raw, &COIN).ok_or_else(|| without_id(CoinFault::NotACoin(excerpt(raw))))?;
    let id = id(&fields).map_err(without_id)?;
    let with_id = |fault| Unreadable { coin_id: Some(id), fault };
    let coin = coin(id, &fields).map_err(with_id)?;
    let quotes = quotes::read(&fields, convert).map_err(with_id)?;
    Ok(CoinRow { coin: coin.into(), quotes })
}

fn id(fields: &Fields) -> Result<u32, CoinFault> {
    let sent = fields.get("id");
    let id = sent.value().and_then(parse_as).filter(|&id: &u32| id > 0);
    id.ok_or_else(|| CoinFault::BadId(describe(sent)))
}

fn coin(id: u32, fields: &Fields) -> Result<Coin, CoinFault> {
    let name = required_text(fields, "name")?;
    let symbol = required_text(fields, "symbol")?;
    let slug = required_text(fields, "slug")?;
    let platform = fields.get("platform").value();
    let platform = platform.and_then(|raw| Fields::of(raw, &["id", "name", "token_address"]));
    let platform = platform.as_ref();
    let fitting = |text: &String| fits(text);
    Ok(Coin {
        id,
        name,
        symbol,
        slug,
        date_added: fields.optional::<String>("date_added").and_then(|text| timestamp::from_text(&text)),
        platform_id: platform.and_then(|platform| platform.optional("id")).filter(|&id: &u32| id > 0),
        platform_name: platform.and_then(|platform| platform.optional("name")).filter(fitting),
        token_address: platform.and_then(|platform| platform.optional("token_address")).filter(fitting),
        tags: fields.get("tags").value().and_then(tags),
        infinite_supply: flag(fields, "infinite_supply"),
        is_active: flag(fields, "is_active"),
    })
}

/// A text kept exactly as sent: blanks, commas, emoji and writing from right to left are real.
fn required_text(fields: &Fields, field: &'static str) -> Result<String, CoinFault> {
    let sent = fields.get(field);
    let text: Option<String> = sent.value().and_then(parse_as);
    match text {
        Some(text) if fits(&text) => Ok(text),
        Some(text) if !text.contains('\0') => {
            Err(CoinFault::TextTooLong { field, chars: text.chars().count() })
        }
        _ => Err(CoinFault::BadText { field, found: describe(sent) }),
    }
}

/// Whether every database takes `text` as it is.
fn fits(text: &str) -> bool {
    !text.contains('\0') && text.chars().nth(MAX_CHARS).is_none()
}

/// The tags of a coin, those that make sense. A list that is longer than any makes no sense at all.
fn tags(raw: &RawValue) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    let all = each_element(raw, |raw| {
        tags.extend(tag(raw).filter(|tag| tag.chars().nth(MAX_CHARS).is_none()));
        if tags.len() <= MAX_TAGS { Ok(()) } else { Err(()) }
    });
    matches!(all, Some(Ok(()))).then_some(tags)
}

/// A tag is its slug; listings send the slug alone, quotes an object around it.
fn tag(raw: &RawValue) -> Option<String> {
    if raw.get().starts_with('"') { parse_as(raw) } else { Fields::of(raw, &["slug"])?.optional("slug") }
}

/// Some versions of the API write 1 and 0 for true and false.
fn flag(fields: &Fields, name: &str) -> Option<bool> {
    match fields.get(name).value()?.get() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// What was sent, for a reason.
fn describe(sent: Sent<&RawValue>) -> String {
    match sent {
        Sent::Missing => "missing".to_owned(),
        Sent::Null => "null".to_owned(),
        Sent::Value(raw) => excerpt(raw),
    }
}

/// These coins, read in USD.
#[cfg(test)]
pub(crate) fn rows(coins: &[crate::test_page::TestCoin]) -> Vec<CoinRow> {
    let read = |coin: &crate::test_page::TestCoin| {
        let raw = RawValue::from_string(coin.json()).unwrap();
        read_coin(&raw, &["USD".to_owned()]).unwrap()
    };
    coins.iter().map(read).collect()
}

#[cfg(test)]
mod tests;
