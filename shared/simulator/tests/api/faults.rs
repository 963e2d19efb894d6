//! Every fault, as the client meets it.

use std::io::Read as _;
use std::time::Duration;

use ports::Clock as _;
use serde_json::Value;
use simulator::{Fault, Options, Simulator};
use testkit::clock::ManualClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Reply, get, get_with};
use crate::{small, start};

const V1: &str = "/v1/cryptocurrency/listings/latest";

async fn broken(faults: &[&str]) -> (Simulator, ManualClock) {
    let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    start(Options { faults, ..small() }).await
}

async fn reply_with(fault: &str) -> Reply {
    let (simulator, _) = broken(&[fault]).await;
    get(&simulator.url(), &format!("{V1}?limit=200")).await
}

#[tokio::test]
async fn errors_have_their_documented_status_and_body() {
    check_error("error=1001", 401, 1001, "This API Key is invalid.").await;
    check_error("error=1003", 402, 1003, "Your API Key must be activated.").await;
    check_error("error=1007", 403, 1007, "has been disabled").await;
    check_error("error=1011", 429, 1011, "IP rate limit").await;
    check_error("error=500", 500, 500, "An internal server error occurred").await;
    check_error("status=503", 503, 503, "The system is busy").await;
    check_error("error-in-200=1008", 200, 1008, "HTTP request rate limit").await;
}

async fn check_error(fault: &str, status: u16, code: u32, message: &str) {
    let reply = reply_with(fault).await;
    assert_eq!((reply.status, reply.error_code()), (status, code.into()), "{fault}");
    let told = reply.json()["status"]["error_message"].as_str().unwrap().to_owned();
    assert!(told.contains(message), "{fault}: {told}");
    assert!(reply.json().get("data").is_none(), "{fault}");
}

#[tokio::test]
async fn counted_faults_come_one_after_the_other_and_then_all_is_well() {
    let (simulator, _) = broken(&["status=500:2", "error=1008:1", "retry-after=7s:1"]).await;
    let mut met = Vec::new();
    for _ in 0..4 {
        let reply = get(&simulator.url(), "/v1/key/info").await;
        met.push((reply.status, reply.header("retry-after").map(str::to_owned)));
    }
    assert_eq!(met, [(500, Some("7".to_owned())), (500, None), (429, None), (200, None)]);
    simulator.set_faults([Fault::Html { http: 503 }.into()]);
    assert_eq!(get(&simulator.url(), V1).await.status, 503);
    simulator.set_faults([]);
    assert_eq!(get(&simulator.url(), V1).await.status, 200);
}

#[tokio::test]
async fn maintenance_pages_are_html() {
    for (fault, status) in [("html", 200), ("html=503", 503)] {
        let reply = reply_with(fault).await;
        assert_eq!(reply.status, status);
        assert!(reply.header("content-type").unwrap().starts_with("text/html"));
        assert!(reply.text().starts_with("<!DOCTYPE html>"));
    }
}

#[tokio::test]
async fn bodies_can_be_empty_or_cut() {
    let empty = reply_with("empty-body").await;
    assert_eq!((empty.status, empty.raw.len()), (200, 0));
    let truncated = reply_with("truncate").await;
    assert!(truncated.complete, "HTTP sees nothing wrong");
    assert!(serde_json::from_slice::<Value>(&truncated.raw).is_err());
    assert!(truncated.raw.len() > 1_000);
    let closed = reply_with("close").await;
    assert!(!closed.complete, "HTTP sees the body end early");
    assert!(closed.raw.len() > 1_000, "{} bytes arrived", closed.raw.len());
}

#[tokio::test]
async fn truncated_json_is_cut_inside_valid_gzip() {
    let (simulator, _) = broken(&["truncate"]).await;
    let reply = get_with(&simulator.url(), V1, &["X-CMC_PRO_API_KEY: k", "Accept-Encoding: gzip"]).await;
    assert!(serde_json::from_str::<Value>(&reply.text()).is_err());
}

#[tokio::test]
async fn a_huge_body_is_small_on_the_wire_when_gzip_is_accepted() {
    let (simulator, _) = broken(&["huge"]).await;
    let reply = get_with(&simulator.url(), V1, &["Accept-Encoding: gzip"]).await;
    assert!(reply.complete && reply.raw.len() < 2 << 20, "{} bytes", reply.raw.len());
    let mut decoded = flate2::read::GzDecoder::new(&reply.raw[..]);
    let size = std::io::copy(&mut decoded.by_ref(), &mut std::io::sink()).unwrap();
    assert!(size > 128 << 20, "{size} bytes");
}

