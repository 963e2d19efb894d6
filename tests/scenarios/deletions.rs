//! The work queue of pages is filled and deleted while a fetcher publishes: each page is loaded, and archived once.
//!
//! Deleting a queue loses what is in it, which nobody can prevent. So pages pass a [`Gate`]: while one stands there, and all
//! before it are loaded, the queue holds nothing that is needed, and can be deleted at that moment without a loss by hand.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ports::{Clock, QueueName, SystemClock};
use simulator::{Options, Simulator};
use testkit::contract::store::sample::Dice;

use crate::disk::Disk;
use crate::gate::{Answer, Arrival, Gate};
use crate::place::{Place, Servers};
use crate::process::{DEADLINE, signal};
use crate::workers::{Worker, crew, dismiss};

/// Pages of a snapshot, and coins on each.
const PAGES: u32 = 12;
const COINS: u32 = 50;

/// A queue away, of which a fetcher speaks only when asked to say much.
const AGAIN: &str = "still cannot publish";

async fn api() -> Simulator {
    let options = Options { coins: PAGES * COINS, rate_limit_minute: 1000, ..Options::default() };
    Simulator::start((Ipv4Addr::LOCALHOST, 0).into(), options, Arc::new(SystemClock)).await.expect("an API")
}

/// A fetcher that takes one snapshot, at once: its slots are as long as there is time, so that the current one began
/// just now and has no successor. Whoever runs before it has to have stopped.
fn fetcher(place: &Place, api: &Simulator, queue_url: &str) -> Worker {
    let (url, every) = (api.url(), format!("{}s", SystemClock.now().timestamp()));
    let (limit, page_size) = ((PAGES * COINS).to_string(), COINS.to_string());
    let env = [
        ("COINPIPE__FETCH__BASE_URL", url.as_str()),
        ("COINPIPE__FETCH__API_KEY", "key"),
        ("COINPIPE__FETCH__EVERY", &every),
        ("COINPIPE__FETCH__LIMIT", &limit),
        ("COINPIPE__FETCH__PAGE_SIZE", &page_size),
        ("COINPIPE__QUEUE__URL", queue_url),
        ("COINPIPE__LOG__LEVEL", "info,fetcher=debug"),
    ];
    Worker::start(place, "fetcher", &env)
}

/// The ids in the archive as a reader finds them who takes one page at a time: nobody merges repeats for it.
async fn archived(place: &Place) -> Vec<String> {
    let reading = async {
        let (mut position, mut ids) = (0, Vec::new());
        while let Some(page) = place.archive.read(position, 1).await.expect("it can be read").pop() {
            position = page.position;
            ids.push(page.message.id.to_string());
        }
        ids
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the archive has an end")
}

/// So many snapshots were fetched, once, and all of them is where it should be, once.
async fn check(place: &Place, api: &Simulator, snapshots: usize) {
    place.until_complete(snapshots).await;
    let batches = place.store.ledger().batches(1000).await.expect("the ledger can be read");
    assert_eq!(batches.len(), snapshots, "{batches:#?}");
    let coins = u64::from(PAGES * COINS);
    for batch in &batches {
        assert_eq!((batch.pages, batch.coins_in, batch.rejected), (Some(PAGES), coins, 0), "{batch:#?}");
    }
    let tables = place.store.tables().await;
    let latest: BTreeSet<_> = tables.latest.iter().map(|quote| quote.coin_id).collect();
    assert_eq!((tables.coins.len(), latest.len()), ((PAGES * COINS) as usize, (PAGES * COINS) as usize));
    assert_eq!(place.letters().await, Vec::<String>::new());
    let paid = api.requests().iter().filter(|seen| seen.path.ends_with("/listings/latest")).count();
    assert_eq!(paid, snapshots * PAGES as usize, "each page is paid for once");
    let pages = batches.iter().flat_map(|batch| (1..=PAGES).map(|page| batch.id.page_id(page).to_string()));
    let mut pages: Vec<String> = pages.collect();
    let mut archived = archived(place).await;
    pages.sort_unstable();
    archived.sort_unstable();
    assert_eq!(archived, pages, "the archive has each page once");
}

/// What an operator does to the queue, and what the broker said to pages meanwhile.
struct Operator<'a> {
    servers: &'a Servers,
    place: &'a Place,
    transformers: [Worker; 2],
    dice: Dice,
    /// Pages that the broker took.
    confirmed: u32,
    returned: u32,
}

