//! The table of coins, and a coin, over a store in memory.

mod courses;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use domain::CoinRow;
use testkit::contract::store::sample;

use crate::testing::html::{Html, check};
use crate::testing::{Site, coins};

/// Names that would be markup, or turn lines round, or be a formula.
const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><h1>gone</h1>",
    "=HYPERLINK(\"http://x\")",
    "javascript:alert(1)",
    "&lt;b&gt; &amp;amp; \u{202e}niocpip",
];

fn named(id: u32, name: &str) -> CoinRow {
    let mut row = coins(id).pop().expect("a coin");
    let mut coin = (*row.coin).clone();
    (coin.name, coin.symbol, coin.slug) = (name.to_owned(), name.to_owned(), name.to_owned());
    coin.platform_name = Some(name.to_owned());
    coin.token_address = Some(name.to_owned());
    coin.tags = Some(vec![name.to_owned()]);
    row.coin = coin.into();
    row
}

/// The ids of the coins in a view, in order.
fn ids(html: &Html) -> Vec<u32> {
    let links = html.links("/coins/");
    let id = |link: &str| link["/coins/".len()..].split('?').next()?.parse().ok();
    links.into_iter().filter_map(id).collect()
}

/// All coins of all pages from `path` on, by the links of the views.
async fn walk(site: &Site, path: String) -> Vec<u32> {
    let (mut next, mut found) = (Some(path), Vec::new());
    while let Some(path) = next {
        let answer = site.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let html = check(answer.text());
        found.extend(ids(&html));
        next = html.all("a").find(|tag| tag.get("rel") == "next").map(|tag| tag.get("href").to_owned());
    }
    found
}

#[tokio::test]
async fn each_coin_is_on_one_page_however_they_are_sorted_and_searched() {
    let site = Site::new();
    site.load(coins(70)).await;
    let sorts = ["cmc_rank", "name", "symbol", "price", "market_cap", "percent_change_24h", "last_updated"];
    // 1, and 10 to 19, have the text in their name.
    for (search, count) in [("", 70), ("coin+1", 11)] {
        for (sort, order) in sorts.into_iter().flat_map(|sort| [(sort, "asc"), (sort, "desc")]) {
            let path = format!("/?search={search}&sort={sort}&order={order}&size=25");
            let found = walk(&site, path.clone()).await;
            let once: BTreeSet<_> = found.iter().copied().collect();
            assert_eq!((found.len(), once.len()), (count, count), "{path}");
        }
    }
}

#[tokio::test]
async fn whatever_a_coin_is_called_is_text() {
    let site = Site::new();
    let rows = (1..).zip(HOSTILE).map(|(id, name)| named(id, name)).collect();
    site.load(rows).await;
    let market = site.get("/").await;
    let html = check(market.text());
    for (id, name) in (1..).zip(HOSTILE) {
        let shown = name.replace('\u{202e}', " ");
        assert!(html.text.contains(&shown), "{name} is not in the table");
        let coin = site.get(&format!("/coins/{id}")).await;
        assert_eq!(coin.status, StatusCode::OK);
        let view = check(coin.text());
        assert!(view.text.contains(&shown), "{name} is not in its view");
        assert!(!coin.text().contains('\u{202e}'));
        let csv = site.get(&format!("/coins/{id}.csv")).await;
        assert!(!csv.text().contains(name), "{}", csv.text());
        let search: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let found = site.get(&format!("/?search={search}")).await;
        assert_eq!(ids(&check(found.text())), [id], "{name}");
    }
}

