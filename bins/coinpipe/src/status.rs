//! `coinpipe status`: how fresh the table is, what waits, what needs someone.

use config::Config;
use ports::store::{AlertGroup, Freshness, GroupState, Totals};
use ports::{Depth, QueueName};
use serde_json::{Map, json};
use service::Process;

use crate::cli::JsonArgs;
use crate::{batches, dead, origin, output};

/// How many batches are shown.
const BATCHES: u32 = 5;

pub(crate) async fn run(process: &Process, args: &JsonArgs) -> anyhow::Result<()> {
    let found = origin::look(process).await?;
    // What is not there yet is empty, and well-formed all the same.
    let (mut totals, mut freshness) = (Totals::default(), Freshness::default());
    let (mut batches, mut groups) = (Vec::new(), Vec::new());
    if let Some(stores) = &found.stores {
        totals = stores.quotes.totals().await?;
        freshness = stores.quotes.freshness().await?;
        batches = stores.ledger.batches(BATCHES).await?;
        groups = stores.letters.groups(Some(GroupState::Open)).await?;
    }
    let mut depths = Vec::new();
    for queue in QueueName::ALL {
        let depth = match &found.queues {
            Some(queues) => queues.queue.depth(queue).await?,
            None => Depth::default(),
        };
        depths.push((queue, depth));
    }
    let now = process.clock.now();

    if args.json {
        let places = batches::places(&found, &batches).await?;
        let instant = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(domain::timestamp::to_text);
        let age_seconds = freshness.newest_fetch_at.map(|at| (now - at).num_seconds().max(0));
        let queues: Map<_, _> =
            depths.iter().map(|(queue, depth)| (queue.to_string(), depth_json(*depth))).collect();
        let status = json!({
            "now": domain::timestamp::to_text(now),
            "freshness": {
                "newest_fetch_at": instant(freshness.newest_fetch_at),
                "newest_quote_at": instant(freshness.newest_quote_at),
                "age_seconds": age_seconds,
            },
            "tables": {
                "coins": totals.coins,
                "quotes_latest": totals.quotes_latest,
                "quotes_history": totals.quotes_history,
            },
            "queues": queues,
            "batches": batches.iter().map(|batch| batches::to_json(batch, &places)).collect::<Vec<_>>(),
            "dead_letter_groups": groups.iter().map(dead::group_json).collect::<Vec<_>>(),
            "last_batch_credits": batches.first().and_then(|batch| batch.credits),
        });
        return output::print(serde_json::to_string_pretty(&status)?);
    }

    let Config { queue, store, .. } = process.config();
    for (name, url, is_there) in
        [("store", &store.url, found.stores.is_some()), ("queue", &queue.url, found.queues.is_some())]
    {
        if !is_there {
            output::print(format!("{name}     {}", origin::nothing_at(url)))?;
        }
    }
    if found.stores.is_none() && found.queues.is_none() {
        return Ok(());
    }
    let freshness = freshness.newest_fetch_at.map_or_else(
        || "no quotes yet".to_owned(),
        |at| format!("fetched {} ago, at {}", output::age(now, at), domain::timestamp::to_text(at)),
    );
    output::print(format!("quotes    {freshness}"))?;
    output::print(format!(
        "tables    {} coins, {} latest quotes, {} in the history",
        output::count(totals.coins),
        output::count(totals.quotes_latest),
        output::count(totals.quotes_history)
    ))?;
    for (queue, depth) in depths {
        output::print(format!("queue     {queue}: {}", depth_text(depth)))?;
    }
    output::print(format!("trouble   {}", groups_text(&groups)))?;
    if !batches.is_empty() {
        output::print(batches::to_table(&batches))?;
    }
    Ok(())
}

fn groups_text(groups: &[AlertGroup]) -> String {
    if groups.is_empty() {
        return "no open dead-letter groups".to_owned();
    }
    let letters: u64 = groups.iter().map(|group| group.total).sum();
    format!(
        "{} with {}; see `coinpipe dead groups`",
        output::counted(groups.len() as u64, "open dead-letter group"),
        output::counted(letters, "letter")
    )
}

fn depth_text(depth: Depth) -> String {
    if depth.total() == 0 {
        return "empty".to_owned();
    }
    format!("{} ready, {} waiting for a retry, {} in hand", depth.ready, depth.delayed, depth.unsettled)
}

fn depth_json(depth: Depth) -> serde_json::Value {
    json!({
        "ready": depth.ready,
        "delayed": depth.delayed,
        "unsettled": depth.unsettled,
        "oldest_at": depth.oldest_at.map(domain::timestamp::to_text),
    })
}
