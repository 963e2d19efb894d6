//! What is compared of a page: of each coin its id, rank, price and time, and which numbers it has; and what time the API has.
//!
//! A part of another shape than usual counts as absent, and costs nothing but itself. A page of another shape has no summary.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use domain::{Measure, timestamp};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A page, as far as it is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PageSummary {
    /// The API's time.
    pub(crate) timestamp: Option<DateTime<Utc>>,
    /// In the order of the page.
    pub(crate) coins: Vec<CoinSummary>,
}

/// A coin, with its quote in the first currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CoinSummary {
    pub(super) id: Option<u32>,
    pub(super) rank: Option<u32>,
    pub(super) price: Option<f64>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    /// The measures that it has, by their bits.
    pub(super) filled: u32,
}

impl PageSummary {
    /// Whether any coin can be told from others.
    pub(crate) fn has_ids(&self) -> bool {
        self.coins.iter().any(|coin| coin.id.is_some())
    }

    /// Reads `body`; of quotes in several currencies that in `currency`. `None` when it is none of the shapes of a listing.
    pub(crate) fn read(body: &[u8], currency: &str) -> Option<Self> {
        let Envelope { status, data } = serde_json::from_slice(body).ok()?;
        let coins = Coins(currency).deserialize(&mut serde_json::Deserializer::from_str(data.get())).ok()?;
        let status: Status =
            status.map(|status| serde_json::from_str(status.get()).unwrap_or_default()).unwrap_or_default();
        Some(Self { timestamp: status.timestamp.0.instant(), coins })
    }
}

/// Reads a part of a page by itself. One of another shape, or one that is no valid text or number, is empty.
fn lenient<'de, S: DeserializeSeed<'de, Value: Default>>(part: &'de RawValue, seed: S) -> S::Value {
    seed.deserialize(&mut serde_json::Deserializer::from_str(part.get())).unwrap_or_default()
}

/// The most coins of a page that are compared; the API sends 5,000. A page with more is none of its.
const MOST_COINS: usize = 20_000;
/// The most quotes of a coin that are looked at; the API has 120.
const MOST_QUOTES: usize = 200;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    data: &'a RawValue,
}

/// The coins of a page, with their quotes in this currency. One at a time, so that a page of many tiny rows takes no more memory
/// than any other.
struct Coins<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Coins<'_> {
    type Value = Vec<CoinSummary>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Coins<'_> {
    type Value = Vec<CoinSummary>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("coins")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut coins = Vec::new();
        while let Some(part) = list.next_element()? {
            if coins.len() == MOST_COINS {
                return Err(A::Error::custom("too many coins"));
            }
            coins.push(lenient(part, Read::Coin).into_coin(self.0));
        }
        Ok(coins)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    timestamp: Value,
}

/// A coin, or a quote of one: they have the same fields, as far as they are compared.
#[derive(Default)]
struct Part {
    coin: CoinSummary,
    symbol: Option<String>,
    quotes: Vec<Self>,
}

impl Part {
    fn into_coin(self, currency: &str) -> CoinSummary {
        let is_in = |quote: &Self| quote.symbol.as_deref() == Some(currency);
        let quote = self.quotes.iter().find(|quote| is_in(quote)).or(self.quotes.first());
        let Some(quote) = quote.map(|quote| quote.coin) else { return self.coin };
        CoinSummary {
            price: quote.price,
            updated_at: quote.updated_at.or(self.coin.updated_at),
            filled: self.coin.filled | quote.filled,
            ..self.coin
        }
    }
}

