//! A fetcher against the simulator, which answers as the real API does.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use config::Secret;
use ports::Ledger;
use simulator::{Options, Simulator};
use stage::Failpoints;

use super::lab::wait_for_the_spool;
use super::{Fetcher, KEY, Lab};
use crate::Backfiller;
use crate::collect::{ApiSource, Client};
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;
use crate::parts::Parts;
use crate::spool::Spool;

impl Lab {
    /// An API with 500 coins, on the lab's clock.
    pub(crate) async fn simulator(&self, options: Options) -> Simulator {
        let options = Options { coins: 500, ..options };
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        Simulator::start(address, options, Arc::new(self.clock.clone())).await.unwrap()
    }

    /// A fetcher that asks `simulator` with the key that is known there.
    pub(crate) fn fetcher_at(&self, simulator: &Simulator) -> Fetcher {
        self.fetcher_with(simulator, Some(KEY))
    }

    /// A fetcher that asks `simulator` with this key, or as one without a key does.
    pub(crate) fn fetcher_with(&self, simulator: &Simulator, key: Option<&str>) -> Fetcher {
        self.fetcher_of(self.settings.clone(), simulator, key)
    }

    /// The same, which also asks the store what is in the tables.
    pub(crate) fn fetcher_with_store(&self, simulator: &Simulator) -> Fetcher {
        self.build_at(self.settings.clone(), simulator, Some(KEY), Some(self.store.clone()))
    }

    /// What fills gaps when it is asked to, from `simulator`.
    pub(crate) fn backfiller(&self, simulator: &Simulator) -> Backfiller {
        let spool = self.settings.spool.join("backfill");
        let settings = config::Fetch { spool, ..self.settings.clone() };
        wait_for_the_spool(&settings.spool);
        let source = source(simulator, Some(KEY));
        let clock = Arc::new(self.clock.clone());
        let client = Client::new(source, settings.connect_timeout, settings.timeout, clock.clone()).unwrap();
        let spool = Arc::new(Spool::open(&settings.spool).unwrap());
        let context = FetchContext::new(clock, FetchMetrics::new(&self.metrics), Failpoints::none());
        let queue = Arc::new(self.queue.clone());
        Parts::new(settings.clone(), client, &spool, queue, Duration::ZERO, context).backfill(settings)
    }

    /// The same with other settings than the lab's.
    pub(crate) fn fetcher_of(
        &self,
        settings: config::Fetch,
        simulator: &Simulator,
        key: Option<&str>,
    ) -> Fetcher {
        self.build_at(settings, simulator, key, None)
    }

    fn build_at(
        &self,
        settings: config::Fetch,
        simulator: &Simulator,
        key: Option<&str>,
        ledger: Option<Arc<dyn Ledger>>,
    ) -> Fetcher {
        wait_for_the_spool(&settings.spool);
        let source = source(simulator, key);
        let (queue, clock) = (Arc::new(self.queue.clone()), Arc::new(self.clock.clone()));
        let around = FetchContext::new(clock, FetchMetrics::new(&self.metrics), Failpoints::none())
            .fetching(self.market.clone());
        Fetcher::new(settings, source, queue.clone(), queue, ledger, around)
    }
}

fn source(simulator: &Simulator, key: Option<&str>) -> ApiSource {
    ApiSource {
        base_url: simulator.url().parse().unwrap(),
        api_key: key.map(Secret::new).unwrap_or_default(),
        keyless: key.is_none(),
    }
}
