//! The alerter in a process: the desk on the loop; the search for incomplete batches, the conditions, and the mailer beside it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use desk::ReplayedLetters;
use ports::{Clock, Queue, StoreError};
use service::{Process, Queues, Stores};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::heartbeat::{self, Heartbeat};
use crate::newest::Newest;
use crate::passed::Passed;
use crate::store_away::StoreAway;
use crate::surroundings::Survey;
use crate::transport::{TransportError, Transports, transport_from, webhook_from};
use crate::{Conditions, Desk, DeskKeeper, IncompleteBatches, Mailer, QuietGroups, Summaries};

/// Runs the alerter until asked to stop. The mailer stops last, after the desk has filed the letters in flight.
pub async fn run(process: &Process, queues: &Queues, stores: &Stores) -> anyhow::Result<()> {
    let heartbeat = heartbeat(process, stores)?;
    // All that it does beside each other is much for one future.
    Box::pin(run_with(process, queues, stores, heartbeat)).await
}

/// The same for a command that ends by itself. The heartbeat tells that somebody is there all the time, so it stays silent.
pub async fn run_for_command(process: &Process, queues: &Queues, stores: &Stores) -> anyhow::Result<()> {
    Box::pin(run_with(process, queues, stores, None)).await
}

async fn run_with(
    process: &Process,
    queues: &Queues,
    stores: &Stores,
    heartbeat: Option<Heartbeat>,
) -> anyhow::Result<()> {
    let mailer = mailer(process, stores, Some(Arc::clone(&queues.queue)))?;
    let away = store_away(process, stores)?;
    let desk = Desk::new(Arc::clone(&stores.letters), Arc::clone(&process.clock), &process.metrics);
    let desk = process.run_stage(Arc::new(desk), queues);
    let incomplete = IncompleteBatches::new(
        Arc::clone(&stores.ledger),
        Arc::clone(&stores.letters),
        Arc::clone(&process.clock),
        process.config().alert.incomplete_after,
    );
    let conditions = Conditions::new(process.config(), &queues.queue, stores, Arc::clone(&process.clock));
    let resolve_after = process.config().alert.resolve_after;
    let (letters, clock) = (Arc::clone(&stores.letters), Arc::clone(&process.clock));
    let quiet = QuietGroups::new(letters, clock, resolve_after, mailer.is_some());
    let desk_settings = &process.config().desk;
    let (queue, clock) = (Arc::clone(&queues.queue), Arc::clone(&process.clock));
    let replayed = ReplayedLetters::new(stores, queue, clock, desk_settings.clean_after);
    let keeper = DeskKeeper::new(Arc::clone(&stores.desk), Arc::clone(&process.clock), desk_settings.keep);
    let stop = CancellationToken::new();
    let desk = async {
        let result = desk.await;
        stop.cancel();
        result
    };
    let beating = async {
        if let Some(heartbeat) = heartbeat {
            info!(host = heartbeat.host(), "the heartbeat is on");
            // A call that takes its time does not hold up the end.
            tokio::select! {
                () = heartbeat.run(stop.clone()) => {}
                () = stop.cancelled() => {}
            }
        }
    };
    let summaries = summaries(process, stores)?;
    let mailing = async {
        if let Some(((mailer, away), summaries)) = mailer.zip(away).zip(summaries) {
            tokio::join!(mailer.run(stop.clone()), away.run(stop.clone()), summaries.run(stop.clone()));
        }
    };
    let watching = async {
        tokio::join!(
            incomplete.run(stop.clone()),
            conditions.run(stop.clone()),
            quiet.run(stop.clone()),
            replayed.run(&stop),
            keeper.run(&stop),
        );
    };
    let (result, (), (), ()) = tokio::join!(desk, watching, mailing, beating);
    result
}

/// Closes what is settled, and the letters with their groups; posts a mail about what was filed and not mailed yet, and tries to send it once; for a run that ends
/// now.
pub async fn flush(process: &Process, stores: &Stores) -> anyhow::Result<()> {
    close(stores, &process.clock).await.context("the desk cannot be used")?;
    if let Some(summaries) = summaries(process, stores)? {
        summaries.look().await.context("the outbox cannot be used")?;
    }
    match mailer(process, stores, None)? {
        Some(mailer) => mailer.flush().await.context("the outbox cannot be used"),
        None => Ok(()),
    }
}

/// Closes the groups of what passed, and settles the letters of all that are closed: nobody else is left here to do it.
async fn close(stores: &Stores, clock: &Arc<dyn Clock>) -> Result<(), StoreError> {
    Passed::new(stores, Arc::clone(clock)).look().await?;
    let keeper = DeskKeeper::new(Arc::clone(&stores.desk), Arc::clone(clock), Duration::ZERO);
    keeper.settle(&CancellationToken::new()).await.map(drop)
}

