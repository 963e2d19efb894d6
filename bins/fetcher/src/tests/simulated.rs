//! The fetcher against the simulator, which answers as the real API does.

use chrono::TimeDelta;
use domain::{PageMeta, timestamp};
use ports::{Clock, QueueName};
use simulator::{KeyPolicy, Options, PlannedFault, Simulator};
use tokio_util::sync::CancellationToken;

use super::Seen;
use crate::testing::{KEY, Lab};
use crate::{FetchedBatch, KeyStatus, OnceFailure};

async fn start(lab: &Lab, options: Options) -> Simulator {
    let options = Options { keys: KeyPolicy::OneOf(vec![KEY.to_owned()]), ..options };
    lab.simulator(options).await
}

async fn fetch(lab: &Lab, simulator: &Simulator) -> Result<FetchedBatch, OnceFailure> {
    lab.fetcher_at(simulator).fetch_now(&Seen::default(), CancellationToken::new()).await
}

#[tokio::test]
async fn both_versions_are_fetched_page_by_page_in_several_currencies() {
    for (version, path) in [
        (config::ApiVersion::V3, "/v3/cryptocurrency/listings/latest"),
        (config::ApiVersion::V1, "/v1/cryptocurrency/listings/latest"),
    ] {
        let mut lab = Lab::new(250, 100);
        lab.settings.api_version = version;
        lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
        let simulator = start(&lab, Options::default()).await;
        let fetched = fetch(&lab, &simulator).await.unwrap();
        // One credit for each 200 coins, and one for the second currency.
        assert_eq!((fetched.pages, fetched.coins, fetched.credits, fetched.simulated), (3, 250, 6, true));
        let requests = simulator.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|seen| seen.path == path && seen.key_header && seen.key_accepted));
        for page in lab.queue.messages(QueueName::Raw) {
            let meta = PageMeta::from_headers(&page.headers).unwrap();
            assert!(meta.simulated && meta.convert == ["USD", "EUR"], "{meta:?}");
        }
    }
}

#[tokio::test]
async fn fewer_coins_than_asked_for_are_a_whole_snapshot() {
    let lab = Lab::new(5000, 200);
    let simulator = start(&lab, Options::default()).await;
    let fetched = fetch(&lab, &simulator).await.unwrap();
    assert_eq!((fetched.pages, fetched.coins, simulator.requests().len()), (3, 500, 3));
}

