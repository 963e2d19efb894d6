//! What is wrong for a while and then passes: each condition has an incident that opens and closes by itself. What others report, the
//! same loop closes when it has passed.

mod disk;
mod keeper;
mod queue_away;
mod rejected;
mod restarts;
mod snapshots;
mod stale_quotes;
mod stuck_queue;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use config::Config;
use ports::{Clock, Queue, QueueName, StoreError};
use service::Stores;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::newest::Newest;
use crate::passed::Passed;
use disk::Disk;
use keeper::Keeper;
use queue_away::QueueAway;
use rejected::RejectedShare;
use restarts::AgainAndAgain;
use stale_quotes::StaleQuotes;
use stuck_queue::StuckQueue;

/// How often they are looked at. Somebody is told of the end within a minute: this, and what the mailer takes.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// What a look at a condition found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All is well: the incident closes.
    Fine,
    /// It cannot be said, or not yet: an incident that is open stays so.
    Unsure,
    /// The incident opens.
    Wrong(Finding),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Tells this time from all others: the same for all alerters where what it is made of is in the tables. The same never opens
    /// twice, so what a person resolved stays so.
    pub occasion: String,
    /// What happened and what to do, one sentence without secrets.
    pub reason: String,
}

/// Something that can be wrong.
#[async_trait]
pub(crate) trait Condition: Send + Sync {
    /// The code of its incident.
    fn code(&self) -> &'static str;

    /// What it means that it is over, for people: "the quotes are fresh again".
    fn end(&self) -> &'static str;

    /// Looks at `now`. An error says that the store is away.
    async fn look(&self, now: DateTime<Utc>) -> Result<Look, StoreError>;
}

/// All conditions of an alerter.
pub struct Conditions {
    keepers: Vec<Keeper>,
    passed: Passed,
    clock: Arc<dyn Clock>,
}

impl Conditions {
    /// Those that `[alert]` asks for.
    pub fn new(config: &Config, queue: &Arc<dyn Queue>, stores: &Stores, clock: Arc<dyn Clock>) -> Self {
        let Config { alert, fetch, .. } = config;
        let mut conditions: Vec<Box<dyn Condition>> =
            vec![Box::new(StaleQuotes::new(stores, alert.stale_after, fetch.every))];
        if !alert.stuck_after.is_zero() {
            conditions.push(Box::new(QueueAway::new(Arc::clone(queue))));
            // Who would tell of the queue of dead letters is who consumes it.
            for name in [QueueName::Raw, QueueName::Rows] {
                let stuck = StuckQueue::new(Arc::clone(queue), name, alert.stuck_after);
                conditions.push(Box::new(stuck));
            }
        }
        let newest = Newest::new(Arc::clone(&stores.ledger), Arc::clone(&stores.schedules));
        conditions.push(Box::new(RejectedShare::new(newest, alert.rejected)));
        conditions.push(Box::new(AgainAndAgain::new(Arc::clone(&stores.processes), alert.restarts)));
        conditions.push(Box::new(Disk::new(config)));
        let keepers = conditions
            .into_iter()
            .map(|condition| Keeper::new(condition, Arc::clone(&stores.letters), Arc::clone(&clock)));
        let passed = Passed::new(stores, Arc::clone(&clock));
        Self { keepers: keepers.collect(), passed, clock }
    }

    /// Looks again and again until `stop`. While the store is away it waits.
    pub async fn run(&self, stop: CancellationToken) {
        let tell = |error: &StoreError| warn!(%error, "no condition opens or closes while the store is away");
        outage::rounds(&self.clock, POLL_INTERVAL, &stop, || self.look(), tell).await;
    }

    /// Opens what is due and closes what has passed.
    pub async fn look(&self) -> Result<(), StoreError> {
        let mut result = Ok(());
        // Each is to know that the store was away.
        for keeper in &self.keepers {
            result = result.and(keeper.look().await);
        }
        result.and(self.passed.look().await)
    }
}
