//! From a request to its answer: the key, the limits, the parameters, the rows, the price.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ApiVersion;

use super::request::{Endpoint, Request};
use super::{Api, broken};
use crate::account::credits;
use crate::delivery::{Answer, RAY_HEADER, RAY_ID};
use crate::envelope::Status;
use crate::errors::ApiError;
use crate::fault::{Fault, Reach};
use crate::query::{ListingQuery, MarketQuery};
use crate::tamper;

impl Api {
    /// The answer to `request`, or what goes wrong `instead` of it, as a response.
    pub(super) fn answer_and_encode(
        &self,
        instead: Option<&Fault>,
        request: &Request,
        gzip: bool,
    ) -> Response {
        let ways = self.active_faults().plan.take_all(Reach::Body);
        let whole = !ways.iter().any(|way| matches!(way, Fault::Truncate | Fault::Close));
        let mut answer = match instead {
            Some(Fault::Html { http }) => Answer::html(*http),
            Some(Fault::Firewall { http }) => Answer::firewall(*http),
            Some(Fault::Status { http, code }) => self.refuse(request, &ApiError::with_status(*http, *code)),
            Some(Fault::ErrorIn200 { code }) => self.refuse(request, &ApiError::with_status(200, *code)),
            _ => self.answer(request, whole).unwrap_or_else(|error| self.refuse(request, &error)),
        };
        let errors =
            if answer.is_error() { self.active_faults().plan.take_all(Reach::Error) } else { Vec::new() };
        if ways.contains(&Fault::Truncate) {
            answer.truncate();
        }
        let mut response = match answer.encode(gzip) {
            Ok(encoded) => encoded.send(&ways, Arc::clone(&self.clock), self.stop.clone()),
            Err(_) => return broken("the answer could not be compressed"),
        };
        if matches!(instead, Some(Fault::Firewall { .. })) {
            response.headers_mut().insert(RAY_HEADER, HeaderValue::from_static(RAY_ID));
        }
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
        match request.endpoint {
            Endpoint::NotAnonymous => return Err(ApiError::with_status(403, 1005)),
            Endpoint::Anonymous(_) | Endpoint::AnonymousMarket(_) | Endpoint::AnonymousQuotes => {
                self.account.count_anonymous_call(request.received_at)?;
            }
            _ => {
                self.account.check_key(request.key.as_deref())?;
                self.account.count_call(request.received_at)?;
            }
        }
        let unreadable = || ApiError::bad_request("the query cannot be read".to_owned());
        let parameters = request.parameters.as_deref().ok_or_else(unreadable)?;
        match request.endpoint {
            Endpoint::Listing(version) | Endpoint::Anonymous(version) => {
                self.listing(request, version, &ListingQuery::parse(parameters)?, whole)
            }
            Endpoint::Market(kind) | Endpoint::AnonymousMarket(kind) => {
                self.market(request, kind, &MarketQuery::parse(kind, parameters)?)
            }
            Endpoint::QuotesHistory => self.quotes_history(request, parameters),
            Endpoint::ListingHistory => self.listing_history(request, parameters),
            Endpoint::Quotes | Endpoint::AnonymousQuotes => {
                self.listing(request, ApiVersion::V3, &ListingQuery::of_ids(parameters)?, whole)
            }
            Endpoint::KeyInfo | Endpoint::NotAnonymous | Endpoint::Nothing => {
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
        self.account.check_converts(query.converts.len())?;
        let (faults, since) = {
            let mut active = self.active_faults();
            (active.plan.take_all(Reach::Listing), active.since)
        };
        let frozen = faults.contains(&Fault::Frozen);
        let vanished: Vec<u32> = faults
            .iter()
            .filter_map(|fault| if let Fault::Vanished(id) = fault { Some(*id) } else { None })
            .collect();
        let now = if frozen { since } else { shifted(request.received_at, &faults) };
        let asked = ListingQuery { start: start_of(query, &faults), ..query.clone() };
        let mut page = self.source.page(version, &asked, now, frozen, &vanished)?;
        tamper::apply(&faults, &mut page).map_err(|_| ApiError::with_status(500, 500))?;
        if !query.skip_invalid && query.ids.as_ref().is_some_and(|ids| ids.len() > page.rows.len()) {
            return Err(ApiError::with_status(400, 400));
        }
        let (credits, notice) = if let Endpoint::Anonymous(_) | Endpoint::AnonymousQuotes = request.endpoint {
            // It says so, although there is no account that could pay.
            (1, None)
        } else {
            let credits = credits(page.rows.len(), query.rows_a_credit(), query.converts.len());
            (credits, self.account.spend(credits, request.received_at)?)
        };
        // A client that got nothing usable asks again, and must not miss a snapshot by that.
        if query.start == 1 && whole && !frozen && !faults.contains(&Fault::EmptyData) {
            self.source.advance(version);
        }
        let mut status = self.status(request, credits, notice);
        status.timestamp += ahead(&faults);
        status.code_as_text = faults.contains(&Fault::TextCode);
        Ok(Answer::json(200, status.listing(version, &page)))
    }

    fn refuse(&self, request: &Request, error: &ApiError) -> Answer {
        let mut status = self.status(request, 0, None);
        status.code_as_text = error.is_text();
        Answer::json(error.status, status.error(error))
    }

    pub(super) fn status(&self, request: &Request, credits: u64, notice: Option<String>) -> Status {
        let timestamp = self.clock.now();
        let elapsed_ms = (timestamp - request.received_at).num_milliseconds().max(0);
        Status { timestamp, elapsed_ms, credits, notice, code_as_text: false }
    }
}

/// The time that the quotes are of.
pub(super) fn shifted(now: DateTime<Utc>, faults: &[Fault]) -> DateTime<Utc> {
    let age = faults.iter().find_map(|fault| if let Fault::Old(age) = fault { Some(*age) } else { None });
    let age = age.and_then(|age| TimeDelta::from_std(age).ok()).unwrap_or(TimeDelta::zero());
    now - age + ahead(faults)
}

/// How far the API's clock is ahead.
fn ahead(faults: &[Fault]) -> TimeDelta {
    let ahead = faults.iter().find_map(|fault| if let Fault::Ahead(by) = fault { Some(*by) } else { None });
    ahead.and_then(|by| TimeDelta::from_std(by).ok()).unwrap_or(TimeDelta::zero())
}

/// The place of the first coin that is sent.
fn start_of(query: &ListingQuery, faults: &[Fault]) -> usize {
    faults.iter().fold(query.start, |start, fault| match fault {
        Fault::SamePage => 1,
        Fault::WithoutTop(coins) if start == 1 => start + *coins as usize,
        _ => start,
    })
}
