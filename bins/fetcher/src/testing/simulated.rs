//! A fetcher against the simulator, which answers as the real API does.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use config::Secret;
use ports::Clock;
use simulator::{Options, Simulator};
use stage::Failpoints;

use super::lab::wait_for_the_spool;
use super::{Fetcher, KEY, Lab};
use crate::collect::{ApiSource, Client};
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;
use crate::parts::Parts;
use crate::spool::Spool;
use crate::{Backfiller, Tables};

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
        self.fetcher_seeing(simulator, Tables::of(self.store.clone()))
    }

    /// The same, which asks these `tables`.
    pub(crate) fn fetcher_seeing(&self, simulator: &Simulator, tables: Tables) -> Fetcher {
        self.build_at(self.settings.clone(), simulator, Some(KEY), Some(tables))
    }

    /// The same on another clock than the lab's.
    pub(crate) fn fetcher_at_on(&self, simulator: &Simulator, clock: Arc<dyn Clock>) -> Fetcher {
        self.build_on(self.settings.clone(), source(simulator, Some(KEY)), None, clock)
    }

    /// What fills gaps when it is asked to, from `simulator`.
    pub(crate) fn backfiller(&self, simulator: &Simulator) -> Backfiller {
        self.backfiller_on(simulator, Arc::new(self.clock.clone()))
    }

    /// The same on another clock than the lab's.
    pub(crate) fn backfiller_on(&self, simulator: &Simulator, clock: Arc<dyn Clock>) -> Backfiller {
        let spool = self.settings.spool.join("backfill");
        let settings = config::Fetch { spool, ..self.settings.clone() };
        wait_for_the_spool(&settings.spool);
        let source = source(simulator, Some(KEY));
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
        tables: Option<Tables>,
    ) -> Fetcher {
        self.build_on(settings, source(simulator, key), tables, Arc::new(self.clock.clone()))
    }

    fn build_on(
        &self,
        settings: config::Fetch,
        source: ApiSource,
        tables: Option<Tables>,
        clock: Arc<dyn Clock>,
    ) -> Fetcher {
        wait_for_the_spool(&settings.spool);
        let queue = Arc::new(self.queue.clone());
        let around = FetchContext::new(clock, FetchMetrics::new(&self.metrics), Failpoints::none())
            .fetching(self.market.clone());
        Fetcher::new(settings, source, queue.clone(), queue, tables, around)
    }
}

fn source(simulator: &Simulator, key: Option<&str>) -> ApiSource {
    ApiSource {
        base_url: simulator.url().parse().unwrap(),
        api_key: key.map(Secret::new).unwrap_or_default(),
        keyless: key.is_none(),
    }
}
