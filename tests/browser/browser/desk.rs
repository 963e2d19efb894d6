//! The desk: letters are looked at in every way, and an operator does with them all that can be done.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ApiVersion, BatchId, Class, DeadLetter, Headers, Message, MessageId, Origin, PageMeta, Slot, StageName,
    compress_body, timestamp,
};
use lab::Browser;
use ports::store::Letters;
use ports::{Clock, SystemClock};
use serde_json::json;

use crate::driver::Driver;
use crate::expected::{Expected, check, until};
use crate::served::{Served, store};
use crate::stores::in_store;
use crate::view::{Look, measure, watch};

const OPERATOR: &str = "acting-0123456789a";
/// The group of pages without coins, and that of messages that nobody can read.
const WITHOUT_COINS: &str = "00000000000000000000000000000001";
const UNREADABLE: &str = "00000000000000000000000000000002";
/// The id of a message that would be markup, a path and a parameter if anything let it.
const HOSTILE: &str = "<h1>owned</h1>/../?a=b&c=%2F#\u{202e}\"'";
/// More digits than a double has.
const EXACT: &str = "0.10000000000000000001234";
/// A coin that no page of the simulator has, as the API sends it.
const COIN: &str = r#"[{"id":9999999,"name":"Mended Coin","symbol":"MEND","slug":"mended","cmc_rank":1,"num_market_pairs":1,
    "tags":[],"date_added":"2020-01-01T00:00:00.000Z","max_supply":null,"circulating_supply":1,"total_supply":2.5,
    "infinite_supply":false,"platform":null,"last_updated":"2026-11-22T00:00:00.000Z","quote":[{"symbol":"USD","price":12.125,
    "volume_24h":0,"volume_change_24h":0,"percent_change_1h":0.1,"percent_change_24h":0,"percent_change_7d":0,
    "percent_change_30d":0,"percent_change_60d":0,"percent_change_90d":0,"market_cap":1e9,"market_cap_dominance":0,
    "fully_diluted_market_cap":1e9,"last_updated":"2026-11-22T00:00:00.000Z"}]}]"#;

fn slot() -> DateTime<Utc> {
    timestamp::from_text("2026-11-22T00:00:00Z").expect("a valid constant")
}

