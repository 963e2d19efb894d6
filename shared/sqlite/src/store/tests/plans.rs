//! How SQLite finds what is asked all the time: by indexes, never through a table.

use sqlkit::contract::snapshot::documented;

use super::*;
use crate::store::ledger::Which;

/// The steps of the plan for `sql`.
async fn plan(store: &SqliteStore, sql: &str) -> Vec<String> {
    let rows =
        sqlx::query_as::<_, (i64, i64, i64, String)>(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_all(store.database.readers())
            .await
            .expect(sql);
    rows.into_iter().map(|(_, _, _, step)| step).collect()
}

/// Reading a whole table, or a whole index, is a scan.
fn scans(plan: &[String]) -> Vec<&str> {
    plan.iter().map(String::as_str).filter(|step| step.starts_with("SCAN ")).collect()
}

#[tokio::test]
async fn what_is_asked_all_the_time_is_looked_up() {
    let lab = setup().await;
    let newest = plan(&lab.store, quotes::FRESHNESS).await;
    assert_eq!(scans(&newest), ["SCAN CONSTANT ROW"], "{newest:#?}");
    for index in ["batch_chunks_by_quote", "batch_chunks_by_fetch"] {
        assert!(newest.iter().any(|step| step.starts_with("SEARCH") && step.contains(index)), "{newest:#?}");
    }
    // The table has a row for each change of the settings.
    for sql in [
        tables::read::quotes::NEWEST_IN,
        tables::read::schedules::FETCHED_SLOTS,
        tables::read::schedules::IN_FORCE_FROM,
    ] {
        let plan = plan(&lab.store, sql).await;
        assert_eq!(scans(&plan), [""; 0], "{sql}: {plan:#?}");
    }
    let data_kinds = plan(&lab.store, tables::read::ledger::DATA_KINDS).await;
    assert_eq!(scans(&data_kinds), ["SCAN CONSTANT ROW"], "{data_kinds:#?}");
}

#[tokio::test]
async fn batches_are_read_in_three_statements_by_their_keys() {
    let lab = setup().await;
    for which in [Which::Newest(5), Which::Named(&batch(0)), Which::Among(&[batch(0)])] {
        for sql in which.statements() {
            let plan = plan(&lab.store, &sql).await;
            let by_slot =
                |step: &&str| step.contains("batches USING") && step.contains("INDEX batches_by_slot");
            // The ids that were asked for.
            let is_list = |step: &&str| step.starts_with("SCAN json_each");
            assert!(
                scans(&plan).iter().all(|step| by_slot(step) || *step == "SCAN wanted" || is_list(step)),
                "{plan:#?}"
            );
        }
    }
}

/// The view goes through the coins, or their newest quotes, once.
#[tokio::test]
async fn the_queries_of_the_readme_read_no_history_but_the_one_of_a_coin() {
    let lab = setup().await;
    for sql in documented() {
        let plan = plan(&lab.store, &sql).await;
        // m: the map of all coins.
        let allowed = ["SCAN c", "SCAN q", "SCAN m"];
        assert!(scans(&plan).iter().all(|step| allowed.contains(step)), "{sql}: {plan:#?}");
        assert!(scans(&plan).len() <= 1, "{sql}: {plan:#?}");
    }
}
