//! Which coin each row is of, and the pages that they become.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use domain::{ApiVersion, BatchId, Message, Origin, PageMeta, Slot, compress_body, timestamp};
use ports::source::SourceRow;
use ports::store::ListedCoin;
use serde_json::{Map, Number, Value, json};
use service::Usage;

use super::mapping::{Field, Mapping};

/// Coins on a page, as many as the API sends at most.
const PAGE: usize = 5000;

/// Which coins symbols mean, as the operator decided.
#[derive(Debug, Default)]
pub(super) struct Decisions(BTreeMap<String, u32>);

impl Decisions {
    /// Fails when there is no such coin.
    pub(super) fn new(told: &[(String, String)], listed: &[ListedCoin]) -> Result<Self, Usage> {
        let mut decisions = BTreeMap::new();
        for (symbol, id) in told {
            let coin = id.parse().ok().and_then(|id: u32| listed.iter().find(|coin| coin.id == id));
            let coin = coin.ok_or_else(|| {
                Usage(format!("--coin {symbol}={id}: the newest snapshot has no coin with this id"))
            })?;
            decisions.insert(folded(symbol), coin.id);
        }
        Ok(Self(decisions))
    }
}

/// `symbol` as MySQL's usual collations compare it, and so the script's statements did: `Btc` is `BTC`.
fn folded(symbol: &str) -> String {
    symbol.trim().to_lowercase()
}

/// Why a row is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    Ambiguous,
    OtherName,
    TooNew,
    Unknown,
}

impl Why {
    /// In words, with what to do.
    fn text(self) -> &'static str {
        match self {
            Self::Ambiguous => {
                "several coins share the symbol, and the script may have written any of them; if you know \
                 which, say it with --coin SYMBOL=ID"
            }
            Self::OtherName => {
                "the coin with this symbol has another name now; if it is the same coin, say it with \
                 --coin SYMBOL=ID"
            }
            Self::TooNew => {
                "written after the newest snapshot; stop the script, take a snapshot, and import again"
            }
            Self::Unknown => "the newest snapshot has no such coin",
        }
    }
}

/// A row that is left out.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) symbol: String,
    /// What else the table says about it: the name, or the time.
    pub(super) found: String,
    /// The coins it may be of.
    pub(super) candidates: Vec<ListedCoin>,
}

/// Rows that are left out for the same reason.
pub(super) struct Group<'a> {
    pub(super) why: &'static str,
    pub(super) rows: &'a [LeftOut],
}

/// A row with its coin.
struct Found {
    last_updated: Option<DateTime<Utc>>,
    coin: Value,
}

/// What becomes of each row.
pub(super) struct Plan {
    /// For the first row of each coin, the second, …: a page has a coin once.
    rounds: Vec<Vec<Found>>,
    left_out: BTreeMap<Why, Vec<LeftOut>>,
    /// When the newest snapshot began to be fetched.
    snapshot_at: DateTime<Utc>,
    currency: String,
}

impl Plan {
    /// Looks the coin of each of `rows` up in `listed`, which is not empty. Amounts are in `currency`; `as_of` is for
    /// rows without a time.
    pub(super) fn new(
        mapping: &Mapping,
        rows: Vec<SourceRow>,
        listed: &[ListedCoin],
        decisions: &Decisions,
        currency: &str,
        as_of: Option<DateTime<Utc>>,
    ) -> Self {
        let mut by_symbol: BTreeMap<String, Vec<&ListedCoin>> = BTreeMap::new();
        for coin in listed {
            by_symbol.entry(folded(&coin.symbol)).or_default().push(coin);
        }
        let snapshot_at = listed.iter().map(|coin| coin.fetched_at).min().unwrap_or_default();
        let currency = currency.to_owned();
        let mut plan = Self { rounds: Vec::new(), left_out: BTreeMap::new(), snapshot_at, currency };
        let mut rounds_of: BTreeMap<u32, usize> = BTreeMap::new();
        for row in rows {
            let symbol = mapping.text(&row, Field::Symbol).unwrap_or_default();
            let name = mapping.text(&row, Field::Name);
            let leave_out = |why, found: &str, candidates: &[&ListedCoin]| {
                let candidates = candidates.iter().copied().cloned().collect();
                (why, LeftOut { symbol: symbol.to_owned(), found: found.to_owned(), candidates })
            };
            let coin = find(mapping, &row, listed, &by_symbol, decisions);
            let time = Time::of(mapping.text(&row, Field::LastUpdated), as_of);
            let (why, row) = match coin {
                Ok(coin) if time.at.is_none_or(|at| at < snapshot_at) => {
                    let round = rounds_of.entry(coin.id).or_default();
                    if plan.rounds.len() == *round {
                        plan.rounds.push(Vec::new());
                    }
                    let coin = coin_as_sent(mapping, &row, coin, &time, &plan.currency);
                    plan.rounds[*round].push(Found { last_updated: time.at, coin });
                    *round += 1;
                    continue;
                }
                Ok(coin) => leave_out(Why::TooNew, &time.text, &[coin]),
                Err((why, candidates)) => leave_out(why, name.unwrap_or_default(), &candidates),
            };
            plan.left_out.entry(why).or_default().push(row);
        }
        plan
    }

