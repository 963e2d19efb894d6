//! The history of the version before is converted, whatever statement its conversion was killed at, and nobody else's table is
//! taken for it.

use std::sync::Arc;

use mysql::MysqlStore;
use ports::{Store, StoreError};
use sqlkit::before::statements;
use sqlkit::contract::SqlLab;
use sqlkit::contract::snapshot::snapshot;
use testkit::clock::ManualClock;
use testkit::contents::Contents;

use crate::database::{Lab, setup};

/// Two hours in two currencies, as the version before has them.
async fn before() -> Lab {
    let lab = setup().await;
    for hour in [0, 1] {
        lab.store.load(&snapshot(hour * 3600, &["USD", "EUR"], 3)).await.unwrap();
    }
    lab.client().back_to_step_6().await;
    lab
}

/// Leaves the step `number` after so many of its statements, as a killed process does.
async fn kill(lab: &Lab, number: i64, statements: &[String]) {
    let begun = format!("INSERT INTO store_migrations VALUES ({number}, 'it', NOW(), FALSE, '', -1)");
    lab.client().execute(&format!("{begun}; {}", statements.join("; "))).await;
}

/// A server commits each change of a table at once, so a step may be left after any of its statements.
#[tokio::test]
async fn a_conversion_killed_at_any_statement_is_finished() {
    let lab = before().await;
    let expected = lab.client().tables().await;
    assert_eq!(expected.history.len(), 12);
    for (step, least) in [(7, 20), (9, 2), (13, 8)] {
        let all = statements(&lab.client().step(step));
        assert!(all.len() >= least, "{all:#?}");
        for done in 0..=all.len() {
            lab.client().migrate_to(step - 1).await;
            kill(&lab, step, &all[..done]).await;
            lab.database.open().await.close().await;
            assert_eq!(lab.client().tables().await, expected, "killed after {:?}", &all[..done].last());
            let left = lab.database.rows("SHOW TABLES LIKE '%history%'").await.len();
            assert_eq!(left, 2, "the history and its view");
            lab.client().back_to_step_6().await;
        }
    }
}

/// It gets an error that tells an operator to act, ends, and gives its chunks back: never one that is about a row, which it would
/// leave out.
#[tokio::test]
async fn an_older_loader_keeps_its_chunks_while_the_history_is_converted_and_after() {
    let lab = before().await;
    let columns: Vec<_> =
        lab.client().columns("quotes_history").await.into_iter().map(|(name, _)| name).collect();
    let columns = columns.join(", ");
    // As it stood there.
    let old = format!(
        "INSERT INTO quotes_history ({columns}) SELECT {columns} FROM quotes_latest \
         ON DUPLICATE KEY UPDATE quotes_history.price = IF(VALUES(fetched_at) > quotes_history.fetched_at, VALUES(price), quotes_history.price)"
    );
    assert!(lab.client().refusal(&old).await.is_none(), "it works before");
    for step in 7..=9 {
        lab.client().migrate_to(step).await;
        let refusal = lab.client().refusal(&old).await.expect("it cannot be written");
        let number = refusal
            .as_database_error()
            .and_then(|error| Some(error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?.number()));
        assert!(number.is_some_and(|number| [1288, 1471].contains(&number)), "{step}: {refusal:?}");
    }
}

#[tokio::test]
async fn somebody_elses_table_history_is_left_alone() {
    let lab = before().await;
    lab.database.execute("CREATE TABLE history (what TEXT)").await;
    let options = lab.database.options();
    let opened = MysqlStore::open(&options, Arc::new(ManualClock::default())).await.map(drop);
    for outcome in [opened, MysqlStore::pending(&options).await.map(drop)] {
        let Err(StoreError::Misconfigured { reason }) = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains("table or view `history` that is not coinpipe's"), "{reason}");
    }
    assert_eq!(lab.client().columns("history").await.len(), 1);
    lab.database.execute("DROP TABLE history").await;
    lab.database.open().await;
}
