//! The site while its store does not answer.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures_util::future::join_all;

use crate::line::line;
use crate::testing::{Site, coins};

/// Fewer than the fifteen seconds that a connection lasts.
const LONGEST: TimeDelta = TimeDelta::seconds(10);

/// One after the other would wait longer than its connection lasts, and be told nothing.
#[tokio::test]
async fn whoever_asks_a_store_that_does_not_answer_is_told_so_in_time_however_many_ask() {
    let site = Site::new();
    site.load(coins(3)).await;
    let turns = site.context.all_turns().await;
    for path in ["/", "/?page=", "/coins/1", "/pipeline", "/letters", "/letters?limit="] {
        let start = site.context.now();
        let address = |number| if path.ends_with('=') { format!("{path}{number}") } else { path.to_owned() };
        let addresses: Vec<_> = (1..=8).map(address).collect();
        let asked = join_all(addresses.iter().map(|address| site.get(address)));
        for answer in site.in_passing_time(asked).await {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        }
        let took = site.context.now() - start;
        assert!(took <= LONGEST, "{path}: {took}");
    }
    drop(turns);
    assert_eq!(site.get("/pipeline").await.status, StatusCode::OK, "whoever comes later asks anew");
}

/// A view that has what it shows still wants to know how the pipeline is.
#[tokio::test]
async fn those_who_wait_for_the_line_of_truth_wait_once() {
    let site = Site::new();
    let _turns = site.context.all_turns().await;
    let start = site.context.now();
    let asked = join_all((0..8).map(|_| line(&site.context)));
    for line in site.in_passing_time(asked).await {
        assert!(line.into_string().contains("The store is away"));
    }
    let took = site.context.now() - start;
    assert!(took <= LONGEST, "{took}");
}

#[tokio::test]
async fn an_outage_is_logged_once_however_many_look() {
    let site = Site::new();
    let answer = |is_there| {
        site.store.set_available(is_there);
        async { site.context.is_news(&site.context.stores().store.data_kinds().await) }
    };
    assert!(!answer(true).await);
    assert!(answer(false).await);
    for _ in 0..30 {
        site.clock.advance(Duration::from_secs(9));
        assert!(!answer(false).await, "less than five minutes");
    }
    site.clock.advance(Duration::from_secs(30));
    assert!(answer(false).await, "it lasts");
    assert!(!answer(true).await);
    assert!(answer(false).await, "another one");
}
