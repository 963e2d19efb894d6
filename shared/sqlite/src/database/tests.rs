//! Opening files, good and bad; migrations; transactions.

use tables::schema::{Migration, Schema};

use super::*;

const SCHEMA: Schema = Schema {
    table: "test_migrations",
    migrations: &[Migration::new(1, "numbers", "CREATE TABLE numbers (n INTEGER)")],
};

fn reason(outcome: Result<Database, Error>) -> String {
    match outcome {
        Err(Error::Misconfigured(reason)) => reason,
        other => panic!("not misconfigured: {other:?}"),
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("letter.db"), "Dear reader, this is not a database. ".repeat(100)).unwrap();
    for (path, says) in [
        (directory.path().to_owned(), "is a directory"),
        (at("missing/coinpipe.db"), "create it"),
        (at("letter.db"), "not a database"),
    ] {
        let said = reason(Database::open(&path).await);
        assert!(said.contains(path.to_str().unwrap()) && said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("coinpipe.db")).await.unwrap();
    database.migrate(&SCHEMA).await.unwrap();
    let older = Schema { table: SCHEMA.table, migrations: &[] };
    let Err(Error::Misconfigured(said)) = database.migrate(&older).await else { panic!("was taken") };
    assert!(said.contains("newer coinpipe (schema 1, this one knows 0)"), "{said}");
    database.migrate(&SCHEMA).await.unwrap();
}

#[tokio::test]
async fn somebody_elses_table_with_a_name_of_ours_is_refused_and_left_alone() {
    for made in ["CREATE TABLE Numbers (symbol TEXT)", "CREATE VIEW numbers AS SELECT 1 AS symbol"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("coinpipe.db");
        let database = Database::open(&path).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        sqlx::query(made).execute(&mut *transaction).await.unwrap();
        database.commit(transaction).await.unwrap();
        for refused in [database.migrate(&SCHEMA).await, database.pending(&SCHEMA).await.map(drop)] {
            let Err(Error::Misconfigured(said)) = refused else { panic!("was taken: {made}") };
            assert!(said.contains(path.to_str().unwrap()), "{said}");
            assert!(said.to_lowercase().contains("table or view `numbers` that is not coinpipe's"), "{said}");
            assert!(said.contains("a database of its own"), "{said}");
        }
        let names: Vec<String> = sqlx::query_scalar("SELECT lower(name) FROM sqlite_master")
            .fetch_all(database.readers())
            .await
            .unwrap();
        assert_eq!(names, ["numbers"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_start_at_once_on_an_empty_file() {
    let directory = tempfile::tempdir().unwrap();
    let starts = (0..8).map(|_| {
        let path = directory.path().join("coinpipe.db");
        tokio::spawn(async move { Database::open(path).await?.migrate(&SCHEMA).await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_readers_see_what_was_committed() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("coinpipe.db")).await.unwrap();
    database.migrate(&SCHEMA).await.unwrap();
    for (n, commit) in [(1, false), (2, true)] {
        let mut transaction = database.begin().await.unwrap();
        sqlx::query("INSERT INTO numbers VALUES (?)").bind(n).execute(&mut *transaction).await.unwrap();
        if commit {
            transaction.commit().await.unwrap();
        }
    }
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT n FROM numbers").fetch_all(database.readers()).await.unwrap();
    assert_eq!(numbers, [2]);
}

/// The disk is full, and has room again: nothing but the transaction that did not fit is lost.
#[tokio::test]
async fn a_full_disk_is_transient_and_over_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("full.db")).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    sqlx::query("CREATE TABLE t (b BLOB)").execute(&mut *transaction).await.unwrap();
    database.commit(transaction).await.unwrap();

    for _ in 0..3 {
        let mut transaction = database.begin().await.unwrap();
        // A limit of this connection: the one after it has room.
        sqlx::query("PRAGMA max_page_count = 10").execute(&mut *transaction).await.unwrap();
        let insert = sqlx::query("INSERT INTO t VALUES (zeroblob(1000000))");
        let error = database.blame(insert.execute(&mut *transaction).await.unwrap_err());
        assert!(error.is_away(), "{error}");
        drop(transaction);

        let mut transaction = database.begin().await.unwrap();
        sqlx::query("INSERT INTO t VALUES (zeroblob(1))").execute(&mut *transaction).await.unwrap();
        database.commit(transaction).await.unwrap();
    }
}

async fn opened() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("coinpipe.db")).await.unwrap();
    database.migrate(&SCHEMA).await.unwrap();
    (folder, database)
}

async fn write_a_number(database: &Database) -> Result<(), Error> {
    let mut transaction = database.begin().await?;
    let written = sqlx::query("INSERT INTO numbers VALUES (1)").execute(&mut *transaction).await;
    written.map_err(|error| database.blame(error))?;
    database.commit(transaction).await
}

/// Makes the writing connection refuse writes, or take them again.
async fn refuse_writes(database: &Database, yes: bool) {
    let pragma = if yes { "PRAGMA query_only = ON" } else { "PRAGMA query_only = OFF" };
    sqlx::query(pragma).execute(&database.writer).await.unwrap();
}

/// Where a disk has no room, a transaction can still be begun: only a write that is made shows it.
#[tokio::test]
async fn ready_proves_a_write_and_leaves_nothing_of_it() {
    let (_folder, database) = opened().await;
    sqlx::query("PRAGMA user_version = 7").execute(&database.writer).await.unwrap();
    let journal = database.path().with_extension("db-wal");
    let before = std::fs::metadata(&journal).unwrap().len();
    database.ready().await.unwrap();
    assert!(std::fs::metadata(&journal).unwrap().len() > before, "nothing was written");
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(database.readers()).await.unwrap();
    assert_eq!(version, 7);
    refuse_writes(&database, true).await;
    let error = database.ready().await.unwrap_err();
    assert!(error.is_away() && error.to_string().contains("cannot be written"), "{error}");
    refuse_writes(&database, false).await;
    database.ready().await.unwrap();
    write_a_number(&database).await.unwrap();
}

/// The queue's and the store's callers, who share the file.
#[tokio::test]
async fn a_file_that_takes_nothing_is_tried_by_one_call_at_a_time() {
    let (_folder, database) = opened().await;
    refuse_writes(&database, true).await;
    write_a_number(&database).await.unwrap_err();
    let begun = tokio::time::Instant::now();
    for _ in 0..3 {
        let calls = (0..50).map(|_| {
            let database = database.clone();
            tokio::spawn(async move { write_a_number(&database).await })
        });
        for call in calls.collect::<Vec<_>>() {
            assert!(call.await.unwrap().unwrap_err().is_away());
        }
    }
    // They waited for three looks: at 0.1 s, 0.3 s, 0.9 s from each other.
    assert!(begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
    refuse_writes(&database, false).await;
    write_a_number(&database).await.unwrap();
    assert_eq!(database.gate.failing(), None);
}

/// The journal keeps the room that it had, where a small write still fits.
#[tokio::test]
async fn a_disk_without_room_for_a_page_is_full() {
    let (_folder, mut database) = opened().await;
    database.room_needed = u64::MAX;
    let error = database.ready().await.unwrap_err();
    assert!(error.is_away() && error.to_string().contains("the disk is full"), "{error}");
    write_a_number(&database).await.unwrap_err();
    database.room_needed = 0;
    write_a_number(&database).await.unwrap();
}

/// As on a full disk: SQLite undoes a transaction by itself, and the driver does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transactions_that_sqlite_undid_by_itself_leave_the_others_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("a.db")).await.unwrap();
    let writers = (0..8).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let mut transaction = database.begin().await.expect("begins");
                sqlx::raw_sql("ROLLBACK").execute(&mut *transaction).await.expect("is undone");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Whoever looks at the quotes may take long, and many may do so at once.
#[tokio::test]
async fn those_who_look_leave_readers_and_the_writer_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path().join("coinpipe.db")).await.unwrap();
    database.migrate(&SCHEMA).await.unwrap();
    let count = "SELECT count(*) FROM numbers";
    let mut looking = Vec::new();
    for _ in 0..VIEWERS {
        let mut snapshot = database.viewers().begin().await.unwrap();
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut *snapshot).await.unwrap(), 0);
        looking.push(snapshot);
    }
    assert!(database.viewers().try_acquire().is_none(), "no more than so many look");
    let mut transaction = database.begin().await.unwrap();
    sqlx::query("INSERT INTO numbers VALUES (1)").execute(&mut *transaction).await.unwrap();
    database.commit(transaction).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(database.readers()).await.unwrap(), 1);
    // They go on seeing the moment at which they began.
    for mut snapshot in looking {
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut *snapshot).await.unwrap(), 0);
        let written = sqlx::query("INSERT INTO numbers VALUES (2)").execute(&mut *snapshot).await;
        assert!(written.is_err(), "they only read");
    }
}
