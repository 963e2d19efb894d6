//! `coinpipe import legacy`: the table of a script that knew coins by their symbols.
//!
//! Its rows become pages as the API would have sent them, fetched when their newest row was written, and go through
//! the pipeline like any other: the same rules check them, and what is newer in the tables stays. Which coin a symbol
//! means is looked up in the newest snapshot and never guessed.

mod api_coin;
mod decisions;
mod import_plan;
mod left_out;
mod mapping;
mod memory_archive;
mod rehearsal;
mod row_time;
mod time_report;

use std::sync::Arc;

use anyhow::{bail, ensure};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use domain::{BatchId, Slot};
use ports::StoreError;
use ports::store::BatchRecord;
use service::Process;

use super::replay;
use crate::adapters::{self, Adapters};
use crate::values::{assignment, instant};
use crate::zone::Zone;
use crate::{data_kind, numbers, output};
use decisions::Decisions;
use import_plan::ImportPlan;
use mapping::{Field, Mapping};
use memory_archive::MemoryArchive;
use row_time::Times;

/// More rows than there are symbols mean that the table is something else.
const MOST_ROWS: u32 = 100_000;
/// Rows of one kind that are listed.
const LISTED: usize = 1000;

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    command: ImportCommand,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ImportCommand {
    /// The MySQL table of a script that knew coins by their symbols
    Legacy(LegacyArgs),
}

/// Reads the table that `import.url` (`COINPIPE__IMPORT__URL`) leads to, looks each symbol up in the newest snapshot, and
/// loads the rows like a page that was fetched when they were written. A symbol that several coins share is reported,
/// and its rows are left out: the script may have written any of them.
#[derive(Args, Debug)]
pub(crate) struct LegacyArgs {
    /// The table: NAME, or DATABASE.NAME
    #[arg(long, value_name = "NAME")]
    table: String,
    /// What its columns hold, such as `coin=symbol price_usd=price`; columns that are named like a field need
    /// not be told, except id. The fields: id (CoinMarketCap's), symbol, name, slug, `last_updated`, and the numbers
    /// of `quotes_latest`
    #[arg(long, num_args = 1.., value_name = "COLUMN=FIELD", value_parser = assignment)]
    map: Vec<(String, String)>,
    /// Which coin a symbol means, by CoinMarketCap's id, where it is shared or the name has changed
    #[arg(long, num_args = 1.., value_name = "SYMBOL=ID", value_parser = assignment)]
    coin: Vec<(String, String)>,
    /// The currency of the amounts
    #[arg(long, default_value = "USD", value_name = "CODE")]
    currency: String,
    /// When the numbers were right, for rows without `last_updated`
    #[arg(long, value_name = "T", value_parser = instant)]
    as_of: Option<DateTime<Utc>>,
    /// The time zone of times that do not say it, such as those in a DATETIME: `America/New_York`, or -05:00. What is in a TIMESTAMP
    /// is read right without it
    #[arg(long, value_name = "ZONE", default_value = "UTC", allow_hyphen_values = true, value_parser = Zone::parse)]
    time_zone: Zone,
    /// Report what would be loaded, and load nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(process: &Process, args: &ImportArgs) -> anyhow::Result<()> {
    match &args.command {
        ImportCommand::Legacy(args) => legacy(process, args).await,
    }
}

