//! How the parts of a fetcher are put together: collector and publisher on one spool, and what drives them.

use std::sync::Arc;
use std::time::Duration;

use config::CatchUp;
use ports::{Leadership, Queue};

use crate::backfill::Backfiller;
use crate::collect::{Client, Collector, Credits};
use crate::context::FetchContext;
use crate::incident::Incidents;
use crate::once::OnceFetcher;
use crate::publish::Publisher;
use crate::schedule::{Course, LoadedBatches, Scheduler, courses};
use crate::spool::Spool;
use crate::tables::Tables;

/// A collector and a publisher that share a spool.
pub(crate) struct Parts {
    collector: Collector,
    publisher: Publisher,
    incidents: Arc<Incidents>,
    credits: Arc<Credits>,
    context: FetchContext,
    courses: Vec<Course>,
    /// Which missed slots are filled.
    catch_up: CatchUp,
}

impl Parts {
    /// Parts that fetch what `settings` ask for with `client` and publish it to `queue`; a schedule fetches each slot `offset`
    /// after its beginning.
    pub(crate) fn new(
        settings: config::Fetch,
        client: Client,
        spool: &Arc<Spool>,
        queue: Arc<dyn Queue>,
        offset: Duration,
        context: FetchContext,
    ) -> Self {
        let courses = courses(&settings, &context.market, offset);
        // Without a key the API tells nothing of the past.
        let catch_up = if client.is_keyless() { CatchUp::None } else { settings.catch_up };
        let incidents = Arc::new(Incidents::new(Arc::clone(spool), Arc::clone(&context.clock)));
        let credits = Arc::new(Credits::new(&settings, Arc::clone(&incidents), &context));
        let collector = Collector::new(
            settings,
            client,
            Arc::clone(spool),
            Arc::clone(&incidents),
            Arc::clone(&credits),
            context.clone(),
        );
        let publisher = Publisher::new(Arc::clone(spool), queue, Arc::clone(&incidents), &context);
        Self { collector, publisher, incidents, credits, context, courses, catch_up }
    }

    /// What the key has left, as these parts know it.
    pub(crate) fn credits(&self) -> Arc<Credits> {
        Arc::clone(&self.credits)
    }

    /// A fetcher that takes a snapshot when it is asked to.
    pub(crate) fn once(self) -> OnceFetcher {
        OnceFetcher::new(self.collector, self.publisher, self.context.clock)
    }

    /// Something that fills gaps when it is asked to.
    pub(crate) fn backfill(self, settings: config::Fetch) -> Backfiller {
        Backfiller::new(self.collector, self.publisher, self.context.clock, settings)
    }

    /// A fetcher that takes snapshots on a schedule, as one of any number of fetchers that follow the same `leadership`. The `tables` also tell of
    /// snapshots that were taken by hand.
    pub(crate) fn on_schedule(self, leadership: Arc<dyn Leadership>, tables: Option<Tables>) -> Scheduler {
        let loaded = LoadedBatches::new(tables);
        let Self { collector, publisher, incidents, context, courses, catch_up, .. } = self;
        Scheduler::new((courses, catch_up), collector, publisher, leadership, loaded, incidents, context)
    }
}
