//! What the simulator was asked, for tests to look at. Keys are not kept.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::extract::Query;
use axum::http::Uri;

use crate::api::KEY_PARAMETER;

/// One request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// The path, such as `/v3/cryptocurrency/listings/latest`.
    pub path: String,
    /// The query as it came, without a key in it.
    pub query: String,
    /// Whether there was an `X-CMC_PRO_API_KEY` header.
    pub key_header: bool,
    /// Whether the key, from wherever, lets the caller in.
    pub key_accepted: bool,
}

/// The newest requests are kept, so that a simulator that runs for months does not grow.
const MOST: usize = 10_000;

/// Requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct SeenLog(Mutex<VecDeque<Seen>>);

impl SeenLog {
    pub(crate) fn push(&self, seen: Seen) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == MOST {
            log.pop_front();
        }
        log.push_back(seen);
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The query without the pair that carries the key.
pub(crate) fn without_key(query: &str) -> String {
    // The name may be percent-encoded; what decodes to it carries a key too.
    let is_key = |pair: &&str| {
        let uri = Uri::builder().path_and_query(format!("/?{pair}")).build().ok();
        let pairs = uri.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        pairs.is_none_or(|Query(pairs)| pairs.iter().any(|(name, _)| name == KEY_PARAMETER))
    };
    query.split('&').filter(|pair| !is_key(pair)).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_never_noted() {
        assert_eq!(without_key("start=1&CMC_PRO_API_KEY=secret&limit=5"), "start=1&limit=5");
        assert_eq!(without_key("CMC_PRO_API%5FKEY=secret"), "");
        assert_eq!(without_key(""), "");
    }
}
