//! Reads one row of a kind out of an answer, by the kind's description.
//!
//! What the key needs, what every row has, and every number must make sense or the row is rejected. Other texts, instants and flags that make
//! no sense count as not known, as those of coins do.

use domain::{Field, Form, MarketKind, PageMeta, Place, Record, Shape, Value, timestamp};
use serde_json::value::RawValue;

use super::fault::RowFault;
use crate::fields::{Fields, Sent, excerpt, parse_as};
use crate::read::{CoinFault, MAX_CHARS, number};

/// Reads `raw`, an element of the page `meta`.
pub(super) fn read(kind: MarketKind, meta: &PageMeta, raw: &RawValue) -> Result<Record, RowFault> {
    let fields = kind.description().fields;
    let own = names(fields, |place| match place {
        Place::Own(name) | Place::Within(name, _) => Some(name),
        Place::Quote(_) => Some("quote"),
        Place::Currency | Place::Always(_) => None,
    });
    let row = Fields::of(raw, &own).ok_or_else(|| RowFault::NotARow(excerpt(raw)))?;
    let quoted = names(fields, |place| if let Place::Quote(name) = place { Some(name) } else { None });
    let currency = currency(kind, meta);
    let quote = match &currency {
        Some(currency) => {
            let quote = row.get("quote").value().and_then(|raw| quote_in(raw, currency));
            let quote = quote.and_then(|raw| Fields::of(raw, &quoted));
            Some(quote.ok_or_else(|| CoinFault::CurrencyMissing(currency.clone()))?)
        }
        None => None,
    };
    let values = fields.iter().map(|field| {
        let sent = match field.place {
            Place::Own(name) => row.get(name),
            Place::Quote(name) => quote.as_ref().map_or(Sent::Missing, |quote| quote.get(name)),
            Place::Within(object, name) => match row.get(object).value() {
                Some(raw) => {
                    let names = [name];
                    let within = Fields::of(raw, &names).map(|within| within.get(name));
                    return value(field, within.unwrap_or(Sent::Missing));
                }
                None => Sent::Missing,
            },
            Place::Currency => return Ok(currency.clone().map(Value::Text)),
            Place::Always(text) => return Ok(Some(Value::Text(text.to_owned()))),
        };
        value(field, sent)
    });
    Ok(Record { values: values.collect::<Result<_, _>>()? })
}

/// The names that `of` tells of the places of `fields`.
fn names(fields: &[Field], of: impl Fn(Place) -> Option<&'static str>) -> Vec<&'static str> {
    let mut names: Vec<_> = fields.iter().filter_map(|field| of(field.place)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The currency that the page is in: each page is in one.
fn currency(kind: MarketKind, meta: &PageMeta) -> Option<String> {
    if kind.description().shape != Shape::ObjectPerCurrency {
        return None;
    }
    meta.convert.get(meta.page as usize - 1).cloned()
}

/// The quote in `currency`: of a map by currency, or of a list as v3 listings have it.
fn quote_in<'a>(quotes: &'a RawValue, currency: &str) -> Option<&'a RawValue> {
    let names = [currency];
    if let Some(by_currency) = Fields::of(quotes, &names) {
        return by_currency.get(currency).value();
    }
    let mut found = None;
    let taken = domain::json::each_element(quotes, |raw| {
        let is_it = Fields::of(raw, &["symbol"]).and_then(|quote| quote.optional::<String>("symbol"));
        if is_it.as_deref() == Some(currency) {
            found = Some(raw);
            return Err(());
        }
        Ok(())
    });
    taken.and(found)
}

fn value(field: &Field, sent: Sent<&RawValue>) -> Result<Option<Value>, RowFault> {
    let column = field.column;
    let Sent::Value(raw) = sent else {
        return if field.is_required { Err(RowFault::FieldMissing(column)) } else { Ok(None) };
    };
    let read = match field.form {
        Form::Id => Ok(Value::Number(f64::from(id(raw)?))),
        Form::Count(_) | Form::Money | Form::Percent | Form::Number => {
            return Ok(Some(Value::Number(number(raw, column)?)));
        }
        Form::Text => text(field, raw).map(Value::Text).map_err(RowFault::from),
        Form::Instant => {
            let instant = parse_as::<String>(raw).and_then(|text| timestamp::from_text(&text));
            instant
                .map(Value::Instant)
                .ok_or_else(|| RowFault::BadInstant { field: column, found: excerpt(raw) })
        }
        Form::Flag => match raw.get() {
            "1" | "true" => Ok(Value::Flag(true)),
            "0" | "false" => Ok(Value::Flag(false)),
            _ => Err(RowFault::FieldMissing(column)),
        },
        Form::Json if raw.get().len() <= Value::MOST_JSON_BYTES => Ok(Value::Text(raw.get().to_owned())),
        Form::Json => Err(RowFault::FieldMissing(column)),
    };
    match read {
        Ok(value) if field.accepts(&value) => Ok(Some(value)),
        _ if !field.is_required => Ok(None),
        Ok(_) => Err(RowFault::BadInstant { field: column, found: excerpt(raw) }),
        Err(fault) => Err(fault),
    }
}

fn id(raw: &RawValue) -> Result<u32, CoinFault> {
    parse_as(raw).filter(|id: &u32| *id > 0).ok_or_else(|| CoinFault::BadId(excerpt(raw)))
}

fn text(field: &Field, raw: &RawValue) -> Result<String, CoinFault> {
    let text = parse_as::<String>(raw).filter(|text| !text.contains('\0'));
    let text = text.ok_or_else(|| CoinFault::BadText { field: field.column, found: excerpt(raw) })?;
    let chars = text.chars().count();
    if chars > MAX_CHARS {
        return Err(CoinFault::TextTooLong { field: field.column, chars });
    }
    Ok(text)
}
