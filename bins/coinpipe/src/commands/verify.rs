//! `coinpipe verify`: archive, ledger and tables are held against each other. Each page of the archive is cleaned in this process, as the
//! transformer does it, and every quote that it brings must be in the history, and every chunk in the ledger.

mod compare;
mod findings;
mod ledger;
mod lookups;
mod pages;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use domain::BatchId;
use ports::{Archive, QueueName};
use service::{Process, Queues, Stores};

use super::batches::drop;
use super::replay;
use crate::adapters::{self, Adapters};
use crate::selection::{Selection, SpanArgs};
use crate::{numbers, output};
use compare::Compared;
use findings::Verified;

/// Hold the archive of fetched pages, the ledger and the tables against each other: what one has and another lacks, and what was dropped
/// and is there. Without a span, everything in the archive.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    span: SpanArgs,
    /// Load again, from the archive, what is missing, take out what was dropped, and look once more
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is held against each other.
struct Sides<'a> {
    process: &'a Process,
    stores: &'a Stores,
    /// `None` when there is no queue yet.
    archive: Option<Arc<dyn Archive>>,
}

pub(crate) async fn run(process: &Process, args: &VerifyArgs) -> anyhow::Result<()> {
    let selection = Selection::new(&args.span, process.clock.now())?;
    if !args.repair {
        let found = process.unless_stopped(adapters::find(process)).await?;
        let Some(stores) = &found.stores else { bail!(adapters::nothing_at(&process.config().store.url)) };
        let archive = found.queues.as_ref().map(|queues| queues.archive.clone());
        let sides = Sides { process, stores, archive };
        let verified = process.unless_stopped(sides.verify(&selection)).await?;
        let waiting = process.unless_stopped(waiting(found.queues.as_ref())).await?;
        return conclude(args, &verified, None, waiting);
    }
    let adapters = process.unless_stopped(adapters::open_existing(process)).await?;
    let Adapters { queues, stores } = &adapters;
    let sides = Sides { process, stores, archive: Some(queues.archive.clone()) };
    let verified = process.unless_stopped(sides.verify(&selection)).await?;
    let (to_take_out, to_load) = (verified.to_take_out(), verified.to_load());
    if to_take_out.is_empty() && to_load.is_empty() {
        return conclude(args, &verified, None, waiting(Some(queues)).await?);
    }
    if !args.json {
        verified.print()?;
    }
    for batch in &to_take_out {
        if !args.json {
            output::say(format!("repair    taking {batch} out, which was dropped"));
        }
        if !Box::pin(drop::finish(process, &adapters, batch)).await? {
            bail!("stopped before the end; the same command goes on");
        }
    }
    if !to_load.is_empty() {
        if !args.json {
            output::say(format!("repair    loading {} again", numbers::batches(to_load.len() as u64)));
        }
        let Some(_) = Box::pin(replay::again(process, &adapters, &to_load, false)).await? else {
            bail!("stopped before the end; the same command goes on");
        };
    }
    let batches: BTreeSet<BatchId> = to_take_out.into_iter().chain(to_load).collect();
    let after = sides.verify(&Selection::among(batches)).await?;
    conclude(args, &verified, Some(&after), waiting(Some(queues)).await?)
}

/// Messages in the queues: what is missing may be among them.
async fn waiting(queues: Option<&Queues>) -> anyhow::Result<u64> {
    let mut messages = 0;
    let Some(queues) = queues else { return Ok(messages) };
    for queue in [QueueName::Raw, QueueName::Rows] {
        messages += queues.queue.depth(queue).await?.total();
    }
    Ok(messages)
}

impl Sides<'_> {
    async fn verify(&self, selection: &Selection) -> anyhow::Result<Verified> {
        let mut compared = Compared::new(self.process, self.stores).await?;
        if let Some(archive) = &self.archive {
            pages::compare_all(self.process, &**archive, selection, &mut compared).await?;
        }
        let mut verified = compared.end().await?;
        ledger::compare(self.stores, selection, self.process.clock.now(), &mut verified).await?;
        Ok(verified)
    }
}

/// Says what came of it; fails when something is wrong. `after` is what is wrong after the repair.
fn conclude(
    args: &VerifyArgs,
    verified: &Verified,
    after: Option<&Verified>,
    waiting: u64,
) -> anyhow::Result<()> {
    let left = verified.left(after);
    if args.json {
        output::print(serde_json::to_string_pretty(&verified.to_json(after, waiting))?)?;
    } else {
        if after.is_none() {
            verified.print()?;
        }
        for line in verified.summary() {
            output::print(line)?;
        }
        if after.is_some() {
            let count = verified.findings().len() - left.len();
            output::print(format!("Repaired  {} of {}", count, verified.findings().len()))?;
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let count = numbers::counted(left.len() as u64, "part");
    let queued = if waiting > 0 {
        format!("; {} in the queue may be of them", numbers::counted(waiting, "message"))
    } else {
        String::new()
    };
    let repairable = left.iter().filter(|finding| finding.is_repairable()).count();
    if after.is_none() && repairable > 0 {
        bail!(
            "{count} not as it should be; `coinpipe verify --repair` puts {repairable} of them right{queued}"
        );
    }
    bail!("{count} not as it should be, and the archive does not help{queued}")
}
