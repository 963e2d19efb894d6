//! `/api/batches`: the ledger, with the fields of `coinpipe batches --json`, page by page.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use desk::LookError;
use domain::{BatchId, Slot, one_line};
use ports::StoreError;
use ports::store::BatchRecord;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Routes;
use super::json::next;
use crate::context::Context;
use crate::parameters::{Parameters, whole_number, word};
use crate::pipeline::json::batch_json;
use crate::pipeline::missing::{Places, places};
use crate::trouble::Trouble;

/// Batches of one answer that are not asked for otherwise, and the most.
const LIMIT: u64 = 50;
const MOST: u64 = 200;
/// So long it is looked for what is missing.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn routes() -> Routes {
    vec![("/api/batches", get(batches))]
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    limit: Option<String>,
    before: Option<String>,
}

async fn batches(
    State(context): State<Context>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Value>, Trouble> {
    let limit = whole_number("limit", asked.limit.as_deref(), 1..=MOST)?.unwrap_or(LIMIT);
    let most = u32::try_from(limit).unwrap_or(u32::MAX);
    let stores = context.stores();
    let records = match word(asked.before.as_deref()) {
        None => context.ask(stores.ledger.batches(most)).await?,
        Some(text) => {
            let (slot, id) = key(text)?;
            context.ask(stores.ledger.batches_before((slot, &id), most)).await?
        }
    };
    let found = context.ask(looked(&context, &records)).await?;
    let is_full = records.len() as u64 == limit;
    let next = records.last().filter(|_| is_full).map(|last| {
        let limit = limit.to_string();
        next(&context, "/api/batches", &[("limit", Some(&limit)), ("before", Some(last.id.as_str()))])
    });
    let batches: Vec<_> = records.iter().map(|record| batch_json(record, &found)).collect();
    Ok(Json(json!({ "batches": batches, "next": next })))
}

/// Where what is missing of `records` may be; nothing when the queue cannot tell, or when it takes too long.
async fn looked(context: &Context, records: &[BatchRecord]) -> Result<Places, StoreError> {
    let looked = places(&*context.stores().letters, Some(context.queue()), records);
    let found = tokio::select! {
        biased;
        found = looked => found,
        () = context.clock().sleep(PATIENCE) => Ok(Places::new()),
    };
    match found {
        Ok(found) => Ok(found),
        Err(LookError::Store(error)) => Err(error),
        Err(LookError::Queue(_)) => Ok(Places::new()),
    }
}

/// The place of a batch in the ledger: its id begins with its slot.
fn key(text: &str) -> Result<(Slot, BatchId), Trouble> {
    let slot = text.split('/').next().and_then(domain::timestamp::from_text);
    let wrong = || {
        Trouble::BadParameter(format!("before must be the id of a batch, and not {:?}", one_line(text, 100)))
    };
    Ok((Slot::at(slot.ok_or_else(wrong)?), BatchId::from_stored(text.to_owned())))
}
