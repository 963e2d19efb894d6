//! `coinpipe verify`: what somebody deleted from the tables, or a restored backup does not have, is named and brought back.

use domain::Origin;
use ports::QueueName;
use serde_json::Value;
use sqlkit::Client;
use tokio::time::Instant;

use crate::market::page_of;
use crate::place::{Place, Servers, compare};
use crate::sharing::{deadline, size};
use crate::workers::{Worker, crew, dismiss};

/// Coins in each snapshot: four chunks.
const COINS: u32 = 200;

/// Snapshots in the archive.
const BATCHES: u32 = 8;

/// The database, to be spoiled.
pub(crate) fn client(place: &Place) -> Client {
    match place.store_url.strip_prefix("sqlite://") {
        Some(path) => Client::Sqlite(path.into()),
        None => Client::Mysql(place.store_url.clone()),
    }
}

fn batch(hour: u32) -> String {
    format!("2026-11-22T{hour:02}:00:00Z/listings/USD")
}

/// What is wrong, by `verify --json`: batch, page, chunk, and what.
pub(crate) fn wrong(report: &Value) -> Vec<(String, u64, u64, String)> {
    let list = report["wrong"].as_array().expect("a list").iter();
    list.map(|wrong| {
        let number = |name: &str| wrong[name].as_u64().unwrap_or(0);
        let text = |name: &str| wrong[name].as_str().expect("a text").to_owned();
        (text("batch"), number("page"), number("chunk"), text("what"))
    })
    .collect()
}

