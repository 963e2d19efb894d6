//! Keys, limits, parameters, pages and envelopes.

use std::time::Duration;

use simulator::{KeyPolicy, Options, SIMULATED_HEADER, Seen};

use crate::client::{get, get_with};
use crate::{small, start};

const V1: &str = "/v1/cryptocurrency/listings/latest";
const V3: &str = "/v3/cryptocurrency/listings/latest";

#[tokio::test]
async fn v1_has_the_status_first_and_quotes_by_currency() {
    let (simulator, _) = start(small()).await;
    let reply = get(&simulator.url(), &format!("{V1}?limit=2&convert=USD,EUR")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header(SIMULATED_HEADER), Some("true"));
    assert!(reply.text().starts_with(r#"{"status":{"timestamp":"2026-11-22T14:00:00.000Z","error_code":0,"#));
    let json = reply.json();
    assert_eq!(json["status"]["total_count"], 250);
    assert_eq!(json["status"]["credit_count"], 2, "one for the rows, one for the second currency");
    assert_eq!(json["data"][0]["name"], "Bitcoin");
    let quote = &json["data"][0]["quote"];
    let rate = quote["EUR"]["price"].as_f64().unwrap() / quote["USD"]["price"].as_f64().unwrap();
    assert!((rate - 0.86).abs() < 1e-9);
    assert_eq!(
        quote["EUR"]["percent_change_24h"].as_f64().map(f64::signum),
        quote["USD"]["percent_change_24h"].as_f64().map(f64::signum)
    );
}

#[tokio::test]
async fn v3_has_the_rows_first_and_a_list_of_quotes() {
    let (simulator, _) = start(small()).await;
    let reply = get(&simulator.url(), &format!("{V3}?limit=1&convert=BTC,ETH")).await;
    assert!(reply.text().starts_with(r#"{"data":[{"tags":["#));
    let quotes = reply.rows()[0]["quote"].clone();
    assert_eq!((&quotes[0]["symbol"], &quotes[0]["id"]), (&"BTC".into(), &1.into()));
    assert!((quotes[0]["price"].as_f64().unwrap() - 1.0).abs() < 1e-12, "a bitcoin costs a bitcoin");
    assert_eq!(quotes[0]["percent_change_90d"].as_f64(), Some(0.0));
    assert!(quotes[1]["price"].as_f64().unwrap() > 10.0);
    assert!(quotes[1].get("cex_volume_24h").is_some());
}

#[tokio::test]
async fn below_public_api_nobody_needs_a_key_and_nothing_is_paid() {
    let options = Options { anonymous_minute: 2, credits_monthly: 0, ..small() };
    let (simulator, clock) =
        start(Options { keys: KeyPolicy::OneOf(vec!["right".to_owned()]), ..options }).await;
    let ask = async |path: &str| get_with(&simulator.url(), &format!("/public-api{path}?limit=2"), &[]).await;
    for (path, first) in [(V1, r#"{"status":"#), (V3, r#"{"data":"#)] {
        let reply = ask(path).await;
        assert_eq!((reply.status, reply.rows().len()), (200, 2), "{path}");
        assert_eq!(reply.json()["status"]["credit_count"], 1);
        assert!(reply.text().starts_with(first), "{}", reply.text());
    }
    // Beyond the limit: a code in text, or as if it were busy.
    let refused = ask(V3).await;
    assert_eq!((refused.status, refused.error_code()), (429, "1022".into()));
    let refused = ask(V3).await;
    assert_eq!((refused.status, refused.error_code()), (500, 500.into()));
    assert!(refused.text().contains("The system is busy"), "{}", refused.text());
    assert_eq!(refused.header("retry-after"), None);
    clock.advance(Duration::from_mins(1));
    assert_eq!(ask(V3).await.status, 200);
    for path in ["/v1/key/info", "/v3/cryptocurrency/quotes/historical"] {
        let reply = ask(path).await;
        assert_eq!((reply.status, reply.error_code()), (403, 1005.into()), "{path}");
    }
}

#[tokio::test]
async fn keys_are_checked_from_the_header_and_from_the_query() {
    check_key(KeyPolicy::Any, &[], "", 401, 1002).await;
    check_key(KeyPolicy::Any, &["X-CMC_PRO_API_KEY: "], "", 401, 1002).await;
    check_key(KeyPolicy::Any, &["x-cmc_pro_api_key: anything"], "", 200, 0).await;
    check_key(KeyPolicy::Any, &[], "?CMC_PRO_API_KEY=anything", 200, 0).await;
    let one = || KeyPolicy::OneOf(vec!["right".to_owned()]);
    check_key(one(), &["X-CMC_PRO_API_KEY: right"], "", 200, 0).await;
    check_key(one(), &["X-CMC_PRO_API_KEY: wrong"], "", 401, 1001).await;
    check_key(one(), &[], "", 401, 1002).await;
    check_key(KeyPolicy::NotNeeded, &[], "", 200, 0).await;
}

async fn check_key(keys: KeyPolicy, headers: &[&str], query: &str, status: u16, code: u32) {
    let name = format!("{keys:?} {headers:?} {query}");
    let (simulator, _) = start(Options { keys, ..small() }).await;
    let reply = get_with(&simulator.url(), &format!("{V1}{query}"), headers).await;
    assert_eq!((reply.status, reply.error_code()), (status, code.into()), "{name}");
    assert_eq!(reply.json().get("data").is_some(), status == 200, "{name}");
}

#[tokio::test]
async fn requests_are_noted_without_their_keys() {
    let (simulator, _) = start(Options { keys: KeyPolicy::OneOf(vec!["k1".to_owned()]), ..small() }).await;
    get_with(&simulator.url(), &format!("{V3}?start=1"), &["X-CMC_PRO_API_KEY: k1"]).await;
    get_with(&simulator.url(), "/v1/key/info?CMC_PRO_API_KEY=k2", &[]).await;
    let seen = |path: &str, query: &str, key_header, key_accepted| Seen {
        path: path.to_owned(),
        query: query.to_owned(),
        key_header,
        key_accepted,
    };
    assert_eq!(
        simulator.requests(),
        [seen(V3, "start=1", true, true), seen("/v1/key/info", "", false, false)]
    );
}

#[tokio::test]
async fn the_minute_limit_ends_with_the_minute() {
    let (simulator, clock) = start(Options { rate_limit_minute: 2, ..small() }).await;
    for (code, status) in [(0, 200), (0, 200), (1008, 429)] {
        let reply = get(&simulator.url(), &format!("{V1}?limit=1")).await;
        assert_eq!((reply.status, reply.error_code()), (status, code.into()));
    }
    clock.advance(Duration::from_mins(1));
    assert_eq!(get(&simulator.url(), V1).await.status, 200);
}

#[tokio::test]
async fn only_answers_with_200_cost_credits_and_key_info_tells_what_is_left() {
    let (simulator, _) = start(Options { credits_monthly: 3, ..small() }).await;
    assert_eq!(get(&simulator.url(), &format!("{V1}?limit=0")).await.status, 400);
    assert_eq!(get(&simulator.url(), &format!("{V1}?limit=201")).await.json()["status"]["credit_count"], 2);
    let refused = get(&simulator.url(), &format!("{V1}?limit=201")).await;
    assert_eq!((refused.status, refused.error_code()), (429, 1010.into()));
    let account = get(&simulator.url(), "/v1/key/info").await.json();
    assert_eq!(account["status"]["credit_count"], 0);
    assert_eq!(account["data"]["usage"]["current_month"]["credits_used"], 2);
    assert_eq!(account["data"]["usage"]["current_month"]["credits_left"], 1);
    assert_eq!(account["data"]["usage"]["current_minute"]["requests_made"], 4);
    assert_eq!(account["data"]["plan"]["credit_limit_monthly_reset"], "In 8 days, 10 hours, 0 minutes");
}

#[tokio::test]
async fn pages_join_without_a_gap_and_end() {
    let (simulator, _) = start(small()).await;
    let ids = async |query: &str| -> Vec<u64> {
        let rows = get(&simulator.url(), &format!("{V3}?{query}")).await.rows();
        rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
    };
    let all = ids("limit=5000").await;
    assert_eq!(all.len(), 250);
    let pages = [ids("limit=100").await, ids("start=101&limit=100").await, ids("start=201&limit=100").await];
    assert_eq!(pages[2].len(), 50);
    assert_eq!(pages.concat(), all);
    assert!(ids("start=251").await.is_empty());
    assert!(ids("start=9223372036854775807&limit=5000").await.is_empty());
}

#[tokio::test]
async fn every_sort_is_in_its_order() {
    let (simulator, _) = start(small()).await;
    for (sort, field) in [
        ("price", "/quote/USD/price"),
        ("volume_24h", "/quote/USD/volume_24h"),
        ("percent_change_7d", "/quote/USD/percent_change_7d"),
        ("total_supply", "/total_supply"),
        ("max_supply", "/max_supply"),
        ("market_cap", "/quote/USD/market_cap"),
    ] {
        let rows = get(&simulator.url(), &format!("{V1}?limit=250&sort={sort}")).await.rows();
        let values: Vec<f64> = rows.iter().filter_map(|row| row.pointer(field)?.as_f64()).collect();
        assert!(values.len() > 50 && values.is_sorted_by(|a, b| a >= b), "{sort}: {values:?}");
        let upwards = get(&simulator.url(), &format!("{V1}?limit=250&sort={sort}&sort_dir=asc")).await.rows();
        let values: Vec<f64> = upwards.iter().filter_map(|row| row.pointer(field)?.as_f64()).collect();
        assert!(values.is_sorted(), "{sort} upwards");
        assert!(
            sort != "max_supply" || upwards.last().unwrap()["max_supply"].is_null(),
            "unknown comes last"
        );
    }
    let rows = get(&simulator.url(), &format!("{V1}?limit=250&sort=name")).await.rows();
    assert!(rows.is_sorted_by_key(|row| row["name"].as_str().unwrap()));
}

#[tokio::test]
async fn aux_chooses_the_optional_fields() {
    let (simulator, _) = start(small()).await;
    let rows = get(&simulator.url(), &format!("{V1}?limit=1&aux=cmc_rank,volume_7d")).await.rows();
    assert_eq!(rows[0]["cmc_rank"], 1);
    assert!(rows[0]["quote"]["USD"]["volume_7d"].is_f64());
    assert!(rows[0].get("tags").is_none() && rows[0].get("max_supply").is_none());
}

#[tokio::test]
async fn a_wrong_request_is_answered_in_the_shape_of_the_api() {
    let (simulator, _) = start(small()).await;
    for (path, status, message) in [
        ("/v1/cryptocurrency/listings/latest?start=0", 400, "\"start\" must be larger than or equal to 1"),
        ("/v1/cryptocurrency/listings/latest?convert=XXX", 400, "Invalid value for \"convert\": \"XXX\""),
        ("/v2/cryptocurrency/listings/latest", 404, "Not found: /v2/cryptocurrency/listings/latest"),
        ("/", 404, "Not found: /"),
    ] {
        let reply = get(&simulator.url(), path).await;
        assert_eq!((reply.status, reply.error_code()), (status, status.into()), "{path}");
        assert_eq!(reply.json()["status"]["error_message"], message);
        assert_eq!(reply.json()["status"]["credit_count"], 0);
    }
}

#[tokio::test]
async fn gzip_carries_the_same_bytes() {
    let (simulator, _) = start(small()).await;
    let plain = get(&simulator.url(), V3).await;
    let headers = ["X-CMC_PRO_API_KEY: k", "Accept-Encoding: deflate, gzip"];
    let gzipped = get_with(&simulator.url(), V3, &headers).await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(gzipped.header("content-encoding"), Some("gzip"));
    assert!(gzipped.raw.len() < plain.raw.len() / 2);
    assert_eq!(gzipped.text(), plain.text());
}

#[tokio::test]
async fn a_stopped_simulator_is_gone() {
    let (simulator, _) = start(small()).await;
    let address = simulator.url().strip_prefix("http://").unwrap().to_owned();
    // A client that keeps its connection open must not hold up the stop, nor be served after it.
    let idle = tokio::net::TcpStream::connect(&address).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), simulator.stop()).await.expect("a stop in time");
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn an_address_in_use_and_too_many_coins_are_refused() {
    let (simulator, clock) = start(small()).await;
    let address = simulator.url().strip_prefix("http://").unwrap().parse().unwrap();
    let clock = std::sync::Arc::new(clock);
    let taken = simulator::Simulator::start(address, small(), clock.clone()).await.err().unwrap();
    assert!(format!("{taken:#}").contains(&format!("failed to listen on {address}")), "{taken:#}");
    let many = Options { coins: 100_001, ..Options::default() };
    let many = simulator::Simulator::start("127.0.0.1:0".parse().unwrap(), many, clock).await.err().unwrap();
    assert!(many.to_string().contains("at most 100000 coins"), "{many}");
}
