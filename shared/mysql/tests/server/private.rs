//! A server of one's own, which is killed, or made read-only.

use std::sync::Arc;

use lab::{Certificates, MySql};
use mysql::{MysqlStore, Options};
use ports::contract::store::sample::chunk;
use ports::memory::MemoryStore;
use ports::{ManualClock, Store, StoreError};

async fn try_open(url: &str) -> Result<MysqlStore, StoreError> {
    MysqlStore::open(&Options::new(url).unwrap(), Arc::new(ManualClock::default())).await
}

async fn open(url: &str) -> MysqlStore {
    try_open(url).await.unwrap()
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

/// A user who may come only encrypted shows whether a connection is.
#[tokio::test(flavor = "multi_thread")]
async fn each_ssl_mode_asks_for_what_its_name_says() {
    let Some(mut server) = MySql::start_or_skip() else { return };
    let Certificates { authority, server: certificate, key } =
        Certificates::in_folder(server.folder()).unwrap();
    let (certificate, key) =
        (format!("--ssl-cert={}", certificate.display()), format!("--ssl-key={}", key.display()));
    server.set_options(&[&certificate, &key]);
    server.restart().unwrap();
    server.query("CREATE USER shy IDENTIFIED BY 'shy-password' REQUIRE SSL").unwrap();
    server.query("GRANT ALL ON coinpipe.* TO shy").unwrap();
    let authority = authority.display();
    let other = server.folder().join("other");
    std::fs::create_dir(&other).unwrap();
    let other = Certificates::in_folder(&other).unwrap().authority;
    let other = other.display();
    let url = server.url().replace("lab:lab@", "shy:shy-password@");
    let by_name = url.replace("127.0.0.1", "localhost");

    for encrypted in [
        url.clone(), // on this machine: preferred
        format!("{url}?ssl-mode=preferred"),
        format!("{url}?ssl-mode=required"),
        format!("{url}?ssl-mode=verify_ca&ssl-ca={authority}"),
        format!("{by_name}?ssl-mode=verify_identity&ssl-ca={authority}"),
        format!("{by_name}?ssl-ca={authority}"),
    ] {
        let store = try_open(&encrypted).await.unwrap_or_else(|error| panic!("{encrypted}: {error}"));
        store.close().await;
    }
    for (refused, says) in [
        (format!("{url}?ssl-mode=disabled"), "Access denied"),
        (format!("{url}?ssl-mode=verify_ca"), "certificate"),
        (format!("{url}?ssl-ca={authority}"), "certificate"),
        (format!("{by_name}?ssl-ca={other}"), "certificate"),
    ] {
        let error = try_open(&refused).await.err().unwrap_or_else(|| panic!("{refused} opened"));
        assert!(!error.is_transient(), "{refused}: {error}");
        assert!(error.to_string().contains(says), "{refused}: {error}");
        assert!(!error.to_string().contains("shy-password"), "{error}");
    }

    // MySQL makes certificates for itself; without them and with these options, neither speaks TLS.
    let is_mariadb = server.query("SELECT VERSION()").unwrap().contains("MariaDB");
    server.set_options(&[if is_mariadb { "--skip-ssl" } else { "--tls-version=" }]);
    server.restart().unwrap();
    open(&format!("{}?ssl-mode=preferred", server.url())).await.close().await;
    let error = try_open(&format!("{}?ssl-mode=required", server.url())).await.expect_err("opens");
    assert!(!error.is_transient() && error.to_string().contains("TLS"), "{error}");
}