#[tokio::test]
async fn slow_answers_wait_for_the_clock_and_hold_nobody_else_up() {
    let (simulator, clock) = broken(&["slow=30s:1"]).await;
    let url = simulator.url();
    let slow = tokio::spawn(async move { get(&url, V1).await });
    tokio::time::timeout(Duration::from_secs(30), async {
        while simulator.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the request arrives in time");
    clock.advance(Duration::from_secs(29));
    assert_eq!(get(&simulator.url(), V1).await.status, 200);
    assert!(!slow.is_finished(), "answered too early");
    clock.advance(Duration::from_secs(1));
    assert_eq!(slow.await.unwrap().status, 200);
}

#[tokio::test]
async fn trickled_bodies_arrive_whole_in_the_end() {
    let (simulator, clock) = broken(&["trickle=20s"]).await;
    let (path, url) = (format!("{V1}?limit=100"), simulator.url());
    let clock_moves = async {
        // Pieces fall asleep one after the other, so the clock moves until the answer is there.
        loop {
            clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        reply = get(&url, &path) => {
            assert!(reply.complete);
            assert_eq!(reply.rows().len(), 100);
        }
        () = clock_moves => unreachable!("the clock moves for ever"),
    }
    assert!(clock.now().timestamp() >= 1_795_356_020);
}

#[tokio::test]
async fn a_stop_cuts_slow_answers_short() {
    let (simulator, _) = broken(&["trickle=1h"]).await;
    let mut stream = TcpStream::connect(simulator.url().strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!("GET {V1} HTTP/1.1\r\nHost: here\r\nX-CMC_PRO_API_KEY: k\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    tokio::time::timeout(Duration::from_secs(30), async {
        // The head comes at once, the body over an hour of a clock that stands still.
        stream.read_buf(&mut received).await.unwrap();
        simulator.stop().await;
        let _ = stream.read_to_end(&mut received).await;
    })
    .await
    .expect("a stop in time");
    assert!(received.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&received));
    assert!(!received.ends_with(b"}"), "the body did not arrive whole");
}

#[tokio::test]
async fn rows_can_change_their_shape() {
    let rows = reply_with("missing=market_cap").await.rows();
    assert!(rows.iter().all(|row| row["quote"]["USD"].get("market_cap").is_none()));
    let rows = reply_with("retyped=price").await.rows();
    assert!(rows.iter().all(|row| row["quote"]["USD"]["price"].is_string()));
    let rows = reply_with("extra").await.rows();
    assert!(rows.iter().all(|row| row["simulated_new_field"].is_object()));
    let rows = reply_with("null-price").await.rows();
    assert_eq!(rows.iter().filter(|row| row["quote"]["USD"]["price"].is_null()).count(), 2);
    let rows = reply_with("negative-price").await.rows();
    assert_eq!(rows.iter().filter(|row| row["quote"]["USD"]["price"].as_f64() < Some(0.0)).count(), 2);
    let rows = reply_with("duplicate").await.rows();
    assert_eq!((rows.len(), &rows[0]), (202, &rows[1]));
    let rows = reply_with("renamed=1027").await.rows();
    let ethereum = rows.iter().find(|row| row["id"] == 1027).unwrap();
    assert_eq!(ethereum["name"], "Simulated Rebrand");
    let reply = reply_with("vanished=1").await;
    assert!(reply.rows().iter().all(|row| row["id"] != 1));
    assert_eq!((reply.rows().len(), &reply.json()["status"]["total_count"]), (200, &249.into()));
    let reply = reply_with("empty-data").await;
    assert_eq!((reply.status, reply.rows().len()), (200, 0));
    assert_eq!(reply_with("text-code").await.error_code(), "0");
}

#[tokio::test]
async fn a_frozen_market_stays_at_the_minute_it_froze() {
    let (simulator, clock) = broken(&[]).await;
    clock.advance(Duration::from_mins(10));
    simulator.set_faults([Fault::Frozen.into()]);
    let frozen = get(&simulator.url(), V1).await;
    clock.advance(Duration::from_hours(1));
    let later = get(&simulator.url(), V1).await;
    assert_eq!(later.rows(), frozen.rows());
    assert_ne!(later.json()["status"]["timestamp"], frozen.json()["status"]["timestamp"]);
    simulator.set_faults([]);
    assert_ne!(get(&simulator.url(), V1).await.rows(), frozen.rows());
}
