use std::time::Duration;

use tables::schema::{Migration, Schema};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;

const SCHEMA: Schema = Schema {
    table: "test_migrations",
    migrations: &[Migration::new(
        1,
        "numbers",
        "CREATE TABLE numbers (n INTEGER UNIQUE CHECK (n < 100)) STRICT",
    )],
};

/// Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(30);

struct Lab {
    folder: tempfile::TempDir,
    database: Database,
}

/// Inserts a number, then stops until it is let go. Gives how many numbers its transaction sees.
struct Insert {
    n: i64,
    begun: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
}

#[async_trait]
impl Work for Insert {
    type Output = i64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<i64, Error> {
        sqlx::query("INSERT INTO numbers VALUES (?)").bind(self.n).execute(&mut *connection).await?;
        self.begun.add_permits(1);
        self.let_go.acquire().await.expect("open").forget();
        Ok(sqlx::query_scalar("SELECT count(*) FROM numbers").fetch_one(connection).await?)
    }
}

/// One that writes.
struct Writing {
    begun: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
    task: JoinHandle<Result<i64, Error>>,
}

impl Writing {
    async fn begun(&self) {
        let begun = timeout(DEADLINE, self.begun.acquire()).await;
        begun.expect("it has begun").expect("open").forget();
    }

    async fn ended(self) -> Result<i64, Error> {
        timeout(DEADLINE, self.task).await.expect("it ends").expect("it does not panic")
    }
}

impl Lab {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path().join("a.db")).await.unwrap();
        database.migrate(&SCHEMA).await.unwrap();
        Self { folder, database }
    }

    /// On this one thread the task has run until it had to wait.
    async fn write(&self, n: i64) -> Writing {
        let (begun, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (database, insert) =
            (self.database.clone(), Insert { n, begun: Arc::clone(&begun), let_go: Arc::clone(&let_go) });
        let task = tokio::spawn(async move { database.write(&insert).await });
        tokio::task::yield_now().await;
        Writing { begun, let_go, task }
    }

    async fn committed(&self) -> Vec<i64> {
        numbers(&self.database).await
    }

    /// What a process finds that opens the file after this one was killed now.
    async fn after_a_kill(&self) -> Vec<i64> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.db", "a.db-wal"] {
            std::fs::copy(self.folder.path().join(name), folder.path().join(name)).unwrap();
        }
        numbers(&Database::open(folder.path().join("a.db")).await.unwrap()).await
    }
}

async fn numbers(database: &Database) -> Vec<i64> {
    sqlx::query_scalar("SELECT n FROM numbers ORDER BY n").fetch_all(database.readers()).await.unwrap()
}

#[tokio::test]
async fn those_who_wait_share_a_transaction_and_are_told_after_its_commit() {
    let lab = Lab::new().await;
    let first = lab.write(1).await;
    first.begun().await;
    let others = [lab.write(2).await, lab.write(3).await];
    first.let_go.add_permits(1);
    others[0].begun().await;
    // The first is done and waits for the others; killed now, the process leaves nothing of any.
    assert!(!first.task.is_finished());
    assert!(lab.committed().await.is_empty() && lab.after_a_kill().await.is_empty());
    let late = lab.write(4).await;
    for other in &others {
        other.let_go.add_permits(1);
    }
    assert_eq!(first.ended().await, Ok(1));
    let [second, third] = others;
    assert_eq!((second.ended().await, third.ended().await), (Ok(2), Ok(3)));
    // Who came after the first was done is in the next group.
    assert!(!late.task.is_finished());
    assert_eq!(lab.committed().await, [1, 2, 3]);
    assert_eq!(lab.after_a_kill().await, [1, 2, 3]);
    late.let_go.add_permits(1);
    assert_eq!(late.ended().await, Ok(4));
}

#[tokio::test]
async fn one_that_fails_is_told_and_the_others_are_written() {
    let lab = Lab::new().await;
    let first = lab.write(1).await;
    first.begun().await;
    let others = [lab.write(100).await, lab.write(2).await];
    for one in [&first, &others[0], &others[1]] {
        // Once for the group, once for each alone.
        one.let_go.add_permits(2);
    }
    assert!(first.ended().await.is_ok());
    let [refused, other] = others;
    let error = refused.ended().await.unwrap_err();
    assert!(error.to_string().contains("CHECK"), "{error}");
    assert!(other.ended().await.is_ok());
    assert_eq!(lab.committed().await, [1, 2]);
    assert_eq!(lab.database.gate.failing(), None);
}

#[tokio::test]
async fn one_that_is_given_up_half_way_leaves_the_others() {
    let lab = Lab::new().await;
    let first = lab.write(1).await;
    first.begun().await;
    let given_up = lab.write(2).await;
    first.let_go.add_permits(2);
    given_up.begun().await;
    given_up.task.abort();
    assert!(first.ended().await.is_ok());
    assert_eq!(lab.committed().await, [1]);
}

/// Whoever is given up after its part holds nobody up, nor the file.
#[tokio::test]
async fn nothing_stays_open_when_all_are_given_up() {
    let lab = Lab::new().await;
    for given_up in 1..=3 {
        let first = lab.write(1).await;
        first.begun().await;
        let others = [lab.write(2).await, lab.write(3).await];
        first.let_go.add_permits(1);
        others[0].begun().await;
        if given_up > 2 {
            others[0].let_go.add_permits(1);
            others[1].begun().await;
        }
        // Those who wait for others first, or last.
        let mut all = vec![first.task];
        all.extend(others.map(|other| other.task));
        if given_up % 2 == 0 {
            all.reverse();
        }
        for task in all {
            task.abort();
            let _cancelled = task.await;
        }
        let mut alone = timeout(DEADLINE, lab.database.begin()).await.expect("it is free").unwrap();
        sqlx::query("DELETE FROM numbers").execute(&mut *alone).await.unwrap();
        lab.database.commit(alone).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_write_each_number_once() {
    let lab = Lab::new().await;
    let writers = (0..120).map(|n| {
        let database = lab.database.clone();
        tokio::spawn(async move {
            let (begun, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(10)));
            database.write(&Insert { n, begun, let_go }).await
        })
    });
    let mut refused = 0;
    for writer in writers.collect::<Vec<_>>() {
        refused += u32::from(writer.await.unwrap().is_err());
    }
    assert_eq!(refused, 20);
    assert_eq!(lab.committed().await, (0..100).collect::<Vec<_>>());
}
