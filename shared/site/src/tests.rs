//! The site as a whole.

mod away;

use std::io::Read;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use flate2::read::GzDecoder;

use crate::assets;
use crate::testing::{Site, coins};

#[tokio::test]
async fn what_is_large_is_compressed_for_whoever_takes_it() {
    let site = Site::new();
    site.load(coins(100)).await;
    for path in ["/".to_owned(), "/api/coins".to_owned(), assets::path("site.css")] {
        let plain = site.get(&path).await;
        assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
        let request = Request::get(&path).header(header::ACCEPT_ENCODING, "gzip, br").body(Body::empty());
        let small = site.ask(request.unwrap()).await;
        assert_eq!(small.headers[header::CONTENT_ENCODING], "gzip");
        assert!(small.headers[header::VARY].to_str().unwrap().contains("accept-encoding"));
        let mut read = Vec::new();
        GzDecoder::new(small.body.as_slice()).read_to_end(&mut read).unwrap();
        assert!(
            read == plain.body && small.body.len() * 2 < plain.body.len(),
            "{path}: {} of {}",
            small.body.len(),
            read.len()
        );
    }
}

/// A script asks again and again; nobody keeps what is in a view.
#[tokio::test]
async fn a_view_that_stays_fresh_is_not_sent_again_while_nothing_changed() {
    let site = Site::new();
    site.load(coins(3)).await;
    for path in ["/", "/pipeline", "/letters", "/coins/1"] {
        let first = site.get(path).await;
        assert!(first.text().contains("data-fresh=\"30\""), "{path}");
        assert_eq!(first.headers[header::CACHE_CONTROL], "no-store", "{path}");
        let again = || {
            let request = Request::get(path).header(header::IF_NONE_MATCH, &first.headers[header::ETAG]);
            request.body(Body::empty()).unwrap()
        };
        let known = site.ask(again()).await;
        assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        site.clock.advance(std::time::Duration::from_hours(1));
        assert_eq!(site.ask(again()).await.status, StatusCode::OK, "{path}");
    }
    assert!(!site.get("/login").await.text().contains("data-fresh"));
}

#[tokio::test]
async fn an_empty_store_has_a_view_that_says_what_to_do() {
    let site = Site::new();
    let answer = site.get("/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    assert!(answer.text().contains("coinpipe --once"), "{}", answer.text());
}

#[tokio::test]
async fn what_is_not_there_is_said_to_people_and_to_programs() {
    let site = Site::new();
    let view = site.get("/nothing").await;
    assert_eq!(view.status, StatusCode::NOT_FOUND);
    assert!(view.text().contains(">There is nothing at /nothing</p>"), "{}", view.text());
    let json = site.get("/api/nothing").await;
    assert_eq!(json.status, StatusCode::NOT_FOUND);
    assert_eq!(json.text(), r#"{"error":"there is nothing at /api/nothing"}"#);
}

/// Whoever asks for a file does not want a view in its place.
#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_as_text() {
    let site = Site::new();
    site.load(coins(1)).await;
    for (path, status, told) in [
        ("/coins/7.csv", StatusCode::NOT_FOUND, "no snapshot had a coin with the id 7\n"),
        ("/coins/-1.csv", StatusCode::NOT_FOUND, "no snapshot had a coin with the id -1\n"),
        ("/coins/x.csv", StatusCode::NOT_FOUND, "no snapshot had a coin with the id x\n"),
        (
            "/coins/1.csv?range=week",
            StatusCode::BAD_REQUEST,
            "the parameter range must be one of 24h, 7d, 30d, 1y, all, and not \"week\"\n",
        ),
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.text()), (status, told), "{path}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8", "{path}");
    }
}

/// People type what they know; programs are told where to find the id.
#[tokio::test]
async fn a_name_in_place_of_an_id_leads_to_the_search_for_it() {
    let site = Site::with_settings(|config| "/base".clone_into(&mut config.http.base_path));
    site.load(coins(1)).await;
    for (path, place) in [
        ("/base/coins", "/base"),
        ("/base/coins?currency=EUR", "/base?currency=EUR"),
        ("/base/coins/btc", "/base?search=btc"),
        ("/base/coins/%2F%2Fevil.example%0D%0A%3Cb%3E", "/base?search=%2F%2Fevil.example%0D%0A%3Cb%3E"),
        ("/base/coins/-1", "/base?search=-1"),
        ("/base/coins/btc?currency=EUR&range=7d", "/base?search=btc&currency=EUR"),
    ] {
        let answer = site.get(path).await;
        assert!(answer.status.is_redirection(), "{path}: {}", answer.status);
        assert_eq!(answer.headers[header::LOCATION], place, "{path}");
    }
    assert_eq!(site.get("/base/coins/99999999999").await.status, StatusCode::NOT_FOUND);
    let told = site.get("/base/api/coins/btc").await;
    assert_eq!(told.status, StatusCode::NOT_FOUND);
    assert!(told.text().contains("the list of coins finds it by the parameter search"), "{}", told.text());
}

/// Not where it listens, which nobody else may be able to open.
#[test]
fn the_address_that_is_told_is_where_people_reach_it() {
    let listening = "0.0.0.0:9464".parse().unwrap();
    for (public_url, base_path, told) in [
        ("", "", "http://0.0.0.0:9464/"),
        ("", "/coinpipe", "http://0.0.0.0:9464/coinpipe"),
        ("https://coins.example.com/", "", "https://coins.example.com/"),
        ("https://coins.example.com", "/coinpipe", "https://coins.example.com/coinpipe"),
    ] {
        let site = Site::with_settings(|config| {
            public_url.clone_into(&mut config.http.public_url);
            base_path.clone_into(&mut config.http.base_path);
        });
        assert_eq!(site.context.address(listening), told);
    }
}

/// Which parameter of a view cannot be so, and what it can be.
#[tokio::test]
async fn what_a_parameter_of_a_view_can_be_is_told() {
    let site = Site::new();
    site.load(coins(1)).await;
    for (path, told) in [
        ("/?gone=yes", "gone must be 1 or 0"),
        ("/?order=up", "order must be asc or desc"),
        ("/coins/1?range=week", "range must be one of 24h, 7d, 30d, 1y, all"),
        ("/pipeline?span=week", "span must be day or month"),
        ("/actions?limit=many", "limit must be a number from 1 to 1000"),
        ("/actions?limit=5000", "limit must be a number from 1 to 1000"),
        ("/letters?coin=BTC", "coin="),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(answer.text().contains(told), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn assets_are_kept_for_good_under_the_name_that_views_use() {
    let site = Site::new();
    let path = assets::path("site.css");
    assert!(site.get("/").await.text().contains(&format!("href=\"{path}\"")));
    let asset = site.get(&path).await;
    assert_eq!(asset.status, StatusCode::OK);
    assert_eq!(asset.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(asset.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(site.get("/assets/site.000000000000.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_parameter_that_nobody_knows_is_told() {
    let site = Site::new();
    let answer = site.get("/?curency=EUR").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("There is no parameter &quot;curency&quot; here"), "{}", answer.text());
}
