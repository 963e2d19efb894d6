//! Views that stay fresh while somebody looks, and disturb nobody.

use std::path::Path;

use domain::{Class, DeadLetter, Headers, Message, MessageId, StageName};
use lab::Browser;
use ports::store::Letters;
use serde_json::json;

use crate::driver::Driver;
use crate::expected::until;
use crate::served::{Served, store};
use crate::stores::{in_store, load_hour};
use crate::view::{Look, look, watch};

/// The browser's clock goes a hundred times as fast for whoever waits 30 seconds, and each such wait is counted.
const CLOCK: &str = "
    window.turns = 0;
    const real = window.setTimeout;
    window.setTimeout = (what, time, ...rest) => time == 30000
        ? real(() => { window.turns += 1; what(); }, time / 100) : real(what, time, ...rest);
";

/// How often the view was asked for again, and how often that was answered with nothing new.
const ASKED: &str =
    "performance.getEntriesByType('resource').filter(it => it.initiatorType == 'fetch').length";
const UNCHANGED: &str = "performance.getEntriesByType('resource')
    .filter(it => it.initiatorType == 'fetch' && it.responseStatus == 304).length";

/// Files a letter about a message `name`, beside the server.
fn file(path: &Path, name: &str) {
    let message = Message { id: MessageId::new(name), headers: Headers::new(), body: b"{".to_vec().into() };
    in_store(path, async |store, clock| {
        let (stage, now) = (StageName::Transformer, clock.now());
        let letter = DeadLetter::for_message(&message, stage, Class::Poison, "bad_json", "no good", now);
        assert!(store.file(&letter, "00000000000000000000000000000001").await.expect("filed"));
    });
}

/// Waits until the time for asking again has come three times more.
fn pass_time(driver: &Driver<'_>) {
    let turns = driver.evaluate("return window.turns");
    until(driver, &format!("return window.turns >= {turns} + 3"));
}

fn shows(name: &str) -> String {
    format!("return document.querySelector('main').textContent.includes('dead/transformer/{name}')")
}

/// The view of letters with one letter, which somebody has before them.
fn letters(browser: &Browser, way: Look) -> (Served, Driver<'_>, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = store(folder.path());
    file(&path, "first");
    let served = Served::by("alerter", folder, &[]);
    let driver = Driver::new(browser);
    watch(&driver);
    driver.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": CLOCK }));
    // What a view of letters must be is looked at elsewhere.
    look(&driver, &served.url("/letters"), way);
    (served, driver, path)
}

#[test]
fn what_is_new_comes_by_itself_and_moves_nothing_that_somebody_holds_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    for width in [390, 1280] {
        let way = Look { width, is_dark: false, has_script: true };
        let (served, driver, path) = letters(&browser, way);
        driver.click("details.filter summary");
        driver.evaluate("document.querySelector('[aria-label=Letters] th a').focus({ preventScroll: true })");
        until(&driver, &format!("return {UNCHANGED} > 0"));
        assert!(driver.evaluate("return window.seenShift").as_f64().is_some_and(|shift| shift < 0.01));
        file(&path, "second");
        until(&driver, &shows("second"));
        // A row came before the one with the focus, and that one is still the same.
        let held = "const links = [...document.querySelectorAll('[aria-label=Letters] th a')];
            return [links.length, links.indexOf(document.activeElement), document.querySelector('details.filter').open]";
        assert_eq!(driver.evaluate(held), json!([2, 1, true]));
        assert_eq!(driver.evaluate("return document.getElementById('said').textContent"), json!(""));

        // What is typed and what is selected.
        driver.write("input[name=code]", "bad");
        file(&path, "third");
        pass_time(&driver);
        assert_eq!(driver.evaluate(&shows("third")), json!(false), "somebody types");
        // The line on top is told all the same: it would go on calling old quotes fresh.
        load_hour(&path, 0);
        until(&driver, "return document.querySelector('.truth').textContent.includes('Fresh')");
        assert_eq!(driver.evaluate(&shows("third")), json!(false), "somebody types");
        assert_eq!(
            driver.evaluate("return document.activeElement.name + document.activeElement.value"),
            json!("codebad")
        );
        driver.evaluate(
            "document.activeElement.blur(); getSelection().selectAllChildren(document.querySelector('h1'))",
        );
        pass_time(&driver);
        assert_eq!(driver.evaluate(&shows("third")), json!(false), "somebody has selected something");
        driver.evaluate("getSelection().removeAllRanges()");
        until(&driver, &shows("third"));
        assert_eq!(driver.evaluate("return document.querySelector('input[name=code]').value"), json!("bad"));

        // The server ends: what is shown is not called fresh any more.
        drop(served);
        until(
            &driver,
            "return document.querySelector('.truth').textContent.includes('Not brought up to date since')",
        );
        assert_eq!(
            driver.evaluate("return document.getElementById('said').textContent.length > 0"),
            json!(true)
        );
    }
}

/// What is typed stays, whatever comes above it.
#[test]
fn a_first_letter_takes_nothing_from_who_fills_in_the_filter_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = store(folder.path());
    let served = Served::by("alerter", folder, &[]);
    let driver = Driver::new(&browser);
    driver.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": CLOCK }));
    look(&driver, &served.url("/letters"), Look { width: 1280, is_dark: false, has_script: true });
    driver.click("details.filter summary");
    driver.write("input[name=code]", "bad");
    driver.evaluate("document.querySelector('details.filter button').focus()");
    file(&path, "first");
    until(&driver, &shows("first"));
    let held = "const filter = document.querySelector('details.filter');
        return [filter.open, filter.querySelector('[name=code]').value, document.activeElement.textContent]";
    assert_eq!(driver.evaluate(held), json!([true, "bad", "Show"]));
}

