//! Each view of the site.

use lab::Browser;
use serde_json::json;

use crate::driver::Driver;
use crate::expected::{Expected, check, until};
use crate::served::{Served, store};
use crate::stores::{HOSTILE, fill, load_hour};
use crate::view::{Look, look, measure, watch};

/// Headings of hostile and of long names.
const HOSTILE_HEADING: &str = "<script>document.title='owned'</script> (<b>)";
const LONG_HEADING: &str = "AVeryLongNameWithoutAnySpaceInItThatNoLineOfATelephoneEverHoldsAndThatMustBeBrokenSomewhere (LOOOOOOOOOOOOOOOOOOOONG)";

#[test]
fn a_full_store_is_looked_at_in_every_way_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    fill(&store(folder.path()), &HOSTILE);
    let settings = [("COINPIPE__HTTP__ENVIRONMENT", "staging")];
    let served = Served::by("alerter", folder, &settings);
    let driver = Driver::new(&browser);
    watch(&driver);
    let view = |path, heading, rows, texts| Expected { path, status: 200, heading, rows, texts };
    check(
        &served,
        &driver,
        &[
            view(
                "/",
                "Market",
                Some(100),
                &["SIMULATED", "staging", "Bitcoin", HOSTILE[1].0, HOSTILE[3].0, HOSTILE[4].0],
            ),
            view("/?page=100", "Market", Some(100), &["Coin 9901", "Coin 10000"]),
            view("/?search=coin-77", "Market", None, &["Coin 77"]),
            view("/?search=%3Cscript%3E", "Market", Some(1), &[HOSTILE[1].0]),
            view("/?search=nothing+has+this", "Market", Some(0), &["No coin"]),
            view("/?sort=cmc_rank&order=desc&size=25", "Market", Some(25), &["Coin 10000"]),
            view("/coins/1", "Bitcoin (BTC)", None, &["SIMULATED"]),
            view("/coins/1?range=all", "Bitcoin (BTC)", None, &[]),
            view("/coins/2", HOSTILE_HEADING, None, &["SIMULATED"]),
            view("/coins/7?range=7d", LONG_HEADING, None, &[]),
            view("/pipeline", "Pipeline", None, &["SIMULATED"]),
            view("/letters", "Letters", None, &["SIMULATED"]),
            view("/login", "Log in", Some(0), &["Everybody on this machine may look"]),
            Expected {
                path: "/nothing",
                status: 404,
                heading: "Not found",
                rows: Some(0),
                texts: &["/nothing"],
            },
            Expected {
                path: "/?sort=nonsense",
                status: 400,
                heading: "That makes no sense",
                rows: Some(0),
                texts: &[],
            },
        ],
    );
}

#[test]
fn an_empty_store_says_what_to_do_next_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let served = Served::by("alerter", tempfile::tempdir().expect("a folder"), &[]);
    let driver = Driver::new(&browser);
    watch(&driver);
    let texts = &["coinpipe --once"];
    check(&served, &driver, &[Expected { path: "/", status: 200, heading: "Market", rows: Some(0), texts }]);
}

/// A quote after a pause stands by itself: no line leads to it.
#[test]
fn a_point_by_itself_is_seen_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = store(folder.path());
    for hours in [40, 39, 38, 37, 36, 35, 1] {
        load_hour(&path, hours);
    }
    let served = Served::by("alerter", folder, &[]);
    let driver = Driver::new(&browser);
    watch(&driver);
    let count = "window.dots = 0; const arc = Path2D.prototype.arc;
        Path2D.prototype.arc = function (...at) { window.dots++; return arc.apply(this, at); };";
    driver.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": count }));
    let way = Look { width: 1280, is_dark: false, has_script: true };
    for (range, dots) in [("7d", 1), ("24h", 1)] {
        let seen = look(&driver, &served.url(&format!("/coins/1?range={range}")), way);
        assert_eq!(seen.complaints, Vec::<String>::new());
        until(&driver, "return document.querySelector('figure.plot .u-over') !== null");
        // Of the price, and of the volume.
        until(&driver, &format!("return window.dots >= {dots} * 2"));
        let drawn = "return [...document.querySelectorAll('figure.plot')].map(it => it.querySelectorAll('.dot').length)";
        assert_eq!(driver.evaluate(drawn), json!([1, 1]), "{range}: without scripts, too");
    }
}

/// A page with every mistake that [`look`] is there to see: what sees none of them proves nothing.
const MISTAKES: &str = "<!doctype html><meta name=viewport content=width=device-width><title>x</title><style>p { color: #999 }</style><h1 style='color: red'>a</h1><h1>b</h1>\
    <h4>too low</h4><p>pale<div style='width: 3000px'>wide</div><img src=x><table><tr><td>1</table><input><button></button>\
    <svg></svg><i id=same></i><i id=same></i><div><label for=glued>glued</label><input id=glued></div>\
    <div class=scroll style='overflow: auto'><table style='width: 3000px'><caption>cut</caption><tr><th scope=col>1</table></div>\
    <div class=scroll><table><caption style='width: 2rem'>one word a line</caption><tr><th scope=col>1</table></div>\
    <script>document.createElement('canvas').getContext('2d').fillText('a label that is cut', 250, 10);</script><script>setTimeout(() => { const it = document.createElement('div');\
    it.style.height = '300px'; document.body.prepend(it); console.error('said') }, 1500)</script>";