pub(crate) async fn verified(place: &Place, args: &[&str]) -> (Option<i32>, Value) {
    let (code, said) = Worker::ask(place, &[&["verify", "--json"], args].concat()).await;
    (code, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_what_was_deleted_is_named_and_brought_back() {
    what_was_deleted_is_named_and_brought_back(Place::embedded(1000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_what_was_deleted_is_named_and_brought_back() {
    let Some(servers) = Servers::start().await else { return };
    what_was_deleted_is_named_and_brought_back(Place::on(&servers, 1000).await).await;
}

#[expect(clippy::print_stderr, reason = "`cargo xtask chaos` shows it")]
async fn what_was_deleted_is_named_and_brought_back(place: Place) {
    let (batches, coins) = (size("COINPIPE_CHAOS_BATCHES", BATCHES), size("COINPIPE_CHAOS_COINS", COINS));
    let workers = crew(&place);
    place.publish(0..batches, coins).await;
    place.until_complete_within(batches as usize, deadline(batches * coins)).await;
    place.until_empty().await;
    dismiss(workers).await;
    let whole = place.store.tables().await;
    let started = Instant::now();
    let (code, report) = verified(&place, &[]).await;
    eprintln!("{batches} batches of {coins} coins were verified in {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!((code, wrong(&report)), (Some(0), Vec::new()), "{report:#}");
    assert_eq!(report["quotes"], u64::from(batches) * u64::from(coins));
    assert_eq!(report["batches"], batches);

    let instant = |hour: u32| {
        if place.is_embedded() {
            format!("'2026-11-22T{hour:02}:00:00.000Z'")
        } else {
            format!("'2026-11-22 {hour:02}:00:00'")
        }
    };
    let client = client(&place);
    let rows = |hour, from, to| {
        format!(
            "DELETE FROM history WHERE last_updated = {} AND coin_id BETWEEN {from} AND {to}",
            instant(hour)
        )
    };
    for sql in [
        rows(3, 51, 100),
        // Coin 2 has not changed since the first: its row names the newest.
        rows(5, 1, 50),
        rows(7, 151, 200),
        format!(
            "DELETE FROM quotes_latest WHERE coin_id BETWEEN 151 AND 200 AND last_updated <= {}",
            instant(7)
        ),
        format!("DELETE FROM batch_chunks WHERE batch_id = '{}' AND chunk = 2", batch(1)),
        format!("DELETE FROM batch_chunks WHERE batch_id = '{}' AND chunk = 3", batch(6)),
    ] {
        client.execute(&sql).await;
    }
    let five =
        [(1, 2, "no_line"), (3, 2, "no_rows"), (5, 1, "no_rows"), (6, 3, "no_line"), (7, 4, "no_rows")];
    let five = five.map(|(hour, chunk, what)| (batch(hour), 1, chunk, what.to_owned()));
    let (code, report) = verified(&place, &[]).await;
    assert_eq!((code, wrong(&report)), (Some(1), five.to_vec()), "{report:#}");
    assert_eq!(report["wrong"][2]["quotes"], 49, "{report:#}");
    let (_, of_one) = verified(&place, &["--batch", &batch(5)]).await;
    assert!(wrong(&of_one).contains(&five[2]), "{of_one:#}");
    let (code, table) = Worker::ask(&place, &["verify", "--from", "2026-11-22T07:00:00Z"]).await;
    assert!(code == Some(1) && table.contains("50 of 50 quotes are not in the history"), "{table}");

    let workers = if place.is_embedded() { Vec::new() } else { crew(&place) };
    let (code, report) = verified(&place, &["--repair"]).await;
    assert_eq!((code, wrong(&report)), (Some(0), five.to_vec()), "{report:#}");
    assert!(report["wrong"].as_array().is_some_and(|all| all.iter().all(|one| one["repaired"] == true)));
    compare(&place.store.tables().await, &whole);
    let (code, report) = verified(&place, &["--repair"]).await;
    assert_eq!((code, wrong(&report)), (Some(0), Vec::new()), "{report:#}");
    assert_eq!(Worker::print(&place, &["batches", "--json", "--incomplete"]).await.trim(), "[]");
    assert_eq!(place.letters().await, Vec::<String>::new());
    dismiss(workers).await;
}

/// What was never loaded, what is only in `quotes_latest` missing, and what nobody can bring back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_absent_rightly_is_not_called_missing() {
    let place = Place::embedded(1000).await;
    let workers = crew(&place);
    place.publish(0..4, COINS).await;
    place.until_complete(4).await;
    place.until_empty().await;
    dismiss(workers).await;
    Worker::print(&place, &["batches", "drop", &batch(3), "--why", "a try", "--yes"]).await;
    let (code, report) = verified(&place, &[]).await;
    assert_eq!((code, wrong(&report)), (Some(0), Vec::new()), "{report:#}");
    assert_eq!((&report["pages_dropped"], &report["batches"]), (&1.into(), &3.into()));

    // The database refused a coin when it was loaded, and says so; the history is too short for the first two.
    let client = client(&place);
    client.execute("DELETE FROM history WHERE coin_id = 77").await;
    client.execute("UPDATE batch_chunks SET rejected = rejected + 1 WHERE chunk = 2").await;
    let (code, report) = verified(&place, &[]).await;
    assert_eq!((code, &report["coins_refused"]), (Some(0), &3.into()), "{report:#}");
    client.execute("DELETE FROM history WHERE coin_id = 78").await;
    let (code, report) = verified(&place, &[]).await;
    assert_eq!((code, wrong(&report).len()), (Some(1), 3), "one more than it refused: {report:#}");
    assert_eq!(verified(&place, &["--repair"]).await.0, Some(0));

    client.execute("DELETE FROM quotes_latest WHERE coin_id = 5").await;
    let (code, report) = verified(&place, &[]).await;
    assert_eq!(
        (code, wrong(&report)),
        (Some(1), vec![(batch(2), 1, 1, "not_latest".to_owned())]),
        "{report:#}"
    );

    // Two more come, of which one is in the archive and still in the queue, and one in the history alone.
    let page = page_of(5, COINS, Origin::Live);
    place.publish_one(QueueName::Raw, page).await;
    client.execute(&format!(
        "DELETE FROM queue_archive WHERE id LIKE '{0}%'; DELETE FROM batch_chunks WHERE batch_id = '{0}'; \
         DELETE FROM batches WHERE id = '{0}'",
        batch(1)
    )).await;
    let (code, report) = verified(&place, &["--repair"]).await;
    assert_eq!(code, Some(1), "{report:#}");
    let all = wrong(&report);
    let unknown = (batch(1), 0, 0, "unknown_batch".to_owned());
    assert!(all.contains(&unknown) && all.contains(&(batch(5), 1, 4, "not_loaded".to_owned())), "{report:#}");
    let left: Vec<_> =
        report["wrong"].as_array().expect("a list").iter().filter(|one| one["repaired"] == false).collect();
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!((&left[0]["what"], &left[0]["in_archive"]), (&"unknown_batch".into(), &false.into()));
}
