//! A request, as far as answers depend on it.

use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, Utc};
use domain::{ApiVersion, MarketKind};

use crate::key::{KEY_HEADER, KEY_PARAMETER};

/// What a path leads to.
#[derive(Clone, Copy)]
pub(super) enum Endpoint {
    Listing(ApiVersion),
    /// A listing for anybody, without a key.
    Anonymous(ApiVersion),
    /// What there is beside the listings.
    Market(MarketKind),
    /// The same for anybody.
    AnonymousMarket(MarketKind),
    /// Coins by their ids.
    Quotes,
    /// The same for anybody, without a key.
    AnonymousQuotes,
    /// Something that anybody may not ask for.
    NotAnonymous,
    /// Past quotes of some coins.
    QuotesHistory,
    /// The listing at the end of a day.
    ListingHistory,
    KeyInfo,
    Nothing,
}

/// One request, as far as answers depend on it.
pub(super) struct Request {
    pub(super) endpoint: Endpoint,
    pub(super) path: String,
    /// `None` if the query cannot be read.
    pub(super) parameters: Option<Vec<(String, String)>>,
    pub(super) key: Option<String>,
    pub(super) received_at: DateTime<Utc>,
}

impl Request {
    /// Reads what came to `endpoint`. A key in the header goes before one in the query.
    pub(super) fn read(
        endpoint: Endpoint,
        uri: &Uri,
        headers: &HeaderMap,
        received_at: DateTime<Utc>,
    ) -> Self {
        let parameters = Query::<Vec<(String, String)>>::try_from_uri(uri).ok().map(|Query(pairs)| pairs);
        let in_header = headers.get(KEY_HEADER);
        let in_header = in_header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let in_query = || {
            let pairs = parameters.iter().flatten();
            pairs.clone().find(|(name, _)| name == KEY_PARAMETER).map(|(_, value)| value.clone())
        };
        let key = in_header.or_else(in_query);
        Self { endpoint, path: uri.path().to_owned(), parameters, key, received_at }
    }
}
