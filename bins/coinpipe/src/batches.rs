//! `coinpipe batches`: the ledger.

use ports::store::BatchRecord;
use serde_json::{Value, json};
use service::Process;

use crate::cli::BatchesArgs;
use crate::output;

pub(crate) async fn run(process: &Process, args: &BatchesArgs) -> anyhow::Result<()> {
    let adapters = crate::origin::open_existing(process).await?;
    let batches = adapters.stores.ledger.batches(args.limit).await?;
    if args.json {
        let batches: Vec<_> = batches.iter().map(to_json).collect();
        return output::print(serde_json::to_string_pretty(&batches)?);
    }
    if batches.is_empty() {
        output::say("no batches yet");
        return Ok(());
    }
    output::print(to_table(&batches))
}

pub(crate) fn to_table(batches: &[BatchRecord]) -> comfy_table::Table {
    let number =
        |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| output::count(number.into()));
    let instant = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or_else(|| "–".to_owned(), |at| at.format("%m-%d %H:%M:%S").to_string())
    };
    output::table(
        &[
            "batch",
            "fetched",
            "loaded",
            "pages",
            "coins",
            "rejected",
            "written",
            "unchanged",
            "stale",
            "credits",
            "state",
        ],
        &[3, 4, 5, 6, 7, 8, 9],
        batches.iter().map(|batch| {
            let mut name = batch.id.to_string();
            if batch.simulated {
                name.push_str(" (simulated)");
            }
            vec![
                name,
                instant(batch.fetched_at),
                instant(batch.loaded_at),
                number(batch.pages),
                output::count(batch.coins_in),
                output::count(batch.rejected),
                output::count(batch.written),
                output::count(batch.unchanged),
                output::count(batch.stale),
                number(batch.credits),
                state(batch),
            ]
        }),
    )
}

pub(crate) fn state(batch: &BatchRecord) -> String {
    if batch.is_complete() {
        return "complete".to_owned();
    }
    let shown = batch.missing.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = batch.missing.len().saturating_sub(3);
    if more > 0 { format!("missing {shown} and {more} more") } else { format!("missing {shown}") }
}

pub(crate) fn to_json(batch: &BatchRecord) -> Value {
    let instant = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(domain::timestamp::to_text);
    json!({
        "id": batch.id.as_str(),
        "slot": batch.slot.to_string(),
        "endpoint": batch.endpoint,
        "convert": batch.convert,
        "simulated": batch.simulated,
        "fetched_at": instant(batch.fetched_at),
        "transformed_at": instant(batch.transformed_at),
        "loaded_at": instant(batch.loaded_at),
        "pages": batch.pages,
        "credits": batch.credits,
        "coins_in": batch.coins_in,
        "rejected": batch.rejected,
        "written": batch.written,
        "unchanged": batch.unchanged,
        "stale": batch.stale,
        "loads": batch.loads,
        "replays": batch.replays,
        "complete": batch.is_complete(),
        "missing": batch.missing,
    })
}