#[tokio::test]
async fn without_quotes_it_says_what_to_do() {
    let site = Site::new();
    for path in ["/", "/?search=x&page=3"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::OK);
        // Where one runs it would be refused.
        let told = "where none runs, coinpipe --once takes one now";
        assert!(check(answer.text()).text.contains(told), "{}", answer.text());
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_told_and_not_guessed() {
    let site = Site::new();
    site.load(coins(3)).await;
    for (path, status, word) in [
        ("/?page=0", 400, "The parameter page must be a number"),
        ("/?page=x", 400, "The parameter page must be a number"),
        ("/?sort=colour", 400, "The parameter sort must be"),
        ("/?order=up", 400, "The parameter order must be"),
        ("/?currency=XYZ", 400, "there are in USD, EUR"),
        ("/?colour=red", 400, "There is no parameter \"colour\""),
        ("/coins/1?range=2w", 400, "The parameter range must be"),
        ("/coins/1?currency=%00", 400, "There are no quotes in"),
        (
            "/?currency=USD,+says+the+site",
            400,
            "in the currency \"USD, says the site\"; there are in USD, EUR",
        ),
        ("/coins/99", 404, "No snapshot had a coin"),
        ("/coins/99999999999", 404, "No snapshot had a coin"),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        let text = check(answer.text()).text;
        assert!(text.contains(word), "{path}: {text}");
    }
}

#[tokio::test]
async fn filters_are_kept_by_every_link() {
    let site = Site::new();
    site.load(coins(200)).await;
    let answer = site.get("/?search=coin&currency=eur&sort=price&size=50&page=2&gone=1").await;
    let html = check(answer.text());
    for link in html.links("/?") {
        let kept = ["search=coin", "currency=EUR", "size=50", "gone=1"];
        assert!(kept.iter().all(|it| link.contains(it)), "{link}");
    }
    assert!(html.links("/coins/").iter().all(|link| link.ends_with("?currency=EUR")));
    assert!(html.text.contains("Coins 51 to 100 of 200, in EUR"), "{}", html.text);
    let far = site.get("/?page=99").await;
    assert!(check(far.text()).text.contains("There is no page 99"));
}

#[tokio::test]
async fn a_coin_has_a_past_that_can_be_drawn_and_taken_along() {
    let site = Site::new();
    for hour in (0..48).rev() {
        let mut row = coins(1).pop().expect("a coin");
        for quote in &mut row.quotes {
            quote.last_updated = sample::at(-hour * 3600 - 60);
            quote.numbers[0] = Some(100.0 - f64::from(i32::try_from(hour).expect("few")));
        }
        site.load(vec![row]).await;
    }
    let answer = site.get("/coins/1?range=24h").await;
    let html = check(answer.text());
    let plot = html.all("figure").next().expect("a plot").get("data-plot").to_owned();
    let plot: serde_json::Value = serde_json::from_str(&plot).expect("JSON");
    assert_eq!(plot["lines"][0]["values"].as_array().map(Vec::len), Some(24));
    assert!(html.text.contains("from 77.00 to 100.00"), "{}", html.text);
    let all = site.get("/coins/1.csv?range=all&currency=EUR").await;
    assert_eq!(all.headers["content-disposition"], "attachment; filename=\"coin-1-EUR-all.csv\"");
    let lines: Vec<_> = all.text().lines().collect();
    assert_eq!(lines.len(), 49);
    assert_eq!(lines[48], "2026-11-22T13:59:00.000Z,2026-11-22T13:59:00.000Z,100,100,100,100,,0,1");
    let old = site.get("/coins/1?range=1y").await;
    assert_eq!(check(old.text()).all("figure").count(), 2);
}

/// At the first start the column is empty, and nobody knows why.
#[tokio::test]
async fn what_is_not_there_yet_is_told() {
    let site = Site::new();
    let mut older = coins(1);
    for quote in &mut older[0].quotes {
        quote.last_updated -= chrono::TimeDelta::days(1);
    }
    site.load(older).await;
    let market = check(site.get("/").await.text());
    assert!(market.text.contains("The last 7 days are drawn as soon as"), "{}", market.text);
    let coin = check(site.get("/coins/1").await.text());
    assert!(coin.text.contains("Its only quote in USD"), "{}", coin.text);
    site.load(coins(1)).await;
    site.clock.advance(std::time::Duration::from_hours(1));
    let market = check(site.get("/").await.text());
    assert!(!market.text.contains("as soon as") && market.all("svg").count() == 1, "{}", market.text);
    let coin = check(site.get("/coins/1").await.text());
    assert!(coin.text.contains("Its last 2 different quotes in USD"), "{}", coin.text);
    let nothing = check(site.get("/?search=nothing").await.text());
    assert!(nothing.text.contains("in its name, symbol or slug, or as its id"), "{}", nothing.text);
}

/// It was once told for a minute that there is none.
#[tokio::test]
async fn a_currency_that_just_came_is_there() {
    let site = Site::new();
    site.load(coins(1)).await;
    let paths = ["/?currency=gbp", "/api/coins?currency=gbp", "/api/market?currency=gbp"];
    for path in paths {
        assert_eq!(site.get(path).await.status, 400, "{path}");
    }
    let mut more = coins(1);
    more[0].quotes[1].currency = "GBP".to_owned();
    site.load(more).await;
    site.clock.advance(std::time::Duration::from_secs(5));
    for path in paths {
        assert_eq!(site.get(path).await.status, 200, "{path}");
    }
}
