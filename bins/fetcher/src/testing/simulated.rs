//! A fetcher against the simulator, which answers as the real API does.

use std::net::Ipv4Addr;
use std::sync::Arc;

use config::Secret;
use simulator::{Options, Simulator};
use stage::Failpoints;

use super::{Fetcher, KEY, Lab};
use crate::collect::ApiSource;
use crate::context::FetchContext;
use crate::metrics::FetchMetrics;

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

    /// The same with other settings than the lab's.
    pub(crate) fn fetcher_of(
        &self,
        settings: config::Fetch,
        simulator: &Simulator,
        key: Option<&str>,
    ) -> Fetcher {
        let source = ApiSource {
            base_url: simulator.url().parse().unwrap(),
            api_key: key.map(Secret::new).unwrap_or_default(),
            keyless: key.is_none(),
        };
        let (queue, clock) = (Arc::new(self.queue.clone()), Arc::new(self.clock.clone()));
        let around = FetchContext::new(clock, FetchMetrics::new(&self.metrics), Failpoints::none())
            .fetching(self.market.clone());
        Fetcher::new(settings, source, queue.clone(), queue, None, around)
    }
}
