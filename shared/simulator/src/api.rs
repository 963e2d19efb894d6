//! From a request to its answer: faults first, then the key, the limits, the parameters, the rows, the price.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use ports::Clock;
use tokio_util::sync::CancellationToken;

use crate::account::{Account, listing_credits};
use crate::delivery::{self, Answer, SIMULATED_HEADER, accepts_gzip};
use crate::envelope::{ApiError, Status};
use crate::fault::{Fault, Plan, PlannedFault, Reach};
use crate::market::Market;
use crate::options::Options;
use crate::query::ListingQuery;
use crate::recording::Playlist;
use crate::seen::{self, Seen, SeenLog};
use crate::tamper;
use domain::ApiVersion;

/// The header that carries the key.
const KEY_HEADER: &str = "x-cmc_pro_api_key";
/// The query parameter that may carry it instead.
pub(crate) const KEY_PARAMETER: &str = "CMC_PRO_API_KEY";

/// Everything that answers depend on.
pub(crate) struct Api {
    source: Source,
    account: Account,
    trouble: Mutex<Trouble>,
    pub(crate) seen: SeenLog,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

/// Where rows come from.
enum Source {
    Generated(Market),
    Recorded(Playlist),
}

/// What goes wrong, and since when.
struct Trouble {
    plan: Plan,
    /// The instant that a frozen market stays at.
    since: DateTime<Utc>,
}

/// What a path leads to.
#[derive(Clone, Copy)]
enum Endpoint {
    Listing(ApiVersion),
    KeyInfo,
    Nothing,
}

/// One request, as far as answers depend on it.
struct Request {
    endpoint: Endpoint,
    path: String,
    /// `None` if the query cannot be read.
    parameters: Option<Vec<(String, String)>>,
    key: Option<String>,
    received_at: DateTime<Utc>,
}

impl Api {
    pub(crate) fn new(options: Options, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        let account = Account::new(&options);
        let source = match Playlist::new(options.recordings) {
            Some(playlist) => Source::Recorded(playlist),
            None => Source::Generated(Market::grow(options.seed, options.coins)),
        };
        let trouble = Mutex::new(Trouble { plan: Plan::new(options.faults), since: clock.now() });
        Self { source, account, trouble, seen: SeenLog::default(), clock, stop }
    }

    /// Replaces what goes wrong from now on.
    pub(crate) fn set_faults(&self, faults: Vec<PlannedFault>) {
        *self.trouble() = Trouble { plan: Plan::new(faults), since: self.clock.now() };
    }

    /// The routes of the API.
    pub(crate) fn routes(self: Arc<Self>) -> Router {
        let endpoint = |endpoint| {
            move |State(api): State<Arc<Self>>, uri: Uri, headers: HeaderMap| async move {
                api.respond(endpoint, &uri, &headers).await
            }
        };
        Router::new()
            .route("/v1/cryptocurrency/listings/latest", get(endpoint(Endpoint::Listing(ApiVersion::V1))))
            .route("/v3/cryptocurrency/listings/latest", get(endpoint(Endpoint::Listing(ApiVersion::V3))))
            .route("/v1/key/info", get(endpoint(Endpoint::KeyInfo)))
            .fallback(endpoint(Endpoint::Nothing))
            .method_not_allowed_fallback(endpoint(Endpoint::Nothing))
            .with_state(self)
    }

