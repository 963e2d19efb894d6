//! An API that refuses: the programs stay alive, say what they wait for and until when, and plan what they spend.

use std::net::Ipv4Addr;
use std::sync::Arc;

use chrono::{Datelike, Months};
use ports::{Clock, SystemClock};
use serde_json::json;
use simulator::{Options, PlannedFault, Simulator};

use crate::process::{Folder, end, signal, until_said};

async fn api(options: Options) -> Simulator {
    let options = Options { coins: 400, ..options };
    Simulator::start((Ipv4Addr::LOCALHOST, 0).into(), options, Arc::new(SystemClock)).await.expect("an API")
}

fn faults(text: &str) -> Vec<PlannedFault> {
    vec![text.parse().expect("a fault")]
}

#[tokio::test]
async fn status_says_what_a_fetcher_waits_for_and_until_when() {
    // The daily limit ends with the UTC day; a firewall is asked again soon.
    for (fault, code) in [("error=1009", "api_1009"), ("firewall", "http_403")] {
        let api = api(Options { faults: faults(fault), ..Options::default() }).await;
        let folder = Folder::new();
        let url = api.url();
        let env = [
            ("COINPIPE__FETCH__BASE_URL", url.as_str()),
            ("CMC_API_KEY", "key"),
            ("COINPIPE__HTTP__LISTEN", "off"),
        ];
        let mut child = folder.command("coinpipe", &["run"], &env).spawn().expect("it starts");
        until_said(&mut child, code).await;
        let status = loop {
            let status = folder.status().await;
            if status["waiting"] != json!(null) {
                break status;
            }
        };
        let waiting = &status["waiting"];
        assert_eq!(waiting["code"], code, "{waiting}");
        assert!(waiting["until"].as_str() > status["now"].as_str(), "{waiting}");
        if fault == "firewall" {
            assert!(waiting["reason"].as_str().unwrap().contains("ray id 5f00aa11bb22cc33-SIM"), "{waiting}");
        } else {
            assert!(waiting["until"].as_str().unwrap().contains("T00:00:0"), "{waiting}");
        }
        let told = folder.run(&["status"], &[]).await.expect(0).stdout;
        assert!(told.contains("waiting   for the API until ") && told.contains(code), "{told}");
        assert_eq!(child.try_wait().expect("it can be asked"), None, "it is alive");
        signal(&child, "TERM").await;
        assert_eq!(end(child).await, Some(0));
    }
}

/// A try that succeeded leaves nothing open.
#[tokio::test]
async fn a_firewall_that_passes_leaves_nothing_to_look_after() {
    // The first of them is met by the question what the key has left.
    let api = api(Options { faults: faults("firewall:2"), ..Options::default() }).await;
    let folder = Folder::new();
    let url = api.url();
    let env = [
        ("COINPIPE__FETCH__BASE_URL", url.as_str()),
        ("CMC_API_KEY", "key"),
        ("COINPIPE__FETCH__LIMIT", "100"),
    ];
    folder.run(&["--once"], &env).await.expect(0);
    let groups = folder.run(&["dead", "groups", "--json"], &[]).await.expect(0).json();
    assert_eq!(groups[0]["code"], "http_403", "{groups}");
    assert_eq!(groups[0]["state"], "resolved", "{groups}");
    let status = folder.status().await;
    assert_eq!((&status["waiting"], &status["dead_letter_groups"]), (&json!(null), &json!([])));
}

/// Hours in this month, and the name and the first day of the next one.
fn this_month() -> (u32, String, String) {
    let now = SystemClock.now();
    let first = now.date_naive().with_day(1).expect("every month has one");
    let next = first.checked_add_months(Months::new(1)).expect("there is one");
    let hours = (next - first).num_hours();
    (
        u32::try_from(hours).expect("a few hundred"),
        next.format("%B").to_string(),
        next.format("%F").to_string(),
    )
}

/// Nothing of a simulator that starts for nobody else is told as if it were a plan.
#[tokio::test]
async fn check_without_a_key_tells_what_the_schedule_costs_and_no_plan() {
    let folder = Folder::new();
    let told = folder.run(&["check"], &[]).await.expect(0).stdout;
    let lines: Vec<_> =
        told.lines().filter(|line| line.contains("api ") || line.contains("credits ")).collect();
    let expected = [
        "ok      api     SIMULATED data from the built-in simulator; set CMC_API_KEY for real quotes",
        "ok      credits 720 snapshots × 20 = 14,400 credits a month; 15,000, such as the free plan's, pay for them",
    ];
    assert_eq!(lines, expected, "{told}");
}

