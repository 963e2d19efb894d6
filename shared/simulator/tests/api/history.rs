//! Past quotes, and listings of past days.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use simulator::Options;

use crate::client::{Reply, get};
use crate::{small, start};

const LATEST: &str = "/v3/cryptocurrency/listings/latest?limit=250";
const QUOTES: &str = "/v3/cryptocurrency/quotes/historical?interval=hourly";
const DAYS: &str = "/v1/cryptocurrency/listings/historical";

fn credits(reply: &Reply) -> u64 {
    reply.json()["status"]["credit_count"].as_u64().unwrap()
}

#[tokio::test]
async fn the_history_is_what_listings_gave_at_that_instant() {
    let (simulator, clock) = start(small()).await;
    let mut given: HashMap<(String, u64), Value> = HashMap::new();
    for hour in 14..17 {
        let rows = get(&simulator.url(), LATEST).await.rows();
        for row in rows {
            given.insert((format!("2026-11-22T{hour}:00:00.000Z"), row["id"].as_u64().unwrap()), row);
        }
        clock.advance(Duration::from_hours(1));
    }
    clock.advance(Duration::from_mins(17));
    let span = "time_start=2026-11-22T13:59:59Z&time_end=2026-11-22T16:59:59Z&count=3";
    let reply = get(&simulator.url(), &format!("{QUOTES}&id=1,1027,825,999999&{span}")).await;
    assert_eq!(credits(&reply), 1, "{}", reply.text());
    let data = reply.json()["data"].clone();
    let mut compared = 0;
    for id in [1, 1027, 825] {
        let coin = &data[id.to_string()];
        assert_eq!(coin["id"], id);
        for point in coin["quotes"].as_array().unwrap() {
            let then = &given[&(point["timestamp"].as_str().unwrap().to_owned(), id)];
            let (quote, live) = (&point["quote"]["USD"], &then["quote"][0]);
            for field in ["price", "volume_24h", "market_cap", "last_updated"] {
                assert_eq!(quote[field], live[field], "{field} of {id}");
            }
            assert_eq!(quote["circulating_supply"], then["circulating_supply"]);
            assert_eq!((&coin["name"], &coin["symbol"]), (&then["name"], &then["symbol"]));
            for field in ["percent_change_1h", "cmc_rank", "num_market_pairs"] {
                assert_eq!(quote.get(field), None, "{field}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 9);
    let missing = get(&simulator.url(), &format!("{QUOTES}&id=999999&{span}")).await;
    assert_eq!((missing.status, missing.error_code()), (400, 400.into()));
}

#[tokio::test]
async fn one_coin_is_not_wrapped_and_aux_decides_its_fields() {
    let (simulator, _) = start(small()).await;
    let reply =
        get(&simulator.url(), &format!("{QUOTES}&id=1&count=2&aux=price,search_interval&convert=USD,EUR"))
            .await;
    let data = reply.json()["data"].clone();
    assert_eq!((&data["id"], data.get("is_active")), (&1.into(), None));
    let point = &data["quotes"][1];
    assert_eq!(
        (&point["timestamp"], &point["search_interval"]),
        (&"2026-11-22T14:00:00.000Z".into(), &"1h".into())
    );
    assert!(point["quote"]["EUR"]["price"].is_number() && point["quote"]["EUR"].get("market_cap").is_none());
    assert_eq!(credits(&reply), 2, "one for the points, one for the second currency");
    let refused = get(&simulator.url(), &format!("{QUOTES}&id=1&aux=cmc_rank")).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[tokio::test]
async fn a_hundred_points_cost_a_credit() {
    let (simulator, clock) = start(small()).await;
    clock.advance(Duration::from_hours(48));
    let hours = "time_start=2026-11-22T13:59:59Z&count=30";
    let ids: Vec<_> =
        get(&simulator.url(), LATEST).await.rows().iter().map(|row| row["id"].to_string()).take(10).collect();
    let reply = get(&simulator.url(), &format!("{QUOTES}&id={}&{hours}", ids.join(","))).await;
    assert_eq!(credits(&reply), 3);
    let day = get(&simulator.url(), &format!("{DAYS}?date=2026-11-22&limit=250")).await;
    assert_eq!((credits(&day), day.rows().len()), (3, 250));
}

#[tokio::test]
async fn a_day_is_the_market_at_its_end_and_ready_half_an_hour_later() {
    let (simulator, clock) = start(small()).await;
    clock.advance(Duration::from_hours(10));
    let midnight = get(&simulator.url(), "/v1/cryptocurrency/listings/latest?limit=3").await.rows();
    let ask = format!("{DAYS}?date=2026-11-22T17:00:00Z&limit=3");
    assert_eq!(get(&simulator.url(), &ask).await.status, 400);
    clock.advance(Duration::from_mins(30));
    assert_eq!(get(&simulator.url(), &ask).await.rows(), midnight);
    assert_eq!(get(&simulator.url(), DAYS).await.status, 400);
}

#[tokio::test]
async fn what_the_plan_does_not_reach_is_refused_and_costs_nothing() {
    let options = Options { history_hours: 30, history_days: 365, ..small() };
    let (simulator, _) = start(options).await;
    let quotes = async |start: &str, interval: &str| {
        let path = QUOTES.replace("hourly", interval);
        let path = format!("{path}&id=1&time_start={start}&count=1");
        get(&simulator.url(), &path).await
    };
    assert_eq!(quotes("2026-10-23T13:30:00Z", "hourly").await.status, 200);
    let refused = quotes("2026-10-23T12:30:00Z", "hourly").await;
    assert_eq!((refused.status, refused.error_code()), (403, 1006.into()));
    assert_eq!(quotes("2026-10-23T12:30:00Z", "daily").await.status, 200);
    for (date, status) in [("2025-11-22", 200), ("2025-11-20", 400)] {
        let reply = get(&simulator.url(), &format!("{DAYS}?date={date}&limit=1")).await;
        assert_eq!(reply.status, status, "{date}: {}", reply.text());
    }
    let info = get(&simulator.url(), "/v1/key/info").await.json();
    assert_eq!(info["data"]["usage"]["current_month"]["credits_used"], 3);
}
