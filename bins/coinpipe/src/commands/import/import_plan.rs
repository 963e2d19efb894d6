//! Which coin each row is of, and the pages that they become.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ApiVersion, BatchId, Message, Origin, PageMeta, Slot, compress_body, timestamp};
use ports::source::LegacyRow;
use ports::store::ListedCoin;
use serde_json::{Value, json};

use super::api_coin::coin_as_sent;
use super::decisions::{Decisions, folded};
use super::left_out::{LeftOut, LeftOutRows, Reason};
use super::mapping::{Field, Mapping};
use super::row_time::{RowTime, Times};

/// Coins on a page, as many as the API sends at most.
const PAGE: usize = 5000;

/// A row with its coin.
struct MatchedRow {
    last_updated: Option<DateTime<Utc>>,
    coin: Value,
}

/// What becomes of each row.
pub(super) struct ImportPlan {
    /// For the first row of each coin, the second, …: a page has a coin once.
    rounds: Vec<Vec<MatchedRow>>,
    left_out: BTreeMap<Reason, Vec<LeftOut>>,
    /// When the newest snapshot began to be fetched.
    snapshot_at: DateTime<Utc>,
    currency: String,
}

impl ImportPlan {
    /// Looks the coin of each of `rows` up in `listed`, which is not empty. Amounts are in `currency`; `times` says how times are
    /// read.
    pub(super) fn new(
        mapping: &Mapping,
        rows: Vec<LegacyRow>,
        listed: &[ListedCoin],
        decisions: &Decisions,
        currency: &str,
        times: &Times,
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
            let leave_out = |reason, found: &str, candidates: &[&ListedCoin]| {
                let candidates = candidates.iter().copied().cloned().collect();
                (reason, LeftOut { symbol: symbol.to_owned(), found: found.to_owned(), candidates })
            };
            let coin = find(mapping, &row, listed, &by_symbol, decisions);
            let time = RowTime::of(mapping.text(&row, Field::LastUpdated), times);
            let (reason, row) = match coin {
                // One that is newer would take the coin's place in the snapshot, without what only the snapshot knows.
                Ok(coin) if time.at.is_none_or(|at| at < snapshot_at && at <= coin.last_updated) => {
                    let round = rounds_of.entry(coin.id).or_default();
                    if plan.rounds.len() == *round {
                        plan.rounds.push(Vec::new());
                    }
                    let coin = coin_as_sent(mapping, &row, coin, &time, &plan.currency);
                    plan.rounds[*round].push(MatchedRow { last_updated: time.at, coin });
                    *round += 1;
                    continue;
                }
                Ok(coin) => leave_out(Reason::TooNew, &time.text, &[coin]),
                Err((reason, candidates)) => leave_out(reason, name.unwrap_or_default(), &candidates),
            };
            plan.left_out.entry(reason).or_default().push(row);
        }
        plan
    }

    /// How many rows have a coin.
    pub(super) fn rows_of_coins(&self) -> u64 {
        self.rounds.iter().map(|round| round.len() as u64).sum()
    }

    /// What is left out, by reason.
    pub(super) fn left_out(&self) -> impl Iterator<Item = LeftOutRows<'_>> {
        self.left_out.iter().map(|(reason, rows)| LeftOutRows::new(*reason, rows))
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
        let page = |(number, found): (u32, &[MatchedRow])| {
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
                currency: None,
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
    format!("{}{}", domain::endpoint::IMPORTED, plain.collect::<String>())
}

/// The coin of `row`; or why it has none, and which it may be.
fn find<'l>(
    mapping: &Mapping,
    row: &LegacyRow,
    listed: &'l [ListedCoin],
    by_symbol: &BTreeMap<String, Vec<&'l ListedCoin>>,
    decisions: &Decisions,
) -> Result<&'l ListedCoin, (Reason, Vec<&'l ListedCoin>)> {
    let of_id = |id: u32| listed.iter().find(|coin| coin.id == id);
    let unknown = (Reason::Unknown, Vec::new());
    if let Some(id) = mapping.text(row, Field::Id) {
        return id.parse().ok().and_then(of_id).ok_or(unknown);
    }
    let Some(symbol) = mapping.text(row, Field::Symbol).map(folded) else { return Err(unknown) };
    if let Some(id) = decisions.coin_of(&symbol) {
        return of_id(id).ok_or(unknown);
    }
    match by_symbol.get(&symbol).map(Vec::as_slice) {
        None | Some([]) => Err(unknown),
        Some([coin]) => {
            let is_other = |field, now: &str| mapping.text(row, field).is_some_and(|then| then != now);
            if is_other(Field::Name, &coin.name) || is_other(Field::Slug, &coin.slug) {
                return Err((Reason::OtherName, vec![coin]));
            }
            Ok(coin)
        }
        Some(several) => Err((Reason::Ambiguous, several.to_vec())),
    }
}

#[cfg(test)]
mod tests;