    /// How many rows have a coin.
    pub(super) fn rows_of_coins(&self) -> u64 {
        self.rounds.iter().map(|round| round.len() as u64).sum()
    }

    /// What is left out, by reason.
    pub(super) fn left_out(&self) -> impl Iterator<Item = Group<'_>> {
        self.left_out.iter().map(|(why, rows)| Group { why: why.text(), rows })
    }

    /// The rows of `table` as pages of one batch, which is imported in `slot`.
    ///
    /// A page counts as fetched when its newest row was written: so it is older than the newest snapshot, and what it
    /// does not know about its coins replaces nothing.
    pub(super) fn pages(&self, table: &str, slot: Slot) -> anyhow::Result<Vec<(PageMeta, Message)>> {
        let endpoint = endpoint(table);
        let convert = vec![self.currency.clone()];
        let parts: Vec<_> = self.rounds.iter().flat_map(|round| round.chunks(PAGE)).collect();
        let pages = u32::try_from(parts.len())?;
        let page = |(number, found): (u32, &[Found])| {
            let newest = found.iter().filter_map(|row| row.last_updated).max();
            let fetched_at = newest.unwrap_or(self.snapshot_at - TimeDelta::milliseconds(1));
            let data = found.iter().map(|row| &row.coin).collect::<Vec<_>>();
            let body = json!({
                "status": { "timestamp": timestamp::to_text(fetched_at), "error_code": 0 },
                "data": data,
            });
            let meta = PageMeta {
                batch: BatchId::new(slot, &endpoint, &convert),
                slot,
                page: number,
                pages,
                fetched_at,
                endpoint: endpoint.clone(),
                api_version: ApiVersion::V1,
                convert: convert.clone(),
                simulated: false,
                origin: Origin::Replay,
            };
            let message = meta.to_message(compress_body(&serde_json::to_vec(&body)?));
            Ok((meta, message))
        };
        (1..).zip(parts).map(page).collect()
    }
}

/// What a batch is of, as part of its id: two tables may be imported in the same second.
fn endpoint(table: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let plain = table.chars().map(|c| if is_plain(c) { c } else { '_' }).take(80);
    format!("legacy-{}", plain.collect::<String>())
}

/// When the numbers of a row were right.
struct Time {
    /// `None` when the text cannot be read; the transformer rejects it with its reason.
    at: Option<DateTime<Utc>>,
    text: String,
}

impl Time {
    fn of(text: Option<&str>, as_of: Option<DateTime<Utc>>) -> Self {
        let at = match text {
            Some(text) => read_time(text),
            None => as_of,
        };
        let text = at.map_or_else(|| text.unwrap_or_default().to_owned(), timestamp::to_text);
        Self { at, text }
    }
}

/// An instant with its zone, or in UTC; a day is its first moment.
fn read_time(text: &str) -> Option<DateTime<Utc>> {
    let local = || {
        let at = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
        let at = at.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let at = at.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
        at.map(|at| timestamp::to_millis(at.and_utc()))
    };
    timestamp::from_text(text).or_else(local)
}

