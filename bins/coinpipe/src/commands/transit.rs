//! Batches on their way to the tables: who waits for them looks all of them up in turn, hears of those that were dropped meanwhile, and knows
//! when nothing more can come.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::BatchId;
use outage::Away;
use ports::store::BatchRecord;
use ports::{Clock, Depth, Ledger, QueueName, StoreError};
use service::Process;
use tokio_util::sync::CancellationToken;

use crate::adapters::Adapters;
use crate::{numbers, output};

/// How many batches one statement looks up; the others follow in turn.
const LOOKED_UP: usize = 16;
/// A queue in a file counts what every process holds: when that is nothing, nothing more can come.
const PATIENCE_WITH_FILES: TimeDelta = TimeDelta::seconds(3);
/// RabbitMQ does not tell which messages other processes hold. They hold them for as long as handling may take, and for this
/// long more when they die.
const MARGIN: Duration = Duration::from_secs(30);
/// When nothing arrives for so long although messages wait, the operator is asked whether anybody works.
const QUIET: TimeDelta = TimeDelta::seconds(27);
/// How often queue and ledger are read.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What is waited for, with what is known of each.
pub(crate) struct Transit<W> {
    waiting: BTreeMap<BatchId, W>,
    /// The one that was looked up last.
    looked_up: Option<BatchId>,
    dropped: Vec<BatchId>,
}

impl<W> Default for Transit<W> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), looked_up: None, dropped: Vec::new() }
    }
}

impl<W> Transit<W> {
    /// What is known of `batch`, which is waited for from now on.
    pub(crate) fn expect(&mut self, batch: &BatchId) -> &mut W
    where
        W: Default,
    {
        self.waiting.entry(batch.clone()).or_default()
    }

    /// What is known of `batch`, while it is waited for.
    pub(crate) fn of(&mut self, batch: &BatchId) -> Option<&mut W> {
        self.waiting.get_mut(batch)
    }

    /// `batch` has arrived.
    pub(crate) fn end(&mut self, batch: &BatchId) {
        self.waiting.remove(batch);
    }

    /// What is waited for.
    pub(crate) fn waiting(&self) -> &BTreeMap<BatchId, W> {
        &self.waiting
    }

    /// What somebody took out of the tables meanwhile: nothing more of it arrives.
    pub(crate) fn dropped(&self) -> &[BatchId] {
        &self.dropped
    }

    /// Looks up the next of them. Their records, but for those that were dropped, which are waited for no more.
    pub(crate) async fn look(&mut self, ledger: &dyn Ledger) -> Result<Vec<BatchRecord>, StoreError> {
        let is_ahead = |id: &&BatchId| self.looked_up.as_ref().is_none_or(|last| *id > last);
        let (ahead, behind): (Vec<_>, Vec<_>) = self.waiting.keys().partition(is_ahead);
        let turn: Vec<_> = ahead.into_iter().chain(behind).take(LOOKED_UP).cloned().collect();
        let Some(last) = turn.last() else { return Ok(Vec::new()) };
        let mut records = ledger.batches_of(&turn).await?;
        self.looked_up = Some(last.clone());
        let dropped = records.extract_if(.., |record| record.dropped.is_some());
        for record in dropped {
            self.waiting.remove(&record.id);
            self.dropped.push(record.id);
        }
        Ok(records)
    }

    /// Says which were dropped while they were on their way.
    pub(crate) fn tell_dropped(&self) {
        if let Some(first) = self.dropped.first() {
            let others = self.dropped.len() - 1;
            let more = if others > 0 { format!(" and {others} more") } else { String::new() };
            output::say(format!("left out  {first}{more}: dropped while on the way to the tables"));
        }
    }
}

/// Something that is on its way.
pub(crate) trait Arriving {
    /// Looks what arrived; whether something did since the last look.
    async fn look(&mut self) -> Result<bool, StoreError>;

    /// Whether nothing is on its way.
    fn has_ended(&self) -> bool;

