//! Coins by their ids, in place of ranks: what is asked, what it costs, and what is said about ids that nobody has.

use domain::wire::{self, RowsMessage};
use domain::{Doubt, PageMeta, Verdict, decompress_body};
use ports::QueueName;
use simulator::{KeyPolicy, Options, PlannedFault, Simulator};

use super::*;
use crate::testing::{KEY, Lab};
use crate::{FetchedBatch, OnceFailure};

async fn start(lab: &Lab) -> Simulator {
    lab.simulator(Options { keys: KeyPolicy::OneOf(vec![KEY.to_owned()]), ..Options::default() }).await
}

async fn fetch(lab: &Lab, simulator: &Simulator, key: Option<&str>) -> Result<FetchedBatch, OnceFailure> {
    lab.fetcher_with(simulator, key).fetch_now(&Seen::default(), CancellationToken::new()).await
}

/// The ids of `count` coins that the simulator has.
async fn some_ids(count: usize) -> Vec<u32> {
    let lab = Lab::new(500, 500);
    let simulator = start(&lab).await;
    fetch(&lab, &simulator, Some(KEY)).await.unwrap();
    let page = decompress_body(&lab.queue.messages(QueueName::Raw)[0].body).unwrap();
    let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
    let ids = page["data"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap());
    ids.take(count).map(|id| u32::try_from(id).unwrap()).collect()
}

fn asked(simulator: &Simulator) -> Vec<String> {
    let requests = simulator.requests().into_iter().filter(|seen| !seen.path.contains("key/info"));
    requests.map(|seen| format!("{}?{}", seen.path, seen.query)).collect()
}

#[tokio::test]
async fn a_hundred_are_one_request_and_one_credit() {
    let mut lab = Lab::new(5000, 5000);
    lab.settings.ids = some_ids(250).await;
    lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
    let simulator = start(&lab).await;
    let fetched = fetch(&lab, &simulator, Some(KEY)).await.unwrap();
    assert_eq!((fetched.pages, fetched.coins, fetched.credits, fetched.verdict), (3, 250, 6, None));
    assert_eq!(fetched.batch.as_str(), "2026-11-22T14:00:00Z/quotes/USD,EUR");
    let ids: Vec<_> = lab.settings.ids[200..].iter().map(u32::to_string).collect();
    let last = format!(
        "/v3/cryptocurrency/quotes/latest?id={}&convert=USD%2CEUR&skip_invalid=true",
        ids.join("%2C")
    );
    assert_eq!(asked(&simulator)[2], last);
    for page in lab.queue.messages(QueueName::Raw) {
        let meta = PageMeta::from_headers(&page.headers).unwrap();
        assert_eq!((meta.endpoint.as_str(), meta.pages), ("quotes", 3));
    }
}

/// The coins that there are come all the same; the others are named, and asked for once: asking again brings none of them.
#[tokio::test]
async fn ids_that_nobody_has_are_named() {
    let mut lab = Lab::new(5000, 5000);
    lab.settings.ids = vec![999_999, 1, 1027];
    let simulator = start(&lab).await;
    let fetched = fetch(&lab, &simulator, Some(KEY)).await.unwrap();
    let why = "1 of the 3 ids of page 1 are not in the answer: 999999; take those that CoinMarketCap does not know out of fetch.ids \
               [ids_missing]"
        .to_owned();
    assert_eq!(fetched.verdict, Some(Verdict { doubt: Doubt::Incomplete, why }));
    assert_eq!((fetched.coins, fetched.credits, asked(&simulator).len()), (2, 1, 1));
    let announced = lab.queue.messages(QueueName::Rows).pop().unwrap();
    let RowsMessage::Fetched(announced) = wire::decode(&announced.body).unwrap() else { panic!("a chunk") };
    assert_eq!((announced.endpoint.as_str(), announced.verdict), ("quotes", fetched.verdict));
    assert!(reasons(&lab).iter().any(|reason| reason.contains("999999")), "{:?}", reasons(&lab));
}

