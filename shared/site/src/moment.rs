//! One answer for all who ask for the same address within a moment: many who look cost the store no more than one.
//!
//! Only for views that are the same for everybody who may read. Who asks while an answer is being made waits for it, and is given it,
//! also when it is that there is none: one after the other would find out about a store that does not answer longer than their
//! connections last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use ports::Clock;

use crate::trouble::Trouble;

/// How long an answer is given again: ages are written in minutes, and quotes come each minute at most. With one second, visitors who
/// ask for five views 20 times a second cost twice as much (decision 33).
pub(crate) const MOMENT: TimeDelta = TimeDelta::seconds(5);
/// Addresses whose answers are kept; the largest, a market of 500 coins, has 600 kB. When there are more, all are forgotten.
const MOST: usize = 32;
/// The longest address that is kept, in bytes: what a person or a link asks for is shorter.
const LONGEST: usize = 200;

/// Answers of the last moment. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Moments {
    places: Arc<Mutex<HashMap<String, Arc<Place>>>>,
    clock: Arc<dyn Clock>,
}

/// The place of one address.
#[derive(Default)]
struct Place {
    /// How many answers were made: whoever waits knows by it whether one was meanwhile.
    made: AtomicU64,
    /// The newest. Who makes one holds the lock.
    kept: tokio::sync::Mutex<Option<Kept>>,
}

/// An answer, and when it was asked for.
#[derive(Clone)]
struct Kept {
    at: DateTime<Utc>,
    answer: Result<(HeaderMap, Bytes), Trouble>,
}

impl Kept {
    /// Whether it is an answer for whoever asks `now`, too.
    fn is_new(&self, now: DateTime<Utc>) -> bool {
        self.answer.is_ok() && (TimeDelta::zero()..MOMENT).contains(&(now - self.at))
    }
}

impl Moments {
    /// None yet; moments pass by this clock.
    pub(crate) fn by(clock: &Arc<dyn Clock>) -> Self {
        Self { places: Arc::default(), clock: Arc::clone(clock) }
    }

    fn place(&self, address: &str) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(address) {
            return Arc::clone(place);
        }
        if places.len() >= MOST {
            places.clear();
        }
        Arc::clone(places.entry(address.to_owned()).or_default())
    }
}

/// The layer around such views.
pub(crate) async fn share(
    State(moments): State<Moments>,
    request: Request,
    next: Next,
) -> Result<Response, Trouble> {
    let address = request.uri().to_string();
    if request.method() != Method::GET || address.len() > LONGEST {
        return Ok(next.run(request).await);
    }
    let place = moments.place(&address);
    let made = place.made.load(Ordering::Acquire);
    let mut kept = place.kept.lock().await;
    let was_made_meanwhile = place.made.load(Ordering::Acquire) != made;
    if let Some(found) = &*kept
        && (was_made_meanwhile || found.is_new(moments.clock.now()))
    {
        let (headers, body) = found.answer.clone()?;
        return Ok((headers, Body::from(body)).into_response());
    }
    let at = moments.clock.now();
    let response = next.run(request).await;
    let (answer, response) = if let Some(trouble) = response.extensions().get::<Trouble>() {
        (Err(trouble.clone()), response)
    } else if response.status() == StatusCode::OK {
        let (head, body) = response.into_parts();
        // It was in memory before; it cannot fail.
        let body = to_bytes(body, usize::MAX).await.map_err(|_| Trouble::Busy)?;
        (Ok((head.headers.clone(), body.clone())), Response::from_parts(head, Body::from(body)))
    } else {
        return Ok(response);
    };
    *kept = Some(Kept { at, answer });
    place.made.fetch_add(1, Ordering::Release);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Site, coins};

    #[tokio::test]
    async fn who_asks_within_a_moment_is_given_the_same_and_later_what_is_new() {
        let site = Site::new();
        let empty = site.get("/").await;
        assert!(empty.text().contains("There are no quotes yet"), "{}", empty.text());
        site.load(coins(1)).await;
        assert_eq!(site.get("/").await.body, empty.body);
        assert!(site.get("/?size=50").await.text().contains("/coins/1"), "another address");
        site.clock.advance(MOMENT.to_std().unwrap());
        assert!(site.get("/").await.text().contains("/coins/1"));
    }

    #[test]
    fn no_more_answers_are_kept_than_fit() {
        let clock: Arc<dyn Clock> = Arc::new(ports::SystemClock);
        let moments = Moments::by(&clock);
        for number in 0..MOST * 3 {
            moments.place(&number.to_string());
            assert!(moments.places.lock().unwrap().len() <= MOST);
        }
        let place = moments.place("/");
        assert!(Arc::ptr_eq(&place, &moments.place("/")));
    }
}
