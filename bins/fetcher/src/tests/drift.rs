//! Changes of the API as its clients meet them: told once, and what is known goes on.

use domain::{ApiVersion, PageMeta};
use ports::QueueName;
use simulator::{Options, PlannedFault, Simulator};
use tokio_util::sync::CancellationToken;

use super::{Seen, incidents, reasons};
use crate::testing::Lab;

/// Takes a snapshot with a fetcher of its own, as a restart would.
async fn fetch(lab: &Lab, simulator: &Simulator) {
    lab.fetcher_at(simulator).fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
}

#[tokio::test]
async fn the_api_as_it_is_has_no_drift_in_either_version() {
    for version in [config::ApiVersion::V1, config::ApiVersion::V3] {
        let mut lab = Lab::new(500, 200);
        lab.settings.api_version = version;
        lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
        let simulator = lab.simulator(Options::default()).await;
        fetch(&lab, &simulator).await;
        fetch(&lab, &simulator).await;
        assert_eq!(incidents(&lab), [""; 0]);
    }
}

#[tokio::test]
async fn a_change_is_told_once_and_the_next_one_again() {
    let lab = Lab::new(500, 500);
    let simulator = lab.simulator(Options::default()).await;
    fetch(&lab, &simulator).await;
    for (fault, told) in [
        ("extra", "new fields: quote.simulated_new_field, simulated_new_field"),
        ("missing=tags", "no coin has tags"),
        ("retyped=cmc_rank", "cmc_rank is text, and was a number"),
    ] {
        let before = incidents(&lab).len();
        simulator.set_faults([fault.parse::<PlannedFault>().unwrap()]);
        fetch(&lab, &simulator).await;
        fetch(&lab, &simulator).await;
        let reasons = reasons(&lab);
        assert_eq!(reasons.len(), before + 1, "{fault}: {reasons:#?}");
        let expected = format!(
            "the API's listings (v3) have changed: {told}. What coinpipe knows of is loaded as before"
        );
        assert_eq!(reasons[before], expected, "{fault}");
    }
    assert!(incidents(&lab).iter().all(|id| id.starts_with("api_drift/")), "{:?}", incidents(&lab));
    assert_eq!(lab.ids(QueueName::Rows).len(), 7);
}

/// Of 2020, with fields that the API has given up or added since.
#[tokio::test]
async fn a_recording_of_another_year_is_no_drift() {
    let row = r#"{"id":1,"name":"Bitcoin","symbol":"BTC","slug":"bitcoin","cmc_rank":1,"quote":{"USD":{"price":1.5}}}"#;
    let body =
        format!(r#"{{"status":{{"timestamp":"2020-06-30T09:41:38.309Z","error_code":0}},"data":[{row}]}}"#);
    let mut lab = Lab::new(1, 1);
    lab.settings.api_version = config::ApiVersion::V1;
    let server = crate::testing::Server::start([crate::testing::reply(200, &[], body)]).await;
    lab.fetcher(&server).fetch_now(&Seen::default(), CancellationToken::new()).await.unwrap();
    let page = &lab.queue.messages(QueueName::Raw)[0];
    assert_eq!(PageMeta::from_headers(&page.headers).unwrap().api_version, ApiVersion::V1);
    // That it is old is told.
    assert_eq!(incidents(&lab), ["batch_suspect/2026-11-22T14:00:00Z/listings/USD"]);
}
