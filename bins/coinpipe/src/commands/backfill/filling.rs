//! Fetching what is to be filled, and waiting until it is loaded.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use domain::BatchId;
use fetcher::{Backfiller, Filled, OnceFailure, Tables};
use service::{Process, Stores};

use super::arrivals::{Arrivals, Before};
use super::plan::Plan;
use super::progress::Progress;
use super::{STOPPED, consent};
use crate::adapters::Adapters;
use crate::commands::transit::Wait;
use crate::numbers;

/// What came of it.
pub(super) struct Ended {
    pub(super) slots: u64,
    pub(super) quotes: u64,
    pub(super) credits: u64,
    /// Slots that the fetcher beside it took.
    pub(super) taken: u64,
    /// What the history does not have whole, and what it lacks.
    pub(super) incomplete: Vec<(BatchId, String)>,
    /// Coins that were refused.
    pub(super) rejected: u64,
}

/// Does what is planned. An error when it was stopped.
pub(super) async fn fill(
    process: &Process,
    adapters: &Adapters,
    backfiller: &Backfiller,
    plan: &Plan,
    progress: &Progress,
) -> anyhow::Result<Ended> {
    let stop = process.shutdown.soft();
    let before = before(adapters, plan, &process.config().fetch.convert).await?;
    let mut done = Filled::default();
    for (place, job) in plan.jobs.iter().enumerate() {
        let count = done.batches.len();
        let published = Mutex::new(Vec::new());
        let filled = |filled: &Filled| {
            progress.fetched((count + filled.batches.len()) as u64);
            published.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&filled.batches);
        };
        match backfiller.fill(&job.past, &job.slots, progress, &filled, &stop).await {
            Ok(filled) => {
                done.batches.extend(filled.batches);
                done.coins.extend(filled.coins);
                done.taken += filled.taken;
                done.credits += filled.credits;
            }
            Err(OnceFailure::Stopped) => bail!(STOPPED),
            Err(_) if stop.is_cancelled() => bail!(STOPPED),
            Err(failure) => {
                let published = published.into_inner().unwrap_or_else(PoisonError::into_inner);
                let rest = plan.without(place, &published, &process.config().fetch.convert);
                let how = why_not_filled(backfiller, &rest, &failure).await;
                return Err(failure).context(how);
            }
        }
    }
    let mut arrivals = Arrivals::new(adapters.stores.ledger.clone(), &plan.coming, progress);
    for (batch, coins) in done.batches.iter().zip(&done.coins) {
        arrivals.expect_after(batch, before.get(batch).copied().unwrap_or_default(), *coins);
    }
    Wait::new(process, adapters).until_ended(&mut arrivals, &stop).await?;
    if stop.is_cancelled() {
        bail!(STOPPED);
    }
    progress.clear();
    arrivals.check()?;
    // Nothing has to be remembered of what the tables know.
    backfiller.forget_paid(&done.batches.into_iter().chain(plan.coming.iter().cloned()).collect()).await?;
    Ok(Ended {
        slots: arrivals.arrived(),
        quotes: arrivals.quotes(),
        rejected: arrivals.rejected(),
        credits: done.credits,
        taken: done.taken as u64,
        incomplete: arrivals.into_incomplete(),
    })
}

/// What the tables have of what is planned.
async fn before(
    adapters: &Adapters,
    plan: &Plan,
    convert: &[String],
) -> anyhow::Result<BTreeMap<BatchId, Before>> {
    let Stores { ledger, schedules, .. } = &adapters.stores;
    let tables = Tables { ledger: ledger.clone(), schedules: schedules.clone() };
    let records = tables.records(&plan.batches(convert)).await?;
    Ok(records.iter().map(|record| (record.id.clone(), Before::of(record))).collect())
}

/// Says what becomes of what was fetched, and what the rest costs when that is news.
async fn why_not_filled(backfiller: &Backfiller, rest: &Plan, failure: &OnceFailure) -> String {
    let kept = "not all of the gap is filled; what was fetched is kept, and the same command goes on with it";
    let is_dearer = matches!(failure, OnceFailure::GaveUp { code, .. } if code == "past_dearer");
    match rest.price(backfiller).await {
        Ok(price) if is_dearer => {
            let slots = numbers::counted(rest.slots(), "slot");
            format!(
                "stopped, because it costs more than was announced; what is left of {slots} costs {} as the API takes it: {kept}, says \
                 the new price, and asks (--yes says that it may)",
                consent::credits(price)
            )
        }
        _ => kept.to_owned(),
    }
}
