//! How the pipeline is, as JSON: the same fields in `coinpipe status --json`, `coinpipe batches --json` and the API.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::timestamp;
use ports::Depth;
use ports::store::{BatchRecord, Life, MailTrouble, ProcessRecord};
use serde_json::{Value, json};
use service::Waiting;

use super::missing::Places;

/// A batch, with where what is missing of it may be.
pub fn batch_json(batch: &BatchRecord, places: &Places) -> Value {
    let parts = places.get(&batch.id).into_iter().flatten();
    let missing_at: BTreeMap<_, _> = parts.map(|(part, place)| (part.to_string(), place)).collect();
    let missing = batch.missing.iter().map(ToString::to_string).collect::<Vec<_>>();
    let instant = |at: Option<DateTime<Utc>>| at.map(timestamp::to_text);
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
        "complete": batch.is_complete() && !batch.lacks_coins() && batch.dropped.is_none(),
        "verdict": batch.verdict.as_ref().map(|verdict| verdict.doubt.as_str()),
        "verdict_reason": batch.verdict.as_ref().map(|verdict| verdict.why.as_str()),
        "dropped_at": instant(batch.dropped.as_ref().map(|dropped| dropped.at)),
        "dropped_why": batch.dropped.as_ref().map(|dropped| dropped.why.as_str()),
        "half_dropped": batch.is_half_dropped,
        "missing": missing,
        "missing_at": missing_at,
    })
}

/// What the fetcher on this machine waits for.
pub fn waiting_json(waiting: &Waiting) -> Value {
    let Waiting { code, reason, since, until } = waiting;
    let (since, until) = (timestamp::to_text(*since), timestamp::to_text(*until));
    json!({ "code": code, "reason": reason, "since": since, "until": until })
}

/// What keeps mails from arriving.
pub fn mail_json(mail: &MailTrouble) -> Value {
    json!({
        "waiting": mail.waiting,
        "waiting_since": mail.waiting_since.map(timestamp::to_text),
        "failure": mail.failure,
        "refused": mail.refused,
        "refused_at": mail.refusal.as_ref().map(|(at, _)| timestamp::to_text(*at)),
        "refusal": mail.refusal.as_ref().map(|(_, reason)| reason),
        "webhook_refused": mail.refused_copies,
        "webhook_refused_at": mail.copy_refusal.as_ref().map(|(at, _)| timestamp::to_text(*at)),
        "webhook_refusal": mail.copy_refusal.as_ref().map(|(_, reason)| reason),
    })
}

/// What is in a queue.
pub fn depth_json(depth: Depth) -> Value {
    json!({
        "ready": depth.ready,
        "delayed": depth.delayed,
        "unsettled": depth.unsettled,
        "oldest_at": depth.oldest_at.map(timestamp::to_text),
    })
}

/// A process that said that it lives.
pub(crate) fn process_json(process: &ProcessRecord, now: DateTime<Utc>) -> Value {
    let instant = |at: Option<DateTime<Utc>>| at.map(timestamp::to_text);
    let state = match process.life(now) {
        Life::Running => "running",
        Life::Stopping => "stopping",
        Life::Stopped => "stopped",
        Life::Gone => "gone",
    };
    let rates = process
        .rates
        .iter()
        .map(|rate| json!({ "stage": rate.stage.as_str(), "messages": rate.messages, "rows": rate.rows }));
    json!({
        "id": process.id,
        "roles": process.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        "state": state,
        "version": process.version,
        "host": process.host,
        "pid": process.pid,
        "since": timestamp::to_text(process.since),
        "seen_at": timestamp::to_text(process.seen_at),
        "asked_at": instant(process.asked_at),
        "ended_at": instant(process.ended_at),
        "last_minute": rates.collect::<Vec<_>>(),
    })
}
