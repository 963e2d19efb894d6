//! The API, held against its description.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::Slot;
use ports::{Letters as _, Store as _};
use serde_json::Value;
use testkit::contract::store::sample;

use super::{all, openapi};
use crate::testing::{Site, coins};

fn described() -> Value {
    serde_json::from_str(openapi::TEXT).expect("the description is JSON")
}

/// What `schema` says, with what it refers to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).expect("it refers to something"),
        None => schema,
    }
}

/// Holds `value` against `schema`, as far as the description goes into it.
fn hold(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = resolved(document, schema);
    let types: Vec<_> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        several => several.as_array().expect("types").iter().filter_map(Value::as_str).collect(),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() && types.contains(&"integer") => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&is), "{place} is {value}, and not {types:?}");
    match value {
        Value::Array(items) => {
            for item in items {
                hold(document, &schema["items"], item, &format!("{place}[]"));
            }
        }
        Value::Object(object) if schema["properties"].is_object() => {
            let properties = schema["properties"].as_object().expect("properties");
            let (there, described): (BTreeSet<_>, BTreeSet<_>) =
                (object.keys().collect(), properties.keys().collect());
            assert_eq!(there, described, "{place}");
            for (name, value) in object {
                hold(document, &properties[name], value, &format!("{place}.{name}"));
            }
        }
        _ => {}
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = described();
    let paths = document["paths"].as_object().expect("paths");
    let routes: BTreeSet<_> = all().into_iter().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(paths.keys().cloned().collect::<BTreeSet<_>>(), routes);
}

/// Of each route: its answer is as described, a described parameter is known, one that is not described is refused.
#[tokio::test]
async fn answers_are_as_they_are_described() {
    let document = described();
    for site in [Site::new(), filled().await] {
        for (path, about) in document["paths"].as_object().expect("paths") {
            let Some(about) = about.get("get") else { continue };
            let path = path.replace("{id}", "1");
            let answer = site.get(&path).await;
            let status = answer.status.as_u16().to_string();
            let response = resolved(&document, &about["responses"][&status]);
            let schema = &response["content"]["application/json"]["schema"];
            assert!(schema.is_object(), "{path} is {status}, which is not described");
            hold(&document, schema, &answer.json(), &path);
            let parameters = about["parameters"].as_array();
            for parameter in parameters.into_iter().flatten().filter(|parameter| parameter["in"] == "query") {
                let name = parameter["name"].as_str().expect("a name");
                let answer = site.get(&format!("{path}?{name}=")).await;
                assert!(!answer.text().contains("unknown field"), "{path} does not know {name}");
            }
            if parameters.is_some() {
                let answer = site.get(&format!("{path}?colour=red")).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
                hold(&document, &document["components"]["schemas"]["Error"], &answer.json(), &path);
            }
        }
    }
}

async fn filled() -> Site {
    let site = Site::new();
    site.load(coins(250)).await;
    site
}

/// The rows of all pages from `path` on, by following `next`.
async fn walk(site: &Site, path: &str, rows: &str) -> Vec<Value> {
    let (mut next, mut found) = (Some(path.to_owned()), Vec::new());
    while let Some(path) = next {
        let answer = site.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        let page = answer.json();
        found.extend(page[rows].as_array().expect("rows").iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
    }
    found
}

/// Batches, letters and quotes of the past beside a few coins.
async fn with_several_of_all() -> Site {
    let site = Site::new();
    for hour in 0..5_i64 {
        let mut chunk = sample::chunk(&[1]);
        let begins = sample::at(-3600 * hour);
        (chunk.page.batch, chunk.page.slot) = (sample::batch(-3600 * hour), Slot::at(begins));
        chunk.page.fetched_at = begins;
        chunk.rows[0].quotes[0].last_updated = begins - chrono::TimeDelta::minutes(1);
        site.store.load(&chunk).await.expect("the store is there");
        let letter = sample::letter(&format!("hour {hour}"), begins);
        assert!(site.store.file(&letter, "abcdef0123456789").await.expect("the store is there"));
    }
    site.load(coins(5)).await;
    site
}

/// Every answer that has pages says in the same way where the next is, and whoever goes there until the end sees all, once.
#[tokio::test]
async fn next_leads_to_the_next_page_wherever_there_are_pages() {
    let (site, document) = (with_several_of_all().await, described());
    let mut paged = BTreeSet::new();
    for (path, about) in document["paths"].as_object().expect("paths") {
        let response = resolved(&document, &about["get"]["responses"]["200"]);
        let schema = resolved(&document, &response["content"]["application/json"]["schema"]);
        let properties = &schema["properties"];
        if properties["next"].is_null() {
            continue;
        }
        assert_eq!(properties["next"]["$ref"], "#/components/schemas/Next", "{path}");
        let rows = properties.as_object().expect("properties").iter().find(|(_, it)| it["type"] == "array");
        let rows = rows.expect("rows").0;
        let whole = site.get(&path.replace("{id}", "1")).await.json()[rows].as_array().expect("rows").clone();
        assert!(whole.len() > 4, "{path} has {}", whole.len());
        assert_eq!(
            walk(&site, &format!("{}?limit=2", path.replace("{id}", "1")), rows).await,
            whole,
            "{path}"
        );
        paged.insert(path.as_str());
    }
    let all = ["/api/batches", "/api/coins", "/api/coins/{id}/history", "/api/letters", "/api/market"];
    assert_eq!(paged, BTreeSet::from(all));
}

/// As the views and the commands name one. One that is not there is told, or it would look like one without letters.
#[tokio::test]
async fn a_group_is_named_by_its_beginning_here_too() {
    let site = with_several_of_all().await;
    assert_eq!(walk(&site, "/api/letters?limit=2&group=abcd", "letters").await.len(), 5);
    let none = site.get("/api/letters?group=0123").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND, "{}", none.text());
    assert!(none.json()["error"].as_str().is_some_and(|said| said.starts_with("there is no group")));
}

