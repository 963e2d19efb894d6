//! A drop that fails half-way, and rows of a dropped batch that come from elsewhere: told by `batches` and `verify`, and taken out.

use crate::drops::batches;
use crate::oracle::tables;
use crate::place::{Place, Servers, compare};
use crate::verify::{client, verified, wrong};
use crate::workers::{Worker, crew, dismiss};

/// Coins in each snapshot.
const COINS: u32 = 200;

/// The snapshot that is dropped, and the one before it.
const BAD: &str = "2026-11-22T02:00:00Z/listings/USD";
const BEFORE: &str = "2026-11-22T01:00:00Z/listings/USD";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_a_drop_that_failed_is_told_and_finished() {
    a_drop_that_failed_is_told_and_finished(Place::embedded(1000).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_a_drop_that_failed_is_told_and_finished() {
    let Some(servers) = Servers::start().await else { return };
    a_drop_that_failed_is_told_and_finished(Place::on(&servers, 1000).await).await;
}

async fn a_drop_that_failed_is_told_and_finished(place: Place) {
    let workers = crew(&place);
    place.publish(0..3, COINS).await;
    place.until_complete(3).await;
    place.until_empty().await;
    // On servers they do the rebuilding.
    let workers = if place.is_embedded() {
        dismiss(workers).await;
        Vec::new()
    } else {
        workers
    };
    let client = client(&place);
    client
        .execute(if place.is_embedded() {
            "CREATE TRIGGER no_deletes BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'not now'); END"
        } else {
            "CREATE TRIGGER no_deletes BEFORE DELETE ON history FOR EACH ROW \
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not now'"
        })
        .await;
    let order = ["batches", "drop", BAD, "--why", "a try", "--yes"];
    let (code, said) = Worker::ask_all(&place, &order).await;
    assert_eq!(code, Some(1), "{said}");
    let record = &batches(&place).await[0];
    assert_eq!((record["half_dropped"].as_bool(), record["complete"].as_bool()), (Some(true), Some(false)));
    let (_, table) = Worker::ask_all(&place, &["batches", "--incomplete"]).await;
    assert!(table.contains("half dropped") && table.contains("goes on"), "{table}");
    let not_out = (BAD.to_owned(), 0, 0, "not_out".to_owned());
    let (code, report) = verified(&place, &[]).await;
    // Of coin 2 all have the same quote, which names the one that is half out.
    assert!(code == Some(1) && wrong(&report).last() == Some(&not_out), "{report:#}");
    assert_eq!(report["wrong"][1]["quotes"], COINS, "{report:#}");
    // Of another span nothing is said.
    let (_, report) = verified(&place, &["--batch", BEFORE]).await;
    assert!(!wrong(&report).contains(&not_out), "{report:#}");
    client.execute("DROP TRIGGER no_deletes").await;

    let (code, said) = Worker::ask_all(&place, &order).await;
    assert!(code == Some(0) && said.contains("Rebuilt"), "{said}");
    compare(&place.store.tables().await, &tables(0..2, COINS).await);
    assert_eq!(batches(&place).await[0]["half_dropped"].as_bool(), Some(false));
    assert_eq!(Worker::print(&place, &["batches", "--json", "--incomplete"]).await.trim(), "[]");
    assert_eq!(verified(&place, &[]).await.0, Some(0));

    // From a backup, say, or by a loader of an older version: the ledger does not know of them.
    let number = |id: &str| format!("(SELECT number FROM batch_numbers WHERE batch_id = '{id}')");
    let fetched_at = if place.is_embedded() { "2026-11-22T02:00:01.000Z" } else { "2026-11-22 02:00:01.000" };
    for sql in [
        format!(
            "UPDATE history SET batch = {}, fetched_at = '{fetched_at}' WHERE batch = {} AND coin_id = 7",
            number(BAD),
            number(BEFORE)
        ),
        format!("UPDATE quotes_latest SET batch_id = '{BAD}', fetched_at = '{fetched_at}' WHERE coin_id = 9"),
    ] {
        client.execute(&sql).await;
    }
    let (code, report) = verified(&place, &["--repair"]).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert!(wrong(&report).contains(&not_out), "{report:#}");
    assert!(report["wrong"].as_array().is_some_and(|all| all.iter().all(|one| one["repaired"] == true)));
    compare(&place.store.tables().await, &tables(0..2, COINS).await);
    assert_eq!(verified(&place, &[]).await.0, Some(0));
    assert_eq!(place.letters().await, Vec::<String>::new());
    dismiss(workers).await;
}
