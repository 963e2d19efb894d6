//! `coinpipe export quotes`: spans of the history as files.

mod format;
mod lines;
mod row_groups;
#[cfg(test)]
mod samples;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, TimeDelta, Utc};
use clap::{ArgGroup, Args, Subcommand};
use domain::timestamp;
use ports::Browse;
use ports::store::HistorySpan;
use service::{Process, Usage};

use crate::coin_names::{self, Meant};
use crate::values::some_time;
use crate::when::{When, ZoneArgs};
use crate::{adapters, data_kind, numbers, output};
use format::Format;
use target::Target;

/// Quotes that are read at a time: all that is in memory, but for a row group of Parquet.
const PORTION: u32 = 5000;

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    command: ExportCommand,
}

#[derive(Subcommand, Debug)]
enum ExportCommand {
    Quotes(QuotesArgs),
}

/// Write quotes of the history into a file, by the time that they changed
///
/// The columns are those of the view `quotes_history`. Numbers are as in the database, to the last bit. The file gets its name when it
/// is whole; until then it is FILE.part.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("span").required(true).multiple(true).args(["from", "to", "last", "all"]))]
struct QuotesArgs {
    /// Quotes that changed at this instant or on this day, or later (2026-11-22T14:00:00Z, 2026-11-22T14:00, or 2026-11-22)
    #[arg(long, value_name = "T", value_parser = When::parse)]
    from: Option<When>,
    /// Quotes that changed before this instant or day
    #[arg(long, value_name = "T", value_parser = When::parse)]
    to: Option<When>,
    #[command(flatten)]
    zone: ZoneArgs,
    /// Quotes that changed in this time until now, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = some_time, conflicts_with_all = ["from", "to"])]
    last: Option<Duration>,
    /// All quotes
    #[arg(long, conflicts_with_all = ["from", "to", "last"])]
    all: bool,
    /// Only in this currency
    #[arg(long, value_name = "SYMBOL")]
    currency: Option<String>,
    /// Only of this coin: its id, symbol, slug or name; may be repeated. They come one after the other, each by time
    #[arg(long, value_name = "COIN")]
    coin: Vec<String>,
    /// How they are written; without it, as the ending of FILE says (.csv, .jsonl, .ndjson or .parquet), and csv on stdout
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file, which must not exist; `-` is stdout
    file: PathBuf,
}

impl QuotesArgs {
    /// From when to before when.
    fn span(&self, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>), Usage> {
        let instant = |when: &Option<When>| when.as_ref().map(|when| when.instant(self.zone)).transpose();
        let last = self.last.map(|last| {
            let last = TimeDelta::from_std(last).ok().and_then(|last| now.checked_sub_signed(last));
            last.ok_or_else(|| Usage("--last goes back too far; use --all".to_owned()))
        });
        let from = last.transpose()?.or(instant(&self.from)?).unwrap_or(DateTime::UNIX_EPOCH);
        let to = instant(&self.to)?.unwrap_or_else(|| timestamp::later(now, Duration::from_hours(24)));
        if from >= to {
            let (from, to) = (timestamp::to_text(from), timestamp::to_text(to));
            return Err(Usage(format!("--to {to} is not after {from}: the span is empty")));
        }
        Ok((from, to))
    }
}

pub(crate) async fn run(process: &Process, args: &ExportArgs) -> anyhow::Result<()> {
    let ExportCommand::Quotes(args) = &args.command;
    let (from, until) = args.span(process.clock.now())?;
    let Some(stores) = process.unless_stopped(process.open_stores_read_only()).await? else {
        bail!(adapters::nothing_at(&process.config().store.url));
    };
    let browse = &*stores.browse;
    let currencies = coin_names::currencies(browse, args.currency.as_deref());
    let currencies = process.unless_stopped(currencies).await?;
    let series = process.unless_stopped(series(browse, &args.coin, &currencies)).await?;
    let only = args.currency.as_ref().and(currencies.first());
    let format = args.format.map_or_else(|| Format::of(&args.file), Ok)?;
    let mut writer = format.writer(&args.file)?;
    let mut target = Target::open(&args.file)?;
    target.write_all(&writer.head())?;
    let (stop, mut written) = (process.shutdown.soft(), 0);
    for of in series {
        let span = HistorySpan { from, until, of, newest_first: false };
        let mut after = None;
        while !stop.is_cancelled() {
            let quotes = browse.history(&span, after.as_ref(), PORTION).await?;
            let wanted =
                quotes.iter().filter(|it| only.is_none_or(|currency| *currency == it.quote.currency));
            for quote in wanted {
                if target.write_all(&writer.quote(quote)?)?.is_closed() {
                    return Ok(());
                }
                written += 1;
            }
            let Some(last) = quotes.into_iter().next_back() else { break };
            after = Some(last);
        }
    }
    if stop.is_cancelled() {
        bail!("stopped before the end; the same command writes all of it again");
    }
    target.write_all(&writer.end()?)?;
    target.finish()?;
    output::say(format!("exported  {}", numbers::counted(written, "quote")));
    data_kind::say_if_simulated(Some(&stores)).await
}

/// What is asked for, one after the other: all, or coins in their currencies, which are found by an index.
async fn series(
    browse: &dyn Browse,
    coins: &[String],
    currencies: &[String],
) -> anyhow::Result<Vec<Option<(u32, String)>>> {
    if coins.is_empty() {
        return Ok(vec![None]);
    }
    let mut series = Vec::new();
    for text in coins {
        let Meant { coin, others, .. } = coin_names::meant(browse, text, currencies).await?;
        if !others.is_empty() {
            bail!(
                "{text:?} is {} and {}; name it by its id",
                coin_names::named(&coin),
                coin_names::list(&others)
            );
        }
        for currency in currencies {
            let of = Some((coin.id, currency.clone()));
            // A coin that was named twice, by its id and by its symbol perhaps, is written once.
            if !series.contains(&of) {
                series.push(of);
            }
        }
    }
    Ok(series)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ports::Store;
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::chunk;
    use testkit::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_currency_is_one_that_there_is_and_a_coin_comes_once() {
        let store = MemoryStore::new(Arc::new(ManualClock::default()));
        let none = coin_names::currencies(&store, Some("USD")).await.unwrap_err().to_string();
        assert!(none.contains("no quotes yet"), "{none}");
        store.load(&chunk(&[1, 1027])).await.unwrap();
        let usd = coin_names::currencies(&store, Some("usd")).await.unwrap();
        assert_eq!(usd, ["USD"]);
        let told = coin_names::currencies(&store, Some("XXX")).await.unwrap_err().to_string();
        assert!(told.contains("no quotes in XXX, but in USD"), "{told}");
        let coins = ["1", "1027", "1", "c1"].map(str::to_owned);
        let found = series(&store, &coins, &usd).await.unwrap();
        assert_eq!(found, [Some((1, "USD".to_owned())), Some((1027, "USD".to_owned()))]);
    }
}
