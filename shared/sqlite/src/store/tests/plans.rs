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
    for sql in [tables::read::ledger::COURSES, tables::read::ledger::PAID_SINCE] {
        let steps = plan(&lab.store, sql).await;
        assert_eq!(scans(&steps), [""; 0], "{sql}: {steps:#?}");
    }
    let processes = plan(&lab.store, &tables::read::processes::processes()).await;
    assert_eq!(scans(&processes), [""; 0], "{processes:#?}");
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

/// A page of letters is as quick to find among a million as among a hundred: none is sorted, and none is passed over but those that a
/// text or a code does not fit.
#[tokio::test]
async fn a_page_of_letters_is_read_in_the_order_of_an_index() {
    use ports::{LetterFilter, LetterKey, LetterState};
    let lab = setup().await;
    let (key, none) = (LetterKey { filed_at: at(0), id: "x".to_owned() }, LetterFilter::default);
    let open = || LetterFilter { state: Some(LetterState::Open), ..none() };
    for (filter, index) in [
        (none(), "dead_letters_by_time"),
        (open(), "dead_letters_by_state"),
        (LetterFilter { since: Some(at(0)), text: Some("x".to_owned()), ..open() }, "dead_letters_by_state"),
        (LetterFilter { group: Some("g".to_owned()), ..none() }, "dead_letters_by_group"),
        (LetterFilter { group: Some("g".to_owned()), ..open() }, "dead_letters_by_group_state"),
        (LetterFilter { batch: Some(batch(0)), ..none() }, "dead_letters_by_batch"),
    ] {
        for after in [None, Some(&key)] {
            let (sql, _) = tables::desk::lists::list(&desk::DIALECT, &filter, after, 50);
            let steps = plan(&lab.store, &sql).await;
            assert!(
                steps.iter().any(|step| step.contains(&format!("{index} ")) || step.ends_with(index)),
                "{filter:?}: {steps:#?}"
            );
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{filter:?}: {steps:#?}");
            // Without any filter the first page begins where the index ends.
            let may_scan = filter == none() && after.is_none();
            assert_eq!(scans(&steps).len(), usize::from(may_scan), "{filter:?}: {steps:#?}");
        }
    }
    // What the site draws of each group.
    let (sql, _) = tables::desk::lists::by_hour(&desk::DIALECT, &["one", "two"], at(0));
    let steps = plan(&lab.store, &sql).await;
    assert!(steps.iter().any(|step| step.contains("dead_letters_by_group ")), "{steps:#?}");
    assert_eq!(scans(&steps), [""; 0], "{steps:#?}");
    // What the alerter asks for every ten seconds, and what is deleted.
    let (sql, _) = tables::desk::acts::of_resolved_groups(500);
    for sql in [sql.as_str(), "SELECT id FROM dead_letters WHERE settled_at < ? ORDER BY settled_at LIMIT ?"]
    {
        let steps = plan(&lab.store, sql).await;
        assert_eq!(scans(&steps), [""; 0], "{steps:#?}");
    }
}

/// Of the newest quotes, and of names, there is one for each coin, which a table that is sorted by anything goes through. Of the history only what is
/// shown is looked up, whatever the span.
#[tokio::test]
async fn looking_at_quotes_reads_no_more_of_the_history_than_it_shows() {
    use ports::store::{Divided, HistorySpan, MarketSort, MarketThen, NewestQuote, PastQuote, Start};
    use tables::browse::{chart, coin, history, market, then};
    let lab = setup().await;
    lab.store.load(&chunk(&[1])).await.unwrap();
    let dialect = &browse::DIALECT;
    let (key, newest) = (batch(0), testkit::contract::store::browse::everything());
    for by in [ports::store::MarketColumn::Name, newest.sort.by] {
        for start in [Start::Row(5), Start::After(ports::store::MarketKey { id: 1, value: None })] {
            let sort = MarketSort { by, descending: true };
            let query = ports::store::MarketQuery { sort, start, ..newest.clone() };
            let which = market::Which::without_search(&query, &key);
            for (sql, _) in [which.page(dialect), which.count(dialect)] {
                let steps = plan(&lab.store, &sql).await;
                assert!(!steps.iter().any(|step| step.contains("history")), "{steps:#?}");
                assert!(
                    scans(&steps).iter().all(|step| ["SCAN q", "SCAN c", "SCAN few"].contains(step)),
                    "{steps:#?}"
                );
            }
        }
    }
    let of_coin = coin::OneCoin::statements();
    let span = Divided::new(at(0), at(1), 3);
    let in_time = |of| HistorySpan { from: at(0), until: at(1), of, newest_first: false };
    let (all, one) = (in_time(None), in_time(Some((1, "USD".to_owned()))));
    let NewestQuote { quote, fetched_at, batch, .. } =
        ports::Browse::coin(&*lab.store, 1).await.unwrap().unwrap().quotes.remove(0);
    let after = PastQuote { coin_id: 1, quote, fetched_at, batch };
    let market_then = MarketThen { currency: "USD".to_owned(), at: at(1), after: at(0) };
    let (lines, _) = chart::lines(dialect, &[1, 2, 3], "USD", span).expect("there are coins");
    for (sql, index, allowed) in [
        (of_coin[1].as_str(), "history_by_coin (coin_id=? AND currency=?)", &[""][..]),
        (
            &chart::points(dialect, 1, "USD", span).0,
            "history_by_coin (coin_id=? AND currency=? AND",
            &["SCAN g"],
        ),
        (&lines, "COVERING INDEX history_by_coin (coin_id=? AND currency=? AND", &["SCAN g"]),
        (
            &then::coins(dialect, &market_then, 5, 10).0,
            "COVERING INDEX history_by_coin (coin_id=? AND",
            &[""],
        ),
        (
            &history::quotes(dialect, &all, None, 10).0,
            "PRIMARY KEY (last_updated>? AND last_updated<?)",
            &[""],
        ),
        (&history::quotes(dialect, &all, Some(&after), 10).0, "PRIMARY KEY (last_updated>", &[""]),
        (&history::quotes(dialect, &one, None, 10).0, "history_by_coin (coin_id=? AND currency=? AND", &[""]),
        (
            &history::quotes(dialect, &one, Some(&after), 9).0,
            "history_by_coin (coin_id=? AND currency=? AND",
            &[""],
        ),
    ] {
        let steps = plan(&lab.store, sql).await;
        assert!(scans(&steps).iter().all(|step| allowed.contains(step)), "{sql}: {steps:#?}");
        assert!(steps.iter().any(|step| step.contains(index)), "{index}: {sql}: {steps:#?}");
    }
    // A page of the history begins where the one before it ended: nothing is sorted.
    for (sql, _) in
        [history::quotes(dialect, &all, Some(&after), 10), history::quotes(dialect, &one, None, 10)]
    {
        let steps = plan(&lab.store, &sql).await;
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    }
}
