//! How a server finds what is asked all the time: by indexes, never through a table.

use std::sync::Arc;

use domain::Slot;
use ports::Store;
use sqlkit::contract::snapshot::{documented, snapshot};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use testkit::clock::ManualClock;
use testkit::contract::store::sample::{at, batch};

use super::ledger::Which;
use super::*;
use crate::Options;

/// How each table of a statement is read: `table type key`.
async fn plan(connection: &mut MySqlConnection, sql: &str) -> Vec<String> {
    let rows =
        connection.fetch_all(AssertSqlSafe(format!("EXPLAIN FORMAT=TRADITIONAL {sql}"))).await.expect(sql);
    rows.iter().map(step).collect()
}

fn step(row: &sqlx::mysql::MySqlRow) -> String {
    let column = |name: &str| row.get::<Option<String>, _>(name).unwrap_or_default();
    ["table", "type", "key"].map(column).join(" ")
}

/// The tables that are read from one end to the other.
fn scans(plan: &[String]) -> Vec<&str> {
    let is_scan = |step: &&str| step.split(' ').any(|word| ["ALL", "index"].contains(&word));
    plan.iter().map(String::as_str).filter(is_scan).filter(|step| !step.starts_with("<derived")).collect()
}

#[tokio::test]
async fn what_is_asked_all_the_time_is_looked_up() {
    let Some(server) = lab::mysql_url_or_skip() else { return };
    let name = format!("coinpipe_test_{:016x}", fastrand::u64(..));
    let mut url: url::Url = server.parse().expect("a URL");
    let mut connection =
        MySqlConnectOptions::from_url(&url).expect("a good URL").connect().await.expect("connects");
    connection
        .execute(AssertSqlSafe(format!("CREATE DATABASE {name}; USE {name}")))
        .await
        .expect("a database");
    url.set_path(&name);
    let store =
        MysqlStore::open(&Options::new(url.as_str()).expect("a URL"), Arc::new(ManualClock::default()))
            .await
            .expect("opens");
    // Of a table with a handful of rows, a server reads all of them.
    for hour in 0..120 {
        let mut chunk = snapshot(hour * 3600, &["USD", "EUR"], if hour == 0 { 600 } else { 3 });
        chunk.page.slot = Slot::at(at(hour * 3600));
        chunk.page.origin = domain::Origin::Replay;
        store.load(&chunk).await.expect("loads");
    }
    for half in 0..5 {
        let days = 100 << half;
        let sql = format!(
            "INSERT INTO batches (id, slot, endpoint, currencies, simulated) \
             SELECT CONCAT(id, '+{half}'), slot + INTERVAL {days} DAY, endpoint, currencies, simulated FROM batches"
        );
        connection.execute(AssertSqlSafe(sql)).await.expect("more batches");
    }
    let tables =
        "batches, batch_chunks, chunk_replays, coin_descriptions, quotes_latest, history, batch_numbers";
    connection.execute(AssertSqlSafe(format!("ANALYZE TABLE {tables}"))).await.expect("analyzed");

    let mut looked_up = Vec::new();
    for sql in [quotes::FRESHNESS, DATA_KINDS] {
        looked_up.push((sql.to_owned(), plan(&mut connection, sql).await));
    }
    let (newest, slots) = ("'2026-11-27 13:00:00'", ["'2026-11-22 14:00:00'", "'2026-11-22 16:00:00'"]);
    for (sql, values) in [
        (tables::read::quotes::NEWEST_IN, vec![newest, "'EUR'"]),
        (tables::read::schedules::FETCHED_SLOTS, slots.to_vec()),
        (tables::read::schedules::IN_FORCE_FROM, vec!["'quotes'", "'quotes'", newest, newest]),
    ] {
        let sql = values.iter().fold(sql.to_owned(), |sql, value| sql.replacen('?', value, 1));
        looked_up.push((sql.clone(), plan(&mut connection, &sql).await));
    }
    for (sql, values) in [
        (tables::read::ledger::COURSES, vec!["'2026-11-22 14:00:00'", "'2026-11-22 16:00:00'", "9"]),
        (tables::read::ledger::PAID_SINCE, vec!["'2026-11-27 13:00:00'"]),
    ] {
        let sql = values.iter().fold(sql.to_owned(), |sql, value| sql.replacen('?', value, 1));
        looked_up.push((sql.clone(), plan(&mut connection, &sql).await));
    }
    let processes = tables::read::processes::processes().replacen('?', newest, 1).replacen('?', "100", 1);
    looked_up.push((processes.clone(), plan(&mut connection, &processes).await));
    let ids = [batch(0), batch(3600), batch(7200)];
    let mut batches = Vec::new();
    for (which, value) in [(Which::Newest(5), "5"), (Which::Among(&ids), "'x'")] {
        for sql in which.statements() {
            let sql = sql.replace('?', value);
            let plan = plan(&mut connection, &sql).await;
            batches.push((sql, plan));
        }
    }
    let mut of_users = Vec::new();
    for sql in documented() {
        let plan = plan(&mut connection, &sql).await;
        of_users.push((sql, plan));
    }
    let seen = seen(&mut connection).await;
    connection.execute(AssertSqlSafe(format!("DROP DATABASE {name}"))).await.expect("dropped");

    for (sql, plan) in looked_up {
        assert_eq!(scans(&plan), Vec::<&str>::new(), "{sql}: {plan:#?}");
    }
    // Of the newest quotes there is one for each coin, which a table that is sorted by anything goes through; of the history only
    // what is shown is looked up.
    for (sql, plan, key) in seen {
        let is_once = |step: &&str| step.starts_with("q ALL") || step.starts_with("quotes_latest ");
        assert!(scans(&plan).iter().all(is_once), "{sql}: {plan:#?}");
        assert!(plan.iter().any(|step| step.ends_with(key)), "{key}: {sql}: {plan:#?}");
    }
    for (sql, plan) in batches {
        let by_slot = |step: &&str| *step == "batches index batches_by_slot";
        assert!(scans(&plan).iter().all(by_slot), "{sql}: {plan:#?}");
    }
    for (sql, plan) in of_users {
        // The view goes through the coins, or their newest quotes, once.
        let is_once = |step: &&str| step.starts_with("c ALL") || step.starts_with("q ALL");
        // Of the kinds of the market there is a row a coin, or a few a day.
        let is_small = |step: &&str| {
            step.starts_with("m ALL")
                || step.starts_with("global_metrics ")
                || step.contains("complete_maps_by_slot")
        };
        let of_quotes: Vec<_> = scans(&plan).into_iter().filter(|step| !is_small(step)).collect();
        assert!(of_quotes.len() <= 1 && of_quotes.iter().all(is_once), "{sql}: {plan:#?}");
    }
}

