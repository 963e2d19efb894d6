//! What became of letters that were sent again from the desk: those that arrived are resolved, and groups of which every letter is
//! settled, too.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BatchId, Class, ReplayId, StageName, header};
use ports::store::{AlertGroup, DeskLetter, GroupState, LetterFilter, LetterKey, LetterState};
use ports::{Clock, Desk, Ledger, Letters, Queue, QueueError, QueueName, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::look_error::LookError;

/// How often it is looked.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// Letters that are read at a time.
const PAGE: u32 = 200;
/// Rows that are rejected again are told of by a letter that is filed a moment after the others are loaded.
const SECOND_REJECTION: TimeDelta = TimeDelta::seconds(5);

/// Looks what became of letters that were sent again.
pub struct ReplayedLetters {
    desk: Arc<dyn Desk>,
    letters: Arc<dyn Letters>,
    ledger: Arc<dyn Ledger>,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    clean_after: TimeDelta,
}

impl ReplayedLetters {
    /// Looks at the letters of `stores`, whose messages went to `queue`. What the ledger cannot prove is believed when no death came for
    /// `clean_after`, and nothing waits in the queues.
    pub fn new(
        stores: &service::Stores,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        clean_after: Duration,
    ) -> Self {
        Self {
            desk: Arc::clone(&stores.desk),
            letters: Arc::clone(&stores.letters),
            ledger: Arc::clone(&stores.ledger),
            queue,
            clock,
            clean_after: TimeDelta::from_std(clean_after).unwrap_or(TimeDelta::MAX),
        }
    }

    /// Looks again and again until `stop`. While queue or store is away it waits.
    pub async fn run(&self, stop: &CancellationToken) {
        let tell = |error: &LookError| {
            warn!(%error, "what became of replayed letters is not seen while queue or store is away");
        };
        outage::rounds(&self.clock, POLL_INTERVAL, stop, || self.look(), tell).await;
    }

    /// Resolves what arrived, and the groups that are settled with it.
    pub async fn look(&self) -> Result<(), LookError> {
        let waiting = LetterFilter { state: Some(LetterState::Replayed), ..LetterFilter::default() };
        let mut after: Option<LetterKey> = None;
        loop {
            let page = self.desk.list(&waiting, after.as_ref(), PAGE).await?;
            for letter in &page {
                self.judge(letter).await?;
            }
            let Some(last) = page.last().filter(|_| page.len() == PAGE as usize) else { break };
            after = Some(last.key());
        }
        close_settled_groups(&*self.letters, &*self.desk).await?;
        Ok(())
    }

    async fn judge(&self, letter: &DeskLetter) -> Result<(), LookError> {
        let (Some(replay), Some(sent_at)) = (&letter.handling.replay, letter.handling.replayed_at) else {
            return Ok(());
        };
        let Some(why) = self.arrival(letter, replay, sent_at).await? else { return Ok(()) };
        let id = letter.summary.id.as_str();
        if self.desk.arrived(id, replay, why).await? {
            info!(letter = id, %replay, "replayed clean: {why}");
        }
        Ok(())
    }

    /// Why the letter's message can be believed to have arrived; `None` when it cannot yet.
    async fn arrival(
        &self,
        letter: &DeskLetter,
        replay: &ReplayId,
        sent_at: DateTime<Utc>,
    ) -> Result<Option<&'static str>, LookError> {
        let now = self.clock.now();
        let Some(part) = Part::of(letter) else {
            let is_quiet = now - sent_at >= self.clean_after && !self.waits_since(sent_at).await?;
            return Ok(is_quiet.then_some("replayed: it did not come back"));
        };
        if letter.summary.class == Class::RejectedRows && now - sent_at < SECOND_REJECTION {
            return Ok(None);
        }
        if let Some(chunk) = part.chunk {
            let is_loaded = self.desk.is_loaded(replay, &part.batch, part.page, chunk).await?;
            return Ok(is_loaded.then_some("replayed: its rows are in the tables"));
        }
        let Some(record) = self.ledger.batch(&part.batch).await? else { return Ok(None) };
        if record.dropped.is_some() {
            return Ok(Some("replayed, and its batch was dropped"));
        }
        let arrived = record.page_replays.get(&part.page).is_some_and(|replays| replays.contains(replay));
        Ok(arrived.then_some("replayed: its rows are in the tables"))
    }

    /// Whether a message that was published at `sent_at` may still be in a queue.
    async fn waits_since(&self, sent_at: DateTime<Utc>) -> Result<bool, QueueError> {
        for queue in QueueName::ALL {
            let depth = self.queue.depth(queue).await?;
            if depth.total() > 0 && depth.oldest_at.is_none_or(|oldest| oldest <= sent_at) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Resolves the open groups of which every letter is settled, or died of another cause since; how many.
pub async fn close_settled_groups(letters: &dyn Letters, desk: &dyn Desk) -> Result<u64, StoreError> {
    let mut closed = 0;
    for group in letters.groups(Some(GroupState::Open)).await? {
        if has_unsettled(desk, &group).await? {
            continue;
        }
        let how = how_it_ended(desk, &group).await?;
        if letters.resolve(&group.fingerprint, group.total, &how).await? {
            closed += 1;
            info!(group = group.fingerprint, code = group.code, "resolved: its letters are settled");
        }
    }
    Ok(closed)
}

/// How the group ended, for people: as its letter that was settled last, which says whether it was replayed or why somebody gave it up.
async fn how_it_ended(desk: &dyn Desk, group: &AlertGroup) -> Result<String, StoreError> {
    let letters = LetterFilter { group: Some(group.fingerprint.clone()), ..LetterFilter::default() };
    let newest = desk.list(&letters, None, PAGE).await?;
    let last = newest.iter().max_by_key(|letter| letter.handling.settled_at);
    Ok(
        match last.and_then(|letter| Some((letter.handling.replay.is_some(), letter.handling.why.as_ref()?)))
        {
            Some((true, why)) => why.clone(),
            Some((false, why)) => format!("by hand: {why}"),
            None => "its letters died of another cause".to_owned(),
        },
    )
}

async fn has_unsettled(desk: &dyn Desk, group: &AlertGroup) -> Result<bool, StoreError> {
    for state in [LetterState::Open, LetterState::Replayed] {
        let (group, state) = (Some(group.fingerprint.clone()), Some(state));
        if desk.count(&LetterFilter { group, state, ..LetterFilter::default() }, 1).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What of a batch a letter's message brings, by which the ledger tells whether it came.
struct Part {
    batch: BatchId,
    page: u32,
    /// `None`: the whole page.
    chunk: Option<u32>,
}

impl Part {
    fn of(letter: &DeskLetter) -> Option<Self> {
        let summary = &letter.summary;
        let batch = BatchId::from_stored(summary.headers.get(header::BATCH)?);
        if summary.stage == Some(StageName::Loader) {
            // The message's id says which chunk it is: `…/p1/c2`, and after an edit `…/p1/c2+edit1`.
            let id = summary.id.as_str().split("+edit").next().unwrap_or_default();
            let (rest, chunk) = id.rsplit_once("/c")?;
            let (_, page) = rest.rsplit_once("/p")?;
            let (page, chunk) = (page.parse().ok()?, chunk.parse().ok()?);
            let is_it = id.ends_with(batch.chunk_id(page, chunk).as_str());
            return is_it.then_some(Self { batch, page, chunk: Some(chunk) });
        }
        let page = summary.headers.parse(header::PAGE, "a number").ok()?;
        Some(Self { batch, page, chunk: None })
    }
}

#[cfg(test)]
mod tests;
