//! Recorded responses are served again with their bytes.

use simulator::{ApiVersion, Fault, Options, Recording, SIMULATED_HEADER, Simulator};

use crate::client::{Reply, get};
use crate::start;

const V1: &str = "/v1/cryptocurrency/listings/latest";
const V3: &str = "/v3/cryptocurrency/listings/latest";

/// A v1 response with these coins, spaced as no serializer of ours would.
fn v1(ids: &[u32]) -> Recording {
    let rows: Vec<String> = ids.iter().map(|id| row(*id)).collect();
    Recording::parse(
        format!(r#"{{"status": {{"error_code": "0"}}, "data": [{}]}}"#, rows.join(" , ")).as_bytes(),
    )
    .unwrap()
}

fn row(id: u32) -> String {
    format!(r#"{{ "id":{id} ,"name": "A", "quote": {{"USD": {{"price": 1.280e-06}}}}}}"#)
}

async fn serve(recordings: Vec<Recording>) -> Simulator {
    start(Options { recordings, ..Options::default() }).await.0
}

fn ids(reply: &Reply) -> Vec<u64> {
    reply.rows().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn coins_keep_their_bytes_and_are_not_called_simulated() {
    let simulator = serve(vec![v1(&[5, 6, 7])]).await;
    let reply = get(&simulator.url(), &format!("{V1}?start=2&limit=2")).await;
    assert!(reply.text().ends_with(&format!("\"data\":[{},{}]}}", row(6), row(7))), "{}", reply.text());
    assert_eq!(reply.json()["status"]["total_count"], 3);
    assert_eq!(reply.json()["status"]["error_code"], 0);
    assert_eq!(reply.header(SIMULATED_HEADER), None);
}

#[tokio::test]
async fn snapshots_follow_one_another_page_by_page() {
    let simulator = serve(vec![v1(&[1, 2]), v1(&[3, 4]), v1(&[5])]).await;
    let mut served = Vec::new();
    for query in ["start=1&limit=1", "start=2&limit=1", "limit=5", "limit=5", "limit=5"] {
        served.push(ids(&get(&simulator.url(), &format!("{V1}?{query}")).await));
    }
    assert_eq!(served, [vec![1], vec![2], vec![3, 4], vec![5], vec![5]]);
}

#[tokio::test]
async fn a_call_that_brought_nothing_does_not_use_up_a_snapshot() {
    let simulator = serve(vec![v1(&[1]), v1(&[2])]).await;
    let once: std::num::NonZeroU32 = std::num::NonZeroU32::MIN;
    for fault in [Fault::Truncate, Fault::Close, Fault::EmptyData, Fault::EmptyBody] {
        simulator.set_faults([fault.next(once)]);
        get(&simulator.url(), V1).await;
    }
    get(&simulator.url(), &format!("{V1}?limit=0")).await;
    simulator.set_faults([Fault::Frozen.next(once)]);
    assert_eq!(ids(&get(&simulator.url(), V1).await), [1]);
    assert_eq!(ids(&get(&simulator.url(), V1).await), [1]);
    assert_eq!(ids(&get(&simulator.url(), V1).await), [2]);
}

#[tokio::test]
async fn the_other_version_is_told_which_one_was_recorded() {
    let simulator = serve(vec![v1(&[1])]).await;
    let reply = get(&simulator.url(), V3).await;
    assert_eq!((reply.status, reply.error_code()), (404, 404.into()));
    let message = reply.json()["status"]["error_message"].as_str().unwrap().to_owned();
    assert!(message.contains("are of v1, not v3"), "{message}");
}

#[tokio::test]
async fn recorded_rows_can_go_wrong_too() {
    let simulator = serve(vec![v1(&[1, 2])]).await;
    simulator.set_faults([Fault::Missing("price".to_owned()).into(), Fault::Vanished(2).into()]);
    let reply = get(&simulator.url(), V1).await;
    assert!(reply.text().contains(r#""quote":{"USD":{}}"#), "{}", reply.text());
    assert_eq!(ids(&reply), [1]);
}

#[tokio::test]
async fn whole_responses_are_served_unchanged() {
    for listing in lab::listings() {
        let sent = std::fs::read_to_string(&listing.path).unwrap();
        let recording = Recording::read(&listing.path).unwrap();
        assert_eq!(recording.version().unwrap().to_string(), listing.version);
        let path = if recording.version() == Some(ApiVersion::V1) { V1 } else { V3 };
        let simulator = serve(vec![recording]).await;
        let convert = listing.currencies.join(",");
        let reply = get(&simulator.url(), &format!("{path}?limit=5000&convert={convert}")).await;
        assert_eq!(reply.rows().len(), listing.coins);
        assert_eq!(reply.json()["data"], serde_json::from_str::<serde_json::Value>(&sent).unwrap()["data"]);
        // Our own have each coin in a line of its own.
        let coins: Vec<_> =
            sent.lines().map(|line| line.trim_end_matches(',')).filter(|line| is_coin(line)).collect();
        assert!(coins.is_empty() || coins.len() == listing.coins, "{coins:?}");
        let text = reply.text();
        for coin in coins {
            assert!(text.contains(coin), "{coin}");
        }
    }
}

fn is_coin(line: &str) -> bool {
    line.starts_with(r#"{"id":"#) || line.starts_with(r#"{"tags":"#)
}
