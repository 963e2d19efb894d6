//! One answer for all who ask for the same address within a moment: many who look cost the store no more than one.
//!
//! Only for views that are the same for everybody who may read. An answer is kept as it is sent, compressed and with its tag: to compress it
//! for each reader was most of what visitors cost (decision 33).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ports::Clock;

use crate::compress::{compress, takes_gzip};
use crate::context::Context;
use crate::etag;
use crate::lately::{Lately, MOMENT};
use crate::trouble::Trouble;

/// Answers that are kept; the largest, a market of 500 coins, has 600 kB before it is compressed. When there are more, all are forgotten.
const MOST: usize = 32;
/// The longest address that is kept, in bytes: what a person or a link asks for is shorter.
const LONGEST: usize = 200;

/// `routes`, whose answers are given again to all who ask within a moment. Each has a tag.
pub(crate) fn shared(routes: Router<Context>, context: &Context) -> Router<Context> {
    let moments = Moments::by(context.shared_clock());
    // Layers that come later are around those before: what is kept has been made, tagged and compressed once, and what one reader has
    // already is found out last.
    routes
        .layer(from_fn(etag::tag))
        .layer(from_fn(compress))
        .layer(from_fn_with_state(moments, share))
        .layer(from_fn(etag::tag))
}

/// Answers of the last moment. Cheap to clone.
#[derive(Clone)]
struct Moments {
    places: Arc<Mutex<HashMap<Key, Arc<Place>>>>,
    clock: Arc<dyn Clock>,
}

/// An address, and whether whoever asks takes gzip.
type Key = (String, bool);

/// The answer of one address.
type Place = Lately<Sent, Trouble>;

/// An answer as it is sent.
#[derive(Clone)]
struct Sent {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Sent {
    /// What `response` is; it is trouble, if it says so.
    async fn of(response: Response) -> Result<Self, Trouble> {
        let (head, body) = response.into_parts();
        if let Some(trouble) = head.extensions.get::<Trouble>() {
            return Err(trouble.clone());
        }
        // It was in memory before; it cannot fail.
        let body = to_bytes(body, usize::MAX).await.map_err(|_| Trouble::Busy)?;
        Ok(Self { status: head.status, headers: head.headers, body })
    }
}

impl Moments {
    /// None yet; moments pass by this clock.
    fn by(clock: &Arc<dyn Clock>) -> Self {
        Self { places: Arc::default(), clock: Arc::clone(clock) }
    }

    fn place(&self, key: Key) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST && !places.contains_key(&key) {
            places.clear();
        }
        Arc::clone(places.entry(key).or_default())
    }
}

/// The layer around such views.
async fn share(
    State(moments): State<Moments>,
    mut request: Request,
    next: Next,
) -> Result<Response, Trouble> {
    let address = request.uri().to_string();
    if request.method() != Method::GET || address.len() > LONGEST {
        return Ok(next.run(request).await);
    }
    // The answer is for others, too, who have another one, or none.
    request.headers_mut().remove(header::IF_NONE_MATCH);
    let place = moments.place((address, takes_gzip(request.headers())));
    let making = async { Sent::of(next.run(request).await).await };
    let Sent { status, headers, body } = place.or_find(&*moments.clock, |_| MOMENT, making).await?;
    Ok((status, headers, Body::from(body)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Site, coins};

    #[tokio::test]
    async fn who_asks_within_a_moment_is_given_the_same_and_later_what_is_new() {
        let site = Site::new();
        site.load(coins(1)).await;
        let first = site.get("/").await;
        assert!(first.text().contains("/coins/1") && !first.text().contains("/coins/2"), "{}", first.text());
        site.load(coins(2)).await;
        assert_eq!(site.get("/").await.body, first.body);
        assert!(site.get("/?size=50").await.text().contains("/coins/2"), "another address");
        site.clock.advance(MOMENT.to_std().unwrap());
        assert!(site.get("/").await.text().contains("/coins/2"));
    }

    /// One reader's tag, or what a reader takes, changes nothing of what the next one is given.
    #[tokio::test]
    async fn what_is_given_again_has_a_tag_and_the_form_that_each_reader_takes() {
        let site = Site::new();
        site.load(coins(50)).await;
        let ask = |headers: &[(header::HeaderName, &str)]| {
            let headers = headers.iter().fold(Request::get("/"), |it, (name, value)| it.header(name, *value));
            site.ask(headers.body(Body::empty()).unwrap())
        };
        let gzip = (header::ACCEPT_ENCODING, "gzip");
        let small = ask(std::slice::from_ref(&gzip)).await;
        let plain = ask(&[]).await;
        assert_eq!(small.headers[header::CONTENT_ENCODING], "gzip");
        assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
        assert_eq!(small.headers[header::ETAG], plain.headers[header::ETAG]);
        let tag = plain.headers[header::ETAG].to_str().unwrap();
        for headers in [&[(header::IF_NONE_MATCH, tag)][..], &[(header::IF_NONE_MATCH, tag), gzip.clone()]] {
            let known = ask(headers).await;
            assert_eq!(known.status, StatusCode::NOT_MODIFIED);
            assert!(known.body.is_empty() && !known.headers.contains_key(header::CONTENT_ENCODING));
        }
        // Also when whoever asks first has the answer already.
        site.clock.advance(MOMENT.to_std().unwrap());
        assert_eq!(ask(&[(header::IF_NONE_MATCH, tag), gzip.clone()]).await.status, StatusCode::NOT_MODIFIED);
        assert_eq!(ask(&[gzip]).await.body, small.body);
        assert_eq!(ask(&[]).await.body, plain.body);
    }

    #[test]
    fn no_more_answers_are_kept_than_fit() {
        let clock: Arc<dyn Clock> = Arc::new(ports::SystemClock);
        let moments = Moments::by(&clock);
        for number in 0..MOST * 3 {
            moments.place((number.to_string(), false));
            assert!(moments.places.lock().unwrap().len() <= MOST);
        }
        let place = moments.place(("/".to_owned(), true));
        assert!(Arc::ptr_eq(&place, &moments.place(("/".to_owned(), true))));
        assert!(!Arc::ptr_eq(&place, &moments.place(("/".to_owned(), false))));
    }
}
