//! `coinpipe replay`: the archive fills an empty store while live work goes on and workers die.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{Class, DeadLetter, Message};
use ports::store::BatchRecord;
use ports::{Clock, Queue, QueueName, Settlement, SystemClock};
use testkit::contract::store::sample::Dice;

use tokio::time::Instant;

use crate::place::{Place, Servers, compare};
use crate::sharing::{deadline, size};
use crate::workers::{Worker, crew, dismiss};

/// Coins in each snapshot: four chunks.
const COINS: u32 = 200;
/// Snapshots in the archive.
const OLD: u32 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_a_replay_fills_an_empty_store() {
    a_replay_fills_an_empty_store(Place::embedded(1000).await, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_a_replay_fills_an_empty_store() {
    let Some(servers) = Servers::start().await else { return };
    a_replay_fills_an_empty_store(Place::on(&servers, 1000).await, Some(&servers)).await;
}

#[expect(clippy::print_stderr, reason = "`cargo xtask chaos` shows it")]
async fn a_replay_fills_an_empty_store(first: Place, servers: Option<&Servers>) {
    let (old, coins) = (size("COINPIPE_CHAOS_BATCHES", OLD), size("COINPIPE_CHAOS_COINS", COINS));
    // Those that come while the old ones are replayed.
    let all = old + 4;
    let deadline = deadline(all * coins);
    let workers = crew(&first);
    first.publish(0..old, coins).await;
    first.until_complete_within(old as usize, deadline).await;
    first.until_empty().await;
    dismiss(workers).await;

    let place = first.with_empty_store(servers).await;
    if servers.is_some() {
        // With RabbitMQ somebody else has to do the work.
        let mut alone = Worker::operate(&place, &["replay", "--all"]);
        alone.until_said("are a transformer and a loader running?").await;
        crate::process::signal(&alone.child, "INT").await;
        assert_eq!(alone.ended().await, Some(0), "{}", alone.log());
    }
    let mut workers = crew(&place);
    let mut dice = Dice::new(7);
    let mut peaks = BTreeMap::new();
    let killing = async {
        let mut often = tokio::time::interval(Duration::from_millis(700));
        loop {
            often.tick().await;
            let worker = &mut workers[dice.below(4)];
            let peak: &mut u64 = peaks.entry(worker.name).or_default();
            *peak = worker.peak_memory().max(*peak);
            worker.kill9().await;
            *worker = Worker::start(&place, worker.name, &[]);
        }
    };
    let started = Instant::now();
    let mut peak = 0;
    let replaying = async {
        let mut replay = Worker::operate(&place, &["replay", "--all"]);
        place.publish(old..all, coins).await;
        let mut look = tokio::time::interval(Duration::from_millis(100));
        let code = loop {
            peak = replay.peak_memory().max(peak);
            tokio::select! {
                code = replay.ended_within(deadline) => break code,
                _ = look.tick() => {}
            }
            assert!(started.elapsed() < deadline, "the replay does not end:\n{}", replay.log());
        };
        assert_eq!(code, Some(0), "{}", replay.log());
        // Again, in any order and half of them twice, with everything there.
        let pages = archived(&place).await;
        assert_eq!(pages.len(), all as usize, "a replay must not enter the archive");
        for mut page in Dice::new(8).shuffle_with_repeats(&pages) {
            page.headers.set(domain::header::ORIGIN, domain::Origin::Replay);
            place.publish_one(QueueName::Raw, page).await;
        }
        place.until_replayed(old as usize, 2, deadline).await;
        place.until_replayed(all as usize, 1, deadline).await;
        place.until_empty_within(deadline).await;
    };
    tokio::select! {
        () = killing => unreachable!("it kills for ever"),
        () = replaying => {}
    }
    eprintln!(
        "{all} batches of {coins} coins were replayed twice in {:.0} s; memory in MiB: replay {peak}, {peaks:?}",
        started.elapsed().as_secs_f64()
    );
    place.check_tables(all, coins).await;
    assert_eq!(archived(&place).await.len(), all as usize, "a replay must not enter the archive");
    dismiss(workers).await;
}

/// All pages in the archive.
async fn archived(place: &Place) -> Vec<Message> {
    let mut pages = Vec::new();
    let mut position = 0;
    loop {
        let read = place.archive.read(position, 10).await.expect("the archive can be read");
        let Some(last) = read.last() else { return pages };
        position = last.position;
        pages.extend(read.into_iter().map(|page| page.message));
    }
}

/// Retention overtakes a slow replay: it ends with what it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_ends_when_the_archive_forgets_what_it_reads() {
    let place = Place::embedded(1000).await;
    let workers = crew(&place);
    place.publish(0..6, COINS).await;
    place.check(6, COINS).await;
    // A page a second, of which four are read at once.
    let mut replay = Worker::operate(&place, &["replay", "--all", "--rate", "60"]);
    place.until_replayed(1, 1, crate::process::DEADLINE).await;
    let database = sqlite::Database::open_url(&place.queue_url).await.expect("the file opens");
    let options = sqlite::QueueOptions { archive_max_bytes: 1, ..sqlite::QueueOptions::default() };
    let small = sqlite::SqliteQueue::open(database, options, Arc::new(SystemClock)).await.expect("a queue");
    let newest = crate::market::page_of(6, COINS, domain::Origin::Live);
    small.publish(QueueName::Raw, &[newest]).await.expect("it is published");
    assert_eq!(replay.ended().await, Some(0), "{}", replay.log());
    assert!(replay.log().contains("the archive forgot pages"), "{}", replay.log());
    dismiss(workers).await;
}

/// What a frozen worker holds is in no queue that can be seen, and not in the tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_a_replay_waits_for_what_workers_hold() {
    let Some(servers) = Servers::start().await else { return };
    let place = Place::on(&servers, 1000).await;
    let workers = crew(&place);
    place.publish(0..1, COINS).await;
    place.check(1, COINS).await;
    dismiss(workers).await;
    let transformer = Worker::start(&place, "transformer", &[]);
    let frozen = Worker::start(&place, "loader", &[]);
    frozen.until_said("connected to RabbitMQ").await;
    crate::process::signal(&frozen.child, "STOP").await;
    let mut replay = Worker::operate(&place, &["replay", "--all"]);
    transformer.until_said("cleaned page").await;
    // The broker takes them from the frozen one, when it misses its heartbeats, and nobody else wants them.
    place.until_waiting(QueueName::Rows, 4).await;
    crate::process::signal(&frozen.child, "CONT").await;
    assert_eq!(replay.ended().await, Some(0), "{}", replay.log());
    let batches = place.store.ledger().batches(1).await.expect("the ledger can be read");
    assert_eq!(batches[0].replays, 1, "it ended too early: {batches:#?}");
    dismiss(vec![transformer, frozen]).await;
}

