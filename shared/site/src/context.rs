//! What every view has at hand, and the bounds on what it may ask.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::Config;
use desk::{Access, Trial};
use outage::{News, Outage, Resource};
use ports::store::CurrencyUse;
use ports::{Clock, Queue, StoreError};
use service::{Queues, Stores};
use telemetry::Metrics;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::access::guard::Guard;
use crate::access::visitor::Visitor;
use crate::courses::Courses;
use crate::jobs::Jobs;
use crate::lately::{Lately, MOMENT};
use crate::parameters::word;
use crate::recover::{server_name, via};
use crate::trouble::Trouble;
use crate::truth::Truth;

/// Questions that the store is asked at once: the site must never starve work.
const AT_ONCE: u32 = 4;
/// The longest time for one question, its waiting included.
const LONGEST: Duration = Duration::from_secs(5);

/// What a [`Context`] is made of.
pub struct Parts {
    /// The store's ports.
    pub stores: Stores,
    /// The queue's ports.
    pub queues: Queues,
    /// What the time is.
    pub clock: Arc<dyn Clock>,
    /// The settings.
    pub config: Config,
    /// What the stages of this process count.
    pub metrics: Metrics,
    /// The transformer's rules, to try a page that somebody edited; `None` where there is no transformer.
    pub trial: Option<Arc<dyn Trial>>,
    /// The id of this process among those of the store: one that starts again has another.
    pub instance: String,
    /// When it is asked to stop: what was begun on the site stops, too.
    pub stop: CancellationToken,
}

/// What every view has at hand. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    parts: Parts,
    guard: Guard,
    found: Lately<(Truth, u64)>,
    currencies: Lately<Arc<[CurrencyUse]>, Trouble>,
    asking: Semaphore,
    outage: Mutex<Outage>,
    courses: Courses,
    jobs: Jobs,
    /// How this server is called in the record.
    name: String,
}

impl Context {
    /// A context of `parts`.
    pub fn new(parts: Parts) -> Self {
        let guard = Guard::new(&parts.config.http);
        let name = server_name(&parts.instance);
        let outage = Mutex::new(Outage::new(Arc::clone(&parts.clock)));
        Self(Arc::new(Inner {
            parts,
            guard,
            found: Lately::default(),
            currencies: Lately::default(),
            asking: Semaphore::new(AT_ONCE as usize),
            outage,
            courses: Courses::default(),
            jobs: Jobs::default(),
            name,
        }))
    }

    /// The store's ports. Ask them through [`ask`](Self::ask).
    pub(crate) fn stores(&self) -> &Stores {
        &self.0.parts.stores
    }

    /// The queue. It may take long to answer when it is away: do not wait for it.
    pub(crate) fn queue(&self) -> &dyn Queue {
        &*self.0.parts.queues.queue
    }

    /// The settings.
    pub(crate) fn config(&self) -> &Config {
        &self.0.parts.config
    }

    /// The clock.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.parts.clock
    }

    /// The clock, for a task that goes on by itself.
    pub(crate) fn shared_clock(&self) -> &Arc<dyn Clock> {
        &self.0.parts.clock
    }

    /// The line of truth that was found last.
    pub(crate) fn found(&self) -> &Lately<(Truth, u64)> {
        &self.0.found
    }

    /// The currencies that there are quotes in, as of the last minute: whoever looks at the market asks for them, and they change when somebody
    /// changes what is fetched. They cost two passes over the newest quotes, which were half of the market's 61 ms on MariaDB. One that is
    /// `asked` for and not among them may have come since.
    pub(crate) async fn currencies(&self, asked: Option<&str>) -> Result<Arc<[CurrencyUse]>, Trouble> {
        let asking = || async { self.ask(self.stores().browse.currencies()).await.map(Arc::from) };
        // The first quotes are not kept waiting.
        let kept = |found: &Arc<[CurrencyUse]>| if found.is_empty() { MOMENT } else { TimeDelta::minutes(1) };
        let found = self.0.currencies.or_find(self.clock(), kept, asking()).await?;
        let is_there = |asked: &str| found.iter().any(|it| it.currency.eq_ignore_ascii_case(asked));
        if word(asked).is_none_or(is_there) {
            return Ok(found);
        }
        self.0.currencies.or_find(self.clock(), |_| MOMENT, asking()).await
    }

    /// Courses that were read.
    pub(crate) fn courses(&self) -> &Courses {
        &self.0.courses
    }

    /// The time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.parts.clock.now()
    }

    /// What every address of the site begins with: empty, or `/` and more, without a `/` at its end.
    pub(crate) fn base_path(&self) -> &str {
        &self.0.parts.config.http.base_path
    }

    /// The name of this installation, such as `staging`; empty for none.
    pub(crate) fn environment(&self) -> &str {
        &self.0.parts.config.http.environment
    }

    /// Who may look, and who may act.
    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    /// Headers and fields of bodies that are not shown.
    pub(crate) fn hidden(&self) -> &[String] {
        &self.0.parts.config.http.hide
    }

    /// What was begun on the site in this process.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// How this server is called in the record.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// What the record says of who acts, and on which server.
    pub(crate) fn who(&self, visitor: &Visitor) -> String {
        format!("{}{}", visitor.who(), via(self.name()))
    }

    /// What tries a page that was edited.
    pub(crate) fn trial(&self) -> Option<&dyn Trial> {
        self.0.parts.trial.as_deref()
    }

    /// When this process is asked to stop.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.parts.stop
    }

    /// What sends letters again.
    pub(crate) fn access(&self) -> Access {
        let Parts { config, queues, stores, clock, .. } = &self.0.parts;
        Access::new(config, queues.clone(), stores.clone(), Arc::clone(clock))
    }

    /// The address of `path`, which begins with `/`, under the base path. The market is at the base path itself.
    pub(crate) fn href(&self, path: &str) -> String {
        let base = self.base_path();
        let is_market = path == "/" || path.starts_with("/?");
        format!("{base}{}", if is_market && !base.is_empty() { &path[1..] } else { path })
    }

    /// Where people reach the site, which listens at `listening`.
    pub(crate) fn address(&self, listening: SocketAddr) -> String {
        let origin = self.config().http.origin().map(str::to_owned);
        let origin = origin.unwrap_or_else(|| format!("http://{listening}"));
        format!("{origin}{}", self.href("/"))
    }

    /// Takes all turns, so that no question is answered until they are given back.
    #[cfg(test)]
    pub(crate) async fn all_turns(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.0.asking.acquire_many(AT_ONCE).await.expect("never closed")
    }

    /// Whether what came of a question is an error that is to be logged: the first of an outage, and then ever more rarely, however
    /// many look.
    pub(crate) fn is_news<T>(&self, answer: &Result<T, StoreError>) -> bool {
        let mut outage = self.0.outage.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.is_ok() {
            outage.worked();
            return false;
        }
        outage.failed(Resource::Store) != News::Old
    }

    /// Asks a port, when it is this question's turn. Too long a time is [`Trouble::Busy`].
    pub(crate) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Trouble> {
        let answered = async {
            // The semaphore is never closed.
            let _turn = self.0.asking.acquire().await.map_err(|_| Trouble::Busy)?;
            let answer = question.await;
            let is_news = self.is_news(&answer);
            answer.map_err(|error| {
                if is_news {
                    warn!(%error, "the site could not read the store");
                }
                Trouble::from(error)
            })
        };
        tokio::select! {
            biased;
            answer = answered => answer,
            () = self.0.parts.clock.sleep(LONGEST) => Err(Trouble::Busy),
        }
    }
}
