//! Every route that changes something, tried by whoever may not.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::routing::post;
use config::{Config, Secret};

use super::{ACTING, READING, cookie, reachable, request};
use crate::safety::Act;
use crate::testing::Site;
use crate::{acts, router};

/// The addresses of all routes that change something, from where they are made, with something in the place of each parameter; and one
/// that is none.
fn addresses() -> Vec<String> {
    let filled = |act: Act| {
        let parts = act.path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let mut addresses: Vec<_> = acts().into_iter().map(filled).collect();
    addresses.push("/nothing".to_owned());
    addresses
}

const METHODS: [Method; 4] = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// That none of these can act with these headers, on any route.
async fn nobody_acts(site: &Site, base: &str, headers: &[(&str, &str)]) {
    for address in addresses() {
        for method in METHODS {
            let answer = site.ask(request(method.clone(), &format!("{base}{address}"), headers)).await;
            let is_refused = [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&answer.status);
            assert!(is_refused, "{method} {address} with {headers:?}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn who_may_only_read_changes_nothing() {
    let site = Site::with_settings(reachable);
    let cookie = cookie(&site, "", READING).await;
    let bearer = format!("Bearer {READING}");
    nobody_acts(&site, "", &[("cookie", &cookie), ("sec-fetch-site", "same-origin")]).await;
    nobody_acts(&site, "", &[("authorization", &bearer)]).await;
    nobody_acts(&site, "", &[]).await;
}

#[tokio::test]
async fn on_this_machine_too_acting_takes_the_operator_token() {
    nobody_acts(&Site::new(), "", &[("sec-fetch-site", "same-origin")]).await;
    let site = Site::with_settings(|config| config.http.operator_token = Secret::new(ACTING));
    nobody_acts(&site, "", &[("sec-fetch-site", "same-origin")]).await;
}

#[tokio::test]
async fn an_operator_acts_only_from_the_site_itself() {
    let below = |config: &mut Config| {
        reachable(config);
        "/coinpipe".clone_into(&mut config.http.base_path);
        "https://coins.example.com".clone_into(&mut config.http.public_url);
    };
    let site = Site::with_settings(below);
    let cookie = cookie(&site, "/coinpipe", ACTING).await;
    for elsewhere in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        // No browser of the last years.
        &[],
    ] {
        let headers: Vec<_> = elsewhere.iter().copied().chain([("cookie", cookie.as_str())]).collect();
        nobody_acts(&site, "/coinpipe", &headers).await;
    }
    let bearer = format!("Bearer {ACTING}");
    for may in [
        &[("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")][..],
        &[("cookie", &cookie), ("origin", "https://coins.example.com")],
        &[("cookie", &cookie), ("origin", "http://127.0.0.1:9464")],
        &[("authorization", &bearer)],
    ] {
        for address in addresses() {
            let answer = site.ask(request(Method::POST, &format!("/coinpipe{address}"), may)).await;
            let is_refused = [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&answer.status);
            let is_there = address == "/nothing" || answer.status != StatusCode::NOT_FOUND;
            assert!(!is_refused && is_there, "{address} with {may:?}: {}", answer.status);
        }
    }
}

/// A route that is reached without the gate before it does nothing either.
#[tokio::test]
async fn what_acts_asks_once_more() {
    use tower::ServiceExt;

    let site = Site::with_settings(reachable);
    let routes = super::super::acting(&site.context, vec![Act::new("/act", post(async || "done"))]);
    let routes = routes.with_state(site.context.clone());
    let answer = routes.oneshot(Request::post("/act").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(router(&site.context).has_routes());
}