impl Operator<'_> {
    fn ctl(&self, args: &[&str]) -> String {
        tokio::task::block_in_place(|| self.servers.broker.ctl(args)).expect("it is done")
    }

    fn note(&mut self, answer: Option<Answer>) {
        match answer {
            Some(Answer::Confirmed) => self.confirmed += 1,
            Some(Answer::Returned) => self.returned += 1,
            Some(Answer::Refused) | None => {}
        }
    }

    /// All that the broker confirmed is loaded. Whoever still holds a page needs it no more.
    async fn until_loaded(&self) {
        let mut loaded = None;
        let all = async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while loaded != Some(u64::from(self.confirmed * COINS)) {
                look.tick().await;
                let batches = self.place.store.ledger().batches(1000).await.expect("it can be read");
                loaded = Some(batches.iter().map(|batch| batch.coins_in).sum());
            }
        };
        if tokio::time::timeout(DEADLINE, all).await.is_err() {
            let (taken, dump) = (self.confirmed, self.place.dump().await);
            panic!("{loaded:?} coins of {taken} pages, which the broker took, are loaded\n{dump}");
        }
    }

    /// Deletes the queue while `page` comes. Transformers declare it anew as soon as they notice: mostly they sleep.
    async fn delete_before(&mut self, page: Arrival) {
        self.until_loaded().await;
        let asleep = self.dice.below(4) > 0;
        if asleep {
            self.signal("STOP").await;
        }
        self.ctl(&["delete_queue", "coinpipe.raw"]);
        let answer = page.let_in().await;
        self.note(answer);
        if asleep {
            self.signal("CONT").await;
        }
    }

    async fn signal(&self, name: &str) {
        for transformer in &self.transformers {
            signal(&transformer.child, name).await;
        }
    }
}

mod private_servers {
    use super::*;

    /// Snapshots during which the queue is deleted, and how often during each; a page that is returned comes again later
    /// each time.
    const SNAPSHOTS: usize = 3;
    const DELETIONS: usize = 3;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_queue_of_pages_is_filled_and_deleted_while_they_come() {
        let Some(servers) = Servers::start().await else { return };
        let place = Place::on(&servers, 1000).await;
        let mut gate = Gate::before(servers.broker.port(), "coinpipe.raw.pages").await;
        // A connection on which a page stands at the gate is silent.
        let patient = format!("amqp://lab:lab@127.0.0.1:{}/%2f?heartbeat=60", gate.port());
        let api = api().await;
        let [loader, alerter] = ["loader", "alerter"].map(|name| Worker::start(&place, name, &[]));

        let tiny = ["set_policy", "tiny", r"^coinpipe\.raw$", r#"{"max-length":3}"#];
        tokio::task::block_in_place(|| servers.broker.ctl(&tiny)).expect("a policy");
        let first = fetcher(&place, &api, &patient);
        let (mut confirmed, mut refused) = (0, 0);
        while refused < 4 {
            match gate.next().await.let_in().await {
                Some(Answer::Confirmed) => confirmed += 1,
                Some(Answer::Refused) => refused += 1,
                other => panic!("the queue is there: {other:?}"),
            }
        }
        // Whoever stands there has seen to all before it.
        let again = gate.next().await;
        assert_eq!(archived(&place).await.len(), confirmed as usize, "what was refused {refused} times");
        let transformers = ["transformer"; 2].map(|name| Worker::start(&place, name, &[]));
        let dice = Dice::new(3);
        let mut operator =
            Operator { servers: &servers, place: &place, transformers, dice, confirmed, returned: 0 };
        operator.ctl(&["clear_policy", "tiny"]);
        let answer = again.let_in().await;
        operator.note(answer);

        let mut first = Some(first);
        for snapshot in 0..=SNAPSHOTS {
            let fetcher = first.take().unwrap_or_else(|| fetcher(&place, &api, &patient));
            let deletions = if snapshot > 0 { DELETIONS } else { 0 };
            let mut hit = BTreeSet::new();
            while hit.len() < deletions {
                hit.insert(operator.dice.below(PAGES as usize));
            }
            let mut arrivals = 0;
            loop {
                let page = tokio::select! {
                    page = gate.next() => page,
                    () = fetcher.until_said("published a batch") => break,
                };
                if hit.contains(&arrivals) {
                    operator.delete_before(page).await;
                } else {
                    let answer = page.let_in().await;
                    operator.note(answer);
                }
                arrivals += 1;
            }
            fetcher.stop().await;
        }
        assert!(operator.returned > 0, "no page came while the queue was not there");
        check(&place, &api, 1 + SNAPSHOTS).await;
        place.until_empty().await;
        let aside = operator.ctl(&["list_queues", "name", "messages"]);
        for queue in ["coinpipe.raw.unarchived", "coinpipe.unroutable"] {
            let line = aside.lines().find(|line| line.split_whitespace().next() == Some(queue));
            assert_eq!(line.and_then(|line| line.split_whitespace().nth(1)), Some("0"), "{queue}: {aside}");
        }
        dismiss(operator.transformers.into()).await;
        dismiss(vec![loader, alerter]).await;
        api.stop().await;
    }
}

/// A queue that is a table is not deleted, and is full when the disk is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_full_while_pages_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Disk::mount(folder.path()) else { return };
    let place = Place::embedded_in(folder.path(), 1000).await;
    // For the claim of the slot and some of the pages.
    disk.fill_but(128 << 10);
    let api = api().await;
    let fetcher = fetcher(&place, &api, &place.queue_url);
    fetcher.until_said_times(AGAIN, 3).await;
    let waiting = place.queue.depth(QueueName::Raw).await.expect("it can be read").total();
    assert!(waiting < u64::from(PAGES), "there was room for all {waiting}");
    assert_eq!(archived(&place).await.len() as u64, waiting, "what did not fit was archived");
    disk.clear();
    fetcher.until_said("published a batch").await;
    fetcher.stop().await;
    let crew = crew(&place);
    check(&place, &api, 1).await;
    place.until_empty().await;
    dismiss(crew).await;
    api.stop().await;
}
