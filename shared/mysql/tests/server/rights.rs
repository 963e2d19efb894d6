//! Users: wrong ones, and ones that may do only what they must.

use std::sync::Arc;

use mysql::{MysqlStore, Options};
use ports::{
    Channel, Claim, Covered, Ledger, Letters, Mail, MailResult, Outbox, OutboxState, Posting, Quotes, Store,
    StoreError,
};
use testkit::clock::ManualClock;
use testkit::contents::Contents;
use testkit::contract::store::StoreLab;
use testkit::contract::store::sample::{at, chunk, fetched, letter};
use url::Url;

use crate::database::{Database, PASSWORD, setup, steps};

async fn open(url: &Url) -> Result<MysqlStore, StoreError> {
    MysqlStore::open(&Options::new(url.as_str()).unwrap(), Arc::new(ManualClock::default())).await
}

/// `outcome` is one that somebody has to act on, says all of `says`, and no password.
fn check<T: std::fmt::Debug>(outcome: Result<T, StoreError>, says: &[&str]) {
    let error = outcome.expect_err("fails");
    assert!(!error.is_transient(), "{error}");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(PASSWORD) && !text.contains("wrong-password"), "{text}");
    }
    for says in says {
        assert!(error.to_string().contains(says), "{says:?} is not in: {error}");
    }
}

#[tokio::test]
async fn what_someone_has_to_change_is_said_with_what_to_do() {
    let lab = setup().await;
    let database = &lab.database;
    let wrong = database.url_with(|url| url.set_password(Some("wrong-password")).unwrap());
    check(open(&wrong).await, &["Access denied", "1045", "check user and password"]);
    let nowhere = database.url_with(|url| url.set_path("coinpipe_test_none"));
    check(open(&nowhere).await, &["Unknown database", "coinpipe_test_none", "create the database"]);
    let insecure =
        database.url_with(|url| url.set_query(Some("ssl-mode=verify_identity&ssl-ca=/nowhere.pem")));
    check(open(&insecure).await, &["cannot read the ssl-ca /nowhere.pem"]);
    let endless = database.url_with(|url| url.set_query(Some("ssl-mode=verify_identity&ssl-ca=/dev/zero")));
    check(open(&endless).await, &["cannot read the ssl-ca /dev/zero: it is larger than"]);

    let reader = database.grant("SELECT").await;
    let store = open(&reader).await.unwrap();
    check(store.load(&chunk(&[1])).await, &["denied", "grant the user", "INSERT"]);
    check(store.file(&letter("a", at(0)), "one").await, &["denied", "dead_letters"]);
    assert_eq!(store.totals().await.unwrap().coins, 0);

    database.execute("DROP TABLE history").await;
    check(lab.store.load(&chunk(&[1])).await, &["history", "1146", "restore"]);
}

#[tokio::test]
async fn a_user_who_may_not_change_tables_does_everything_but_migrate() {
    let database = Database::create().await;
    let url = database.grant("SELECT, INSERT, UPDATE, DELETE").await;
    check(open(&url).await, &[&format!("step 0 of {}", steps()), "coinpipe migrate", "CREATE", "denied"]);
    database.open().await.close().await;

    let store = open(&url).await.unwrap();
    store.ready().await.unwrap();
    assert_eq!(store.load(&chunk(&[1, 2])).await.unwrap().written, 2);
    store.record_fetched(&fetched(1)).await.unwrap();
    assert!(store.batches(1).await.unwrap()[0].is_complete());
    assert!(store.file(&letter("a", at(0)), "one").await.unwrap());
    let plan = |_: &OutboxState| {
        let mail = Mail::plain("m", "s", "b", at(0));
        let covered = vec![Covered { fingerprint: "one".into(), letters: 1, total: 1, is_end: false }];
        Some(Posting { mail, covered, copies: Vec::new() })
    };
    assert!(store.post(at(0), &plan).await.unwrap().is_some());
    assert_eq!(store.groups(None).await.unwrap()[0].unsent, 0);
    let claim = Claim { channel: Channel::Mail, now: at(0), until: at(60), far: at(900) };
    let claimed = store.claim(claim).await.unwrap().expect("it is due");
    let refused = MailResult::Refused("no".into());
    assert!(store.record("m", claimed.number, at(1), &refused).await.unwrap());
    assert_eq!(store.groups(None).await.unwrap()[0].unsent, 1);
    assert_eq!(database.client().tables().await.latest.len(), 2);
    assert_eq!(store.totals().await.unwrap().quotes_history, 2);

    database
        .execute(&format!("DROP TABLE processes; DROP INDEX batches_by_fetch ON batches; DELETE FROM store_migrations WHERE version = {}", steps()))
        .await;
    check(open(&url).await, &[&format!("step {} of {}", steps() - 1, steps()), "coinpipe migrate"]);
}

#[tokio::test]
async fn no_text_shows_the_password() {
    let lab = setup().await;
    let url = lab.database.grant("SELECT").await;
    let store = open(&url).await.unwrap();
    let options = Options::new(url.as_str()).unwrap();
    for text in [format!("{store:?}"), format!("{options:?}")] {
        assert!(!text.contains(PASSWORD), "{text}");
        assert!(text.contains(&lab.database.name), "{text}");
    }
    assert_eq!(lab.tables().await, testkit::tables::Tables::default());
}