/// What is published is loaded; what was not goes on where it was stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_interrupted_says_how_to_go_on() {
    let first = Place::embedded(1000).await;
    let workers = crew(&first);
    first.publish(0..OLD, COINS).await;
    first.check(OLD, COINS).await;
    dismiss(workers).await;

    let place = first.with_empty_store(None).await;
    // One page at once, then one a minute.
    let slow = Worker::operate(&place, &["replay", "--all", "--rate", "1"]);
    place.until_loaded(1).await;
    crate::process::signal(&slow.child, "INT").await;
    let mut slow = slow;
    assert_eq!(slow.ended().await, Some(0), "{}", slow.log());
    let log = slow.log();
    let position = log
        .split("--after ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_else(|| panic!("{log}"));
    assert_eq!(position, "1");
    let mut rest = Worker::operate(&place, &["replay", "--all", "--after", position]);
    assert_eq!(rest.ended().await, Some(0), "{}", rest.log());
    place.check_tables(OLD, COINS).await;
}

/// A batch whose page is no page any more is named; the others are loaded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_names_what_could_not_be_loaded() {
    let place = Place::embedded(1000).await;
    place.publish(0..2, COINS).await;
    let mut broken = crate::market::page_of(2, COINS, domain::Origin::Live);
    broken.body = b"not zstd"[..].into();
    place.queue.publish(QueueName::Raw, &[broken]).await.expect("it is published");
    let mut replay = Worker::operate(&place, &["replay", "--from", "2026-11-22", "--to", "2026-11-23"]);
    assert_eq!(replay.ended().await, Some(1), "{}", replay.log());
    assert!(
        replay.log().contains("not loaded: page 1 of 2026-11-22T02:00:00Z/listings/USD;"),
        "{}",
        replay.log()
    );
    let batches = place.store.ledger().batches(100).await.expect("the ledger can be read");
    assert_eq!(batches.iter().filter(|batch| BatchRecord::is_complete(batch)).count(), 2, "{batches:#?}");
}

