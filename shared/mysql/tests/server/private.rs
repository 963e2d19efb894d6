//! A server of one's own, which is killed, or made read-only.

use std::sync::Arc;

use lab::MySql;
use mysql::{MysqlStore, Options};
use ports::contract::store::sample::chunk;
use ports::memory::MemoryStore;
use ports::{ManualClock, Store};

async fn open(url: &str) -> MysqlStore {
    MysqlStore::open(&Options::new(url).unwrap(), Arc::new(ManualClock::default())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_keeps_what_was_committed() {
    let Some(mut server) = MySql::start_or_skip() else { return };
    let store = open(&server.url()).await;
    let oracle = MemoryStore::new(Arc::new(ManualClock::default()));
    store.load(&chunk(&[1, 2])).await.unwrap();
    oracle.load(&chunk(&[1, 2])).await.unwrap();
    server.kill9().unwrap();
    let error = store.load(&chunk(&[3])).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    server.start_again().unwrap();
    assert_eq!(store.tables().await.unwrap(), oracle.tables());
    assert_eq!(store.load(&chunk(&[2, 3])).await.unwrap().written, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_read_only_is_not_ready_until_it_is_writable() {
    let Some(server) = MySql::start_or_skip() else { return };
    open(&server.url()).await.close().await;
    // Who administers a server may write all the same.
    server.query("CREATE USER loader IDENTIFIED BY 'loader'").unwrap();
    server.query("GRANT SELECT, INSERT, UPDATE, DELETE ON coinpipe.* TO loader").unwrap();
    let store = open(&server.url().replace("lab:lab@", "loader:loader@")).await;
    store.ready().await.unwrap();
    server.query("SET GLOBAL read_only = 1").unwrap();
    for error in [store.ready().await.unwrap_err(), store.load(&chunk(&[1])).await.unwrap_err()] {
        assert!(error.is_transient() && error.to_string().contains("read-only"), "{error}");
    }
    server.query("SET GLOBAL read_only = 0").unwrap();
    store.ready().await.unwrap();
    assert_eq!(store.load(&chunk(&[1])).await.unwrap().written, 1);
}
