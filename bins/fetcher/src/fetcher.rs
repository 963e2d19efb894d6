//! The fetcher and what it knows when it starts.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::{ApiVersion, BatchId, Headers, Slot};
use ports::store::BatchRecord;
use ports::{Clock, Leadership, Ledger, Queue};
use stage::Failpoints;
use tokio::sync::Notify;
use tracing::warn;

use crate::client::{Client, Source};
use crate::crash::Crashes;
use crate::incident::Incidents;
use crate::metrics::{FetchMetrics, SnapshotEnd};
use crate::pace::Pace;
use crate::publish::Publisher;
use crate::spool::{Claim, Manifest, Spool};

/// What is fetched, in ids and headers.
const ENDPOINT: &str = "listings";
/// The store is asked what it has, but not waited for.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(5);

/// So many of the newest batches are looked through for a snapshot: imports and other currencies have some of their own.
const LOOKED_AT: u32 = 20;

/// How fetching goes, for health checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing was fetched yet.
    Starting,
    /// The last snapshot came, and the ones before it, since then.
    OkSince(DateTime<Utc>),
    /// Fetching fails since then.
    FailingSince {
        /// The first failure.
        since: DateTime<Utc>,
        /// The newest reason.
        reason: String,
    },
}

/// Fetches snapshots and publishes them: on a schedule ([`run`](Self::run)) or one by hand
/// ([`fetch_now`](Self::fetch_now)), not both at once.
pub struct Fetcher {
    pub(crate) settings: config::Fetch,
    pub(crate) client: Client,
    pub(crate) spool: Arc<Spool>,
    pub(crate) publisher: Publisher,
    pub(crate) incidents: Arc<Incidents>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Woken when there is something to publish.
    pub(crate) changed: Arc<Notify>,
    pub(crate) leadership: Arc<dyn Leadership>,
    pub(crate) metrics: FetchMetrics,
    pub(crate) pace: Pace,
    pub(crate) crashes: Crashes,
    /// Woken when something was published.
    pub(crate) published: Notify,
    /// Whether an earlier run left something that could not be read at the start.
    pub(crate) has_leftovers: AtomicBool,
    in_work: Mutex<Option<Manifest>>,
    /// Batches whose fetching is over, and which the disk did not let be sealed.
    pub(crate) unsealed: Mutex<Vec<Manifest>>,
    ledger: Option<Arc<dyn Ledger>>,
    health: Mutex<Health>,
}

impl Fetcher {
    /// A fetcher from `source` into `queue` that counts in `metrics`, one of any number that follow the same `leadership`. A `ledger`
    /// also tells it of snapshots taken by hand. Opens the spool, which no other process may use. An error
    /// means that someone has to change the configuration.
    pub fn new(
        settings: config::Fetch,
        source: Source,
        queue: Arc<dyn Queue>,
        leadership: Arc<dyn Leadership>,
        ledger: Option<Arc<dyn Ledger>>,
        clock: Arc<dyn Clock>,
        metrics: FetchMetrics,
    ) -> anyhow::Result<Self> {
        let client = Client::new(source, settings.connect_timeout, settings.timeout, Arc::clone(&clock))?;
        let spool = Spool::open(&settings.spool).context("cannot open the fetcher's spool")?;
        let spool = Arc::new(spool);
        let changed = Arc::new(Notify::new());
        let incidents = Incidents::new(Arc::clone(&spool), Arc::clone(&clock), Arc::clone(&changed));
        let incidents = Arc::new(incidents);
        let publisher = Publisher {
            spool: Arc::clone(&spool),
            queue,
            incidents: Arc::clone(&incidents),
            metrics: metrics.clone(),
            crashes: Crashes::default(),
            confirmed: Mutex::new(HashSet::new()),
        };
        let pace = Pace::new(Arc::clone(&clock));
        let health = Mutex::new(Health::Starting);
        Ok(Self {
            settings,
            client,
            spool,
            publisher,
            incidents,
            clock,
            changed,
            leadership,
            metrics,
            pace,
            crashes: Crashes::default(),
            published: Notify::new(),
            has_leftovers: AtomicBool::new(false),
            in_work: Mutex::default(),
            unsealed: Mutex::default(),
            ledger,
            health,
        })
    }

    /// The same fetcher, which crashes where `failpoints` says.
    #[must_use]
    pub fn with_failpoints(mut self, failpoints: Failpoints) -> Self {
        self.crashes = Crashes::at(failpoints);
        self.publisher.crashes = self.crashes.clone();
        self
    }

    /// How fetching goes.
    pub fn last_outcome(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note_success(&self) {
        self.metrics.snapshot(SnapshotEnd::Complete, self.clock.now());
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*health, Health::OkSince(_)) {
            *health = Health::OkSince(self.clock.now());
        }
    }

    pub(crate) fn note_failure(&self, reason: &str) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match *health {
            Health::FailingSince { since, .. } => since,
            Health::Starting | Health::OkSince(_) => self.clock.now(),
        };
        *health = Health::FailingSince { since, reason: reason.to_owned() };
    }

    /// What is asked for in `slot`.
    pub(crate) fn order(&self, slot: Slot) -> Manifest {
        let settings = &self.settings;
        Manifest {
            batch: BatchId::new(slot, ENDPOINT, &settings.convert),
            slot,
            endpoint: ENDPOINT.to_owned(),
            api_version: match settings.api_version {
                config::ApiVersion::V1 => ApiVersion::V1,
                config::ApiVersion::V3 => ApiVersion::V3,
            },
            convert: settings.convert.clone(),
            limit: settings.limit,
            page_size: settings.page_size,
            host: self.client.host().to_owned(),
            pages: None,
            trace: Headers::new(),
            claim: Claim::Claimed,
        }
    }

    /// The newest slot whose batch is whole in the tables, with the same currencies. Knows snapshots that
    /// were taken by hand, too.
    pub(crate) async fn newest_loaded(&self) -> Option<Slot> {
        let ledger = self.ledger.as_ref()?;
        let newest = match tokio::time::timeout(LEDGER_TIMEOUT, ledger.batches(LOOKED_AT)).await {
            Ok(Ok(batches)) => batches.into_iter().find(|batch| self.is_ours(batch))?,
            Ok(Err(error)) => {
                warn!(%error, "cannot ask the store for its newest batch; going by the claims alone");
                return None;
            }
            Err(_) => {
                warn!("the store did not answer in time; going by the claims alone");
                return None;
            }
        };
        (newest.loaded_at.is_some() && newest.is_complete()).then_some(newest.slot)
    }

    /// Whether `batch` is a snapshot as this fetcher takes them.
    fn is_ours(&self, batch: &BatchRecord) -> bool {
        batch.endpoint == ENDPOINT && batch.convert == self.settings.convert
    }

    /// Whether the tables know of `batch`; `None` when nobody can be asked now, or ever.
    pub(crate) async fn is_in_ledger(&self, batch: &BatchId) -> Option<bool> {
        let ledger = self.ledger.as_ref()?;
        let found = tokio::time::timeout(LEDGER_TIMEOUT, ledger.batch(batch)).await.ok()?.ok()?;
        Some(found.is_some())
    }

    /// Whether there is somebody to ask what is in the tables.
    pub(crate) fn has_ledger(&self) -> bool {
        self.ledger.is_some()
    }

    /// The batch that is fetched now, or will be gone on with.
    pub(crate) fn in_work(&self) -> MutexGuard<'_, Option<Manifest>> {
        self.in_work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