#[test]
fn every_mistake_is_seen_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let driver = Driver::new(&browser);
    watch(&driver);
    let page = served_page(MISTAKES.to_owned());
    let way = Look { width: 390, is_dark: false, has_script: true };
    look(&driver, &page, way);
    until(&driver, "return window.seenShift > 0.01");
    let complaints = measure(&driver, way).complaints.join("\n");
    for said in [
        "2 headings",
        "its title",
        "px wider",
        "inline",
        "it moves",
        "contrast 2.8",
        "without a name: <input",
        "without a name: <button",
        "without alt",
        "without a text: <svg",
        "without headings",
        "a table without a name",
        "rank too low",
        "the id same twice",
        "no language",
        "0 main parts",
        "too small for a finger",
        "a caption out of sight",
        "a narrow caption",
        "touches its field",
        "cut: [\"a label that is cut\"",
    ] {
        assert!(complaints.contains(said), "{said} is not in:\n{complaints}");
    }
    let console = look(&driver, &page, way);
    until(&driver, "return window.seenShift > 0.01");
    assert!(!console.complaints.is_empty() && driver.console().iter().any(|line| line.contains("said")));
}

const READING: &str = "reading-0123456789";
const ACTING: &str = "acting-0123456789a";

/// In a real browser: the form, the cookie that no script reads, the link in a mail, logging out.
#[test]
fn somebody_logs_in_and_comes_back_by_a_link_private_server() {
    let Some(browser) = Browser::start_or_skip() else { return };
    let settings = [("COINPIPE__HTTP__TOKEN", READING), ("COINPIPE__HTTP__OPERATOR_TOKEN", ACTING)];
    let served = Served::by("alerter", tempfile::tempdir().expect("a folder"), &settings);
    let driver = Driver::new(&browser);
    watch(&driver);
    let way = Look { width: 390, is_dark: false, has_script: true };
    let first = look(&driver, &served.url("/?currency=USD"), way);
    assert_eq!((first.status(), first.heading()), (401, "Log in"), "{first:?}");
    assert_eq!(first.complaints, Vec::<String>::new());
    driver.write("#name", "Anna");
    driver.write("#token", ACTING);
    driver.click("form.login button");
    assert_eq!(driver.evaluate("return location.pathname + location.search"), json!("/?currency=USD"));
    assert_eq!(driver.evaluate("return document.cookie"), json!(""), "no script reads the cookie");
    let seen = measure(&driver, way);
    assert_eq!((seen.status(), seen.heading(), &seen.complaints), (200, "Market", &Vec::new()));

    // From another site, which 127.0.0.1 is to localhost: SameSite=Strict keeps the cookie back.
    let elsewhere = page_of_somebody_else(&served.url("/?currency=USD"), &served.url("/logout"));
    driver.go(&elsewhere);
    driver.click("a");
    until(&driver, "return document.querySelector('h1')?.innerText == 'Market'");
    // A form there that acts in Anna's name, and a frame around the site.
    driver.go(&elsewhere);
    driver.click("button");
    until(&driver, "return document.body.innerText.includes('nother site may only link here')");
    driver.go(&elsewhere);
    // What is in a frame of another host no script can see; the browser says that it refused it.
    let said = std::cell::RefCell::new(Vec::new());
    lab::wait_until_or_tell(
        || {
            said.borrow_mut().extend(driver.console());
            said.borrow().iter().any(|line| line.contains("frame-ancestors"))
        },
        || format!("the browser refuses no frame: {:#?}", said.borrow()),
    );

    driver.go(&served.url("/login"));
    driver.click("form[action$='/logout'] button");
    // To go elsewhere before it is answered would take it back.
    until(&driver, "return document.querySelector(\"form[action$='/logout']\") === null");
    driver.go(&served.url("/"));
    assert_eq!(measure(&driver, way).status(), 401);
}

/// The address of a page that links to `target`, sends a form there and frames it. It is served until the test ends.
fn page_of_somebody_else(target: &str, logout: &str) -> String {
    served_page(format!(
        "<!doctype html><title>x</title><a href=\"{target}\">a mail's link</a>\
         <form method=post action=\"{logout}\"><button>a prize</button></form><iframe src=\"{target}\"></iframe>"
    ))
}

/// The address of `page`, which is served until the test ends, by another host than the site's.
fn served_page(page: String) -> String {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let length = page.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        }
    });
    format!("http://localhost:{port}/")
}
