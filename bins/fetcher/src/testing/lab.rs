//! A fetcher with all that it needs around it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use config::Config;
use domain::wire::{self, RowsMessage};
use domain::{Message, Schedule, Slot};
use ports::{Clock, Leadership, Queue, QueueName};
use stage::Failpoints;
use telemetry::Metrics;
use tempfile::TempDir;
use testkit::memory::{MemoryQueue, MemoryStore};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{LeapingClock, RefusingQueue, Server};
use crate::collect::{ApiSource, Client, Collector, Credits};
use crate::context::FetchContext;
use crate::incident::Incidents;
use crate::metrics::FetchMetrics;
use crate::once::OnceFetcher;
use crate::parts::Parts;
use crate::schedule::Scheduler;
use crate::spool::{Manifest, Spool};
use crate::{FetchedBatch, OnceFailure, ProgressObserver, Tables};

/// A fetcher that can be used in both ways, though not at once.
pub(crate) struct Fetcher {
    settings: config::Fetch,
    pub(crate) client: Client,
    pub(crate) spool: Arc<Spool>,
    context: FetchContext,
    credits: [Arc<Credits>; 2],
    scheduler: Scheduler,
    once: OnceFetcher,
}

impl Fetcher {
    pub(crate) fn new(
        settings: config::Fetch,
        source: ApiSource,
        queue: Arc<dyn Queue>,
        leadership: Arc<dyn Leadership>,
        tables: Option<Tables>,
        context: FetchContext,
    ) -> Self {
        let clock = Arc::clone(&context.clock);
        let client = Client::new(source, settings.connect_timeout, settings.timeout, clock).unwrap();
        let spool = Arc::new(Spool::open(&settings.spool).unwrap());
        let offset = crate::schedule::offset_of(&settings, "lab");
        let parts =
            |queue| Parts::new(settings.clone(), client.clone(), &spool, queue, offset, context.clone());
        let (on_schedule, once) = (parts(Arc::clone(&queue)), parts(queue));
        let credits = [on_schedule.credits(), once.credits()];
        let (scheduler, once) = (on_schedule.on_schedule(leadership, tables), once.once());
        Self { settings, client, spool, context, credits, scheduler, once }
    }

    /// Asks what the key has left, as a process does at its start.
    pub(crate) async fn know_credits(&self) {
        let [scheduled, by_hand] = &self.credits;
        scheduled.begin(&self.client).await;
        by_hand.look(&self.client).await;
    }

    /// Looks for a slot whenever the bell was `rung`.
    pub(crate) async fn run_on(
        &self,
        rung: mpsc::Receiver<()>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        self.scheduler.run_on(rung, stop).await
    }

    pub(crate) async fn fetch_now(
        &self,
        observer: &dyn ProgressObserver,
        stop: CancellationToken,
    ) -> Result<FetchedBatch, OnceFailure> {
        self.once.fetch_now(observer, stop).await
    }

    /// What is asked for in `slot`.
    pub(crate) fn order(&self, slot: Slot) -> Manifest {
        let (settings, client, spool) = (self.settings.clone(), self.client.clone(), Arc::clone(&self.spool));
        let incidents = Arc::new(Incidents::new(Arc::clone(&spool), Arc::clone(&self.context.clock)));
        let credits = Arc::new(Credits::new(&settings, Arc::clone(&incidents), &self.context));
        Collector::new(settings, client, spool, incidents, credits, self.context.clone()).order(slot)
    }
}

/// All that a fetcher needs, to be given to one fetcher after the other.
pub(crate) struct Lab {
    pub(crate) dir: TempDir,
    pub(crate) clock: LeapingClock,
    pub(crate) queue: MemoryQueue,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) settings: config::Fetch,
    /// What is fetched beside the listings; nothing.
    pub(crate) market: config::Market,
    pub(crate) metrics: Metrics,
}

impl Lab {
    /// Asks for `limit` coins, `page_size` at a time, every hour. It is 14:00.
    pub(crate) fn new(limit: u32, page_size: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = LeapingClock::default();
        let queue = MemoryQueue::new(Arc::new(clock.clone()));
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let spool = dir.path().join("spool");
        let offset = config::Offset::After(Duration::ZERO);
        let Config { fetch, market, .. } = Config::defaults();
        let settings = config::Fetch { limit, page_size, offset, spool, ..fetch };
        let metrics = Metrics::default();
        Self { dir, clock, queue, store, settings, market, metrics }
    }

    pub(crate) fn fetcher(&self, server: &Server) -> Fetcher {
        self.fetcher_on(server, Arc::new(self.queue.clone()), Arc::new(self.clock.clone()))
    }

    pub(crate) fn fetcher_on(
        &self,
        server: &Server,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
    ) -> Fetcher {
        self.build(server, queue, clock, Failpoints::none())
    }

    /// A fetcher that dies where `failpoints` say.
    pub(crate) fn dying_fetcher(&self, server: &Server, failpoints: Failpoints) -> Fetcher {
        self.build(server, Arc::new(self.queue.clone()), Arc::new(self.clock.clone()), failpoints)
    }

    fn build(
        &self,
        server: &Server,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        failpoints: Failpoints,
    ) -> Fetcher {
        wait_for_the_spool(&self.settings.spool);
        let leadership = Arc::new(self.queue.clone());
        let store = Tables::of(Arc::clone(&self.store));
        let around = FetchContext::new(clock, FetchMetrics::new(&self.metrics), failpoints)
            .fetching(self.market.clone());
        Fetcher::new(self.settings.clone(), server.source(), queue, leadership, Some(store), around)
    }

    /// This queue, refusing for now.
    pub(crate) fn refusing(&self) -> Arc<RefusingQueue> {
        Arc::new(RefusingQueue { inner: self.queue.clone(), refuses: AtomicBool::new(true) })
    }

    /// The ids on `queue`, in order of publishing, but for those of schedules.
    pub(crate) fn ids(&self, queue: QueueName) -> Vec<String> {
        let ids = self.queue.messages(queue).into_iter().map(|message| message.id.to_string());
        ids.filter(|id| !id.starts_with("schedule/")).collect()
    }

    /// The messages on the rows queue that are about batches, in order of publishing.
    pub(crate) fn announcements(&self) -> Vec<Message> {
        let mut messages = self.queue.messages(QueueName::Rows);
        messages.retain(|message| !message.id.as_str().starts_with("schedule/"));
        messages
    }

    /// The schedules that the ledger was told of, in order of publishing.
    pub(crate) fn schedules(&self) -> Vec<Schedule> {
        let messages = self.queue.messages(QueueName::Rows).into_iter();
        let schedules = messages.filter_map(|message| match wire::decode(&message.body).unwrap() {
            RowsMessage::Schedule(schedule) => Some(schedule),
            _ => None,
        });
        schedules.collect()
    }

    /// The names of the batches that wait in the spool.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.settings.spool.join("batches")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// What one that died did on a thread of its own, as a process would not, has to end first.
pub(super) fn wait_for_the_spool(spool: &Path) {
    if let Ok(lock) = std::fs::File::open(spool.join("lock")) {
        lock.lock().unwrap();
    }
}
