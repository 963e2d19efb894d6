//! `coinpipe dead replay`: letters are sent again to the queues that they came from, a few first, and what becomes of them is waited for.
//!
//! A letter is published, the queue confirms it, and only then it is noted as sent; so whoever stops this command, or kills it, loses
//! none: a letter that was published and not noted is sent once more.

mod sender;
mod waiting;

use std::num::NonZeroU32;

use anyhow::bail;
use clap::Args;
use domain::ReplayId;
use serde_json::json;
use service::Process;

use super::acting::{ActArgs, Acting, letters, open_stores};
use super::which::WhichArgs;
use crate::adapters::{self, Adapters};
use crate::commands::replay::beside_workers;
use sender::{Sender, Sent};

/// Send letters to the queues that they came from. One goes first, then two, then four: when one comes back, no more are sent
#[derive(Args, Debug)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// At most so many letters a minute; without it, as fast as they arrive
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// Go on although letters come back
    #[arg(long)]
    keep_going: bool,
    /// Not one first: many at once
    #[arg(long)]
    at_once: bool,
    #[command(flatten)]
    act: ActArgs,
}

pub(super) async fn run(process: &Process, args: &ReplayArgs) -> anyhow::Result<()> {
    args.which.require_some()?;
    if args.act.dry_run {
        let planning = async {
            let stores = open_stores(process, true).await?;
            let filter = args.which.filter(&stores, process.clock.now()).await?;
            Acting::plan(process, &stores, filter, &args.act, "replay").await.map(drop)
        };
        return process.unless_stopped(planning).await;
    }
    let adapters = process.unless_stopped(adapters::open_existing(process)).await?;
    let filter = args.which.filter(&adapters.stores, process.clock.now()).await?;
    let planned = Acting::plan(process, &adapters.stores, filter, &args.act, "replay").await?;
    let Some(acting) = planned else { return Ok(()) };
    acting.begin(&adapters.stores).await?;
    let sent = beside_workers(process, &adapters, Box::pin(send(process, &adapters, args, acting))).await?;
    if sent.came_back > 0 {
        bail!("{} came back; `coinpipe dead show ID` says why", letters(sent.came_back));
    }
    Ok(())
}

async fn send(
    process: &Process,
    adapters: &Adapters,
    args: &ReplayArgs,
    mut acting: Acting<'_>,
) -> anyhow::Result<Sent> {
    let Some(replay) = ReplayId::new(acting.id()) else { bail!("{:?} is no id of a replay", acting.id()) };
    let mut sender = Sender::new(process, adapters, replay, acting.matched(), args);
    let ended = sender.send_all(&mut acting).await;
    let sent = sender.finish();
    let is_stopped = process.shutdown.soft().is_cancelled();
    let outcome = match &ended {
        Err(error) => format!("failed: {error:#}"),
        Ok(()) if is_stopped => "stopped".to_owned(),
        Ok(()) if sent.came_back > 0 => format!("{} came back", letters(sent.came_back)),
        Ok(()) => "done".to_owned(),
    };
    acting.end(&adapters.stores, sent.done, &outcome).await?;
    ended?;
    let Sent { done, arrived, came_back, nowhere, .. } = sent;
    let waiting = done.saturating_sub(arrived + came_back);
    let fields = json!({
        "done": done, "arrived": arrived, "came_back": came_back, "watched": waiting, "not_sent": nowhere,
        "outcome": outcome,
    });
    acting.tell(fields, &said(&sent, acting.matched(), is_stopped))?;
    acting.require_all(done + nowhere, is_stopped)?;
    Ok(sent)
}

/// What became of the letters, in words.
fn said(sent: &Sent, matched: u64, is_stopped: bool) -> String {
    let mut said = vec![format!("Replayed {} of {}", letters(sent.done), matched)];
    said.push(format!("{} arrived", sent.arrived));
    if sent.came_back > 0 {
        said.push(format!("{} came back", sent.came_back));
    }
    let waiting = sent.done.saturating_sub(sent.arrived + sent.came_back);
    if waiting > 0 {
        said.push(format!("{waiting} watched: resolved when they do not come back ([desk] clean_after)"));
    }
    if sent.nowhere > 0 {
        said.push(format!("{} not sent ({})", sent.nowhere, sent.why_nowhere));
    }
    if is_stopped {
        said.push("stopped; the same command sends the rest".to_owned());
    }
    said.join(", ")
}