    async fn respond(self: Arc<Self>, endpoint: Endpoint, uri: &Uri, headers: &HeaderMap) -> Response {
        let request = self.receive(endpoint, uri, headers);
        let gzip = accepts_gzip(headers);
        let (waits, instead) = {
            let mut trouble = self.trouble();
            (trouble.plan.take_all(Reach::Wait), trouble.plan.take_instead())
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

    /// Notes the request.
    fn receive(&self, endpoint: Endpoint, uri: &Uri, headers: &HeaderMap) -> Request {
        let parameters = Query::<Vec<(String, String)>>::try_from_uri(uri).ok().map(|Query(pairs)| pairs);
        let in_header =
            headers.get(KEY_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let in_query = || {
            let pairs = parameters.iter().flatten();
            pairs.clone().find(|(name, _)| name == KEY_PARAMETER).map(|(_, value)| value.clone())
        };
        let key_header = in_header.is_some();
        let key = in_header.or_else(in_query);
        self.seen.push(Seen {
            path: uri.path().to_owned(),
            query: seen::without_key(uri.query().unwrap_or_default()),
            key_header,
            key_accepted: self.account.check_key(key.as_deref()).is_ok(),
        });
        tracing::debug!(path = uri.path(), key_sent = key.is_some(), "request received");
        let received_at = self.clock.now();
        Request { endpoint, path: uri.path().to_owned(), parameters, key, received_at }
    }

    fn answer_and_encode(&self, instead: Option<&Fault>, request: &Request, gzip: bool) -> Response {
        let ways = self.trouble().plan.take_all(Reach::Body);
        let whole = !ways.iter().any(|way| matches!(way, Fault::Truncate | Fault::Close));
        let mut answer = match instead {
            Some(Fault::Html { http }) => Answer::html(*http),
            Some(Fault::Status { http, code }) => self.refuse(request, &ApiError::with_status(*http, *code)),
            Some(Fault::ErrorIn200 { code }) => self.refuse(request, &ApiError::with_status(200, *code)),
            _ => self.answer(request, whole).unwrap_or_else(|error| self.refuse(request, &error)),
        };
        let errors = if answer.is_error() { self.trouble().plan.take_all(Reach::Error) } else { Vec::new() };
        if ways.contains(&Fault::Truncate) {
            answer.truncate();
        }
        let mut response = match answer.encode(gzip) {
            Ok(encoded) => encoded.send(&ways, Arc::clone(&self.clock), self.stop.clone()),
            Err(_) => return broken("the answer could not be compressed"),
        };
        for fault in errors {
            if let Fault::RetryAfter(wait) = fault {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
            }
        }
        response
    }

    fn answer(&self, request: &Request, whole: bool) -> Result<Answer, ApiError> {
        if let Endpoint::Nothing = request.endpoint {
            return Err(ApiError::not_found(format!("Not found: {}", request.path)));
        }
        self.account.check_key(request.key.as_deref())?;
        self.account.count_call(request.received_at)?;
        let unreadable = || ApiError::bad_request("the query cannot be read".to_owned());
        let parameters = request.parameters.as_deref().ok_or_else(unreadable)?;
        match request.endpoint {
            Endpoint::Listing(version) => {
                self.listing(request, version, &ListingQuery::parse(parameters)?, whole)
            }
            Endpoint::KeyInfo | Endpoint::Nothing => {
                let json = self.account.to_json(request.received_at);
                Ok(Answer::json(200, self.status(request, 0, None).object(&json)))
            }
        }
    }

    fn listing(
        &self,
        request: &Request,
        version: ApiVersion,
        query: &ListingQuery,
        whole: bool,
    ) -> Result<Answer, ApiError> {
        let (faults, since) = {
            let mut trouble = self.trouble();
            (trouble.plan.take_all(Reach::Listing), trouble.since)
        };
        let frozen = faults.contains(&Fault::Frozen);
        let vanished: Vec<u32> = faults
            .iter()
            .filter_map(|fault| if let Fault::Vanished(id) = fault { Some(*id) } else { None })
            .collect();
        let mut page = match &self.source {
            Source::Generated(market) => {
                let now = if frozen { since } else { request.received_at };
                market.page(now, version, query, &vanished)
            }
            Source::Recorded(playlist) => playlist
                .current(version, query.start, frozen)
                .ok_or_else(|| other_version(version))?
                .page(query, &vanished),
        };
        tamper::apply(&faults, &mut page).map_err(|_| ApiError::with_status(500, 500))?;
        let credits = listing_credits(page.rows.len(), query.converts.len());
        let notice = self.account.spend(credits, request.received_at)?;
        if let Source::Recorded(playlist) = &self.source {
            // A client that got nothing usable asks again, and must not miss a snapshot by that.
            if query.start == 1 && whole && !frozen && !faults.contains(&Fault::EmptyData) {
                playlist.advance(version);
            }
        }
        let mut status = self.status(request, credits, notice);
        status.code_as_text = faults.contains(&Fault::TextCode);
        Ok(Answer::json(200, status.listing(version, &page)))
    }

    fn refuse(&self, request: &Request, error: &ApiError) -> Answer {
        Answer::json(error.status, self.status(request, 0, None).error(error))
    }

    fn status(&self, request: &Request, credits: u64, notice: Option<String>) -> Status {
        let timestamp = self.clock.now();
        let elapsed_ms = (timestamp - request.received_at).num_milliseconds().max(0);
        Status { timestamp, elapsed_ms, credits, notice, code_as_text: false }
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        // Every change leaves a whole plan behind, so a panic elsewhere cannot have broken it.
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the data is made up, where it is.
    fn mark(&self, mut response: Response) -> Response {
        if let Source::Generated(_) = self.source {
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

fn other_version(asked: ApiVersion) -> ApiError {
    let recorded = match asked {
        ApiVersion::V1 => ApiVersion::V3,
        ApiVersion::V3 => ApiVersion::V1,
    };
    ApiError::not_found(format!(
        "the recorded responses are of {recorded}, not {asked}: ask for /{recorded}/cryptocurrency/listings/latest"
    ))
}