/// What older rules made of a page stays until a rebuild is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_replaces_what_older_rules_made() {
    let place = Place::embedded(1000).await;
    for batch in 0..2 {
        for mut chunk in crate::oracle::chunks(batch, COINS).await {
            for row in &mut chunk.rows {
                row.quotes[0].numbers[domain::Measure::Price as usize] = Some(0.5);
            }
            place.store.store().load(&chunk).await.expect("it is loaded");
        }
    }
    let old = place.store.tables().await;
    place.publish(0..2, COINS).await;
    let mut replay = Worker::operate(&place, &["replay", "--all"]);
    assert_eq!(replay.ended().await, Some(0), "{}", replay.log());
    compare(&place.store.tables().await, &old);
    let mut rebuild = Worker::operate(&place, &["replay", "--all", "--rebuild"]);
    assert_eq!(rebuild.ended().await, Some(0), "{}", rebuild.log());
    place.check_tables(2, COINS).await;
}

/// Pages move to another system as files; a file that is none is named and holds up nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exported_pages_fill_another_system() {
    let first = Place::embedded(1000).await;
    first.publish(0..OLD, COINS).await;
    let exported = first.folder.path().join("pages");
    let folder = exported.to_str().expect("a path in UTF-8");
    let mut export = Worker::operate(&first, &["archive", "export", "--to", "2026-11-22T03:00:00Z", folder]);
    assert_eq!(export.ended().await, Some(0), "{}", export.log());
    assert_eq!(std::fs::read_dir(&exported).expect("a folder").count(), 3);
    // What is there is written again.
    let mut export = Worker::operate(&first, &["archive", "export", "--all", folder]);
    assert_eq!(export.ended().await, Some(0), "{}", export.log());
    assert_eq!(std::fs::read_dir(&exported).expect("a folder").count(), OLD as usize);

    let second = Place::embedded(1000).await;
    let mut replay = Worker::operate(&second, &["replay", "--files", folder]);
    assert_eq!(replay.ended().await, Some(0), "{}", replay.log());
    second.check_tables(OLD, COINS).await;
    assert_eq!(second.archive.read(0, 1).await.expect("the archive can be read"), []);

    std::fs::write(exported.join("z-broken.json"), "<html>").expect("it is written");
    let pattern = format!("{folder}/*.json*");
    let mut again =
        Worker::operate(&second, &["replay", "--files", &pattern, "--from", "2026-11-22T03:00:00Z"]);
    assert_eq!(again.ended().await, Some(1), "{}", again.log());
    assert!(again.log().contains("z-broken.json: it is no listing"), "{}", again.log());
    assert!(again.log().contains("1 file holds no page"), "{}", again.log());
    second.check_tables(OLD, COINS).await;
    let batches = second.store.ledger().batches(100).await.expect("the ledger can be read");
    let replays: Vec<_> = batches.iter().rev().map(|batch| batch.replays).collect();
    assert_eq!(replays, [1, 1, 1, 2, 2, 2, 2, 2, 2, 2]);

    let mut nothing = Worker::operate(&second, &["replay", "--files", "/nowhere/*.json"]);
    assert_eq!(nothing.ended().await, Some(2), "{}", nothing.log());
}

