//! A chunk of rows as JSON, and back: each number with all its digits.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use domain::{Chunk, Coin, CoinRow, Measure, MeasureSet, Quote, timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChunkJson {
    /// For reading only: it is not changed.
    batch: String,
    page: u32,
    chunk: u32,
    chunks: u32,
    fetched_at: String,
    rows: Vec<RowJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowJson {
    id: u32,
    name: String,
    symbol: String,
    slug: String,
    date_added: Option<String>,
    platform_id: Option<u32>,
    platform_name: Option<String>,
    token_address: Option<String>,
    tags: Option<Vec<String>>,
    infinite_supply: Option<bool>,
    is_active: Option<bool>,
    quotes: Vec<QuoteJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuoteJson {
    currency: String,
    last_updated: String,
    /// By the names of their columns; those that are not there are null.
    numbers: BTreeMap<String, Option<f64>>,
    /// Fields that the API did not send.
    missing: Vec<String>,
}

/// The chunk as JSON, one coin a line.
pub(crate) fn to_text(chunk: &Chunk) -> String {
    let json = ChunkJson {
        batch: chunk.page.batch.to_string(),
        page: chunk.page.page,
        chunk: chunk.chunk,
        chunks: chunk.chunks,
        fetched_at: timestamp::to_text(chunk.page.fetched_at),
        rows: chunk.rows.iter().map(row).collect(),
    };
    // Plain structs of texts and finite numbers are always JSON.
    serde_json::to_string_pretty(&json).unwrap_or_default()
}

/// The chunk `head` with the rows that `text` says. What else the text says must be as it is in `head`.
pub(crate) fn from_text(text: &str, head: &Chunk) -> anyhow::Result<Chunk> {
    let json: ChunkJson = serde_json::from_str(text).context("it is no chunk of rows")?;
    let is_same = json.batch == head.page.batch.as_str()
        && (json.page, json.chunk, json.chunks) == (head.page.page, head.chunk, head.chunks)
        && timestamp::from_text(&json.fetched_at) == Some(head.page.fetched_at);
    anyhow::ensure!(
        is_same,
        "batch, page, chunk, chunks and fetched_at cannot be edited: the ledger knows the chunk by them"
    );
    let rows = json.rows.into_iter().map(read_row).collect::<anyhow::Result<_>>()?;
    Ok(Chunk { rows, ..head.clone() })
}

fn row(row: &CoinRow) -> RowJson {
    let coin = &row.coin;
    let numbers = |quote: &Quote| {
        let all = Measure::ALL.iter().map(|measure| (measure.column().to_owned(), quote.get(*measure)));
        all.filter(|(_, number)| number.is_some()).collect()
    };
    RowJson {
        id: coin.id,
        name: coin.name.clone(),
        symbol: coin.symbol.clone(),
        slug: coin.slug.clone(),
        date_added: coin.date_added.map(timestamp::to_text),
        platform_id: coin.platform_id,
        platform_name: coin.platform_name.clone(),
        token_address: coin.token_address.clone(),
        tags: coin.tags.clone(),
        infinite_supply: coin.infinite_supply,
        is_active: coin.is_active,
        quotes: row
            .quotes
            .iter()
            .map(|quote| QuoteJson {
                currency: quote.currency.clone(),
                last_updated: timestamp::to_text(quote.last_updated),
                numbers: numbers(quote),
                missing: quote.missing.iter().map(|measure| measure.column().to_owned()).collect(),
            })
            .collect(),
    }
}

fn read_row(row: RowJson) -> anyhow::Result<CoinRow> {
    let coin = Coin {
        id: row.id,
        name: row.name,
        symbol: row.symbol,
        slug: row.slug,
        date_added: row.date_added.as_deref().map(instant).transpose()?,
        platform_id: row.platform_id,
        platform_name: row.platform_name,
        token_address: row.token_address,
        tags: row.tags,
        infinite_supply: row.infinite_supply,
        is_active: row.is_active,
    };
    let quotes = row.quotes.into_iter().map(read_quote).collect::<anyhow::Result<_>>();
    Ok(CoinRow { coin: coin.into(), quotes: quotes.with_context(|| format!("coin {}", row.id))? })
}

fn read_quote(quote: QuoteJson) -> anyhow::Result<Quote> {
    let mut numbers = [None; Measure::COUNT];
    for (name, number) in quote.numbers {
        numbers[measure(&name)? as usize] = number;
    }
    let missing = quote.missing.iter().map(|name| measure(name)).collect::<anyhow::Result<MeasureSet>>()?;
    Ok(Quote { currency: quote.currency, numbers, missing, last_updated: instant(&quote.last_updated)? })
}

fn measure(name: &str) -> anyhow::Result<Measure> {
    let found = Measure::ALL.into_iter().find(|measure| measure.column() == name);
    found.ok_or_else(|| anyhow!("there is no number {name:?} in a quote"))
}

fn instant(text: &str) -> anyhow::Result<DateTime<Utc>> {
    timestamp::from_text(text)
        .ok_or_else(|| anyhow!("{text:?} is no instant such as 2026-11-22T14:00:00.000Z"))
}

#[cfg(test)]
mod tests {
    use testkit::contract::store::sample::chunk;

    use super::*;

    #[test]
    fn a_chunk_comes_back_bit_for_bit_and_only_its_rows_change() {
        let mut sent = chunk(&[1, 1027]);
        for (number, price) in [0.1 + 0.2, 5e-324, f64::MAX, 1e-18].into_iter().enumerate() {
            sent.rows[0].quotes[0].numbers[number] = Some(price);
        }
        sent.rows[1].quotes[0].missing.insert(Measure::Tvl);
        let text = to_text(&sent);
        assert!(text.contains("0.30000000000000004"), "{text}");
        assert_eq!(from_text(&text, &sent).unwrap(), sent);
        let changed = from_text(&text.replace("\"C1027\"", "\"ETH\""), &sent).unwrap();
        assert_eq!(changed.rows[1].coin.symbol, "ETH");
        for (from, to, said) in [
            ("\"page\": 1", "\"page\": 2", "cannot be edited"),
            ("\"price\"", "\"prize\"", "there is no number"),
            ("\"symbol\"", "\"ticker\"", "no chunk of rows"),
            ("2026-11-22T14:00:00.000Z", "noon", "no instant"),
        ] {
            let text = text.replace(from, to);
            let refused = format!("{:#}", from_text(&text, &sent).unwrap_err());
            assert!(refused.contains(said), "{from}: {refused}");
        }
    }
}
