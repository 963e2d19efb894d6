//! A database of its own for each test, dropped with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mysql::{MysqlStore, Options};
use sqlkit::Client;
use sqlkit::contract::SqlLab;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use testkit::clock::ManualClock;
use testkit::contents::Contents;
use testkit::contract::store::StoreLab;
use url::Url;

/// Of users that tests create.
pub(crate) const PASSWORD: &str = "hunter2-Of-The-Tests";

/// How many steps the schema has.
pub(crate) fn steps() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mysql");
    std::fs::read_dir(folder).expect("the steps").count()
}

/// A server's database with a store in it.
pub(crate) struct Lab {
    pub database: Database,
    pub clock: Arc<ManualClock>,
    pub store: Arc<MysqlStore>,
}

/// A lab with an empty store.
pub(crate) async fn setup() -> Lab {
    let database = Database::create().await;
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(database.open_at(clock.clone()).await);
    Lab { database, clock, store }
}

#[async_trait]
impl StoreLab for Lab {
    type Store = MysqlStore;

    fn store(&self) -> Arc<MysqlStore> {
        Arc::clone(&self.store)
    }

    async fn beside(&self) -> Arc<MysqlStore> {
        Arc::new(self.database.open_at(self.clock.clone()).await)
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn contents(&self) -> Arc<dyn Contents> {
        Arc::new(self.client())
    }
}

impl SqlLab for Lab {
    fn client(&self) -> Client {
        self.database.client()
    }
}

/// An empty database.
pub(crate) struct Database {
    pub name: String,
    pub url: Url,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let name = format!("coinpipe_test_{:016x}", fastrand::u64(..));
        let mut url = server();
        // The server's own default must not matter: ours would confuse "BTC" and "btc".
        let sql = format!("CREATE DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci");
        connect(&url).await.execute(AssertSqlSafe(sql)).await.expect("a database");
        url.set_path(&name);
        Self { name, url }
    }

    /// The store in it, as another process opens it: with connections of its own.
    pub(crate) async fn open(&self) -> MysqlStore {
        self.open_at(Arc::default()).await
    }

    async fn open_at(&self, clock: Arc<ManualClock>) -> MysqlStore {
        MysqlStore::open(&self.options(), clock).await.expect("the store opens")
    }

    pub(crate) fn client(&self) -> Client {
        Client::Mysql(self.url.to_string())
    }

    pub(crate) fn options(&self) -> Options {
        Options::new(self.url.as_str()).expect("a good URL")
    }

    /// The URL with another user, host or database.
    pub(crate) fn url_with(&self, change: impl FnOnce(&mut Url)) -> Url {
        let mut url = self.url.clone();
        change(&mut url);
        url
    }

    /// A user of this database, once a test has created it; dropped with it.
    pub(crate) fn user(&self) -> String {
        self.name.replace("coinpipe_test_", "coin_")
    }

    /// Creates [`user`](Self::user) with these rights here, and gives the URL for it.
    pub(crate) async fn grant(&self, rights: &str) -> Url {
        let (user, database) = (self.user(), &self.name);
        self.execute(&format!("CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{PASSWORD}'")).await;
        self.execute(&format!("GRANT {rights} ON {database}.* TO {user}")).await;
        self.url_with(|url| {
            url.set_username(&user).expect("a user");
            url.set_password(Some(PASSWORD)).expect("a password");
        })
    }

    /// Waits until nobody is connected to this database.
    pub(crate) async fn deserted(&self) {
        let sql = "SELECT COUNT(*) FROM information_schema.processlist \
                   WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        let mut connection = self.connect().await;
        let deserted = async {
            while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut connection).await.expect("a number") > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), deserted).await.expect("connections are closed");
    }

    /// Waits until a transaction in this database other than `not` waits for a lock; its number.
    pub(crate) async fn lock_wait(&self, not: Option<&str>) -> String {
        let sql = "SELECT CONCAT(t.trx_id) FROM information_schema.innodb_trx AS t \
                   JOIN information_schema.processlist AS p ON p.id = t.trx_mysql_thread_id \
                   WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'";
        let mut connection = self.connect().await;
        let waiting = async {
            loop {
                let found: Option<String> =
                    sqlx::query_scalar(sql).fetch_optional(&mut connection).await.expect("a list");
                if let Some(found) = found.filter(|found| not != Some(found)) {
                    return found;
                }
                // The server makes this list anew only when nobody, in any test, has asked for 100 ms.
                tokio::time::sleep(Duration::from_millis(fastrand::u64(110..400))).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("somebody waits for a lock")
    }

    pub(crate) async fn connect(&self) -> MySqlConnection {
        connect(&self.url).await
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.client().execute(sql).await;
    }

    pub(crate) async fn rows(&self, sql: &str) -> Vec<MySqlRow> {
        sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.connect().await).await.expect(sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Also when the test panicked, and its runtime is on its way out.
        let sql = format!("DROP DATABASE IF EXISTS {0}; DROP USER IF EXISTS {1}", self.name, self.user());
        let url = server();
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async { connect(&url).await.execute(AssertSqlSafe(sql)).await.map(|_| ()) })
        });
        let dropped = dropping.join();
        assert!(std::thread::panicking() || matches!(dropped, Ok(Ok(()))), "{dropped:?}");
    }
}

async fn connect(url: &Url) -> MySqlConnection {
    MySqlConnectOptions::from_url(url).expect("a good URL").connect().await.expect("the server answers")
}

/// The server to test on. Without one there is nothing to test, and the process ends: every test of this
/// program needs it, and the contract has no word for it.
fn server() -> Url {
    let Some(url) = lab::mysql_url_or_skip() else { std::process::exit(0) };
    url.parse().expect("a URL")
}
