//! Bodies: kept once, deleted with the last that needs them, and taken over from files of older versions.

use sqlx::AssertSqlSafe;

use super::*;

/// As it was before bodies were apart.
const BEFORE: Schema =
    Schema { table: SCHEMA.table, migrations: SCHEMA.migrations.first_chunk::<2>().expect("two").as_slice() };

async fn numbers(queue: &SqliteQueue) -> Vec<i64> {
    let sql = "SELECT number FROM queue_bodies ORDER BY number";
    sqlx::query_scalar(sql).fetch_all(queue.file.database.readers()).await.unwrap()
}

#[tokio::test]
async fn a_body_goes_with_the_last_that_needs_it() {
    let keep = Duration::from_hours(1);
    let lab = Lab::new(QueueOptions { archive_keep: keep, ..QueueOptions::default() }).await;
    let (queue, clock) = lab.process();
    queue.publish(QueueName::Rows, &[message("rows")]).await.unwrap();
    queue.publish(QueueName::Raw, &[live("a"), live("b")]).await.unwrap();
    assert_eq!(numbers(&queue).await, [1, 2, 3]);
    // A page that is published again is another message, and the same page.
    queue.publish(QueueName::Raw, &[live("a")]).await.unwrap();
    assert_eq!(numbers(&queue).await, [1, 2, 3, 4]);
    next(&mut queue.consume(QueueName::Rows, 1).await.unwrap()).await.settle(Settlement::Done).await.unwrap();
    assert_eq!(numbers(&queue).await, [2, 3, 4]);
    for left in [&[2, 3, 4][..], &[2, 3, 4], &[2, 3]] {
        first(&queue).await.settle(Settlement::Done).await.unwrap();
        assert_eq!(numbers(&queue).await, left);
    }
    // The archive forgets "a" and "b", and a message still needs its body.
    queue.publish(QueueName::Raw, &[live("c")]).await.unwrap();
    clock.advance(keep);
    queue.publish(QueueName::Raw, &[live("d")]).await.unwrap();
    assert_eq!(numbers(&queue).await, [5, 6]);
    assert_eq!(first(&queue).await.message().id.as_str(), "c");
    assert_eq!(queue.read(0, 10).await.unwrap().len(), 1);
}

/// A body of its own, of several pages of the file.
fn body(n: u8) -> Vec<u8> {
    (0..20_000_u32).map(|at| at.to_le_bytes()[0] ^ n).collect()
}

/// A file as the version before left it: five messages, of which the first is done, one is leased, one waits for its retry
/// and one is a letter; and four pages, of which the first has left the archive.
async fn older_file(lab: &Lab) -> Database {
    let database = Database::open(lab.directory.path().join("older.db")).await.unwrap();
    database.migrate(&BEFORE).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    for (n, queue, available_at, leased) in
        [(1, "raw", 0, 0), (2, "raw", 0, 0), (3, "rows", 1, 1), (4, "raw", i64::MAX, 0), (5, "dead", 0, 0)]
    {
        let sql = "INSERT INTO queue_messages (queue, id, headers, published_at, available_at, leased, deliveries, \
                       claims, body) VALUES (?, ?, '{\"n\":\"1\"}', 7, ?, ?, ?, 9, ?)";
        let insert = sqlx::query(sql).bind(queue).bind(format!("m{n}")).bind(available_at).bind(leased);
        insert.bind(leased).bind(body(n)).execute(&mut *transaction).await.unwrap();
    }
    for n in 1..=4_u8 {
        let sql =
            "INSERT INTO queue_archive (id, headers, archived_at, size, body) VALUES (?, '{}', ?, 20000, ?)";
        let insert = sqlx::query(sql).bind(format!("m{n}")).bind(i64::MAX / 2).bind(body(n));
        insert.execute(&mut *transaction).await.unwrap();
    }
    for table in ["queue_messages WHERE seq IN (1)", "queue_archive WHERE position = 1"] {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *transaction).await.unwrap();
    }
    // The last of all is done, too: its number must not come again.
    sqlx::query("INSERT INTO queue_messages (queue, id, headers, published_at, body) VALUES ('raw', 'x', '{}', 1, x'')")
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query("DELETE FROM queue_messages WHERE id = 'x'").execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    database
}

