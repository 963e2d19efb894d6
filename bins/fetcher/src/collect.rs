//! Collecting: pages from the API into the spool.
//!
//! [`Client`] asks for a page, `outcome` decides what a failure means, `snapshot` goes on until all pages of a batch are in
//! the spool or no more will come, and `seal` then settles how many pages the batch has. A sealed batch is the publisher's.

mod client;
mod credits;
mod doubts;
mod drift;
mod ending;
mod hint;
mod judging;
mod leftovers;
mod letters;
mod market;
mod outcome;
mod seal;
mod slot;
mod snapshot;
mod store;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{ApiVersion, BatchId, Headers, Slot};
use ports::Clock;

use crate::context::FetchContext;
use crate::crash::Crashes;
use crate::incident::Incidents;
use crate::metrics::FetchMetrics;
use crate::retry_turns::RetryTurns;
use crate::spool::{ClaimState, Manifest, Spool};
use crate::subject::LISTINGS;
use crate::waiting::WaitNote;

use doubts::Hopeless;
use drift::Drift;

pub use client::KeyStatus;
#[cfg(test)]
pub(crate) use client::server;
pub(crate) use client::{ApiSource, Client};
pub(crate) use credits::Credits;
pub use credits::{Advice, Spending, free_plan};
pub(crate) use ending::{Ending, GaveUp, Patience};
use judging::JudgeState;
pub(crate) use slot::Until;
pub(crate) use snapshot::FetchJob;

/// Fetches batches into the spool.
pub(crate) struct Collector {
    settings: config::Fetch,
    client: Client,
    spool: Arc<Spool>,
    incidents: Arc<Incidents>,
    clock: Arc<dyn Clock>,
    metrics: FetchMetrics,
    crashes: Crashes,
    turns: Arc<RetryTurns>,
    waits: WaitNote,
    judge: Arc<config::Judge>,
    state: JudgeState,
    hopeless: Hopeless,
    credits: Arc<Credits>,
    drift: Drift,
    /// Batches that are fetched now, or that were interrupted or gave way and will be continued.
    in_work: Mutex<Vec<Manifest>>,
    /// Batches whose fetching is over, and which the disk did not let be sealed.
    unsealed: Mutex<Vec<Manifest>>,
    /// Whether an earlier run left something that could not be read at the start.
    has_leftovers: AtomicBool,
}

impl Collector {
    /// A collector that fetches what `settings` ask for.
    pub(crate) fn new(
        settings: config::Fetch,
        client: Client,
        spool: Arc<Spool>,
        incidents: Arc<Incidents>,
        credits: Arc<Credits>,
        context: FetchContext,
    ) -> Self {
        let FetchContext { clock, metrics, crashes, turns, judge, .. } = context;
        let drift = Drift::new(Arc::clone(&spool), Arc::clone(&incidents));
        let waits = WaitNote::new(Arc::clone(&spool), metrics.clone());
        Self {
            settings,
            client,
            spool,
            incidents,
            clock,
            metrics,
            crashes,
            turns,
            waits,
            judge,
            state: JudgeState::default(),
            hopeless: Hopeless::default(),
            credits,
            drift,
            in_work: Mutex::default(),
            unsealed: Mutex::default(),
            has_leftovers: AtomicBool::new(false),
        }
    }

    /// What is asked for in `slot` of the listings.
    pub(crate) fn order(&self, slot: Slot) -> Manifest {
        let settings = &self.settings;
        Manifest {
            batch: BatchId::new(slot, LISTINGS, &settings.convert),
            slot,
            endpoint: LISTINGS.to_owned(),
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
            claim: ClaimState::Claimed,
            verdict: None,
        }
    }

    fn in_work(&self) -> MutexGuard<'_, Vec<Manifest>> {
        self.in_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsealed(&self) -> MutexGuard<'_, Vec<Manifest>> {
        self.unsealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