/// The coin of `row`; or why it has none, and which it may be.
fn find<'l>(
    mapping: &Mapping,
    row: &SourceRow,
    listed: &'l [ListedCoin],
    by_symbol: &BTreeMap<String, Vec<&'l ListedCoin>>,
    decisions: &Decisions,
) -> Result<&'l ListedCoin, (Why, Vec<&'l ListedCoin>)> {
    let of_id = |id: u32| listed.iter().find(|coin| coin.id == id);
    let unknown = (Why::Unknown, Vec::new());
    if let Some(id) = mapping.text(row, Field::Id) {
        return id.parse().ok().and_then(of_id).ok_or(unknown);
    }
    let Some(symbol) = mapping.text(row, Field::Symbol).map(folded) else { return Err(unknown) };
    if let Some(id) = decisions.0.get(&symbol) {
        return of_id(*id).ok_or(unknown);
    }
    match by_symbol.get(&symbol).map(Vec::as_slice) {
        None | Some([]) => Err(unknown),
        Some([coin]) => {
            let is_other = |field, now: &str| mapping.text(row, field).is_some_and(|then| then != now);
            if is_other(Field::Name, &coin.name) || is_other(Field::Slug, &coin.slug) {
                return Err((Why::OtherName, vec![coin]));
            }
            Ok(coin)
        }
        Some(several) => Err((Why::Ambiguous, several.to_vec())),
    }
}

/// `row` as the API would have sent it (v1).
fn coin_as_sent(mapping: &Mapping, row: &SourceRow, coin: &ListedCoin, time: &Time, currency: &str) -> Value {
    let mut fields = Map::new();
    let mut quote = Map::new();
    for measure in mapping.measures() {
        let number = mapping.text(row, Field::Measure(measure)).map_or(Value::Null, number);
        let fields = if measure.is_per_coin() { &mut fields } else { &mut quote };
        fields.insert(measure.column().to_owned(), number);
    }
    quote.insert("last_updated".to_owned(), time.text.as_str().into());
    fields.insert("id".to_owned(), coin.id.into());
    for (name, text) in [("name", &coin.name), ("symbol", &coin.symbol), ("slug", &coin.slug)] {
        fields.insert(name.to_owned(), text.as_str().into());
    }
    fields.insert("quote".to_owned(), json!({ currency: quote }));
    Value::Object(fields)
}