/// The fields that are compared.
enum Field {
    Id,
    Symbol,
    LastUpdated,
    Quotes,
    Measure(Measure),
    Other,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E>(self, name: &str) -> Result<Field, E> {
                Ok(match name {
                    "id" => Field::Id,
                    "symbol" => Field::Symbol,
                    "last_updated" => Field::LastUpdated,
                    "quote" => Field::Quotes,
                    _ => {
                        let measure = Measure::ALL.into_iter().find(|measure| measure.column() == name);
                        measure.map_or(Field::Other, Field::Measure)
                    }
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

/// Reads a coin, or one of its quotes.
#[derive(Clone, Copy)]
enum Read {
    Coin,
    Quote,
}

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Part;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a coin or a quote")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
        let mut part = Part::default();
        while let Some(field) = map.next_key()? {
            match (field, self) {
                (Field::Id, _) => part.coin.id = map.next_value::<Value>()?.0.whole(),
                (Field::Symbol, _) => part.symbol = map.next_value::<Value>()?.0.text(),
                (Field::LastUpdated, _) => part.coin.updated_at = map.next_value::<Value>()?.0.instant(),
                (Field::Quotes, Self::Coin) => part.quotes = lenient(map.next_value()?, Quotes),
                (Field::Measure(measure), _) => part.coin.take(measure, &map.next_value::<Value>()?.0),
                (Field::Quotes | Field::Other, _) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(part)
    }
}

impl CoinSummary {
    fn take(&mut self, measure: Measure, value: &Scalar) {
        if matches!(value, Scalar::Nothing) {
            return;
        }
        self.filled |= 1 << (measure as u32);
        match measure {
            Measure::Price => self.price = value.number(),
            Measure::CmcRank => self.rank = value.whole(),
            _ => {}
        }
    }
}

/// The quotes of a coin: a map by currency, or a list.
struct Quotes;

impl<'de> DeserializeSeed<'de> for Quotes {
    type Value = Vec<Part>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Part>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Quotes {
    type Value = Vec<Part>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("quotes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Part>, A::Error> {
        let mut quotes = Vec::new();
        while let Some(currency) = map.next_key::<String>()? {
            let quote = lenient(map.next_value()?, Read::Quote);
            if quotes.len() < MOST_QUOTES {
                quotes.push(Part { symbol: Some(currency), ..quote });
            }
        }
        Ok(quotes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Part>, A::Error> {
        let mut quotes = Vec::new();
        while let Some(quote) = list.next_element()? {
            if quotes.len() < MOST_QUOTES {
                quotes.push(lenient(quote, Read::Quote));
            }
        }
        Ok(quotes)
    }
}

/// A value that is read leniently.
#[derive(Default)]
struct Value(Scalar);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(lenient(<&RawValue>::deserialize(deserializer)?, PhantomData::<Scalar>)))
    }
}

/// A value that may have any type.
#[derive(Default)]
enum Scalar {
    /// Null, or nothing that is compared.
    #[default]
    Nothing,
    Number(f64),
    Text(String),
}

impl Scalar {
    fn number(&self) -> Option<f64> {
        let number = match self {
            Self::Nothing => return None,
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        Some(number).filter(|number| number.is_finite())
    }

    fn whole(&self) -> Option<u32> {
        let number = self.number().filter(|number| number.fract() == 0.0 && (0.0..4e9).contains(number))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just looked at")]
        let whole = number as u32;
        Some(whole)
    }

    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn instant(self) -> Option<DateTime<Utc>> {
        timestamp::from_text(&self.text()?)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }

            #[expect(clippy::cast_precision_loss, reason = "compared roughly")]
            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "compared roughly")]
            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number as f64))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(row: &str) -> CoinSummary {
        let body = format!(r#"{{"data":[{row}],"status":{{"timestamp":"2026-11-22T14:00:00.000Z"}}}}"#);
        let page = PageSummary::read(body.as_bytes(), "EUR").unwrap();
        assert_eq!(page.timestamp, timestamp::from_text("2026-11-22T14:00:00.000Z"));
        page.coins[0]
    }

    #[test]
    fn both_shapes_say_the_same_in_the_first_currency() {
        let quote = r#""price":2.5,"market_cap":null,"last_updated":"2026-11-22T13:59:00.000Z""#;
        let v1 = format!(
            r#"{{"id":7,"symbol":"S","cmc_rank":3,"tags":["a"],"quote":{{"USD":{{"price":9}},"EUR":{{{quote}}}}}}}"#
        );
        let v3 = format!(
            r#"{{"id":"7","cmc_rank":3.0,"quote":[{{"symbol":"USD","price":9}},{{"id":2790,"symbol":"EUR",{quote}}}]}}"#
        );
        let expected = CoinSummary {
            id: Some(7),
            rank: Some(3),
            price: Some(2.5),
            updated_at: timestamp::from_text("2026-11-22T13:59:00.000Z"),
            filled: 1 << (Measure::Price as u32) | 1 << (Measure::CmcRank as u32),
        };
        assert_eq!((coin(&v1), coin(&v3)), (expected, expected));
    }

    #[test]
    fn odd_values_are_absent_and_odd_shapes_have_no_summary() {
        let odd = r#"{"id":{"a":[1]},"cmc_rank":-1,"last_updated":"soon","quote":[{"price":true}]}"#;
        assert_eq!(
            coin(odd),
            CoinSummary { filled: 1 << (Measure::CmcRank as u32), ..CoinSummary::default() }
        );
        let many = format!(r#"{{"status":{{}},"data":[{}{{}}]}}"#, "{},".repeat(MOST_COINS));
        assert_eq!(PageSummary::read(many.as_bytes(), "USD"), None);
        for body in ["", "[]", r#"{"status":{},"data":{}}"#] {
            assert_eq!(PageSummary::read(body.as_bytes(), "USD"), None, "{body}");
        }
        let nothing = PageSummary::read(br#"{"status":null,"data":[1]}"#, "USD").unwrap();
        assert_eq!((nothing.coins.len(), nothing.has_ids()), (1, false));
    }

    /// What the transformer is tested with, too.
    #[test]
    fn an_odd_part_costs_nothing_but_itself() {
        let good = r#"{"id":1,"cmc_rank":1,"quote":{"EUR":{"price":5}}}"#;
        let quotes = [
            "null",
            "[]",
            "{}",
            "1",
            "-1",
            "0.5",
            "true",
            "\"USD\"",
            "[null, 1, {}]",
            r#"{"USD": null}"#,
            r#"{"usd": {}}"#,
        ];
        let values = [r#""\ud800""#, "1e999", "-1e999", "[[]]", r#"{"a": {}}"#, "false"];
        let with_quotes = quotes.iter().map(|quote| format!(r#"{{"id":2,"quote":{quote}}}"#));
        let with_values = values.iter().flat_map(|value| {
            [
                format!(r#"{{"id":2,"symbol":{value},"name":{value}}}"#),
                format!(r#"{{"id":2,"cmc_rank":null,"last_updated":{value},"quote":{{"EUR":{{"price":{value}}}}}}}"#),
            ]
        });
        for odd in with_quotes.chain(with_values) {
            let body = format!(r#"{{"status":{{}},"data":[{good},{odd},{good}]}}"#);
            let coins = PageSummary::read(body.as_bytes(), "EUR").unwrap_or_default().coins;
            let read: Vec<_> = coins.iter().map(|coin| (coin.id, coin.price)).collect();
            assert_eq!(read, [(Some(1), Some(5.0)), (Some(2), None), (Some(1), Some(5.0))], "{odd}");
        }
        for odd in ["null", "1", "true", "[]", "[{}]", "\"x\"", r#"{"\ud800": 1}"#] {
            let body = format!(r#"{{"status":{{}},"data":[{good},{odd},{good}]}}"#);
            let coins = PageSummary::read(body.as_bytes(), "EUR").unwrap_or_default().coins;
            let read: Vec<_> = coins.iter().map(|coin| coin.id).collect();
            assert_eq!(read, [Some(1), None, Some(1)], "{odd}");
        }
    }
}
