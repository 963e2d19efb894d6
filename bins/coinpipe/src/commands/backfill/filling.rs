//! Fetching what is to be filled, and waiting until it is loaded.

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use domain::BatchId;
use fetcher::{Backfiller, Filled, OnceFailure};
use service::Process;

use super::arrivals::Arrivals;
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
    // Its clock is the fetcher's, which dates what it fetches to the millisecond.
    let began_at = process.clock.now() - TimeDelta::milliseconds(1);
    let mut done = Filled::default();
    for job in &plan.jobs {
        let before = done.batches.len();
        let filled = |filled: &Filled| progress.fetched((before + filled.batches.len()) as u64);
        match backfiller.fill(&job.past, &job.slots, progress, &filled, &stop).await {
            Ok(filled) => {
                done.batches.extend(filled.batches);
                done.taken += filled.taken;
                done.credits += filled.credits;
            }
            Err(OnceFailure::Stopped) => bail!(STOPPED),
            Err(_) if stop.is_cancelled() => bail!(STOPPED),
            Err(failure) => {
                let how = why_not_filled(backfiller, plan, &failure).await;
                return Err(failure).context(how);
            }
        }
    }
    let mut arrivals = Arrivals::new(adapters.stores.ledger.clone(), &plan.coming, progress);
    arrivals.expect_since(&done.batches, began_at);
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

/// Says what becomes of what was fetched, and what the rest costs when that is news.
async fn why_not_filled(backfiller: &Backfiller, plan: &Plan, failure: &OnceFailure) -> String {
    let kept = "not all of the gap is filled; what was fetched is kept, and the same command goes on with it";
    let is_dearer = matches!(failure, OnceFailure::GaveUp { code, .. } if code == "past_dearer");
    match plan.price(backfiller).await {
        Ok(price) if is_dearer => {
            let slots = numbers::counted(plan.slots(), "slot");
            format!(
                "stopped, because it costs more than was announced; {slots} would cost {} in all as the API takes them: {kept}, says the \
                 new price, and asks (--yes says that it may)",
                consent::credits(price)
            )
        }
        _ => kept.to_owned(),
    }
}