    /// Shows how far it is.
    fn show(&self);
}

/// Waiting for something that is on its way.
pub(crate) struct Wait<'a> {
    process: &'a Process,
    adapters: &'a Adapters,
    /// Since when nothing has arrived.
    quiet_since: DateTime<Utc>,
    /// Whether the operator was asked about it.
    has_asked: bool,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(process: &'a Process, adapters: &'a Adapters) -> Self {
        Self { process, adapters, quiet_since: process.clock.now(), has_asked: false }
    }

    /// Waits until all has arrived, nothing more can come, or it is to stop.
    pub(crate) async fn until_ended(
        &mut self,
        arriving: &mut impl Arriving,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        self.begin_anew();
        let patience = self.patience();
        let mut waited = 0;
        loop {
            let waiting = self.depths(stop).await?.into_iter().map(Depth::total).sum();
            if waiting != waited {
                self.begin_anew();
            }
            waited = waiting;
            // After the queues: what was in neither of them then is in the tables, or held by somebody.
            self.look(arriving, stop).await?;
            let gives_up = waiting == 0 && self.quiet() >= patience;
            if arriving.has_ended() || stop.is_cancelled() || gives_up {
                return Ok(());
            }
            self.ask_operator(waiting);
            self.pause(stop).await;
        }
    }

    /// What waits in the queues of pages and of rows.
    pub(crate) async fn depths(&self, stop: &CancellationToken) -> anyhow::Result<[Depth; 2]> {
        Ok([self.depth(QueueName::Raw, stop).await?, self.depth(QueueName::Rows, stop).await?])
    }

    /// Something happened.
    pub(crate) fn begin_anew(&mut self) {
        self.quiet_since = self.process.clock.now();
    }

    /// Looks what arrived.
    pub(crate) async fn look(
        &mut self,
        arriving: &mut impl Arriving,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let news = until_answered(&*self.process.clock, stop, async || arriving.look().await).await?;
        arriving.show();
        if news {
            self.begin_anew();
            self.has_asked = false;
        }
        Ok(())
    }

    /// Asks the operator, once, when the queues do not get shorter.
    pub(crate) fn ask_operator(&mut self, waiting: u64) {
        if waiting > 0 && !self.has_asked && self.quiet() >= QUIET {
            self.has_asked = true;
            let messages = numbers::counted(waiting, "message");
            output::say(format!(
                "waiting   {messages} in the queue; are a transformer and a loader running?"
            ));
        }
    }

    pub(crate) async fn pause(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.process.clock.sleep(POLL_INTERVAL) => {}
        }
    }

    async fn depth(&self, queue: QueueName, stop: &CancellationToken) -> anyhow::Result<Depth> {
        let queues = &self.adapters.queues.queue;
        until_answered(&*self.process.clock, stop, async || queues.depth(queue).await).await
    }

    /// For how long nothing has arrived.
    fn quiet(&self) -> TimeDelta {
        self.process.clock.now() - self.quiet_since
    }

    /// How long after the last arrival another one may still come although the queues seem to be empty.
    fn patience(&self) -> TimeDelta {
        let config = self.process.config();
        if service::file_of(&config.queue.url).is_some() {
            return PATIENCE_WITH_FILES;
        }
        let work = config.transform.deadline.max(config.load.deadline) + MARGIN;
        TimeDelta::from_std(work).unwrap_or(TimeDelta::MAX)
    }
}

/// Calls queue or store until it answers. When stopped before that, the answer is the default.
pub(crate) async fn until_answered<T: Default, E: Away + Into<anyhow::Error>>(
    clock: &dyn Clock,
    stop: &CancellationToken,
    call: impl AsyncFnMut() -> Result<T, E>,
) -> anyhow::Result<T> {
    let tell = |error: &E| output::say(format!("waiting   {error}"));
    outage::until_answered(clock, stop, call, tell).await.map_err(Into::into)
}