/// A rows message that is dropped on purpose, and one that is a dead letter: the ledger says what and where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_names_the_chunk_that_is_missing_and_where_it_is() {
    let place = Place::embedded(1000).await;
    place.publish(0..2, COINS).await;
    let transformer = Worker::start(&place, "transformer", &[]);
    place.until_empty_of(QueueName::Raw).await;
    transformer.stop().await;
    let mut consumer = place.queue.consume(QueueName::Rows, 100).await.expect("it can be consumed");
    let mut others = Vec::new();
    for _ in 0..10 {
        let delivery = consumer.next().await.expect("four chunks and an announcement each");
        let message = delivery.message();
        if message.id.as_str() == "2026-11-22T00:00:00Z/listings/USD/p1/c3" {
            delivery.settle(Settlement::Done).await.expect("it is dropped");
        } else if message.id.as_str() == "2026-11-22T01:00:00Z/listings/USD/p1/c2" {
            let (stage, now) = (domain::StageName::Loader, SystemClock.now());
            let letter = DeadLetter::for_message(message, stage, Class::Poison, "test", "on purpose", now);
            delivery.settle(Settlement::DeadLetter(Box::new(letter))).await.expect("it is a letter");
        } else {
            others.push(delivery);
        }
    }
    drop((others, consumer));
    place.queue.flush().await;
    let crew = crew(&place);
    place.until_empty().await;
    dismiss(crew).await;

    let batches = Worker::print(&place, &["batches", "--json", "--incomplete"]).await;
    let batches: serde_json::Value = serde_json::from_str(&batches).expect("JSON");
    assert_eq!(batches.as_array().map(Vec::len), Some(2), "{batches:#}");
    let letter = "dead letter dead/loader/2026-11-22T01:00:00Z/listings/USD/p1/c2";
    assert_eq!(batches[0]["missing"], serde_json::json!(["page 1 chunk 2 of 4"]));
    assert_eq!(batches[0]["missing_at"], serde_json::json!({"page 1 chunk 2 of 4": letter}));
    assert_eq!(batches[1]["missing"], serde_json::json!(["page 1 chunk 3 of 4"]));
    let place_of_it = batches[1]["missing_at"]["page 1 chunk 3 of 4"].as_str().unwrap_or_default();
    let advice = "coinpipe replay --batch 2026-11-22T00:00:00Z/listings/USD";
    assert!(place_of_it.contains(advice), "{batches:#}");

    for batch in ["2026-11-22T00:00:00Z/listings/USD", "2026-11-22T01:00:00Z/listings/USD"] {
        let mut replay = Worker::operate(&place, &["replay", "--batch", batch]);
        assert_eq!(replay.ended().await, Some(0), "{}", replay.log());
    }
    compare(&place.store.tables().await, &crate::oracle::tables(0..2, COINS).await);
    assert_eq!(Worker::print(&place, &["batches", "--json", "--incomplete"]).await.trim(), "[]");
}

/// A batch that was never fetched whole is loaded as far as it goes; a batch that is not there is a mistake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_tells_what_is_not_in_the_archive() {
    let place = Place::embedded(1000).await;
    let mut page = crate::market::page_of(0, COINS, domain::Origin::Live);
    page.headers.set(domain::header::PAGES, 3);
    place.queue.publish(QueueName::Raw, &[page]).await.expect("it is published");
    let mut replay = Worker::operate(&place, &["replay", "--all"]);
    assert_eq!(replay.ended().await, Some(0), "{}", replay.log());
    let said = "only 1 of the 3 pages of 2026-11-22T00:00:00Z/listings/USD were there";
    assert!(replay.log().contains(said), "{}", replay.log());
    place.check_tables(1, COINS).await;

    let mut nothing = Worker::operate(&place, &["replay", "--batch", "2026-11-22T09:00:00Z/listings/USD"]);
    assert_eq!(nothing.ended().await, Some(1), "{}", nothing.log());
    assert!(
        nothing.log().contains("no page of batch 2026-11-22T09:00:00Z/listings/USD"),
        "{}",
        nothing.log()
    );
    // What never was in the archive is not looked for there.
    let (code, said) =
        Worker::ask_all(&place, &["replay", "--batch", "2026-11-22T09:00:00Z/legacy-coins/USD"]).await;
    assert!(code == Some(1) && said.contains("what was imported is in no archive"), "{said}");
}

/// The field case 21: what a replay cleaned is told, and what of it is in no table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coins_that_a_replay_rejects_are_told_and_end_it_with_1() {
    let place = Place::embedded(1000).await;
    let workers = crew(&place);
    place.publish(0..1, 50).await;
    let page = crate::market::page_of(1, 50, domain::Origin::Live);
    let body = domain::decompress_body(&page.body).expect("a page");
    let body = String::from_utf8(body).expect("text").replace("\"price\":", "\"price\":-");
    let bad = Message { body: domain::compress_body(body.as_bytes()).into(), ..page };
    for (queue, message) in [(QueueName::Raw, bad), (QueueName::Rows, crate::market::announcement(1))] {
        place.publish_one(queue, message).await;
    }
    place.until_complete(2).await;
    place.until_empty_of(QueueName::Rows).await;
    dismiss(workers).await;
    let (code, said) = Worker::ask_all(&place, &["replay", "--all"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("2 pages of 2 batches, 100 coins") && said.contains("rejected  50 of them"),
        "{said}"
    );
    let (code, said) = Worker::ask(&place, &["replay", "--batch", "2026-11-22T00:00:00Z/listings/USD"]).await;
    assert!(code == Some(0) && !said.contains("rejected"), "{said}");
}