/// The statements that look at quotes, how they are read, and with which key.
async fn seen(connection: &mut MySqlConnection) -> Vec<(String, Vec<String>, &'static str)> {
    use domain::{Measure, MeasureSet, Quote};
    use ports::store::{Divided, HistorySpan, MarketThen, PastQuote};
    use tables::browse::{chart, coin, history, market, then};
    let dialect = &browse::DIALECT;
    let (query, newest) = (testkit::contract::store::browse::everything(), batch(0));
    let which = market::Which::without_search(&query, &newest);
    let whole = Divided::new(at(0), at(3600 * 120), 7);
    let [_, newest_quotes, ..] = coin::OneCoin::statements();
    let then = MarketThen { currency: "USD".to_owned(), at: at(7200), after: at(0) };
    let in_time = |of| HistorySpan { from: at(0), until: at(1800), of, newest_first: true };
    let (all, one) = (in_time(None), in_time(Some((2, "USD".to_owned()))));
    let quote = Quote {
        currency: "USD".to_owned(),
        numbers: [None; Measure::COUNT],
        missing: MeasureSet::default(),
        last_updated: at(1000),
    };
    let after = PastQuote { coin_id: 2, quote, fetched_at: at(0), batch: batch(0) };
    let mut seen = Vec::new();
    for (asked, key) in [
        (which.page(dialect), "PRIMARY"),
        (which.count(dialect), ""),
        ((newest_quotes, vec![2_u32.into()]), "history_by_coin"),
        (chart::points(dialect, 2, "USD", whole), "history_by_coin"),
        (chart::lines(dialect, &[1, 2, 3], "USD", whole).expect("there are coins"), "history_by_coin"),
        (then::coins(dialect, &then, 0, 10), "history_by_coin"),
        (history::quotes(dialect, &all, None, 10), "PRIMARY"),
        (history::quotes(dialect, &all, Some(&after), 10), "PRIMARY"),
        (history::quotes(dialect, &one, None, 10), "history_by_coin"),
        (history::quotes(dialect, &one, Some(&after), 10), "history_by_coin"),
    ] {
        let (sql, values) = asked;
        let explained = format!("EXPLAIN FORMAT=TRADITIONAL {sql}");
        let query = parameters::query(AssertSqlSafe(explained), values);
        let rows = query.fetch_all(&mut *connection).await.expect(&sql);
        seen.push((sql, rows.iter().map(step).collect(), key));
    }
    seen
}