/// A filter is part of the address of the next page, and a time before now stays the one of the first.
#[tokio::test]
async fn the_pages_of_a_filter_are_those_of_its_letters() {
    let site = with_several_of_all().await;
    let path = "/api/letters?limit=2&since=24h&stage=fetcher&text=said+no&state=any";
    let page = site.get(path).await.json();
    let next = page["next"].as_str().expect("there are more");
    for part in ["/api/letters?", "since=2026-11-21T14%3A00", "stage=fetcher", "text=said+no", "state=any"] {
        assert!(next.contains(part), "{part} is not in {next}");
    }
    assert_eq!(walk(&site, path, "letters").await.len(), 5);
    assert_eq!(walk(&site, "/api/letters?limit=2&stage=loader", "letters").await.len(), 0);
}

/// Whoever writes nonsense is told where; and what is described as possible is possible.
#[tokio::test]
async fn what_a_parameter_cannot_be_is_told_by_its_name() {
    let (site, document) = (with_several_of_all().await, described());
    for (path, about) in document["paths"].as_object().expect("paths") {
        for parameter in about["get"]["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "query" {
                continue;
            }
            let (name, schema) = (parameter["name"].as_str().expect("a name"), &parameter["schema"]);
            let path = path.replace("{id}", "1");
            let answer = site.get(&format!("{path}?{name}=%3F%3F")).await;
            let is_free = ["search", "code", "batch", "id", "text"].contains(&name);
            let expected = match name {
                _ if is_free => StatusCode::OK,
                // No group is called so.
                "group" => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            };
            assert_eq!(answer.status, expected, "{path}?{name}: {}", answer.text());
            assert!(is_free || answer.text().contains(name), "{path}?{name}: {}", answer.text());
            for value in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let answer = site.get(&format!("{path}?{name}={value}")).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}?{name}={value}: {}", answer.text());
            }
        }
    }
}

/// As on the market.
#[tokio::test]
async fn coins_that_left_are_asked_for_as_on_the_market() {
    let site = filled().await;
    for (asked, status) in [("1", StatusCode::OK), ("true", StatusCode::OK), ("yes", StatusCode::BAD_REQUEST)]
    {
        for path in ["/", "/api/coins"] {
            let answer = site.get(&format!("{path}?gone={asked}")).await;
            assert_eq!(answer.status, status, "{path}?gone={asked}");
        }
    }
    assert!(site.get("/api/coins?gone=yes").await.text().contains("gone must be 1 or 0"));
    let next = site.get("/api/coins?gone=true&limit=9").await.json()["next"].clone();
    assert!(next.as_str().is_some_and(|next| next.contains("gone=1")), "{next}");
}

#[tokio::test]
async fn whoever_begins_at_the_root_is_told_where_the_description_is() {
    let site = Site::with_settings(|config| config.http.base_path = "/pipe".to_owned());
    for path in ["/pipe/api", "/pipe/api/"] {
        let told = site.get(path).await.json();
        assert_eq!(told["description"], "/pipe/api/openapi.json", "{path}");
        let addresses = told["addresses"].as_array().expect("addresses");
        assert!(addresses.iter().any(|address| address == "/pipe/api/coins"), "{told}");
    }
    let answer = site.ask(Request::post("/pipe/api").body(Body::empty()).expect("a request")).await;
    assert!(answer.json()["error"].is_string(), "{}", answer.text());
}

