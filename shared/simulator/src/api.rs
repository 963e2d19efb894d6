//! What the simulator serves: its paths, the faults that come before an answer, and the notes about requests.

mod answer;
mod history;
mod market;
mod request;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use domain::{ApiVersion, MarketKind};
use ports::Clock;
use tokio_util::sync::CancellationToken;

use self::history::HistoryPlan;
use self::request::{Endpoint, Request};
use crate::account::Account;
use crate::data_source::DataSource;
use crate::delivery::{self, SIMULATED_HEADER, accepts_gzip};
use crate::fault::{Fault, FaultPlan, PlannedFault, Reach};
use crate::key::{KEY_HEADER, without_key};
use crate::options::Options;
use crate::seen::{Seen, SeenLog};

/// Everything that answers depend on.
pub(crate) struct Api {
    source: DataSource,
    account: Account,
    faults: Mutex<ActiveFaults>,
    pub(crate) seen: SeenLog,
    history: HistoryPlan,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

/// What goes wrong, and since when.
struct ActiveFaults {
    plan: FaultPlan,
    /// The instant that a frozen market stays at.
    since: DateTime<Utc>,
}

impl Api {
    pub(crate) fn new(options: Options, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        let account = Account::new(&options);
        let source = DataSource::new(&options);
        let history = HistoryPlan::of(&options);
        let faults = Mutex::new(ActiveFaults { plan: FaultPlan::new(options.faults), since: clock.now() });
        Self { source, account, faults, seen: SeenLog::default(), history, clock, stop }
    }

    /// Replaces what goes wrong from now on.
    pub(crate) fn set_faults(&self, faults: Vec<PlannedFault>) {
        *self.active_faults() = ActiveFaults { plan: FaultPlan::new(faults), since: self.clock.now() };
    }

    /// The routes of the API.
    pub(crate) fn routes(self: Arc<Self>) -> Router {
        let endpoint = |endpoint| {
            move |State(api): State<Arc<Self>>, uri: Uri, headers: HeaderMap| async move {
                api.respond(endpoint, &uri, &headers).await
            }
        };
        let market = MarketKind::ALL.into_iter().fold(Router::new(), |router, kind| {
            let path = kind.description().path;
            router
                .route(&format!("/{path}"), get(endpoint(Endpoint::Market(kind))))
                .route(&format!("/public-api/{path}"), get(endpoint(Endpoint::AnonymousMarket(kind))))
        });
        market
            .route("/v1/cryptocurrency/listings/latest", get(endpoint(Endpoint::Listing(ApiVersion::V1))))
            .route("/v3/cryptocurrency/listings/latest", get(endpoint(Endpoint::Listing(ApiVersion::V3))))
            .route("/v3/cryptocurrency/quotes/historical", get(endpoint(Endpoint::QuotesHistory)))
            .route("/v1/cryptocurrency/listings/historical", get(endpoint(Endpoint::ListingHistory)))
            .route("/v3/cryptocurrency/quotes/latest", get(endpoint(Endpoint::Quotes)))
            .route("/v1/key/info", get(endpoint(Endpoint::KeyInfo)))
            .route(
                "/public-api/v1/cryptocurrency/listings/latest",
                get(endpoint(Endpoint::Anonymous(ApiVersion::V1))),
            )
            .route(
                "/public-api/v3/cryptocurrency/listings/latest",
                get(endpoint(Endpoint::Anonymous(ApiVersion::V3))),
            )
            .route("/public-api/v3/cryptocurrency/quotes/latest", get(endpoint(Endpoint::AnonymousQuotes)))
            .route("/public-api/{*path}", get(endpoint(Endpoint::NotAnonymous)))
            .fallback(endpoint(Endpoint::Nothing))
            .method_not_allowed_fallback(endpoint(Endpoint::Nothing))
            .with_state(self)
    }

    async fn respond(self: Arc<Self>, endpoint: Endpoint, uri: &Uri, headers: &HeaderMap) -> Response {
        let request = self.receive(endpoint, uri, headers);
        let gzip = accepts_gzip(headers);
        let (waits, instead) = {
            let mut active = self.active_faults();
            (active.plan.take_all(Reach::Wait), active.plan.take_instead())
        };
        for wait in waits {
            if let Fault::Slow(wait) = wait {
                self.stop.run_until_cancelled(self.clock.sleep(wait)).await;
            }
        }
        let response = match instead {
            Some(Fault::Huge) => delivery::huge(gzip),
            Some(Fault::EmptyBody) => delivery::empty(),
            instead => {
                // Generating and compressing thousands of rows takes long enough to hold up other requests.
                let api = Arc::clone(&self);
                let work = tokio::task::spawn_blocking(move || {
                    api.answer_and_encode(instead.as_ref(), &request, gzip)
                });
                work.await.unwrap_or_else(|_| broken("the answer could not be made"))
            }
        };
        self.mark(response)
    }

    /// Reads the request and notes it.
    fn receive(&self, endpoint: Endpoint, uri: &Uri, headers: &HeaderMap) -> Request {
        let request = Request::read(endpoint, uri, headers, self.clock.now());
        self.seen.push(Seen {
            path: request.path.clone(),
            query: without_key(uri.query().unwrap_or_default()),
            key_header: headers.contains_key(KEY_HEADER),
            key_accepted: self.account.check_key(request.key.as_deref()).is_ok(),
        });
        tracing::debug!(path = request.path, key_sent = request.key.is_some(), "request received");
        request
    }

    fn active_faults(&self) -> MutexGuard<'_, ActiveFaults> {
        // Every change leaves a whole plan behind, so a panic elsewhere cannot have broken it.
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the data is made up, where it is.
    fn mark(&self, mut response: Response) -> Response {
        if self.source.is_generated() {
            response.headers_mut().insert(SIMULATED_HEADER, HeaderValue::from_static("true"));
        }
        response
    }
}

/// The simulator itself failed.
fn broken(why: &'static str) -> Response {
    tracing::error!(why, "request answered with 500");
    let mut response = Response::new(Body::from(why));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
