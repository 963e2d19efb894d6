//! The result of a snapshot: the top of the table, the counts, and why it is incomplete, if it is.

use anyhow::bail;
use chrono::{DateTime, Utc};
use domain::{Doubt, Verdict};
use fetcher::{ChosenSource, FetchedBatch};
use ports::store::{BatchRecord, TopCoin};
use service::Process;

use crate::adapters::Adapters;
use crate::numbers;
use crate::output;

/// How many coins the table shows.
const TOP: u32 = 10;

/// Columns of the table, the least important first, for terminals that are too narrow for all.
const LEAST: [usize; 5] = [8, 6, 4, 7, 5];

/// Prints it. The error says why the batch is not what was asked for.
pub(super) async fn report(
    process: &Process,
    adapters: &Adapters,
    source: &ChosenSource,
    snapshot: &FetchedBatch,
) -> anyhow::Result<()> {
    let (batch, verdict) = (&snapshot.batch, snapshot.verdict.as_ref());
    let config = process.config();
    let Some(record) = adapters.stores.ledger.batch(batch).await? else {
        bail!("batch {batch} did not reach the ledger; `coinpipe dead list` says why");
    };
    let currency = config.fetch.convert.first().map_or("USD", String::as_str);
    let top = adapters.stores.quotes.top(currency, TOP).await?;
    let now = process.clock.now();
    output::print(to_table(&top, currency, now))?;
    output::print(summary(&record, snapshot.coins_again))?;
    let totals = adapters.stores.quotes.totals().await?;
    output::print(format!(
        "Tables: {}, {}, {} in the history, in {}",
        numbers::counted(totals.coins, "coin"),
        numbers::counted(totals.quotes_latest, "latest quote"),
        numbers::count(totals.quotes_history),
        service::place(&config.store.url),
    ))?;
    if record.simulated {
        let own = if source.simulator.is_some() { "; set CMC_API_KEY for real quotes" } else { "" };
        output::print(format!("The data is SIMULATED{own}."))?;
    }
    if let Some(Verdict { doubt: Doubt::Suspect, why }) = verdict {
        output::say(format!("warning: the snapshot is loaded, and suspect: {why}"));
    }
    if record.is_complete() && record.coins_in > 0 && record.coins_in == record.rejected {
        let all = match record.rejected {
            1 => "the only coin was".to_owned(),
            coins => format!("all {} coins were", numbers::count(coins)),
        };
        bail!("{all} rejected; `coinpipe dead list` says why");
    }
    if let Some(Verdict { doubt: Doubt::Incomplete, why }) = verdict.filter(|_| record.is_complete()) {
        bail!("what came is loaded, but the snapshot is incomplete: {why}");
    }
    if record.is_complete() {
        Ok(())
    } else {
        bail!(
            "batch {batch} is not complete: missing {}; `coinpipe dead list` says why",
            crate::batch_state::missing(&record)
        )
    }
}

/// A coin that came `again` on a later page is one coin.
fn summary(record: &BatchRecord, again: u32) -> String {
    let coins = record.coins_in.saturating_sub(record.rejected).saturating_sub(again.into());
    let rejected = if record.rejected == 0 {
        "none rejected".to_owned()
    } else {
        format!("{} rejected (see `coinpipe dead list`)", numbers::count(record.rejected))
    };
    format!(
        "Batch {}: {} loaded, {rejected}{}; {} written, {} unchanged, {} stale",
        record.id,
        numbers::counted(coins, "coin"),
        again_text(again),
        numbers::counted(record.written, "quote"),
        numbers::count(record.unchanged),
        numbers::count(record.stale),
    )
}

fn again_text(again: u32) -> String {
    if again == 0 {
        String::new()
    } else {
        format!(", {} came again on other pages", numbers::count(again.into()))
    }
}

fn to_table(top: &[TopCoin], currency: &str, now: DateTime<Utc>) -> comfy_table::Table {
    let price = format!("price {currency}");
    let mut table = output::table(
        &["#", "coin", "symbol", &price, "1 h", "24 h", "7 d", "market cap", "age"],
        &[0, 3, 4, 5, 6, 7, 8],
        top.iter().map(|coin| {
            vec![
                coin.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()),
                domain::one_line(&coin.name, 24),
                domain::one_line(&coin.symbol, 10),
                numbers::price(coin.price),
                numbers::percent(coin.percent_change_1h),
                numbers::percent(coin.percent_change_24h),
                numbers::percent(coin.percent_change_7d),
                numbers::money(coin.market_cap),
                numbers::age(now, coin.last_updated),
            ]
        }),
    );
    output::fit(&mut table, output::terminal_width(), &LEAST);
    table
}