/// A number as such; any other text as text, which the transformer rejects with its reason.
fn number(text: &str) -> Value {
    let number = text.parse().ok().and_then(Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        read_time(text).unwrap()
    }

    fn listed(id: u32, symbol: &str) -> ListedCoin {
        ListedCoin {
            id,
            symbol: symbol.to_owned(),
            name: format!("Coin {id}"),
            slug: format!("coin-{id}"),
            fetched_at: at("2026-11-22"),
        }
    }

    /// The plan for rows of symbol, name, price and time.
    fn plan(rows: &[[&str; 4]], decisions: &[(&str, &str)]) -> Plan {
        let listed = [listed(1, "BTC"), listed(2, "Abc"), listed(3, "aBC"), listed(4, "$\u{1f680},X")];
        let columns = ["symbol", "name", "price", "last_updated"].map(str::to_owned);
        let mapping = Mapping::new(&columns, &[], false).unwrap();
        let decisions: Vec<_> =
            decisions.iter().map(|(symbol, id)| (symbol.to_string(), id.to_string())).collect();
        let decisions = Decisions::new(&decisions, &listed).unwrap();
        let text = |text: &str| (text != "NULL").then(|| text.to_owned());
        let rows = rows.iter().map(|row| row.iter().map(|cell| text(cell)).collect()).collect();
        Plan::new(&mapping, rows, &listed, &decisions, "EUR", None)
    }

    /// Ids and quotes on each page.
    fn pages(plan: &Plan) -> Vec<Vec<(u64, Value)>> {
        let pages = plan.pages("coins", Slot::at(at("2026-11-23"))).unwrap();
        let coins = |message: &Message| {
            let body = domain::decompress_body(&message.body).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let coins = body["data"].as_array().unwrap().iter();
            coins.map(|coin| (coin["id"].as_u64().unwrap(), coin["quote"]["EUR"].clone())).collect()
        };
        pages.iter().map(|(_, message)| coins(message)).collect()
    }

    fn left_out(plan: &Plan) -> Vec<(Why, &str)> {
        plan.left_out.iter().flat_map(|(why, rows)| rows.iter().map(|row| (*why, &*row.symbol))).collect()
    }

    #[test]
    fn a_symbol_finds_its_coin_only_when_it_is_the_only_one() {
        let rows = [
            ["btc ", "NULL", "1.5", "2026-11-21 10:00:00"],
            ["ABC", "Coin 2", "2", "2026-11-21"],
            ["$\u{1f680},x", "Coin 4", "3", "2026-11-21T10:00:00.25Z"],
            ["nope", "NULL", "4", "2026-11-21"],
            ["NULL", "NULL", "5", "2026-11-21"],
            ["BTC", "Bitcoin Cash", "6", "2026-11-21"],
        ];
        let without = plan(&rows, &[]);
        assert_eq!(
            left_out(&without),
            [(Why::Ambiguous, "ABC"), (Why::OtherName, "BTC"), (Why::Unknown, "nope"), (Why::Unknown, "")]
        );
        let candidates = &without.left_out[&Why::Ambiguous][0].candidates;
        assert_eq!(candidates.iter().map(|coin| coin.id).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(
            pages(&without),
            [vec![
                (1, json!({"price": 1.5, "last_updated": "2026-11-21T10:00:00.000Z"})),
                (4, json!({"price": 3.0, "last_updated": "2026-11-21T10:00:00.250Z"})),
            ]]
        );
        let decided = plan(&rows, &[("abc", "3"), ("BTC", "1")]);
        assert_eq!(left_out(&decided), [(Why::Unknown, "nope"), (Why::Unknown, "")]);
        assert_eq!(decided.rows_of_coins(), 4);
    }

    #[test]
    fn a_coin_is_on_a_page_once_and_no_page_is_newer_than_the_snapshot() {
        let rows = [
            ["BTC", "NULL", "1", "2026-11-20"],
            ["BTC", "NULL", "2", "2026-11-21"],
            ["BTC", "NULL", "3", "2026-11-22"],
            ["$\u{1f680},X", "NULL", "4", "never"],
        ];
        let plan = plan(&rows, &[]);
        assert_eq!(left_out(&plan), [(Why::TooNew, "BTC")]);
        let ids: Vec<Vec<_>> =
            pages(&plan).iter().map(|page| page.iter().map(|coin| coin.0).collect()).collect();
        assert_eq!(ids, [vec![1, 4], vec![1]]);
        let metas: Vec<_> = plan.pages("coins", Slot::at(at("2026-11-23"))).unwrap();
        let metas: Vec<_> = metas.iter().map(|(meta, _)| (meta.page, meta.pages, meta.fetched_at)).collect();
        assert_eq!(metas, [(1, 2, at("2026-11-20")), (2, 2, at("2026-11-21"))]);
    }

    #[test]
    fn what_is_no_number_or_no_time_is_left_to_the_rules() {
        let rows = [
            ["BTC", "NULL", "1,5", "yesterday"],
            ["$\u{1f680},X", "NULL", "NULL", "2026-11-21 10:00:00+02:00"],
        ];
        let plan = plan(&rows, &[]);
        assert_eq!(
            pages(&plan),
            [vec![
                (1, json!({"price": "1,5", "last_updated": "yesterday"})),
                (4, json!({"price": null, "last_updated": "2026-11-21T08:00:00.000Z"})),
            ]]
        );
        let id = |table| plan.pages(table, Slot::at(at("2026-11-23"))).unwrap()[0].0.batch.to_string();
        assert_eq!(id("old.co/ins"), "2026-11-23T00:00:00Z/legacy-old.co_ins/EUR");
        assert_ne!(id("coins"), id("more_coins"), "imported in the same second");
        for text in ["inf", "NaN", "-", "1e999"] {
            assert_eq!(number(text), json!(text));
        }
        assert_eq!(number("63857.73078756311"), json!(63_857.730_787_563_11));
    }
}
