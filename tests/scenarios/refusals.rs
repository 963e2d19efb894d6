//! An API that refuses: the programs stay alive, say what they wait for and until when, and plan what they spend.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ports::SystemClock;
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
    let expected = "warning credits 720 snapshots × 25 = 18,000 of 10,000 credits a month: they last until about the 17th; \
                    `limit = 2600` (9,360) or `every = 2h` (9,000) fit";
    assert!(told.lines().any(|line| line == expected), "{told}");
    let refusing = [&env[..], &[("COINPIPE__FETCH__OVER_BUDGET", "refuse")]].concat();
    let told = folder.run(&["check"], &refusing).await.expect(1).stdout;
    assert!(told.contains("failed  credits fetch.over_budget refuses this: 720 snapshots"), "{told}");
    let told = folder.run(&["config"], &[]).await.expect(0).stdout;
    assert!(
        told.contains("# [fetch] asks for 720 snapshots × 20 = 14,400 credits a month, of the 15,000"),
        "{told}"
    );
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
    assert!(api.requests().is_empty());
    let said = folder.run(&["--once"], &with("COINPIPE__FETCH__LIMIT", "100")).await.expect(0).stdout;
    assert!(said.contains("100 coins loaded"), "{said}");
    assert!(api.requests().iter().all(|seen| seen.path.starts_with("/public-api/")), "{:?}", api.requests());
    let said = folder.run(&["--once"], &[("COINPIPE__FETCH__OFFSET", "1h")]).await.expect(2).stderr;
    assert!(said.contains("fetch.offset must be shorter than fetch.every"), "{said}");
}
