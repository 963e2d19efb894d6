//! Several currencies on a plan that allows one in a request: learned, told, gone on with, and paid for.

use config::ConvertCalls;
use domain::wire::{self, RowsMessage};
use domain::{Fetched, PageMeta};
use ports::QueueName;
use simulator::{KeyPolicy, Options, Simulator};

use super::*;
use crate::testing::{KEY, Lab};
use crate::{FetchedBatch, OnceFailure};

/// 250 coins, a hundred a page, in two currencies.
fn lab(calls: ConvertCalls) -> Lab {
    let mut lab = Lab::new(250, 100);
    lab.settings.convert = vec!["USD".to_owned(), "EUR".to_owned()];
    lab.settings.convert_calls = calls;
    lab
}

/// On a plan that allows so many currencies in a request.
async fn start(lab: &Lab, converts: usize) -> Simulator {
    let keys = KeyPolicy::OneOf(vec![KEY.to_owned()]);
    lab.simulator(Options { keys, converts, ..Options::default() }).await
}

async fn fetch(lab: &Lab, simulator: &Simulator) -> Result<FetchedBatch, OnceFailure> {
    lab.fetcher_at(simulator).fetch_now(&Seen::default(), CancellationToken::new()).await
}

/// What was asked for: the first rank, and the currencies.
fn asked(simulator: &Simulator) -> Vec<String> {
    let listings = simulator.requests().into_iter().filter(|seen| seen.path.contains("listings"));
    let value = |query: &str, name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap().replace("%2C", ",")
    };
    listings
        .map(|seen| format!("{} {}", value(&seen.query, "start="), value(&seen.query, "convert=")))
        .collect()
}

fn announced(lab: &Lab) -> Fetched {
    let messages = lab.queue.messages(QueueName::Rows).into_iter().rev();
    let mut announced = messages.filter_map(|message| match wire::decode(&message.body).unwrap() {
        RowsMessage::Fetched(fetched) => Some(fetched),
        _ => None,
    });
    announced.next().unwrap()
}

const ONE_BY_ONE: [&str; 6] = ["1 USD", "1 EUR", "101 USD", "101 EUR", "201 USD", "201 EUR"];

/// Field case 18, with the API's own words.
#[tokio::test]
async fn a_plan_that_refuses_them_together_is_asked_for_each_alone() {
    let lab = lab(ConvertCalls::Auto);
    let simulator = start(&lab, 1).await;
    let fetched = fetch(&lab, &simulator).await.unwrap();
    assert_eq!(asked(&simulator), [&["1 USD,EUR"], &ONE_BY_ONE[..]].concat());
    // Six pages of a credit each; the refusal cost nothing.
    assert_eq!((fetched.pages, fetched.coins, fetched.credits, fetched.verdict), (6, 250, 6, None));
    let announced = announced(&lab);
    assert_eq!((announced.pages, announced.credits), (6, 6));
    assert_eq!(announced.batch.as_str(), "2026-11-22T14:00:00Z/listings/USD,EUR");
    let pages = lab.queue.messages(QueueName::Raw);
    let pages: Vec<_> = pages.iter().map(|page| PageMeta::from_headers(&page.headers).unwrap()).collect();
    assert!(pages.iter().all(|page| page.convert == ["USD", "EUR"] && page.pages == 6));
    let currencies: Vec<_> = pages.iter().map(|page| page.currencies().concat()).collect();
    assert_eq!(currencies, ["USD", "EUR", "USD", "EUR", "USD", "EUR"]);
    let told = "the API does not answer in several currencies at once, so each of USD, EUR is asked for alone from now on: 6 \
                credits a snapshot, not 6, and 4320 in 30 days; fetch.convert_calls = \"each\" does so from the start (the API \
                answered with error 400 (HTTP 400): Your plan is limited to 1 convert options)";
    assert_eq!(reasons(&lab), [told]);
}