/// No request of `check` costs a credit, so it does not ask for a price.
#[tokio::test]
async fn check_warns_of_a_currency_that_nobody_knows_until_a_snapshot_has_it() {
    let folder = Folder::new();
    let with = |convert| [("COINPIPE__FETCH__CONVERT", convert), ("COINPIPE__FETCH__LIMIT", "20")];
    let told = folder.run(&["check"], &with("USD,XYZZY")).await.expect(0).stdout;
    assert!(told.contains("warning convert XYZZY in fetch.convert is none of"), "{told}");
    let told = folder.run(&["check"], &with("USD,EUR,BTC")).await.expect(0).stdout;
    assert!(!told.contains("convert"), "{told}");
}

/// Whoever is told of trouble is among what the pipeline needs, and is not called by a check.
#[tokio::test]
async fn check_names_the_webhook_and_the_heartbeat_that_are_set() {
    let folder = Folder::new();
    let plain = folder.run(&["check"], &[]).await.expect(0).stdout;
    assert!(plain.contains("ok      mail    not configured"), "{plain}");
    assert!(!plain.contains("webhook") && !plain.contains("heartbeat"), "{plain}");
    let env = [
        ("COINPIPE__ALERT__WEBHOOK", "https://hooks.example.com/hunter2"),
        ("COINPIPE__ALERT__HEARTBEAT_URL", "https://beats.example.com/hunter2"),
    ];
    let told = folder.run(&["check"], &env).await.expect(0).stdout;
    for line in [
        "ok      mail    off",
        "ok      webhook messages go to hooks.example.com, ",
        "ok      heartbeat beats.example.com is called after each snapshot; ",
    ] {
        assert!(told.lines().any(|told| told.starts_with(line)), "{line:?} is not in:\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn check_says_what_a_month_costs_when_it_ends_and_what_fits() {
    let api = api(Options { credits_monthly: 10_000, ..Options::default() }).await;
    let folder = Folder::new();
    let url = api.url();
    let env = [
        ("COINPIPE__FETCH__BASE_URL", url.as_str()),
        ("CMC_API_KEY", "key"),
        ("COINPIPE__FETCH__LIMIT", "5000"),
    ];
    let told = folder.run(&["check"], &env).await.expect(0).stdout;
    // The month that is running, and the day in the next one.
    let (snapshots, next, begins) = this_month();
    let coins = 10_000 / snapshots;
    let count = |number: u32| format!("{},{:03}", number / 1000, number % 1000);
    let expected = format!(
        "warning credits {snapshots} snapshots × 25 = {} of 10,000 credits a month: those of the month that begins on {begins} last until about the 17th of {next}; \
         `fetch.limit = {}` ({}) or `fetch.every = 2h` ({}) fit",
        count(snapshots * 25),
        coins * 200,
        count(snapshots * coins),
        count(snapshots / 2 * 25),
    );
    assert!(told.lines().any(|line| line.starts_with(&expected)), "{expected}\n{told}");
    assert!(told.contains("; SIMULATED: 10,000 of 10,000 credits left until "), "{told}");
    let refusing = [&env[..], &[("COINPIPE__FETCH__OVER_BUDGET", "refuse")]].concat();
    let told = folder.run(&["check"], &refusing).await.expect(1).stdout;
    let refused = format!("failed  credits fetch.over_budget refuses this: {snapshots} snapshots");
    assert!(told.contains(&refused), "{told}");
    let told = folder.run(&["config"], &[]).await.expect(0).stdout;
    assert!(
        told.contains(
            "# [fetch] asks for 720 snapshots × 20 = 14,400 credits a month; 15,000, such as the free plan's"
        ),
        "{told}"
    );
}

/// Who asks for one snapshot gets it, and hears that the schedule costs more than the plan has; a coin that came twice is one coin.
#[tokio::test]
async fn once_warns_of_a_schedule_that_the_plan_does_not_pay_for_and_takes_its_snapshot() {
    let api = api(Options { credits_monthly: 500, ..Options::default() }).await;
    let url = api.url();
    for (over_budget, says) in [
        ("warn", Some("on its schedule coinpipe costs more than the plan has: ")),
        (
            "refuse",
            Some(
                "fetch.over_budget refuses the schedule, and this snapshot is taken because it was asked for",
            ),
        ),
        ("allow", None),
    ] {
        let folder = Folder::new();
        let env = [
            ("COINPIPE__FETCH__BASE_URL", url.as_str()),
            ("CMC_API_KEY", "key"),
            ("COINPIPE__FETCH__LIMIT", "100"),
            ("COINPIPE__FETCH__OVER_BUDGET", over_budget),
        ];
        let once = folder.run(&["--once"], &env).await.expect(0);
        let expected = says.unwrap_or_default();
        assert!(once.stderr.contains(expected), "{over_budget}: {}", once.stderr);
        assert_eq!(
            once.stderr.contains("of 500 credits a month"),
            says.is_some(),
            "{over_budget}: {}",
            once.stderr
        );
    }
    let folder = Folder::new();
    let env = [
        ("COINPIPE__FETCH__BASE_URL", url.as_str()),
        ("CMC_API_KEY", "key"),
        ("COINPIPE__FETCH__LIMIT", "20"),
        ("COINPIPE__FETCH__PAGE_SIZE", "10"),
        ("COINPIPE__JUDGE__TRIES", "1"),
    ];
    api.set_faults(faults("same-page"));
    let once = folder.run(&["--once"], &env).await.expect(1);
    assert!(
        once.stdout.contains("10 coins loaded, none rejected, 10 came again on other pages; "),
        "{}",
        once.stdout
    );
}

#[tokio::test]
async fn a_mistake_in_the_key_says_where_it_was_set_and_no_batch_is_not_every_batch() {
    let folder = Folder::new();
    let said = folder.run(&["check"], &[("CMC_API_KEY", "your-key")]).await.expect(2).stderr;
    assert!(
        said.contains("too short") && said.contains("it is set in environment variable CMC_API_KEY"),
        "{said}"
    );
    std::fs::write(folder.0.path().join("my.toml"), "[fetch]\napi_key = \"your-key\"\n").expect("a file");
    let said = folder.run(&["--config", "my.toml", "check"], &[]).await.expect(2).stderr;
    assert!(said.contains("it is set in file my.toml"), "{said}");
    // Migrated, and empty.
    folder.run(&["migrate"], &[]).await.expect(0);
    let said = folder.run(&["batches", "--incomplete"], &[]).await.expect(0).stderr;
    assert!(said.contains("no batches yet"), "{said}");
    folder.run(&["--once"], &[("COINPIPE__FETCH__LIMIT", "20")]).await.expect(0);
    let said = folder.run(&["batches", "--incomplete"], &[]).await.expect(0).stderr;
    assert!(said.contains("every batch is complete"), "{said}");
}

#[tokio::test]
async fn without_a_key_an_hour_is_the_least_and_a_key_is_a_mistake() {
    let api = api(Options::default()).await;
    let folder = Folder::new();
    let url = api.url();
    let env = [("COINPIPE__FETCH__BASE_URL", url.as_str()), ("COINPIPE__FETCH__SOURCE", "keyless")];
    let with = |name, value| [&env[..], &[(name, value)]].concat();
    let said = folder.run(&["--once"], &with("COINPIPE__FETCH__EVERY", "30m")).await.expect(2).stderr;
    assert!(said.contains("set fetch.every to 1h or longer"), "{said}");
    let said = folder.run(&["--once"], &with("CMC_API_KEY", "key")).await.expect(2).stderr;
    assert!(said.contains("sends no key"), "{said}");
    for command in ["--once", "check"] {
        let said = folder.run(&[command], &with("COINPIPE__FETCH__CATCH_UP", "all")).await.expect(2).stderr;
        assert!(said.contains("fetch.catch_up fills nothing"), "{said}");
    }
    assert!(api.requests().is_empty());
    let said = folder.run(&["--once"], &with("COINPIPE__FETCH__LIMIT", "100")).await.expect(0).stdout;
    assert!(said.contains("100 coins loaded"), "{said}");
    assert!(api.requests().iter().all(|seen| seen.path.starts_with("/public-api/")), "{:?}", api.requests());
    let said = folder.run(&["--once"], &[("COINPIPE__FETCH__OFFSET", "1h")]).await.expect(2).stderr;
    assert!(said.contains("fetch.offset must be shorter than fetch.every"), "{said}");
}