#[tokio::test]
async fn each_coin_is_on_one_page_however_they_are_sorted() {
    let site = filled().await;
    for sort in ["cmc_rank", "name", "price", "percent_change_24h", "last_updated", "tvl"] {
        for order in ["asc", "desc"] {
            let path = format!("/api/coins?sort={sort}&order={order}&limit=60&currency=EUR");
            let rows = walk(&site, &path, "coins").await;
            let ids: BTreeSet<_> = rows.iter().filter_map(|row| row["id"].as_u64()).collect();
            assert_eq!((rows.len(), ids.len()), (250, 250), "{path}");
            assert!(rows.iter().all(|row| row["currency"] == "EUR"));
        }
    }
    let then = walk(&site, "/api/market?limit=77", "coins").await;
    assert_eq!(then.len(), 250);
}

#[tokio::test]
async fn a_history_is_whole_from_either_end() {
    let site = filled().await;
    for minute in 1..=9 {
        let mut rows = coins(1);
        for quote in &mut rows[0].quotes {
            quote.last_updated += chrono::TimeDelta::minutes(minute);
        }
        site.load(rows).await;
    }
    let up = walk(&site, "/api/coins/1/history?limit=3", "quotes").await;
    let mut down = walk(&site, "/api/coins/1/history?limit=4&order=desc", "quotes").await;
    down.reverse();
    assert_eq!((up.len(), &up), (10, &down));
    let part =
        walk(&site, "/api/coins/1/history?from=2026-11-22T14:00:00Z&until=2026-11-22T14:03:00Z", "quotes")
            .await;
    assert_eq!(part.len(), 3);
}

/// The clock of whoever asks may be a little ahead.
#[tokio::test]
async fn the_future_is_not_told() {
    let site = filled().await;
    let none = Site::new().get("/api/market").await;
    let expected =
        serde_json::json!({ "at": "2026-11-22T14:00:00.000Z", "currency": null, "coins": [], "next": null });
    assert_eq!((none.status, none.json()), (StatusCode::OK, expected));
    let answer = site.get("/api/market?at=2026-11-22T14:02:00Z").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("future"), "{}", answer.text());
    assert_eq!(site.get("/api/market?at=2026-11-22T14:00:30Z").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let site = filled().await;
    let first = site.get("/api/coins?limit=5").await;
    let tag = first.headers["etag"].clone();
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    let again = |tag: &str| {
        Request::get("/api/coins?limit=5")
            .header("if-none-match", tag)
            .body(Body::empty())
            .expect("a request")
    };
    let known = site.ask(again(tag.to_str().expect("text"))).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(known.headers["etag"], tag);
    assert_eq!(site.ask(again("\"other\"")).await.status, StatusCode::OK);
    let mut rows = coins(250);
    for quote in &mut rows[0].quotes {
        quote.last_updated += chrono::TimeDelta::minutes(1);
    }
    site.load(rows).await;
    assert_eq!(site.ask(again(tag.to_str().expect("text"))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn addresses_are_below_the_base_path() {
    let mut config = config::Config::defaults();
    config.http.base_path = "/pipe".to_owned();
    let site = Site::with(config);
    site.load(coins(3)).await;
    let page = site.get("/pipe/api/coins?limit=2").await.json();
    assert!(page["next"].as_str().is_some_and(|next| next.starts_with("/pipe/api/coins?")), "{page}");
    assert_eq!(walk(&site, "/pipe/api/coins?limit=2", "coins").await.len(), 3);
    assert_eq!(site.get("/pipe/api/openapi.json").await.json()["servers"][0]["url"], "/pipe");
    assert_eq!(site.get("/pipe/api/nothing").await.json()["error"], "there is nothing at /pipe/api/nothing");
    assert_eq!(site.get("/pipe/").await.headers["location"], "/pipe");
    let view = site.get("/pipe").await;
    assert_eq!(view.status, StatusCode::OK);
    let html = crate::testing::html::check(view.text());
    let addresses = html.tags.iter().flat_map(|tag| ["href", "src", "action"].map(|name| tag.get(name)));
    for address in addresses.filter(|address| !address.is_empty() && !address.starts_with('#')) {
        let below = address.strip_prefix("/pipe").expect("it is below the base path");
        assert!(below.is_empty() || below.starts_with(['/', '?']), "{address}");
    }
}