/// Coins that change places take what is held along, and a plot into which somebody has zoomed stays until they let go.
#[test]
fn a_snapshot_comes_into_the_market_and_into_a_plot_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = store(folder.path());
    for hours in (2..8).rev() {
        load_hour(&path, hours);
    }
    let served = Served::by("alerter", folder, &[]);
    let driver = Driver::new(&browser);
    driver.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": CLOCK }));
    let way = Look { width: 1280, is_dark: false, has_script: true };
    look(&driver, &served.url("/"), way);
    // Who goes by keyboard stands on the coin that is Bitcoin.
    let links = "[...document.querySelectorAll('main tbody th a')]";
    let place = format!("{links}.findIndex(it => it.textContent.includes('Bitcoin'))");
    driver.evaluate(&format!("{links}[{place}].focus({{ preventScroll: true }})"));
    let before = driver.evaluate(&format!("return {place}")).as_i64().expect("it is listed");
    load_hour(&path, 1);
    until(&driver, &format!("return {place} != {before}"));
    let held = format!("return {links}.indexOf(document.activeElement) == {place}");
    assert_eq!(driver.evaluate(&held), json!(true), "what has the focus is still the same coin");

    look(&driver, &served.url("/coins/1?range=24h"), way);
    until(&driver, "return document.querySelector('figure.plot .u-over') !== null");
    let middle = driver.evaluate(
        "const it = document.querySelector('figure.plot .u-over');
         it.scrollIntoView({ block: 'center' });
         const box = it.getBoundingClientRect();
         return [box.left, box.width, box.top + box.height / 2]",
    );
    let [left, width, y] = [0, 1, 2].map(|part| middle[part].as_f64().expect("a number"));
    let mouse = |kind: &str, part: f64, clicks: u32| {
        let (x, buttons) = (left + width * part, u32::from(kind == "mouseMoved"));
        driver.devtools(
            "Input.dispatchMouseEvent",
            &json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": clicks }),
        );
    };
    mouse("mousePressed", 0.7, 1);
    mouse("mouseMoved", 0.95, 0);
    mouse("mouseReleased", 0.95, 1);
    until(&driver, "return document.querySelector('figure.plot').matches('.zoomed')");
    // The mouse is elsewhere.
    let away = json!({ "type": "mouseMoved", "x": 2, "y": 2 });
    driver.devtools("Input.dispatchMouseEvent", &away);
    until(&driver, "return !document.querySelector('figure.plot').matches(':hover')");
    let plots = "[...document.querySelectorAll('figure.plot')].map(it => it.dataset.plot)";
    let (facts, before) =
        ("document.querySelector('main').innerText", driver.evaluate(&format!("return {plots}")));
    let text = driver.evaluate(&format!("return {facts}"));
    load_hour(&path, 0);
    until(&driver, &format!("return {facts} != {text}"));
    until(&driver, &format!("return {plots}[1] != {before}[1]"));
    let zoomed = driver.evaluate(&format!("return {plots}[0]"));
    assert_eq!(zoomed, before[0], "somebody has zoomed into it");
    // All of it is shown again, and so it is brought up to date.
    for clicks in [1, 2] {
        mouse("mousePressed", 0.5, clicks);
        mouse("mouseReleased", 0.5, clicks);
    }
    driver.devtools("Input.dispatchMouseEvent", &away);
    until(&driver, &format!("return {plots}[0] != {before}[0]"));
}

#[test]
fn it_can_be_paused_and_asks_nothing_while_nobody_looks_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let way = Look { width: 390, is_dark: true, has_script: true };
    let (served, driver, path) = letters(&browser, way);
    let see = |state: &str| {
        driver.evaluate(&format!(
            "Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }});
             document.dispatchEvent(new Event('visibilitychange'))"
        ))
    };
    until(&driver, &format!("return {ASKED} > 0"));
    see("hidden");
    // What was asked before has come back by then.
    pass_time(&driver);
    let asked = driver.evaluate(&format!("return {ASKED}"));
    pass_time(&driver);
    assert_eq!(driver.evaluate(&format!("return {ASKED}")), asked, "nobody looks");
    see("visible");
    until(&driver, &format!("return {ASKED} > {asked}"));

    driver.click(".fresh button");
    until(&driver, "return document.querySelector('.fresh').textContent.startsWith('Paused')");
    file(&path, "second");
    look(&driver, &served.url("/letters?class=incident"), way);
    assert_eq!(driver.evaluate("return document.querySelector('.fresh button').textContent"), json!("Go on"));
    assert_eq!(
        driver.evaluate(&format!("return window.turns + {ASKED}")),
        json!(0),
        "paused, in the next view too"
    );
    driver.click(".fresh button");
    until(&driver, &format!("return {ASKED} > 0"));
    assert_eq!(driver.evaluate("return localStorage.length"), json!(0));

    // Without JavaScript nothing comes by itself, and there is no switch that does nothing.
    let seen = look(&driver, &served.url("/letters"), Look { has_script: false, ..way });
    assert!(seen.text().contains("As it was when it was loaded."), "{}", seen.text());
    assert!(!seen.text().contains("Pause"), "{}", seen.text());
}