/// A page that lacks coins is no reason to think that there are no more.
#[tokio::test]
async fn a_page_without_any_of_its_coins_does_not_end_the_snapshot() {
    let mut lab = Lab::new(5000, 5000);
    let real = some_ids(10).await;
    lab.settings.ids = (900_000..900_100).chain(real).collect();
    let simulator = start(&lab).await;
    simulator.set_faults([]);
    lab.settings.ids.swap(0, 100);
    let fetched = fetch(&lab, &simulator, Some(KEY)).await.unwrap();
    assert_eq!((fetched.pages, fetched.coins), (2, 10));
    assert!(
        fetched.verdict.unwrap().why.contains("99 of the 100 ids of page 1 are not in the answer: 900001, ")
    );
}

/// Unknown ids on one page say nothing of whether another one may come better.
#[tokio::test]
async fn an_empty_page_after_one_with_an_unknown_id_is_asked_for_again() {
    let mut lab = Lab::new(5000, 5000);
    let mut ids = some_ids(110).await;
    ids[0] = 999_999;
    lab.settings.ids = ids;
    let simulator = start(&lab).await;
    let spoil = || simulator.set_faults(["empty-data:1".parse::<PlannedFault>().unwrap()]);
    let seen = AtFirst(Box::new(spoil));
    let fetched = lab.fetcher_with(&simulator, Some(KEY)).fetch_now(&seen, CancellationToken::new()).await;
    let fetched = fetched.unwrap();
    assert_eq!((fetched.pages, fetched.coins, asked(&simulator).len()), (2, 109, 3));
}

/// Calls it when the first page was received.
struct AtFirst<'a>(Box<dyn Fn() + Send + Sync + 'a>);

impl ProgressObserver for AtFirst<'_> {
    fn step(&self, step: Step<'_>) {
        if matches!(step, Step::Received { page: 1, .. }) {
            (self.0)();
        }
    }
}

#[tokio::test]
async fn nothing_at_all_is_a_failure() {
    let mut lab = Lab::new(5000, 5000);
    lab.settings.ids = vec![999_998, 999_999];
    let simulator = start(&lab).await;
    let failure = fetch(&lab, &simulator, Some(KEY)).await.unwrap_err();
    assert!(matches!(&failure, OnceFailure::GaveUp { code, .. } if code == "empty_listing"), "{failure:?}");
    assert!(failure.to_string().contains("page 1 has no coins, and 2 were asked for"), "{failure}");
}

#[tokio::test]
async fn it_needs_no_key_where_listings_need_none() {
    let mut lab = Lab::new(5000, 5000);
    lab.settings.ids = vec![1, 1027];
    let simulator = start(&lab).await;
    let fetched = fetch(&lab, &simulator, None).await.unwrap();
    assert_eq!((fetched.coins, fetched.credits), (2, 0));
    let expected = "/public-api/v3/cryptocurrency/quotes/latest?id=1%2C1027&convert=USD&skip_invalid=true";
    assert_eq!(asked(&simulator), [expected]);
}

/// The schedule is planned by ids, whatever the limit says.
#[tokio::test]
async fn credits_are_planned_by_ids() {
    let mut lab = Lab::new(5000, 5000);
    lab.settings.ids = (1..=101).collect();
    let simulator = lab.simulator(Options { credits_monthly: 1000, ..Options::default() }).await;
    let running = lab.fetcher_with(&simulator, Some(KEY));
    running.know_credits().await;
    run_idle(&running).await;
    let told = "the schedule costs more than the plan has: 720 snapshots × 2 = 1,440 of 1,000 credits a month: those of the month that begins on 2026-12-01 last until \
                about the 21st of December; `fetch.every = 90m` (960) fits";
    assert!(reasons(&lab).contains(&told.to_owned()), "{:?}", reasons(&lab));
}
