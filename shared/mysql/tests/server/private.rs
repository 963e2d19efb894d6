//! A server of one's own, which is killed, or made read-only.

use std::sync::Arc;

use lab::{Certificates, MySql};
use mysql::{MysqlStore, Options};
use ports::{Letters, Quotes, Store, StoreError};
use sqlkit::Client;
use testkit::clock::ManualClock;
use testkit::contents::Contents;
use testkit::contract::store::sample::{at, chunk, letter};
use testkit::memory::MemoryStore;

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
    assert_eq!(Client::Mysql(server.url()).tables().await, oracle.tables());
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

/// The URL of a user who may only use the tables, so that what holds for everybody holds for it.
async fn modest_user(server: &MySql) -> String {
    open(&server.url()).await.close().await;
    server.query("DROP USER IF EXISTS loader").unwrap();
    server.query("CREATE USER loader IDENTIFIED BY 'loader'").unwrap();
    server.query("GRANT SELECT, INSERT, UPDATE, DELETE ON coinpipe.* TO loader").unwrap();
    server.url().replace("lab:lab@", "loader:loader@")
}

/// What a server lifts by itself, or its operator without touching coinpipe.
#[tokio::test(flavor = "multi_thread")]
async fn limits_of_a_server_are_waited_for() {
    let Some(server) = MySql::start_or_skip() else { return };
    for (limit, lifted, says) in [
        ("SET GLOBAL max_prepared_stmt_count = 0", "SET GLOBAL max_prepared_stmt_count = 16382", "1461"),
        (
            "ALTER USER loader WITH MAX_QUERIES_PER_HOUR 1",
            "ALTER USER loader WITH MAX_QUERIES_PER_HOUR 0",
            "1226",
        ),
        (
            "ALTER USER loader WITH MAX_CONNECTIONS_PER_HOUR 1",
            "ALTER USER loader WITH MAX_CONNECTIONS_PER_HOUR 0",
            "1226",
        ),
    ] {
        let url = modest_user(&server).await;
        let store = open(&url).await;
        server.query(limit).unwrap();
        // What is connected keeps what it prepared, and its user's old limits.
        let mut errors = Vec::new();
        for _ in 0..3 {
            let other = open(&url).await;
            errors.extend(other.load(&chunk(&[1])).await.err());
            other.close().await;
        }
        assert!(errors.iter().all(StoreError::is_transient), "{limit}: {errors:?}");
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains(says)), "{limit}: {texts:?}");
        server.query(lifted).unwrap();
        server.query("FLUSH PRIVILEGES").unwrap();
        store.ready().await.unwrap();
        store.load(&chunk(&[1])).await.unwrap();
        store.close().await;
    }
}

/// Loaders, desks and mailers of one process that all want something share what they know.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_read_only_is_asked_by_one_call_at_a_time() {
    let Some(server) = MySql::start_or_skip() else { return };
    let store = open(&modest_user(&server).await).await;
    store.load(&chunk(&[1])).await.unwrap();
    let asked = || {
        let sql = "SELECT SUM(variable_value) FROM information_schema.global_status \
                   WHERE variable_name IN ('COM_BEGIN', 'COM_SELECT', 'COM_STMT_EXECUTE')";
        let alternative = sql.replace("information_schema", "performance_schema");
        let found = server.query(sql).or_else(|_| server.query(&alternative)).unwrap();
        found.trim().parse::<f64>().unwrap()
    };
    server.query("SET GLOBAL read_only = 1").unwrap();
    store.load(&chunk(&[2])).await.unwrap_err();
    let (before, mut failed) = (asked(), 0);
    for _ in 0..4 {
        let (rows, trouble) = (chunk(&[2]), letter("a", at(0)));
        let (load, file, look, ready) =
            tokio::join!(store.load(&rows), store.file(&trouble, "group"), store.freshness(), store.ready());
        let errors = [load.err(), file.err(), look.err(), ready.err()];
        for error in errors.into_iter().flatten() {
            assert!(error.is_transient() && error.to_string().contains("read-only"), "{error}");
            failed += 1;
        }
    }
    // Each of the four looks begins a transaction; asking what was asked is a statement, too.
    let asked_meanwhile = asked() - before;
    assert!(failed == 16 && asked_meanwhile <= 6.0, "{failed} calls failed, {asked_meanwhile} statements");
    server.query("SET GLOBAL read_only = 0").unwrap();
    assert_eq!(store.load(&chunk(&[2])).await.unwrap().written, 1);
    store.freshness().await.unwrap();
}
