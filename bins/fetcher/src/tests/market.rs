//! What is fetched beside the listings: on schedules of its own, after the snapshots, and as safely as these.

use std::time::Duration;

use config::{Every, Market};
use domain::wire::{self, RowsMessage};
use domain::{Doubt, Fetched, PageMeta};
use ports::QueueName;
use simulator::{Options, Simulator};
use tokio::sync::mpsc;

use super::*;
use crate::testing::{Lab, Reply, Server, api_error, page, reply};

fn every(minutes: u64) -> Every {
    Every::duration(Duration::from_mins(minutes))
}

/// With nothing but one kind, as `change` says.
fn with(mut lab: Lab, change: impl FnOnce(&mut Market)) -> Lab {
    change(&mut lab.market);
    lab
}

async fn simulator(lab: &Lab, options: Options) -> Simulator {
    lab.simulator(options).await
}

fn announced(lab: &Lab) -> Vec<Fetched> {
    let messages = lab.queue.messages(QueueName::Rows);
    let fetched = messages.iter().filter_map(|message| match wire::decode(&message.body).unwrap() {
        RowsMessage::Fetched(fetched) => Some(fetched),
        // The schedule of the snapshots.
        RowsMessage::Schedule(_) => None,
        other => panic!("{other:?}"),
    });
    fetched.collect()
}

/// Leaps to `at` as soon as `batches` are announced, rings, and waits for so many more.
async fn run_to(fetcher: &Fetcher, lab: &Lab, at: &str, batches: usize, more: usize) {
    let (bell, rung) = mpsc::channel(1);
    let mut leapt = false;
    run_with(fetcher, rung, "the batches", || {
        let count = announced(lab).len();
        if count == batches && !leapt {
            leapt = true;
            lab.clock.0.set(instant(at));
            let _ = bell.try_send(());
        }
        leapt && count == batches + more
    })
    .await;
}

