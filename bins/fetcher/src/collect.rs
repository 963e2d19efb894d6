//! Collecting: pages from the API into the spool.
//!
//! [`Client`] asks for a page, `outcome` decides what a failure means, `snapshot` goes on until all pages of a batch are in
//! the spool or no more will come, and `seal` then settles how many pages the batch has. A sealed batch is the publisher's.

mod calls;
mod client;
mod credits;
mod doubts;
mod drift;
mod ending;
mod hint;
mod judging;
mod leftovers;
mod letters;
mod listed;
mod market;
mod missed;
mod outcome;
mod pace;
mod past;
mod past_calls;
mod past_days;
mod past_doubts;
mod past_hours;
mod past_pages;
mod seal;
mod slot;
mod snapshot;
mod store;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{ApiVersion, BatchId, Headers, Slot, endpoint};
use ports::Clock;

use crate::context::FetchContext;
use crate::crash::Crashes;
use crate::incident::Incidents;
use crate::metrics::FetchMetrics;
use crate::retry_turns::RetryTurns;
use crate::spool::{ClaimState, Manifest, Spool};
use crate::waiting::WaitNote;

use calls::Refused;
use doubts::Hopeless;
use drift::Drift;

pub use client::KeyStatus;
#[cfg(test)]
pub(crate) use client::server;
pub(crate) use client::{ApiSource, BadSource, Client, FetchError};
pub use credits::{Advice, Spending, free_plan};
pub(crate) use credits::{Credits, Spare};
pub(crate) use ending::{Ending, GaveUp, Patience};
use judging::JudgeState;
use listed::Listed;
use missed::Missed;
pub(crate) use outcome::{Circumstances, Outcome};
pub(crate) use pace::Pace;
pub(crate) use past::PastJob;
use past_calls::PastCalls;
use past_doubts::PastDoubts;
pub(crate) use past_pages::Missing;
pub(crate) use slot::Until;
pub(crate) use snapshot::{Caller, FetchJob};

/// Ids in one request: as many as one credit pays for.
const IDS_IN_ONE: u32 = 100;

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
    refused: Refused,
    past_calls: PastCalls,
    past_doubts: PastDoubts,
    drift: Drift,
    /// Batches that are fetched now, or that were interrupted or gave way and will be continued.
    in_work: Mutex<Vec<Manifest>>,
    /// Batches whose fetching is over, and which the disk did not let be sealed.
    unsealed: Mutex<Vec<Manifest>>,
    /// Whether the newest answer was made up.
    simulated: Mutex<Option<bool>>,
    listed: Listed,
    missed: Missed,
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
            refused: Refused::default(),
            past_calls: PastCalls::default(),
            past_doubts: PastDoubts::default(),
            drift,
            in_work: Mutex::default(),
            unsealed: Mutex::default(),
            simulated: Mutex::default(),
            listed: Listed::default(),
            missed: Missed::default(),
            has_leftovers: AtomicBool::new(false),
        }
    }

    /// What is asked for in `slot` of the listings.
    pub(crate) fn order(&self, slot: Slot) -> Manifest {
        let settings = &self.settings;
        let by_rank = (endpoint::LISTINGS, settings.limit, settings.page_size);
        let by_id = (endpoint::QUOTES, u32::try_from(settings.ids.len()).unwrap_or(u32::MAX), IDS_IN_ONE);
        let (endpoint, limit, page_size) = if settings.ids.is_empty() { by_rank } else { by_id };
        Manifest {
            batch: BatchId::new(slot, endpoint, &settings.convert),
            slot,
            endpoint: endpoint.to_owned(),
            api_version: match settings.api_version {
                config::ApiVersion::V1 => ApiVersion::V1,
                config::ApiVersion::V3 => ApiVersion::V3,
            },
            convert: settings.convert.clone(),
            calls: self.calls(),
            limit,
            page_size,
            ids: settings.ids.clone(),
            host: self.client.host().to_owned(),
            pages: None,
            trace: Headers::new(),
            claim: ClaimState::Claimed,
            verdict: None,
        }
    }

    /// Whether the data is made up, as far as the source or what it answered tells.
    pub(crate) fn is_simulated(&self) -> Option<bool> {
        let told = *self.simulated.lock().unwrap_or_else(PoisonError::into_inner);
        self.client.is_known_to_be_simulated().or(told).or_else(|| self.credits.is_simulated())
    }

    fn in_work(&self) -> MutexGuard<'_, Vec<Manifest>> {
        self.in_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsealed(&self) -> MutexGuard<'_, Vec<Manifest>> {
        self.unsealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
