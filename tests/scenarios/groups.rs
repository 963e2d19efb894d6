//! A loader that is killed while it writes several chunks in one transaction.

use std::time::Duration;

use ports::QueueName;
use sqlkit::Client;

use crate::place::{Place, Servers};
use crate::process::DEADLINE;
use crate::workers::Worker;

/// How many chunks wait: those of a page of [`COINS`].
const CHUNKS: u64 = 8;
const COINS: u32 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_servers_a_loader_killed_in_the_middle_of_a_group_loses_and_doubles_nothing() {
    let Some(servers) = Servers::start().await else { return };
    let place = Place::on(&servers, 1000).await;
    let transformer = Worker::start(&place, "transformer", &[]);
    let loader = Worker::start(&place, "loader", &[]);
    place.publish(0..1, COINS).await;
    place.until_complete(1).await;
    loader.stop().await;
    place.publish(1..2, COINS).await;
    place.until_waiting(QueueName::Rows, CHUNKS + 1).await;

    // The newest quotes come last, so what waits for one of them has written all the rest.
    let client = Client::Mysql(place.store_url.clone());
    let held = client.hold("SELECT * FROM quotes_latest ORDER BY coin_id DESC LIMIT 1 FOR UPDATE").await;
    let mut loader = Worker::start(&place, "loader", &[]);
    let written = until_it_waits(&client).await;
    assert!(written > u64::from(COINS), "{written} rows are those of one chunk: {}", loader.log());
    loader.kill9().await;
    // What is committed are whole chunks: those before the group.
    let (chunks, quotes) =
        (of_newest(&client, "batch_chunks").await, of_newest(&client, "quotes_history").await);
    assert!(
        chunks < CHUNKS && quotes == chunks * u64::from(COINS) / CHUNKS,
        "{quotes} quotes of {chunks} chunks"
    );
    drop(held);

    let loader = Worker::start(&place, "loader", &[]);
    place.check(2, COINS).await;
    loader.stop().await;
    transformer.stop().await;
}

/// How many rows `table` has of the newest batch.
async fn of_newest(client: &Client, table: &str) -> u64 {
    let sql =
        format!("SELECT COUNT(*) AS rows_of FROM {table} WHERE batch_id = (SELECT MAX(id) FROM batches)");
    client.found(&sql, &["rows_of"]).await[0].parse().expect("a number")
}

/// Waits until a transaction waits for a lock; how many rows it has written.
async fn until_it_waits(client: &Client) -> u64 {
    let sql = "SELECT trx_rows_modified AS written FROM information_schema.innodb_trx \
               WHERE trx_state = 'LOCK WAIT' AND trx_rows_modified > 0";
    let waiting = async {
        // The server makes this list anew only when nobody has asked for 100 ms.
        let mut look = tokio::time::interval(Duration::from_millis(150));
        loop {
            look.tick().await;
            if let Some(written) = client.found(sql, &["written"]).await.pop() {
                return written.parse().expect("a number");
            }
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("the loader waits for a lock")
}