fn object(data: &str) -> Reply {
    reply(200, &[], format!(r#"{{"status":{{"error_code":"0","credit_count":1}},"data":{data}}}"#))
}

const FEELING: &str =
    r#"{"value":35,"value_classification":"Fear","update_time":"2026-11-22T13:45:00.000Z"}"#;

#[tokio::test]
async fn each_kind_is_fetched_on_its_schedule_after_the_snapshot_and_costs_its_price() {
    let mut lab = Lab::new(100, 100);
    lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
    lab.market =
        Market { map: every(1440), global_metrics: every(60), fear_and_greed: every(15), cmc100: every(30) };
    let simulator = simulator(&lab, Options::default()).await;
    let fetcher = lab.fetcher_at(&simulator);
    run_to(&fetcher, &lab, "2026-11-22T14:15:00Z", 5, 1).await;
    let told: Vec<_> = announced(&lab)
        .iter()
        .map(|fetched| (fetched.batch.to_string(), fetched.pages, fetched.credits, fetched.verdict.clone()))
        .collect();
    let expected = [
        ("2026-11-22T14:00:00Z/listings/USD,EUR", 1, 2, None),
        ("2026-11-22T00:00:00Z/map/-", 1, 0, None),
        // One call for each currency.
        ("2026-11-22T14:00:00Z/global/USD,EUR", 2, 2, None),
        ("2026-11-22T14:00:00Z/fear-and-greed/-", 1, 1, None),
        ("2026-11-22T14:00:00Z/cmc100/-", 1, 1, None),
        ("2026-11-22T14:15:00Z/fear-and-greed/-", 1, 1, None),
    ];
    assert_eq!(
        told,
        expected.map(|(batch, pages, credits, verdict)| (batch.to_owned(), pages, credits, verdict))
    );
    let metas: Vec<_> = lab.queue.messages(QueueName::Raw);
    let metas: Vec<_> = metas.iter().map(|page| PageMeta::from_headers(&page.headers).unwrap()).collect();
    assert!(metas.len() == 7 && metas.iter().all(|meta| meta.simulated), "{metas:?}");
    let text = lab.metrics.render();
    for line in [
        "coinpipe_credits_spent_total 7",
        r#"coinpipe_market_batches_total{endpoint="fear-and-greed",ending="complete"} 2"#,
        r#"coinpipe_snapshots_total{ending="complete"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!((incidents(&lab), lab.waiting()), (vec![], vec![]));
}

/// What is asked for of the coins, and how, says nothing about a kind.
#[tokio::test]
async fn ids_and_calls_by_currency_are_of_the_snapshots_alone() {
    let mut lab = Lab::new(100, 100);
    lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
    lab.settings.convert_calls = config::ConvertCalls::Each;
    lab.settings.ids = vec![1, 1027];
    lab.market = Market { map: every(1440), global_metrics: every(60), ..lab.market };
    let simulator = simulator(&lab, Options::default()).await;
    let fetcher = lab.fetcher_at(&simulator);
    run_until(&fetcher, "the batches", || announced(&lab).len() == 3).await;
    let told: Vec<_> = announced(&lab)
        .iter()
        .map(|fetched| (fetched.batch.to_string(), fetched.pages, fetched.credits, fetched.verdict.clone()))
        .collect();
    let expected = [
        ("2026-11-22T14:00:00Z/quotes/USD,EUR", 2, 2, None),
        ("2026-11-22T00:00:00Z/map/-", 1, 0, None),
        ("2026-11-22T14:00:00Z/global/USD,EUR", 2, 2, None),
    ];
    let expected =
        expected.map(|(batch, pages, credits, verdict)| (batch.to_owned(), pages, credits, verdict));
    assert_eq!((told, incidents(&lab)), (expected.to_vec(), vec![]));
}

#[tokio::test]
async fn a_slot_of_a_kind_is_not_fetched_twice_by_the_next_run() {
    let lab = with(Lab::new(100, 100), |market| market.fear_and_greed = every(60));
    let server = Server::start([page(100, 100), object(FEELING)]).await;
    for _ in 0..3 {
        run_until(&lab.fetcher(&server), "both batches", || announced(&lab).len() == 2).await;
        run_idle(&lab.fetcher(&server)).await;
    }
    assert_eq!(server.requests().len(), 2);
    assert!(incidents(&lab).is_empty());
}

/// A kind whose pages are there in part is gone on with, also after a crash.
#[tokio::test]
async fn a_kind_that_was_begun_is_gone_on_with_by_the_next_run() {
    let mut lab = with(Lab::new(100, 100), |market| market.global_metrics = every(60));
    lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
    let of = |currency| {
        object(&format!(r#"{{"last_updated":"x","quote":{{"{currency}":{{"total_market_cap":1}}}}}}"#))
    };
    let server = Server::start([page(100, 100), of("USD"), Reply::Mute]).await;
    crash(&lab.fetcher(&server), until("the third request", || server.requests().len() == 3)).await;
    let server = Server::start([of("EUR")]).await;
    run_until(&lab.fetcher(&server), "both batches", || announced(&lab).len() == 2).await;
    let requests = server.requests();
    assert!(requests.len() == 1 && requests[0].contains("convert=eur"), "{requests:?}");
    let global = announced(&lab).into_iter().find(|fetched| fetched.endpoint == "global").unwrap();
    assert_eq!((global.pages, global.credits), (2, 2));
}

/// It stays open in the spool meanwhile, and nobody is told: it comes in the end.
#[tokio::test]
async fn a_kind_gives_way_to_the_next_snapshot_and_is_gone_on_with_after_it() {
    let lab = with(Lab::new(100, 100), |market| market.map = every(1440));
    let later = reply(503, &["retry-after: 3600"], "busy");
    let map = object(r#"[{"id":1}]"#);
    let server = Server::start([page(100, 100), later, page(100, 100), map]).await;
    let fetcher = lab.fetcher(&server);
    let (bell, rung) = mpsc::channel(1);
    let mut leapt = false;
    run_with(&fetcher, rung, "three batches", || {
        if server.requests().len() == 2 && bell.capacity() == 1 && !leapt {
            leapt = true;
            lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
            bell.try_send(()).unwrap();
        }
        announced(&lab).len() == 3
    })
    .await;
    let order: Vec<_> = announced(&lab).iter().map(|fetched| fetched.batch.to_string()).collect();
    let expected = [
        "2026-11-22T14:00:00Z/listings/USD",
        "2026-11-22T15:00:00Z/listings/USD",
        "2026-11-22T00:00:00Z/map/-",
    ];
    assert_eq!(order, expected);
    assert_eq!(incidents(&lab), [""; 0]);
}

/// When its slot is over, a letter says so.
#[tokio::test]
async fn a_kind_that_never_comes_is_given_up_with_its_slot() {
    let lab = with(Lab::new(100, 100), |market| market.fear_and_greed = every(60));
    let later = reply(503, &["retry-after: 3600"], "busy");
    let server = Server::start([page(100, 100), later]).await;
    run_until(&lab.fetcher(&server), "a letter", || !incidents(&lab).is_empty()).await;
    assert_eq!(incidents(&lab), ["http_503/2026-11-22T14:00:00Z/fear-and-greed/given-up"]);
    assert!(reasons(&lab)[0].starts_with("gave up slot 2026-11-22T14:00:00Z of fear-and-greed: "));
    assert_eq!(lab.ids(QueueName::Rows), [FETCHED]);
}

#[tokio::test]
async fn an_answer_without_what_it_must_have_is_a_failure_and_asked_for_again() {
    for hollow in ["null", "{}", r#"{"value":null,"update_time":"x"}"#] {
        let lab = with(Lab::new(100, 100), |market| market.fear_and_greed = every(60));
        let server = Server::start([page(100, 100), object(hollow), object(FEELING)]).await;
        run_until(&lab.fetcher(&server), "both batches", || announced(&lab).len() == 2).await;
        assert_eq!(incidents(&lab), ["hollow/2026-11-22T14:00:00Z"], "{hollow}");
        // The alerter closes it when the batch is there.
        let letter = &lab.queue.messages(QueueName::Dead)[0];
        assert_eq!(letter.headers.get("x-batch"), Some("2026-11-22T14:00:00Z/fear-and-greed/-"));
    }
}

/// A plan without an endpoint costs no snapshot.
#[tokio::test]
async fn a_kind_that_the_plan_does_not_include_is_told_once_a_day_and_says_what_to_do() {
    let lab = with(Lab::new(100, 100), |market| market.cmc100 = every(30));
    let refused = || api_error(403, 1006);
    let server = Server::start([page(100, 100), refused(), refused(), page(100, 100), refused()]).await;
    let fetcher = lab.fetcher(&server);
    let (bell, rung) = mpsc::channel(1);
    let mut next = vec!["2026-11-22T15:00:00Z", "2026-11-22T14:30:00Z"];
    run_with(&fetcher, rung, "five requests", || {
        let is_idle = [2, 3].contains(&server.requests().len()) && bell.capacity() == 1;
        if is_idle && next.len() == 4 - server.requests().len() {
            lab.clock.0.set(instant(next.pop().unwrap()));
            bell.try_send(()).unwrap();
        }
        server.requests().len() == 5 && lab.ids(QueueName::Rows).len() == 2
    })
    .await;
    assert_eq!(incidents(&lab), ["api_1006/2026-11-22/cmc100"]);
    let reason = &reasons(&lab)[0];
    assert!(reason.contains("(turn it off in [market], or change the plan)"), "{reason}");
    assert!(announced(&lab).iter().all(|fetched| fetched.endpoint == "listings"));
}

#[tokio::test]
async fn a_map_that_lacks_coins_is_incomplete_and_the_next_one_is_held_against_it() {
    let lab = with(Lab::new(100, 100), |market| market.map = every(60));
    let simulator = simulator(&lab, Options::default()).await;
    let fetcher = lab.fetcher_at(&simulator);
    let (bell, rung) = mpsc::channel(1);
    let mut slots = vec!["2026-11-22T16:00:00Z", "2026-11-22T15:00:00Z"];
    run_with(&fetcher, rung, "three of each", || {
        let count = announced(&lab).len();
        if count == 6 - 2 * slots.len() && bell.capacity() == 1 && !slots.is_empty() {
            // 550 coins, 100, and 100 again.
            simulator.set_faults(["short=100".parse().unwrap()]);
            lab.clock.0.set(instant(slots.pop().unwrap()));
            bell.try_send(()).unwrap();
        }
        count == 6
    })
    .await;
    let maps: Vec<_> = announced(&lab).into_iter().filter(|fetched| fetched.endpoint == "map").collect();
    let doubts: Vec<_> = maps.iter().map(|map| map.verdict.as_ref().map(|verdict| verdict.doubt)).collect();
    assert_eq!(doubts, [None, Some(Doubt::Incomplete), None]);
    let why = &maps[1].verdict.as_ref().unwrap().why;
    assert_eq!(why, "100 coins came, and 550 in the map before [fewer_coins]");
    assert_eq!(incidents(&lab), ["batch_incomplete/2026-11-22T15:00:00Z/map/-"]);
}

/// An API that sends the first page for every start would never end, and say that all others are gone.
#[tokio::test]
async fn a_map_whose_pages_are_one_page_is_incomplete() {
    let lab = with(Lab::new(100, 100), |market| market.map = every(60));
    let coins: Vec<_> = (1..=5000).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    let full = object(&format!("[{}]", coins.join(",")));
    let short = object(&format!("[{}]", coins[..10].join(",")));
    let server = Server::start([page(100, 100), full.clone(), full, short]).await;
    run_until(&lab.fetcher(&server), "both batches", || announced(&lab).len() == 2).await;
    let requests = server.requests();
    let expected = "/v1/cryptocurrency/map?listing_status=active%2cinactive&sort=id&start=10001&limit=5000";
    assert!(requests[3].contains(expected), "{}", requests[3]);
    let verdict = announced(&lab).remove(1).verdict.unwrap();
    assert_eq!(verdict.doubt, Doubt::Incomplete);
    assert!(
        verdict.why.starts_with("5000 of the 5000 coins of page 2 are those of page 1 [page_again]"),
        "{}",
        verdict.why
    );
}

#[tokio::test]
async fn a_kind_that_cannot_be_paid_for_is_not_asked_for() {
    let lab = with(Lab::new(100, 100), |market| market.cmc100 = every(60));
    let simulator = simulator(&lab, Options { credits_monthly: 1, ..Options::default() }).await;
    let fetcher = lab.fetcher_at(&simulator);
    fetcher.know_credits().await;
    run_until(&fetcher, "the letter", || incidents(&lab).iter().any(|id| id.contains("cmc100"))).await;
    assert!(incidents(&lab).contains(&"credits_short/2026-11-22/cmc100".to_owned()), "{:?}", incidents(&lab));
    assert!(simulator.requests().iter().all(|seen| !seen.path.contains("index")));
    assert!(reasons(&lab).iter().any(|reason| reason.contains("a batch of cmc100 costs 1")));
}

#[tokio::test]
async fn without_a_key_the_public_routes_are_asked_and_nothing_is_paid() {
    let mut lab = Lab::new(100, 100);
    lab.settings.source = config::Source::Keyless;
    lab.market =
        Market { map: every(60), global_metrics: every(60), fear_and_greed: every(60), cmc100: every(60) };
    let simulator = simulator(&lab, Options { credits_monthly: 0, ..Options::default() }).await;
    let fetcher = lab.fetcher_with(&simulator, None);
    run_until(&fetcher, "five batches", || announced(&lab).len() == 5).await;
    assert!(announced(&lab).iter().all(|fetched| fetched.credits == 0));
    assert!(
        simulator.requests().iter().all(|seen| seen.path.starts_with("/public-api/") && !seen.key_header)
    );
}
