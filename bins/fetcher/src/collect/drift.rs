//! Drift: the API changes its answers in place and without notice. A new field, one that is gone, another type, a currency that
//! nobody asked for: each is told in one letter, once; what was told is remembered beside the spool.
//!
//! Only pages that are fetched now are looked at: a recording of another year, replayed or served, is no drift.

mod known;
mod shape;
mod told;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tracing::debug;

use self::shape::Shape;
use self::told::Told;
use crate::incident::Incidents;
use crate::spool::{Manifest, Spool, blocking};

/// A page that says that it is from so long before or after now is a recording.
const LIVE_WITHIN: TimeDelta = TimeDelta::days(1);

/// Watches the shape of pages.
pub(super) struct Drift {
    spool: Arc<Spool>,
    incidents: Arc<Incidents>,
    /// What was told, once it was read.
    told: Mutex<Option<Told>>,
}

impl Drift {
    pub(super) fn new(spool: Arc<Spool>, incidents: Arc<Incidents>) -> Self {
        Self { spool, incidents, told: Mutex::default() }
    }

    /// Looks at the page `body`, which came for `order` at `now`, and returns it. Tells what is new about its shape.
    pub(super) async fn look(&self, order: &Manifest, body: Vec<u8>, now: DateTime<Utc>) -> Vec<u8> {
        let (body, shape) = blocking(&self.spool, move |_| {
            let shape = Shape::of(&body);
            (body, shape)
        })
        .await;
        if let Some(shape) = shape.filter(|shape| shape.is_from(now, LIVE_WITHIN)) {
            self.compare(order, &shape).await;
        }
        body
    }

    async fn compare(&self, order: &Manifest, shape: &Shape) {
        let held = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = match held {
            Some(told) => told,
            None => Told::from_json(&blocking(&self.spool, Spool::told_drift).await),
        };
        let mut told = before.clone();
        let news = told.take_in(&order.api_version.to_string(), shape, &order.convert);
        if !news.is_empty() {
            let reason = format!(
                "the API's listings ({}) have changed: {}. What coinpipe knows of is loaded as before",
                order.api_version,
                news.join("; ")
            );
            self.incidents.report("api_drift", &order.batch, &reason).await;
        }
        if told != before {
            let json = told.to_json();
            // After the letter: who dies in between tells it again.
            if let Err(error) = blocking(&self.spool, move |spool| spool.put_told_drift(&json)).await {
                debug!("cannot note what was told about the API: {}", telemetry::error_chain(&error));
            }
        }
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }
}
