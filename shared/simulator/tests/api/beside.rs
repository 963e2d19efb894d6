//! The market beside its listings.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::MarketKind;
use serde_json::Value;
use simulator::{KeyPolicy, Options};

use crate::client::{get, get_with};
use crate::{small, start};

const MAP: &str = "/v1/cryptocurrency/map";
const GLOBAL: &str = "/v1/global-metrics/quotes/latest";
const FEELING: &str = "/v3/fear-and-greed/latest";
const INDEX: &str = "/v3/index/cmc100-latest";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test]
async fn the_map_has_the_coins_of_the_listing_and_those_that_there_were() {
    let (simulator, _) = start(small()).await;
    let url = simulator.url();
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].as_u64().unwrap()).collect::<BTreeSet<_>>();
    let listed = get(&url, "/v3/cryptocurrency/listings/latest?limit=5000").await.rows();
    let active = get(&url, MAP).await;
    assert_eq!(active.json()["status"]["credit_count"], 0);
    assert!(active.json()["status"].get("total_count").is_none());
    let active = active.rows();
    assert_eq!(ids(&active), ids(&listed));
    let ranks = |rows: &[Value], name: &str| {
        rows.iter().map(|row| (row["id"].as_u64(), row[name].as_u64())).collect::<BTreeSet<_>>()
    };
    assert_eq!(ranks(&active, "rank"), ranks(&listed, "cmc_rank"));
    let all = get(&url, &format!("{MAP}?listing_status=active,inactive&sort=id")).await.rows();
    assert_eq!((active.len(), all.len()), (250, 275));
    assert!(all.is_sorted_by_key(|row| row["id"].as_u64()));
    let (first, last) = (&all[0], &all[274]);
    assert_eq!((&first["id"], &first["is_active"], &first["rank"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(
        (&last["is_active"], &last["rank"], &last["first_historical_data"]),
        (&0.into(), &Value::Null, &Value::Null)
    );
    // Pages, the last one short.
    let page =
        get(&url, &format!("{MAP}?listing_status=active,inactive&sort=id&start=201&limit=200")).await.rows();
    assert_eq!(page[..], all[200..]);
}

#[tokio::test]
async fn the_metrics_are_the_sums_of_the_listing() {
    let (simulator, clock) = start(small()).await;
    let url = simulator.url();
    let rows = get(&url, "/v1/cryptocurrency/listings/latest?limit=5000").await.rows();
    let sum = |name: &str| rows.iter().map(|row| number(&row["quote"]["USD"][name])).sum::<f64>();
    let reply = get(&url, &format!("{GLOBAL}?convert=USD,EUR")).await;
    let json = reply.json();
    assert_eq!(json["status"]["credit_count"], 2);
    let (usd, eur) = (&json["data"]["quote"]["USD"], &json["data"]["quote"]["EUR"]);
    for (name, expected) in [("total_market_cap", sum("market_cap")), ("total_volume_24h", sum("volume_24h"))]
    {
        assert!((number(&usd[name]) / expected - 1.0).abs() < 1e-9, "{name}");
        assert!((number(&eur[name]) / number(&usd[name]) - 0.86).abs() < 1e-9, "{name}");
    }
    let dominance = number(&rows[0]["quote"]["USD"]["market_cap_dominance"]);
    assert!((number(&json["data"]["btc_dominance"]) - dominance).abs() < 0.001);
    assert_eq!(json["data"]["active_cryptocurrencies"], 250);
    assert_eq!(json["data"]["last_updated"], "2026-11-22T14:00:00.000Z");
    // New ones every five minutes.
    clock.advance(Duration::from_secs(299));
    assert_eq!(get(&url, GLOBAL).await.json()["data"]["quote"]["USD"], *usd);
    clock.advance(Duration::from_secs(1));
    assert_ne!(get(&url, GLOBAL).await.json()["data"]["quote"]["USD"], *usd);
}

#[tokio::test]
async fn the_index_and_the_feeling_have_the_shape_of_the_apis() {
    let (simulator, _) = start(small()).await;
    let url = simulator.url();
    let reply = get(&url, INDEX).await;
    assert!(reply.text().starts_with(r#"{"data":{"value":"#), "{}", reply.text());
    let data = &reply.json()["data"];
    let constituents = data["constituents"].as_array().unwrap();
    let weights: f64 = constituents.iter().map(|one| number(&one["weight"])).sum();
    assert!(constituents.len() == 100 && (weights - 100.0).abs() < 0.01, "{weights}");
    assert_eq!(
        (&data["last_update"], &data["next_update"]),
        (&"2026-11-22T14:00:00.000Z".into(), &"2026-11-22T14:05:00.000Z".into())
    );
    let feeling = get(&url, FEELING).await.json()["data"].clone();
    assert!((1.0..=99.0).contains(&number(&feeling["value"])) && feeling["value_classification"].is_string());
    assert_eq!(feeling["update_time"], "2026-11-22T14:00:00.000Z");
}

#[tokio::test]
async fn all_of_it_needs_a_key_but_below_public_api() {
    let options = Options { keys: KeyPolicy::OneOf(vec!["right".to_owned()]), credits_monthly: 0, ..small() };
    let (simulator, _) = start(options).await;
    for kind in MarketKind::ALL {
        let path = kind.description().path;
        assert_eq!(get(&simulator.url(), &format!("/{path}")).await.error_code(), 1001, "{path}");
        let reply = get_with(&simulator.url(), &format!("/public-api/{path}"), &[]).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    let paid = get_with(&simulator.url(), GLOBAL, &["X-CMC_PRO_API_KEY: right"]).await;
    assert_eq!(paid.error_code(), 1010, "nothing is left to pay with");
}

#[tokio::test]
async fn a_parameter_that_is_not_known_is_named() {
    let (simulator, _) = start(small()).await;
    for (path, message) in [
        ("/v1/cryptocurrency/map?convert=USD", "\"convert\" is not allowed"),
        ("/v1/cryptocurrency/map?aux=platform", "\"aux\" is not supported by the simulator"),
        (
            "/v1/cryptocurrency/map?listing_status=gone",
            "\"listing_status\" must be one of [active, inactive, untracked]",
        ),
        ("/v3/fear-and-greed/latest?limit=1", "\"limit\" is not allowed"),
    ] {
        let reply = get(&simulator.url(), path).await;
        assert_eq!(
            (reply.status, &reply.json()["status"]["error_message"]),
            (400, &message.into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn faults_of_listings_reach_it_too() {
    let (simulator, _) = start(small()).await;
    let url = simulator.url();
    simulator.set_faults(vec!["vanished=1".parse().unwrap()]);
    assert_ne!(get(&url, MAP).await.rows()[0]["id"], 1);
    simulator.set_faults(vec!["empty-data".parse().unwrap()]);
    assert_eq!(get(&url, MAP).await.rows(), Vec::<Value>::new());
    assert_eq!(get(&url, FEELING).await.json()["data"], serde_json::json!({}));
    simulator.set_faults(vec!["null=value".parse().unwrap()]);
    assert_eq!(get(&url, FEELING).await.json()["data"]["value"], Value::Null);
}