/// A simulated page whose coins are missing.
fn page_without_coins() -> Message {
    let convert = vec!["USD".to_owned()];
    let meta = PageMeta {
        batch: BatchId::new(Slot::at(slot()), "listings", &convert),
        slot: Slot::at(slot()),
        page: 1,
        pages: 1,
        fetched_at: slot() + TimeDelta::seconds(1),
        endpoint: "listings".to_owned(),
        api_version: ApiVersion::V3,
        convert,
        currency: None,
        simulated: true,
        origin: Origin::Live,
    };
    let status = r#"{"timestamp":"2026-11-22T00:00:00.000Z","error_code":0,"error_message":"","elapsed":1,"credit_count":1}"#;
    meta.to_message(compress_body(format!(r#"{{"data":null,"status":{status}}}"#).as_bytes()))
}

/// A message that nobody can read, called `id`.
fn unreadable(id: &str) -> Message {
    let headers = Headers::new()
        .with("x-batch", "\"><script>document.title='owned'</script>")
        .with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let body = format!(r#"{{"price": {EXACT}, "name": "</pre><h1>owned</h1>"}}"#);
    Message { id: MessageId::new(id), headers, body: body.into_bytes().into() }
}

/// Files a page without coins, and two messages that nobody can read, of which one died twice, in the store at `path`.
fn file_letters(path: &Path) {
    let now = SystemClock.now();
    let of = |message: &Message, code, reason, seconds| {
        let at = now - TimeDelta::minutes(10) + TimeDelta::seconds(seconds);
        DeadLetter::for_message(message, StageName::Transformer, Class::Poison, code, reason, at)
    };
    let odd = "<h1>owned</h1>\u{202e}\nwhat nobody can read";
    let again = unreadable(HOSTILE);
    let again = Message { headers: again.headers.with(domain::header::REPLAY_ID, "replay/abc"), ..again };
    let letters = [
        (of(&page_without_coins(), "bad_page", "data is null", 0), WITHOUT_COINS),
        (of(&unreadable("m/2"), "bad_json", odd, 1), UNREADABLE),
        (of(&unreadable(HOSTILE), "bad_json", odd, 2), UNREADABLE),
        (of(&again, "bad_json", odd, 3), UNREADABLE),
    ];
    in_store(path, async |store, _| {
        for (letter, fingerprint) in &letters {
            store.file(letter, fingerprint).await.expect("filed");
        }
    });
}

/// The site of `name` with these letters, on which an operator may act.
fn served(name: &str) -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    file_letters(&store(folder.path()));
    Served::by(name, folder, &[("COINPIPE__HTTP__OPERATOR_TOKEN", OPERATOR)])
}

fn log_in(served: &Served, driver: &Driver<'_>) {
    driver.go(&served.url("/login?next=/letters"));
    driver.write("#name", "Anna");
    driver.write("#token", OPERATOR);
    driver.click("form.login button");
    until_heading(driver, "Letters");
}

fn until_heading(driver: &Driver<'_>, heading: &str) {
    until(driver, &format!("return document.querySelector('h1')?.innerText == {}", json!(heading)));
}

fn until_text(driver: &Driver<'_>, text: &str) {
    until(driver, &format!("return document.body.innerText.includes({})", json!(text)));
}

/// The paths of the letters that are listed, without the site's address.
fn listed(driver: &Driver<'_>) -> Vec<String> {
    let found = driver.evaluate(
        "return [...document.querySelectorAll('[aria-label=Letters] th a')].map(it => it.getAttribute('href'))",
    );
    found.as_array().into_iter().flatten().filter_map(|path| Some(path.as_str()?.to_owned())).collect()
}

#[test]
fn letters_are_looked_at_in_every_way_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let served = served("alerter");
    let driver = Driver::new(&browser);
    watch(&driver);
    Look { width: 1280, is_dark: false, has_script: true }.take(&driver);
    driver.go(&served.url("/letters"));
    let paths = listed(&driver);
    assert_eq!(paths.len(), 3, "{paths:?}");
    // Newest first.
    let (hostile, page) = (paths[0].as_str(), paths[2].as_str());
    let hostile_heading = "Letter dead/transformer/<h1>owned</h1>/../?a=b&c=%2F#\\u202e\"'";
    let page_heading = "Letter dead/transformer/2026-11-22T00:00:00Z/listings/USD/p1";
    let group = format!("/letters/groups/{UNREADABLE}");
    let view = |path, heading, rows, texts| Expected { path, status: 200, heading, rows, texts };
    // Who only looks: nothing to act with.
    let expected = [
        view(
            "/letters",
            "Letters",
            Some(5),
            &[
                "transformer: poison/bad_json",
                "3 letters",
                "2 open in all",
                "Only an operator replays, resolves or drops letters",
            ][..],
        ),
        view("/letters?code=bad_page&since=24h", "Letters", Some(2), &["data is null", "No filter"]),
        view(
            &group,
            "transformer: poison/bad_json",
            Some(2),
            &["what nobody can read", "2 letters", "All letters"],
        ),
        view(
            hostile,
            hostile_heading,
            Some(2),
            &[EXACT, "It died 2 times", "replay/abc", "0af7651916cd43dd"],
        ),
        view(page, page_heading, Some(0), &["data is null", "\"data\": null"]),
        view(
            "/actions/plan?verb=drop&code=bad_json",
            "Drop 2 letters?",
            Some(2),
            &["Only an operator can do it"],
        ),
        view("/actions", "Who did what", Some(0), &["Nobody did anything"]),
    ];
    check(&served, &driver, &expected);
    let edit = format!("{page}/edit");
    check(
        &served,
        &driver,
        &[Expected {
            path: &edit,
            status: 403,
            heading: "Not allowed",
            rows: Some(0),
            texts: &["the operator token"],
        }],
    );
    // Who may act.
    Look { width: 390, is_dark: false, has_script: true }.take(&driver);
    log_in(&served, &driver);
    let expected = [
        view(&group, "transformer: poison/bad_json", Some(2), &["Silence: no mails about it for a time"][..]),
        view(page, page_heading, Some(0), &["no transformer to try a page with"]),
        view(
            "/actions/plan?verb=replay",
            "Replay 3 letters?",
            Some(3),
            &["one first, then two", "Many at once"],
        ),
        view("/actions/plan?verb=resolve&code=bad_page", "Resolve 1 letter?", Some(1), &["Why"]),
    ];
    check(&served, &driver, &expected);
    // Where a transformer can try what is edited.
    let served = self::served("coinpipe");
    log_in(&served, &driver);
    let heading = "Edit dead/transformer/2026-11-22T00:00:00Z/listings/USD/p1";
    let expected =
        [view(page, page_heading, Some(0), &["Edit…"][..]), view(&edit, heading, Some(0), &["Or all of it"])];
    check(&served, &driver, &expected);
}

/// Resolves or drops the letters of the view, and answers the question.
fn settle(driver: &Driver<'_>, verb: &str, question: &str, why: &str) {
    driver.click(&format!("button[value={verb}]"));
    until_heading(driver, question);
    driver.write("input[name=why]", why);
    driver.click("form.plan button");
    until_heading(driver, &format!("{verb}: ended"));
}

/// Done by hand: a page is mended and sent again until its coin is in the table, and the rest is silenced, dropped and resolved.
fn mend(browser: &Browser, way: Look) {
    let served = served("coinpipe");
    let driver = Driver::new(browser);
    watch(&driver);
    way.take(&driver);
    log_in(&served, &driver);
    let complaints =
        |what: &str| assert_eq!(measure(&driver, way).complaints, Vec::<String>::new(), "{what} ({way})");

    // The filter as a person fills it in.
    driver.click("details.filter summary");
    driver.write("input[name=code]", "bad_page");
    driver.click("details.filter button");
    until(&driver, "return document.querySelectorAll('[aria-label=Letters] tbody tr').length == 1");
    driver.click("[aria-label=Letters] th a");
    until_text(&driver, "\"data\": null");
    driver.click("a[href$='/edit']");
    until_text(&driver, "Or all of it");
    driver.write("input[name=path]", "data");
    driver.write("input[name=value]", &COIN.replace('\n', " "));
    driver.click("form.edit button[type=submit]");
    until_heading(&driver, "Keep this edit?");
    until_text(&driver, "null → [1 element]");
    until_text(&driver, "1 coin would pass");
    complaints("the difference");
    driver.click("form[action$='/keep'] button");
    until_text(&driver, "Edited from");
    complaints("the edit");

    driver.click("button[value=replay]");
    until_heading(&driver, "Replay 1 letter?");
    driver.click("form.plan button");
    until_heading(&driver, "replay: ended");
    complaints("the end of the replay");
    served.wait_until("/coins/9999999", |status| status == 200);
    driver.go(&served.url("/coins/9999999"));
    until_heading(&driver, "Mended Coin (MEND)");
    until_text(&driver, "12.12 USD");

    // The edit takes the place of the original, which stays.
    driver.go(&served.url("/letters?code=bad_page&state=any"));
    assert_eq!(listed(&driver).len(), 2, "the original and its edit");
    driver.go(&served.url("/letters?code=bad_page"));
    until_text(&driver, "There are no such letters");

    driver.go(&served.url("/letters"));
    driver.click("[aria-label=Letters] a[href$='m%2F2']");
    until_text(&driver, EXACT);
    settle(&driver, "resolve", "Resolve 1 letter?", "known <b>by hand</b>");

    // A silence, and its end.
    driver.go(&served.url(&format!("/letters/groups/{UNREADABLE}")));
    driver.click("details.filter summary");
    driver.write("input[name=why]", "being looked at");
    driver.click("form[action$='/silence'] button");
    until_text(&driver, "being looked at");
    complaints("a silenced group");
    driver.click("form[action$='/unsilence'] button");
    until(&driver, "return document.querySelector(\"form[action$='/unsilence']\") === null");

    settle(&driver, "drop", "Drop 1 letter?", "nobody can read them");
    driver.go(&served.url("/letters"));
    until_text(&driver, "There are no such letters");
    driver.go(&served.url("/actions"));
    until_text(&driver, "Anna");
    let rows =
        driver.evaluate("return [...document.querySelectorAll('main tbody tr')].map(it => it.innerText)");
    let rows: Vec<_> = rows.as_array().into_iter().flatten().filter_map(|row| row.as_str()).collect();
    for verb in ["drop", "unsilence", "silence", "resolve", "replay", "edit"] {
        assert!(
            rows.iter().any(|row| row.starts_with(verb) && row.contains("Anna")),
            "{verb} is not in {rows:#?}"
        );
    }
    complaints("the record");
}

#[test]
fn an_operator_mends_a_page_with_scripts_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    mend(&browser, Look { width: 1280, is_dark: true, has_script: true });
}

#[test]
fn an_operator_mends_a_page_on_a_telephone_without_scripts_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    mend(&browser, Look { width: 390, is_dark: false, has_script: false });
}
