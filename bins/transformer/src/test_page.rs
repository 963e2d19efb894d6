//! Builds pages for tests, field by field as JSON text, so that they can also hold what no encoder writes.

use chrono::{DateTime, Utc};
use domain::{ApiVersion, BatchId, Origin, PageMeta, Slot, timestamp};

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    timestamp::from_text(text).unwrap()
}

/// The moment at which test pages are cleaned.
pub(crate) fn now() -> DateTime<Utc> {
    instant("2026-11-22T14:00:05Z")
}

/// The first of two pages in USD.
pub(crate) fn meta() -> PageMeta {
    let slot = Slot::at(instant("2026-11-22T14:00:00Z"));
    let convert = vec!["USD".to_owned()];
    PageMeta {
        batch: BatchId::new(slot, "listings", &convert),
        slot,
        page: 1,
        pages: 2,
        fetched_at: instant("2026-11-22T14:00:01.234Z"),
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert,
        currency: None,
        simulated: false,
        origin: Origin::Live,
    }
}

/// How `quote` is written.
#[derive(Clone, Debug)]
enum Shape {
    V1,
    V3,
    Text(String),
    Absent,
}

/// A coin as the API sends it; every field can be replaced by any JSON text.
#[derive(Clone, Debug)]
pub(crate) struct TestCoin {
    fields: Vec<(String, String)>,
    quotes: Vec<(String, Vec<(String, String)>)>,
    shape: Shape,
}

impl TestCoin {
    /// A coin that passes every rule, with one quote in USD, in the v3 shape.
    pub(crate) fn new(id: u32) -> Self {
        let fields = [
            ("id", id.to_string()),
            ("name", format!(r#""Coin {id}""#)),
            ("symbol", format!(r#""C{id}""#)),
            ("slug", format!(r#""coin-{id}""#)),
            ("num_market_pairs", "120".to_owned()),
            ("date_added", r#""2010-07-13T00:00:00.000Z""#.to_owned()),
            ("tags", r#"["mineable"]"#.to_owned()),
            ("max_supply", "21000000".to_owned()),
            ("circulating_supply", "19658850.5".to_owned()),
            ("total_supply", "19658850.5".to_owned()),
            ("infinite_supply", "false".to_owned()),
            ("platform", "null".to_owned()),
            ("cmc_rank", id.to_string()),
            ("self_reported_circulating_supply", "null".to_owned()),
            ("self_reported_market_cap", "null".to_owned()),
            ("minted_market_cap", r#""not_available""#.to_owned()),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), text)).to_vec();
        Self { fields, quotes: Vec::new(), shape: Shape::V3 }.also_in("USD")
    }

    /// Adds a quote.
    pub(crate) fn also_in(mut self, currency: &str) -> Self {
        let fields = [
            ("price", "63857.73078756311"),
            ("volume_24h", "71742481749.96207"),
            ("volume_change_24h", "44.3847"),
            ("percent_change_1h", "0.0661072"),
            ("percent_change_24h", "-5.43476337"),
            ("percent_change_7d", "-10.16418761"),
            ("percent_change_30d", "23.01761559"),
            ("percent_change_60d", "53.71392878"),
            ("percent_change_90d", "46.75093755"),
            ("market_cap", "1255369550893.085"),
            ("market_cap_dominance", "52.2234"),
            ("fully_diluted_market_cap", "1341012346538.83"),
            ("tvl", "null"),
            ("last_updated", r#""2026-11-22T13:59:00.000Z""#),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
        self.quotes.push((currency.to_owned(), fields));
        self
    }

    /// The v1 shape.
    pub(crate) fn v1(mut self) -> Self {
        self.shape = Shape::V1;
        self
    }

    /// Sets a field of the coin, or, with `quote.` before it, of all its quotes; `quote` is the whole.
    pub(crate) fn set(mut self, name: &str, json: &str) -> Self {
        self = self.remove(name);
        match name.strip_prefix("quote.") {
            Some(name) => self.quotes.iter_mut().for_each(|(_, fields)| fields.push(field(name, json))),
            None if name == "quote" => self.shape = Shape::Text(json.to_owned()),
            None => self.fields.push(field(name, json)),
        }
        self
    }

    /// Removes a field, named as for [`set`](Self::set).
    pub(crate) fn remove(mut self, name: &str) -> Self {
        match name.strip_prefix("quote.") {
            Some(name) => {
                self.quotes.iter_mut().for_each(|(_, fields)| fields.retain(|(field, _)| field != name));
            }
            None if name == "quote" => self.shape = Shape::Absent,
            None => self.fields.retain(|(field, _)| field != name),
        }
        self
    }

    /// Sets a field of the quote in `currency` alone.
    pub(crate) fn set_in(mut self, currency: &str, name: &str, json: &str) -> Self {
        for (_, fields) in self.quotes.iter_mut().filter(|(quote, _)| quote == currency) {
            fields.retain(|(field, _)| field != name);
            fields.push(field(name, json));
        }
        self
    }

    /// Sets `last_updated` of the quote in `currency` alone.
    pub(crate) fn updated_in(self, currency: &str, at: &str) -> Self {
        self.set_in(currency, "last_updated", &format!("{at:?}"))
    }

    /// The JSON.
    pub(crate) fn json(&self) -> String {
        let quotes = self.quotes.iter();
        let quote = match &self.shape {
            Shape::V1 => {
                let quotes = quotes.map(|(name, fields)| format!("{name:?}: {{{}}}", join(fields)));
                format!(r#", "quote": {{{}}}"#, quotes.collect::<Vec<_>>().join(", "))
            }
            Shape::V3 => {
                let quotes =
                    quotes.map(|(name, fields)| format!(r#"{{"symbol": {name:?}, {}}}"#, join(fields)));
                format!(r#", "quote": [{}]"#, quotes.collect::<Vec<_>>().join(", "))
            }
            Shape::Text(json) => format!(r#", "quote": {json}"#),
            Shape::Absent => String::new(),
        };
        format!("{{{}{quote}}}", join(&self.fields))
    }
}

fn field(name: &str, json: &str) -> (String, String) {
    (name.to_owned(), json.to_owned())
}

fn join(fields: &[(String, String)]) -> String {
    fields.iter().map(|(name, json)| format!("{name:?}: {json}")).collect::<Vec<_>>().join(", ")
}

/// The body of a page of these coins, each a JSON text.
pub(crate) fn body(coins: &[String]) -> Vec<u8> {
    format!(r#"{{"status": {{"error_code": 0}}, "data": [{}]}}"#, coins.join(",\n")).into_bytes()
}