#[tokio::test]
async fn faults_that_last_end_a_watched_snapshot_with_their_code() {
    for (fault, code) in [
        ("error=400", "http_400"),
        ("error=500", "http_500"),
        ("error=1001", "api_1001"),
        ("error=1002", "api_1002"),
        ("error=1003", "api_1003"),
        ("error=1004", "api_1004"),
        ("error=1005", "api_1005"),
        ("error=1006", "api_1006"),
        ("error=1007", "api_1007"),
        ("error=1008", "api_1008"),
        ("error=1009", "api_1009"),
        ("error=1010", "api_1010"),
        ("error=1011", "api_1011"),
        ("error=1022", "api_1022"),
        ("error-in-200=1009", "api_1009"),
        ("status=404", "http_404"),
        ("html", "html"),
        ("html=503", "http_503"),
        ("firewall", "http_403"),
        ("firewall=429", "http_429"),
        ("empty-body", "empty_body"),
        ("truncate", "truncated_json"),
        ("close", "broken_off"),
        ("huge", "too_large"),
        ("empty-data", "empty_listing"),
    ] {
        let lab = Lab::new(100, 100);
        let simulator = start(&lab, Options::default()).await;
        simulator.set_faults([fault.parse::<PlannedFault>().unwrap()]);
        let failure = fetch(&lab, &simulator).await.unwrap_err();
        assert!(
            matches!(&failure, OnceFailure::GaveUp { code: found, .. } if found == code),
            "{fault}: {failure:?}"
        );
        assert!(lab.ids(QueueName::Raw).is_empty() && !lab.ids(QueueName::Dead).is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn faults_that_pass_and_oddities_that_are_none_give_a_snapshot() {
    for fault in [
        "error=500:3",
        "error=1008:1",
        "html:2",
        "firewall:2",
        "firewall=429:1",
        "error=1011:1",
        "error=1022:2",
        "truncate:1",
        "empty-body:1",
        "close:1",
        "status=503:5",
        "text-code",
        "empty-data:2",
        "extra",
        "retyped=price",
        "duplicate",
        "null-price",
        "slow=2s",
    ] {
        let lab = Lab::new(100, 100);
        let simulator = start(&lab, Options::default()).await;
        simulator.set_faults([fault.parse::<PlannedFault>().unwrap()]);
        let fetched = fetch(&lab, &simulator).await;
        assert!(fetched.is_ok(), "{fault}: {fetched:?}");
        assert_eq!((lab.ids(QueueName::Raw).len(), lab.ids(QueueName::Rows).len()), (1, 1), "{fault}");
    }
}

/// Title and ray id are what its owner asks for.
#[tokio::test]
async fn a_firewall_that_stays_is_named() {
    let lab = Lab::new(100, 100);
    let simulator = start(&lab, Options::default()).await;
    simulator.set_faults(["firewall".parse::<PlannedFault>().unwrap()]);
    let failure = fetch(&lab, &simulator).await.unwrap_err().to_string();
    for part in [
        "HTTP 403",
        "\"Access denied | simulated firewall\", ray id 5f00aa11bb22cc33-SIM",
        "refuses this machine",
    ] {
        assert!(failure.contains(part), "{part}: {failure}");
    }
    assert!(!failure.contains("api_key"), "{failure}");
}

/// Each limit is waited for exactly as long as it lasts, in the scheduler, which goes on living.
#[tokio::test]
async fn the_schedule_waits_for_the_end_of_each_limit() {
    for (fault, from, until) in [
        ("error=1008:1", "2026-11-22T14:00:10Z", "2026-11-22T14:01:00Z"),
        ("error=1011:1", "2026-11-22T14:00:10Z", "2026-11-22T14:01:00Z"),
        ("error=1022:1", "2026-11-22T14:00:10Z", "2026-11-22T14:01:00Z"),
        ("error=1009:1", "2026-11-22T23:10:00Z", "2026-11-23T00:00:00Z"),
        ("error=1010:1", "2026-11-30T23:10:00Z", "2026-12-01T00:00:00Z"),
    ] {
        let lab = Lab::new(100, 100);
        lab.clock.0.set(timestamp::from_text(from).unwrap());
        let simulator = start(&lab, Options::default()).await;
        simulator.set_faults([fault.parse::<PlannedFault>().unwrap()]);
        let fetcher = lab.fetcher_at(&simulator);
        let (bell, rung) = tokio::sync::mpsc::channel(1);
        super::run_with(&fetcher, rung, "the snapshot", || {
            let _ = bell.try_send(());
            if simulator.requests().iter().filter(|seen| seen.path.contains("listings")).count() == 1 {
                let waiting = service::waiting(&lab.settings.spool, lab.clock.now());
                if let Some(waiting) = waiting
                    && waiting.code == fault[..10].replace("error=", "api_")
                    && lab.clock.now() < timestamp::from_text(until).unwrap()
                {
                    // Only the leap over the limit is the test's; the fetcher waits by itself.
                    lab.clock.0.set(timestamp::from_text(until).unwrap());
                }
            }
            lab.ids(QueueName::Rows).len() == 1
        })
        .await;
        let fetched_at =
            PageMeta::from_headers(&lab.queue.messages(QueueName::Raw)[0].headers).unwrap().fetched_at;
        let late = fetched_at - timestamp::from_text(until).unwrap();
        assert!((TimeDelta::zero()..TimeDelta::seconds(40)).contains(&late), "{fault}: {fetched_at}");
        assert_eq!(service::waiting(&lab.settings.spool, lab.clock.now()), None, "{fault}");
    }
}

#[tokio::test]
async fn the_minute_limit_is_waited_out() {
    let lab = Lab::new(500, 100);
    let simulator = start(&lab, Options { rate_limit_minute: 2, ..Options::default() }).await;
    let before = lab.clock.now();
    assert_eq!(fetch(&lab, &simulator).await.unwrap().pages, 5);
    let waited = lab.clock.now() - before;
    // Two pages a minute, and some seconds by chance after each.
    assert!((TimeDelta::seconds(120)..TimeDelta::seconds(140)).contains(&waited), "{waited}");
}

#[tokio::test]
async fn the_key_status_is_told_and_a_wrong_key_is_named() {
    let lab = Lab::new(100, 100);
    let options = Options { credits_monthly: 10_000, rate_limit_minute: 30, ..Options::default() };
    let simulator = start(&lab, options).await;
    let status = lab.fetcher_at(&simulator).client.key_status().await.unwrap();
    let expected = KeyStatus {
        minute_limit: Some(30),
        monthly_limit: Some(10_000),
        monthly_left: Some(10_000),
        daily_limit: None,
        daily_left: None,
        resets_at: timestamp::from_text("2026-12-01T00:00:00.000Z"),
        simulated: true,
    };
    assert_eq!(status, expected);
    let error = lab.fetcher_with(&simulator, Some("another-key")).client.key_status().await.unwrap_err();
    assert_eq!(error.code(), "api_1001");
}
