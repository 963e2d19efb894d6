//! Real quotes without a key: what is asked, what throttling does, and that nothing is counted that nobody pays.

use chrono::TimeDelta;
use domain::PageMeta;
use ports::{Clock, QueueName};
use simulator::{KeyPolicy, Options, Recording, Simulator};
use tokio_util::sync::CancellationToken;

use super::{Seen, incidents, run_until};
use crate::testing::Lab;

async fn start(lab: &Lab, options: Options) -> Simulator {
    let options = Options { keys: KeyPolicy::OneOf(vec!["secret".to_owned()]), ..options };
    lab.simulator(options).await
}

#[tokio::test]
async fn a_snapshot_comes_without_a_key_and_costs_nothing() {
    for version in [config::ApiVersion::V1, config::ApiVersion::V3] {
        let mut lab = Lab::new(500, 500);
        lab.settings.api_version = version;
        let simulator = start(&lab, Options { credits_monthly: 0, ..Options::default() }).await;
        let running = lab.fetcher_with(&simulator, None);
        running.know_credits().await;
        run_until(&running, "the snapshot", || lab.ids(QueueName::Rows).len() == 1).await;
        let requests = simulator.requests();
        assert!(
            requests.iter().all(|seen| !seen.key_header && !seen.path.contains("key/info")),
            "{requests:?}"
        );
        let path =
            format!("/public-api/{}/cryptocurrency/listings/latest", format!("{version:?}").to_lowercase());
        assert_eq!(requests.iter().map(|seen| seen.path.as_str()).collect::<Vec<_>>(), [path]);
        assert!(lab.metrics.render().contains("coinpipe_credits_spent_total 0"), "{}", lab.metrics.render());
        assert_eq!(incidents(&lab), [""; 0]);
    }
}

/// 429 with 1022 as text and 500 "busy" are the same thing here, and both pass.
#[tokio::test]
async fn throttling_is_waited_out() {
    let lab = Lab::new(500, 100);
    let simulator = start(&lab, Options { anonymous_minute: 2, ..Options::default() }).await;
    let before = lab.clock.now();
    let running = lab.fetcher_with(&simulator, None);
    let fetched = running.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
    assert_eq!((fetched.pages, fetched.coins, fetched.credits), (5, 500, 0));
    let waited = lab.clock.now() - before;
    // Two pages a minute, and some seconds by chance after each.
    assert!((TimeDelta::seconds(120)..TimeDelta::seconds(140)).contains(&waited), "{waited}");
    assert_eq!(incidents(&lab), ["api_1022/2026-11-22T14:00:00Z"]);
}

/// Only what a simulator marks is made up.
#[tokio::test]
async fn its_data_is_real_unless_a_simulator_says_otherwise() {
    let row = r#"{"id":1,"name":"Bitcoin","symbol":"BTC","quote":[{"symbol":"USD","price":1.5}]}"#;
    let recording =
        Recording::parse(format!(r#"{{"data":[{row}],"status":{{"error_code":0}}}}"#).as_bytes()).unwrap();
    for (recordings, simulated) in [(vec![recording], false), (Vec::new(), true)] {
        let lab = Lab::new(1, 1);
        let simulator = start(&lab, Options { recordings, ..Options::default() }).await;
        let running = lab.fetcher_with(&simulator, None);
        assert_eq!(running.client.key_status().await.unwrap().simulated, simulated);
        running.fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
        let page = &lab.queue.messages(QueueName::Raw)[0];
        assert_eq!(PageMeta::from_headers(&page.headers).unwrap().simulated, simulated);
    }
}

/// An API that takes it away says so, and whoever reads it knows what to set.
#[tokio::test]
async fn what_is_not_answered_without_a_key_any_more_names_the_setting() {
    let lab = Lab::new(100, 100);
    let simulator = start(&lab, Options::default()).await;
    simulator.set_faults(["error=1005".parse::<simulator::PlannedFault>().unwrap()]);
    let failure = lab
        .fetcher_with(&simulator, None)
        .fetch_now(&Seen::default(), CancellationToken::new())
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("set fetch.source = \"auto\", and a key"), "{failure}");
}
