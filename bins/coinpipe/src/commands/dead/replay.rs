//! `coinpipe dead replay`: letters are sent again to the queues that they came from, a few first, and what becomes of them is waited for.
//!
//! A letter is published, the queue confirms it, and only then it is noted as sent; so whoever stops this command, or kills it, loses
//! none: a letter that was published and not noted is sent once more.

mod bar;

use std::num::NonZeroU32;

use anyhow::bail;
use clap::Args;
use desk::{Access, Acting, Pace, Sent, Verb};
use serde_json::json;
use service::Process;

use super::acting::{ActArgs, letters, open_stores, require_all};
use super::which::WhichArgs;
use crate::adapters::{self, Adapters};
use crate::commands::replay::beside_workers;
use bar::Bar;

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
            args.act.plan(process, &stores, filter, Verb::Replay).await.map(drop)
        };
        return process.unless_stopped(planning).await;
    }
    let adapters = process.unless_stopped(adapters::open_existing(process)).await?;
    let filter = args.which.filter(&adapters.stores, process.clock.now()).await?;
    let planned = args.act.plan(process, &adapters.stores, filter, Verb::Replay).await?;
    let Some(acting) = planned else { return Ok(()) };
    args.act.begin(process, &adapters.stores, &acting).await?;
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
    mut acting: Acting,
) -> anyhow::Result<Sent> {
    let (queues, stores) = (adapters.queues.clone(), adapters.stores.clone());
    let access = Access::new(process.config(), queues, stores, process.clock.clone());
    let pace = Pace { rate: args.rate, keep_going: args.keep_going, at_once: args.at_once };
    let (bar, stop) = (Bar::new(acting.matched()), process.shutdown.soft());
    let replayed = desk::replay(&access, &mut acting, pace, &bar, &stop).await;
    bar.finish();
    let replayed = replayed?;
    let sent = replayed.sent;
    let fields = json!({
        "done": sent.done, "arrived": sent.arrived, "came_back": sent.came_back, "watched": sent.watched(),
        "not_sent": sent.nowhere, "outcome": replayed.outcome,
    });
    args.act.tell(&acting, fields, &replayed.told(acting.matched()))?;
    require_all(&acting, sent.done + sent.nowhere, replayed.is_stopped)?;
    Ok(sent)
}
