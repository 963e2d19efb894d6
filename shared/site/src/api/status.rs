//! `/api/status`: how the pipeline is, with the fields of `coinpipe status --json`, the line of truth and the processes.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use desk::group_json;
use domain::timestamp;
use ports::store::MailTrouble;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Routes;
use crate::context::Context;
use crate::parameters::Parameters;
use crate::pipeline::json::{batch_json, depth_json, mail_json, process_json, waiting_json};
use crate::pipeline::missing::Places;
use crate::pipeline::{Overview, overview};
use crate::trouble::Trouble;
use crate::truth::truth;
use desk::Hidden;

/// Batches that are told.
const BATCHES: usize = 5;

pub(super) fn routes() -> Routes {
    vec![("/api/status", get(status))]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn status(
    State(context): State<Context>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Json<Value>, Trouble> {
    let (config, stores) = (context.config(), context.stores());
    let all = context.ask(overview(config, stores, Some(context.queue()), context.clock())).await?;
    let mail = context.ask(stores.outbox.trouble()).await?;
    Ok(Json(to_json(&all, &mail, Hidden(context.hidden()))))
}

fn to_json(all: &Overview, mail: &MailTrouble, hidden: Hidden<'_>) -> Value {
    let Overview { known, batches, processes, .. } = all;
    let (now, truth) = (known.now, truth(known));
    let facts = known.tables.clone().unwrap_or_default();
    let instant = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(timestamp::to_text);
    let age = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| (now - at).num_seconds().max(0));
    let freshness = facts.freshness;
    let queues = known.queues.as_ref().map(|queues| {
        queues.iter().map(|(name, depth)| (name.to_string(), depth_json(*depth))).collect::<Map<_, _>>()
    });
    let groups = facts.open.iter().map(|group| {
        let mut json = group_json(group);
        json["reason"] = hidden.reason(group.class, &group.reason).into();
        json
    });
    // Where parts of them are is told by /api/batches.
    let nowhere = Places::new();
    json!({
        "now": timestamp::to_text(now),
        "truth": truth.to_json(),
        "freshness": {
            "newest_fetch_at": instant(freshness.newest_fetch_at),
            "newest_quote_at": instant(freshness.newest_quote_at),
            "age_seconds": age(freshness.newest_fetch_at),
            "quote_age_seconds": age(freshness.newest_quote_at),
        },
        "queues": queues,
        "batches": batches.iter().take(BATCHES).map(|batch| batch_json(batch, &nowhere)).collect::<Vec<_>>(),
        "waiting": known.waiting.as_ref().map(waiting_json),
        "mail": mail_json(mail),
        "dead_letter_groups": groups.collect::<Vec<_>>(),
        "last_batch_credits": batches.first().and_then(|batch| batch.credits),
        "processes": processes.iter().map(|process| process_json(process, now)).collect::<Vec<_>>(),
    })
}