/// Whether somebody could be told of trouble now: a line for people about the mail, and one about each of webhook and heartbeat that is
/// set. Only the mail server is asked: whoever gets a call takes it for news.
pub async fn check(process: &Process) -> anyhow::Result<Vec<(&'static str, anyhow::Result<String>)>> {
    let transports = transports(process)?;
    let mail = match &transports.mail {
        Some(mail) => mail.check().await.map_err(anyhow::Error::from),
        None if transports.webhook.is_some() => Ok("off".to_owned()),
        None => Ok("not configured: dead letters are filed and logged, nothing is mailed".to_owned()),
    };
    let mut lines = vec![("mail", mail)];
    if let Some(webhook) = &transports.webhook {
        lines.push(("webhook", webhook.check().await.map_err(anyhow::Error::from)));
    }
    if let Some(url) = process.config().alert.heartbeat() {
        lines.push(("heartbeat", heartbeat::check(url)));
    }
    Ok(lines)
}

/// Checks `[mail]` and the webhook; called before anything outside is touched.
pub fn check_settings(process: &Process) -> anyhow::Result<()> {
    Ok(transports(process).map(drop)?)
}

fn transports(process: &Process) -> Result<Transports, service::Usage> {
    let wrong = |error: TransportError| service::Usage(error.to_string());
    let mail = transport_from(&process.config().mail).map_err(wrong)?;
    let webhook = webhook_from(&process.config().alert, &process.clock).map_err(wrong)?;
    Ok(Transports { mail, webhook })
}

fn heartbeat(process: &Process, stores: &Stores) -> anyhow::Result<Option<Heartbeat>> {
    let Some(url) = process.config().alert.heartbeat() else { return Ok(None) };
    let newest = Newest::new(Arc::clone(&stores.ledger), Arc::clone(&stores.schedules));
    Heartbeat::new(url, newest, Arc::clone(&stores.desk), Arc::clone(&process.clock)).map(Some)
}

fn mailer(
    process: &Process,
    stores: &Stores,
    queue: Option<Arc<dyn Queue>>,
) -> anyhow::Result<Option<Mailer>> {
    let settings = &process.config().mail;
    let transports = transports(process)?;
    if transports.channels().is_none() {
        return Ok(None);
    }
    let (outbox, clock) = (Arc::clone(&stores.outbox), Arc::clone(&process.clock));
    let survey = Survey {
        ledger: Arc::clone(&stores.ledger),
        schedules: Arc::clone(&stores.schedules),
        quotes: Arc::clone(&stores.quotes),
        letters: Arc::clone(&stores.letters),
        site: process.config().http.link_base(),
        desk: Arc::clone(&stores.desk),
        queue,
    };
    let mailer = Mailer::over(settings.clone(), outbox, transports, clock).with_survey(survey);
    let mailer = mailer.counted_in(&process.metrics);
    let passed = Passed::new(stores, Arc::clone(&process.clock));
    Ok(Some(mailer.quiet_in(process.config().alert.quiet_hours).after_closing(passed)))
}

fn summaries(process: &Process, stores: &Stores) -> anyhow::Result<Option<Summaries>> {
    let channels = transports(process)?.channels();
    let clock = Arc::clone(&process.clock);
    Ok(channels.map(|channels| Summaries::new(process.config(), stores, clock, channels)))
}

fn store_away(process: &Process, stores: &Stores) -> anyhow::Result<Option<StoreAway>> {
    let transports = transports(process)?;
    let place = service::place(&process.config().store.url);
    Ok(transports
        .channels()
        .map(|_| StoreAway::new(Arc::clone(&stores.letters), transports, Arc::clone(&process.clock), place)))
}

#[cfg(test)]
mod tests {
    use domain::{DeadLetter, StageName, header};
    use ports::store::{GroupState, LetterState};
    use ports::{Desk, LetterFilter, Letters, Store};
    use testkit::clock::ManualClock;
    use testkit::contract::store::sample::{batch, chunk, fetched};
    use testkit::memory::MemoryStore;

    use super::*;
    use crate::fingerprint;

    /// As at the end of `coinpipe --once`: of a fetch that failed once and worked then, neither the group nor its letter is left open.
    #[tokio::test]
    async fn a_run_that_ends_leaves_no_open_letter_of_a_closed_group() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
        let mut passed = DeadLetter::incident(StageName::Fetcher, "http_429", "try", "busy", clock.now());
        passed.headers.set(header::BATCH, batch(0));
        let stays = DeadLetter::incident(StageName::Loader, "broken", "1", "it broke", clock.now());
        for letter in [&passed, &stays] {
            assert!(store.file(letter, &fingerprint(letter)).await.unwrap());
        }
        store.record_fetched(&fetched(1)).await.unwrap();
        store.load(&chunk(&[1])).await.unwrap();
        close(&Stores::of(store.clone()), &clock).await.unwrap();
        let open = store.groups(Some(GroupState::Open)).await.unwrap();
        assert_eq!(open.iter().map(|group| group.code.as_str()).collect::<Vec<_>>(), ["broken"]);
        let count = async |state| {
            let filter = LetterFilter { state: Some(state), ..LetterFilter::default() };
            store.count(&filter, 9).await.unwrap()
        };
        assert_eq!((count(LetterState::Open).await, count(LetterState::Resolved).await), (1, 1));
    }
}
