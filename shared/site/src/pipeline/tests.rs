//! The view as a whole, over a store in memory.

use std::time::Duration;

use axum::http::StatusCode;
use domain::BatchId;
use ports::Store as _;
use ports::store::{ALIVE_EVERY, Letters as _, ProcessRecord, Processes as _};
use testkit::contract::store::processes::process;
use testkit::contract::store::sample::{at, chunk, fetched, letter, schedule};

use crate::letters::filter::segment;
use crate::testing::{Site, coins};

#[tokio::test]
async fn an_empty_store_is_told_with_what_to_do() {
    let site = Site::new();
    let answer = site.get("/pipeline").await;
    assert_eq!(answer.status, StatusCode::OK);
    for part in [
        "No quotes yet",
        "No schedule is known yet",
        "coinpipe --once",
        "Nothing was fetched in this time",
        "No process has said that it lives",
        "None is running",
        "Empty",
    ] {
        assert!(answer.text().contains(part), "{part} is not in {}", answer.text());
    }
}

async fn filled() -> Site {
    let site = Site::new();
    site.store.record_schedule(&schedule(at(-2 * 3600))).await.unwrap();
    site.load(coins(3)).await;
    let announced = domain::Fetched { convert: vec!["USD".to_owned()], ..fetched(1) };
    site.store.record_fetched(&announced).await.unwrap();
    let hostile = ProcessRecord {
        host: "<script>alert(1)</script>".to_owned(),
        seen_at: at(0) - ALIVE_EVERY,
        ..process("a", -600)
    };
    site.store.note_process(&hostile).await.unwrap();
    site
}

#[tokio::test]
async fn what_there_is_is_shown_in_words_and_hostile_names_are_text() {
    let site = filled().await;
    for path in ["/pipeline", "/pipeline?span=day", "/pipeline?span=month"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let text = answer.text();
        for part in [
            "12:00 UTC: missed",
            "13:00 UTC: on its way",
            "14:00 UTC: complete",
            "1 process",
            "coinpipe gaps",
        ] {
            assert!(text.contains(part), "{path}: {part} is not in {text}");
        }
        assert!(!text.contains("<script>alert"), "{text}");
        assert!(text.contains("&lt;script&gt;alert(1)"), "{text}");
        assert!(!text.contains(" style="), "{text}");
    }
    assert_eq!(site.get("/pipeline?span=year").await.status, StatusCode::BAD_REQUEST);
}

/// Whoever sees that something is wrong is one click from what it is; where batches are hidden, nothing leads to them.
#[tokio::test]
async fn what_is_wrong_leads_to_its_letters() {
    for hide in [&[][..], &["x-batch"]] {
        let site =
            Site::with_settings(|config| config.http.hide = hide.iter().map(|it| (*it).to_owned()).collect());
        site.store.record_schedule(&schedule(at(-2 * 3600))).await.unwrap();
        let mut rejected = chunk(&[1, 2]);
        rejected.rejected = 1;
        site.store.load(&rejected).await.unwrap();
        let announced = domain::Fetched { convert: vec!["USD".to_owned()], ..fetched(1) };
        site.store.record_fetched(&announced).await.unwrap();
        let market = site.get("/").await;
        assert!(!market.text().contains("of letters open"), "{}", market.text());
        let mut poison = letter("x", at(0));
        (poison.class, poison.stage) = (domain::Class::Poison, Some(domain::StageName::Transformer));
        let missed = BatchId::new(domain::Slot::at(at(-3600)), "listings", &["USD".to_owned()]);
        poison.headers.set(domain::header::BATCH, missed.as_str());
        assert!(site.store.file(&poison, "abcd").await.unwrap());
        site.clock.advance(Duration::from_secs(10));
        for path in ["/", "/pipeline", "/coins/1"] {
            let view = site.get(path).await;
            assert!(view.text().contains("href=\"/letters\">1 group of letters open</a>"), "{}", view.text());
        }
        let view = site.get("/pipeline").await;
        let about =
            |batch: &BatchId| format!("href=\"/letters?batch={}&amp;state=any\"", segment(batch.as_str()));
        for batch in [&missed, &rejected.page.batch] {
            assert_eq!(view.text().contains(&about(batch)), hide.is_empty(), "{batch}: {}", view.text());
        }
        if hide.is_empty() {
            let letters = site.get(&format!("/letters?batch={}&state=any", segment(missed.as_str()))).await;
            assert!(letters.text().contains("poison"), "{}", letters.text());
        }
    }
}

#[tokio::test]
async fn the_line_of_truth_is_on_every_view_and_a_store_that_is_away_is_told() {
    let site = filled().await;
    for path in ["/", "/pipeline"] {
        let answer = site.get(path).await;
        assert!(answer.text().contains("<strong>Fresh</strong>"), "{path}: {}", answer.text());
    }
    site.store.set_available(false);
    // What was answered a moment ago is answered once more.
    assert_eq!(site.get("/pipeline").await.status, StatusCode::OK);
    site.clock.advance(crate::lately::MOMENT.to_std().unwrap());
    assert_eq!(site.get("/pipeline").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_api_tells_the_same_as_the_commands_page_by_page() {
    let site = filled().await;
    let status = site.get("/api/status").await.json();
    assert_eq!(status["truth"]["level"], "good", "{status:#}");
    assert_eq!(status["processes"][0]["state"], "running");
    assert_eq!(status["batches"][0]["id"], "2026-11-22T14:00:00Z/listings/USD");
    assert_eq!(status["queues"]["raw"]["ready"], 0);
    let page = site.get("/api/batches?limit=1").await.json();
    assert_eq!(page["batches"].as_array().unwrap().len(), 1);
    let next = site.get(page["next"].as_str().expect("there may be more")).await.json();
    assert_eq!((next["batches"].as_array().unwrap().len(), &next["next"]), (0, &serde_json::Value::Null));
    for path in ["/api/batches?before=yesterday", "/api/batches?limit=0", "/api/batches?limit=201"] {
        assert_eq!(site.get(path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}