#[tokio::test]
async fn what_was_learned_is_asked_at_once_in_the_next_slot() {
    let mut lab = lab(ConvertCalls::Auto);
    (lab.settings.limit, lab.settings.page_size) = (500, 500);
    let simulator = start(&lab, 1).await;
    let fetcher = lab.fetcher_at(&simulator);
    let (bell, rung) = mpsc::channel(1);
    run_with(&fetcher, rung, "two snapshots", || {
        let loaded = lab.ids(QueueName::Rows).len();
        if loaded == 1 && bell.capacity() == 1 {
            lab.clock.0.set(instant("2026-11-22T15:00:00Z"));
            bell.try_send(()).unwrap();
        }
        loaded == 2
    })
    .await;
    assert_eq!(asked(&simulator), ["1 USD,EUR", "1 USD", "1 EUR", "1 USD", "1 EUR"]);
    assert_eq!(announced(&lab).credits, 6);
    let metrics = lab.metrics.render();
    for line in ["coinpipe_credits_spent_total 12", "coinpipe_snapshot_credits 6.0"] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn who_says_so_is_not_refused_first_and_who_wants_one_call_gets_the_refusal() {
    let lab_each = lab(ConvertCalls::Each);
    let simulator = start(&lab_each, 1).await;
    assert_eq!(fetch(&lab_each, &simulator).await.unwrap().credits, 6);
    assert_eq!((asked(&simulator), incidents(&lab_each)), (ONE_BY_ONE.map(str::to_owned).to_vec(), vec![]));

    for fault in [None, Some("error=1006")] {
        let lab_one = lab(ConvertCalls::One);
        let simulator = start(&lab_one, 1).await;
        simulator.set_faults(fault.map(|fault| fault.parse().unwrap()));
        let failure = fetch(&lab_one, &simulator).await.unwrap_err().to_string();
        assert!(
            failure.contains("set fetch.convert_calls = \"each\", name one in fetch.convert"),
            "{failure}"
        );
        assert_eq!(asked(&simulator), ["1 USD,EUR"]);
    }

    let lab_paid = lab(ConvertCalls::Auto);
    let simulator = start(&lab_paid, 2).await;
    assert_eq!(fetch(&lab_paid, &simulator).await.unwrap().credits, 6);
    assert_eq!(asked(&simulator), ["1 USD,EUR", "101 USD,EUR", "201 USD,EUR"]);
}

/// Other plans answer so.
#[tokio::test]
async fn error_1006_may_mean_it_too() {
    let lab = lab(ConvertCalls::Auto);
    let simulator = start(&lab, 120).await;
    simulator.set_faults(["error=1006:1".parse().unwrap()]);
    assert_eq!(fetch(&lab, &simulator).await.unwrap().pages, 6);
    // When it does not, it is told as what it is.
    let lab = self::lab(ConvertCalls::Auto);
    let simulator = start(&lab, 120).await;
    simulator.set_faults(["error=1006".parse().unwrap()]);
    let failure = fetch(&lab, &simulator).await.unwrap_err().to_string();
    assert!(failure.contains("does not include this endpoint"), "{failure}");
    assert_eq!(asked(&simulator), ["1 USD,EUR", "1 USD"]);
}

/// The end of the coins is the end in each currency, and a page in one is not the same page again.
#[tokio::test]
async fn fewer_coins_than_asked_for_are_a_whole_snapshot() {
    let mut lab = lab(ConvertCalls::Each);
    (lab.settings.limit, lab.settings.page_size) = (5000, 200);
    let simulator = start(&lab, 1).await;
    let fetched = fetch(&lab, &simulator).await.unwrap();
    assert_eq!((fetched.pages, fetched.coins, fetched.verdict), (6, 500, None));
}

/// Killed after the first currency, and started again: the batch goes on as it was begun.
#[tokio::test]
async fn a_batch_that_was_begun_goes_on_one_by_one() {
    let mut lab = lab(ConvertCalls::Auto);
    (lab.settings.limit, lab.settings.page_size) = (500, 500);
    let simulator = start(&lab, 1).await;
    let spool = lab.settings.spool.join("batches");
    crash(&lab.fetcher_at(&simulator), async {
        until("the first page", || {
            let batches = std::fs::read_dir(&spool).into_iter().flatten().flatten();
            batches.flat_map(|batch| std::fs::read_dir(batch.path()).unwrap()).any(|file| {
                file.unwrap().file_name().to_string_lossy().contains("p1")
                    || asked(&simulator).contains(&"1 EUR".to_owned())
            })
        })
        .await;
    })
    .await;
    run_until(&lab.fetcher_at(&simulator), "the snapshot", || lab.ids(QueueName::Rows).len() == 1).await;
    assert_eq!((announced(&lab).pages, announced(&lab).verdict), (2, None));
    let all = asked(&simulator);
    assert_eq!(all.iter().filter(|asked| *asked == "1 USD,EUR").count(), 1, "{all:?}");
}

#[tokio::test]
async fn coins_by_id_are_asked_for_in_each_currency_alone() {
    let mut lab = lab(ConvertCalls::Auto);
    lab.settings.ids = vec![1, 1027];
    let simulator = start(&lab, 1).await;
    let fetched = fetch(&lab, &simulator).await.unwrap();
    assert_eq!((fetched.pages, fetched.coins, fetched.credits, fetched.verdict), (2, 2, 2, None));
}