async fn legacy(process: &Process, args: &LegacyArgs) -> anyhow::Result<()> {
    let table = process.unless_stopped(process.open_source_table(&args.table)).await?;
    let mapping = Mapping::new(table.columns(), &args.map, args.as_of.is_some())?;
    output::say(format!("columns   {mapping}"));
    // A dry run only looks.
    let adapters = if args.dry_run {
        None
    } else {
        Some(process.unless_stopped(adapters::open_existing(process)).await?)
    };
    let stores = match &adapters {
        Some(adapters) => Some(adapters.stores.clone()),
        None => process.unless_stopped(process.open_stores_read_only()).await?,
    };
    let Some(stores) = stores else { bail!(adapters::nothing_at(&process.config().store.url)) };
    if stores.store.data_kinds().await?.simulated {
        bail!("the store holds simulated quotes; {}", data_kind::how_to_take_real_ones(process));
    }
    let listed = stores.quotes.listed(&args.currency).await?;
    ensure!(
        !listed.is_empty(),
        "there is no snapshot in {} to look symbols up in; `coinpipe --once` takes one",
        args.currency
    );
    let decisions = Decisions::new(&args.coin, &listed)?;
    let rows = table.rows(mapping.columns(), MOST_ROWS).await.map_err(of_table)?;
    // The server gives these in UTC.
    let column = mapping.column(Field::LastUpdated);
    let is_utc = column.is_some_and(|column| table.is_in_utc(column));
    let times = Times { zone: if is_utc { Zone::UTC } else { args.time_zone }, as_of: args.as_of };
    for line in time_report::lines(&mapping, &rows, &times, is_utc) {
        output::say(format!("times     {line}"));
    }
    let plan = ImportPlan::new(&mapping, rows, &listed, &decisions, &args.currency, &times);
    report(&plan)?;
    let now = process.clock.now();
    let pages = plan.pages(&args.table, Slot::at(now))?;
    let Some(adapters) = adapters.filter(|_| !pages.is_empty()) else {
        let refused = rehearsal::refused(pages, now).await?;
        rehearsal::print(&refused, LISTED)?;
        let rows = plan.rows_of_coins().saturating_sub(refused.len() as u64);
        return output::print(format!("Would import {}", numbers::counted(rows, "row")));
    };
    let batch = pages[0].0.batch.clone();
    let pages = pages.into_iter().map(|(_, message)| message).collect();
    if !Box::pin(replay::load(process, &adapters, Arc::new(MemoryArchive::new(pages)))).await? {
        output::say("stopped; the same command imports all of it again, and changes nothing that is there");
        return Ok(());
    }
    conclude(&adapters, &batch).await
}

/// The error as one of the table: it is not the store that is meant.
fn of_table(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Unavailable { reason } | StoreError::Misconfigured { reason } => {
            anyhow::Error::msg(reason)
        }
        error @ StoreError::Mixed { .. } => error.into(),
    }
}

/// Says which rows are left out, and why.
fn report(plan: &ImportPlan) -> anyhow::Result<()> {
    for group in plan.left_out() {
        let rows = group.rows().iter().take(LISTED).map(|row| {
            let coins = row.candidates.iter().map(|coin| format!("{} {}", coin.id, coin.name));
            vec![
                domain::one_line(&row.symbol, 40),
                domain::one_line(&row.found, 40),
                domain::one_line(&coins.collect::<Vec<_>>().join(", "), 100),
            ]
        });
        let mut table = output::table(&["symbol", "in the table", "coins of the newest snapshot"], &[], rows);
        output::hide_empty(&mut table);
        output::print(table)?;
        let count = numbers::counted(group.rows().len() as u64, "row");
        output::print(format!("left out  {count}: {}\n", group.reason()))?;
    }
    Ok(())
}

async fn conclude(adapters: &Adapters, batch: &BatchId) -> anyhow::Result<()> {
    let Some(record) = adapters.stores.ledger.batch(batch).await? else {
        bail!("{batch} is not in the ledger");
    };
    let BatchRecord { coins_in, rejected, written, unchanged, stale, .. } = record;
    output::print(format!(
        "Imported {}: {} now the newest quote of their coin, {} there already, {} only in the history",
        numbers::counted(coins_in - rejected, "row"),
        numbers::count(written),
        numbers::count(unchanged),
        numbers::count(stale),
    ))?;
    if rejected > 0 {
        let rows = numbers::counted(rejected, "row");
        output::print(format!("rejected  {rows}; `coinpipe dead list` says why"))?;
        bail!("{rows} of the table did not become history: the rules rejected them");
    }
    Ok(())
}