async fn opened(database: Database, clock: &ManualClock) -> SqliteQueue {
    SqliteQueue::open(database, QueueOptions::default(), Arc::new(clock.clone())).await.unwrap()
}

#[tokio::test]
async fn an_older_file_keeps_all_that_it_had() {
    let lab = lab().await;
    let (_, clock) = lab.process();
    let queue = opened(older_file(&lab).await, &clock).await;
    assert_eq!(numbers(&queue).await, [-4, -3, -2, 2, 3, 4, 5]);
    let archived = queue.read(0, 10).await.unwrap();
    let pages: Vec<_> = archived.iter().map(|page| (page.position, page.message.id.as_str())).collect();
    assert_eq!(pages, [(2, "m2"), (3, "m3"), (4, "m4")]);
    for (page, n) in archived.iter().zip(2..) {
        assert!(page.message.body == body(n), "page {n}");
    }
    let depths = async |name| {
        let depth = queue.depth(name).await.unwrap();
        (depth.ready, depth.delayed, depth.oldest_at.map(|at| at.timestamp_millis()))
    };
    assert_eq!(depths(QueueName::Raw).await, (1, 1, Some(7)));
    // A lease that expired: the second delivery.
    for (name, n, deliveries) in [(QueueName::Raw, 2, 1), (QueueName::Rows, 3, 2), (QueueName::Dead, 5, 1)] {
        let delivery = next(&mut queue.consume(name, 1).await.unwrap()).await;
        assert_eq!((delivery.message().id.as_str(), delivery.deliveries()), (&*format!("m{n}"), deliveries));
        assert_eq!(delivery.message().headers.get("n"), Some("1"));
        assert!(delivery.message().body == body(n), "message {n}");
        delivery.settle(Settlement::Done).await.unwrap();
    }
    // What comes now has new numbers, and shares its body.
    queue.publish(QueueName::Raw, &[live("new")]).await.unwrap();
    assert_eq!(numbers(&queue).await, [-4, -3, -2, 4, 7]);
    assert_eq!(queue.read(4, 10).await.unwrap()[0].position, 5);
}

/// Interrupted at any statement, the file is as the version before left it.
#[tokio::test]
async fn taking_over_an_older_file_can_be_interrupted_and_repeated() {
    let lab = lab().await;
    let (_, clock) = lab.process();
    let database = older_file(&lab).await;
    let content = "SELECT group_concat(id || ':' || hex(body)) FROM \
                   (SELECT id, body FROM queue_messages UNION ALL SELECT id, body FROM queue_archive)";
    let content = async || {
        sqlx::query_scalar::<_, String>(content).fetch_one(database.readers()).await.expect("is as it was")
    };
    let before = content().await;
    let sql = SCHEMA.migrations[2].sql;
    for end in sql.match_indices(";\n").map(|(at, _)| at + 1).filter(|end| !is_within_trigger(&sql[..*end])) {
        let mut transaction = database.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql[..end].to_owned())).execute(&mut *transaction).await.unwrap();
        drop(transaction);
        assert!(content().await == before, "after {}", &sql[..end]);
        database.migrate(&BEFORE).await.unwrap();
    }
    let path = database.path().to_owned();
    opened(database.clone(), &clock).await;
    assert!(database.migrate(&BEFORE).await.unwrap_err().to_string().contains("newer coinpipe"));
    database.close().await;
    let again = opened(Database::open(path).await.unwrap(), &clock).await;
    assert_eq!(numbers(&again).await, [-4, -3, -2, 2, 3, 4, 5]);
}

fn is_within_trigger(sql: &str) -> bool {
    sql.matches(" BEGIN\n").count() > sql.matches("\nEND;").count()
}

#[tokio::test]
async fn looking_into_an_older_file_says_what_to_do() {
    let lab = lab().await;
    let (_, clock) = lab.process();
    let path = lab.directory.path().join("older.db");
    older_file(&lab).await.close().await;
    let database = Database::open_read_only(&path).await.unwrap().unwrap();
    let looking = SqliteQueue::open_read_only(database, QueueOptions::default(), Arc::new(clock)).await;
    let error = looking.unwrap_err().to_string();
    assert!(error.contains("older coinpipe (step 2 of 3)") && error.contains("coinpipe migrate"), "{error}");
}
