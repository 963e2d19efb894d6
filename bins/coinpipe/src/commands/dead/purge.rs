//! `coinpipe dead purge`: letters that are settled, and old, are deleted.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use clap::Args;
use desk::Verb;
use ports::store::Kept;
use serde_json::json;
use service::Process;

use super::acting::{ActArgs, letters, open_stores, require_all};
use super::which::WhichArgs;
use crate::values;

/// Letters that one transaction deletes.
const STEP: u32 = 500;

/// Delete letters that were resolved or dropped long ago; open ones are never deleted
#[derive(Args, Debug)]
pub(super) struct PurgeArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Only those that were settled longer ago, such as 30d
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    older_than: Duration,
    #[command(flatten)]
    act: ActArgs,
}

pub(super) async fn run(process: &Process, args: &PurgeArgs) -> anyhow::Result<()> {
    let stop = process.shutdown.soft();
    let stores = process.unless_stopped(open_stores(process, args.act.dry_run)).await?;
    let before = TimeDelta::from_std(args.older_than).unwrap_or(TimeDelta::MAX);
    let before = process.clock.now().checked_sub_signed(before).unwrap_or(DateTime::UNIX_EPOCH);
    let mut filter = args.which.settled().filter(&stores, process.clock.now()).await?;
    filter.settled_before = Some(before);
    let Some(acting) = args.act.plan(process, &stores, filter, Verb::Purge).await? else { return Ok(()) };
    args.act.begin(process, &stores, &acting).await?;
    let mut done = 0;
    while !stop.is_cancelled() {
        let deleted = stores.desk.purge(Kept::Letters, acting.filter(), before, STEP).await?;
        done += deleted;
        acting.note(&stores, done).await?;
        if deleted < u64::from(STEP) {
            break;
        }
    }
    let outcome = if stop.is_cancelled() { "stopped" } else { "done" };
    acting.end(&stores, done, outcome).await?;
    let told = format!("Deleted {}", letters(done));
    args.act.tell(&acting, json!({ "done": done, "outcome": outcome }), &told)?;
    require_all(&acting, done, stop.is_cancelled())
}
