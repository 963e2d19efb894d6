//! A store of any kind, and a look into its tables that does not go through it.

use std::path::Path;
use std::sync::Arc;

use mysql::{MysqlStore, Options};
use ports::{Clock, Ledger, Letters, Outbox, Schedules, Store};
use sqlite::{Database, SqliteStore};
use sqlkit::Client;
use testkit::contents::Contents;
use testkit::memory::MemoryStore;
use testkit::tables::Tables;

/// What the stages of a pipeline ask of a store.
trait Ports: Store + Ledger + Schedules + Letters + Outbox {}

impl<T: Store + Ledger + Schedules + Letters + Outbox> Ports for T {}

/// A store of any kind.
#[derive(Clone)]
pub(crate) struct AnyStore {
    ports: Arc<dyn Ports>,
    contents: Arc<dyn Contents>,
    is_embedded: bool,
}

impl AnyStore {
    pub(crate) fn in_memory(clock: Arc<dyn Clock>) -> Self {
        let store = Arc::new(MemoryStore::new(clock));
        Self { ports: store.clone(), contents: store, is_embedded: false }
    }

    /// In this file, which may hold a queue, too.
    pub(crate) async fn on_sqlite(database: Database, clock: Arc<dyn Clock>) -> Self {
        let contents = Arc::new(Client::Sqlite(database.path().to_owned()));
        let store = SqliteStore::open(database, clock).await.expect("a store");
        Self { ports: Arc::new(store), contents, is_embedded: true }
    }

    pub(crate) async fn on_mysql(url: &str, clock: Arc<dyn Clock>) -> Self {
        let options = Options::new(url).expect("a good URL");
        let store = MysqlStore::open(&options, clock).await.expect("a store");
        let contents = Arc::new(Client::Mysql(url.to_owned()));
        Self { ports: Arc::new(store), contents, is_embedded: false }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.ports.clone()
    }

    pub(crate) fn ledger(&self) -> Arc<dyn Ledger> {
        self.ports.clone()
    }

    pub(crate) fn schedules(&self) -> Arc<dyn Schedules> {
        self.ports.clone()
    }

    pub(crate) fn letters(&self) -> Arc<dyn Letters> {
        self.ports.clone()
    }

    pub(crate) fn outbox(&self) -> Arc<dyn Outbox> {
        self.ports.clone()
    }

    /// Whether it is in a file.
    pub(crate) fn is_embedded(&self) -> bool {
        self.is_embedded
    }

    /// All rows about coins.
    pub(crate) async fn tables(&self) -> Tables {
        self.contents.tables().await
    }
}

/// All rows about coins in this file.
pub(crate) async fn tables_in(file: &Path) -> Tables {
    Client::Sqlite(file.to_owned()).tables().await
}
