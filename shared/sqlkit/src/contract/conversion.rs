//! What the version before left is found in the new history, however often its conversion is killed.

use domain::Origin;
use ports::{BatchRecord, Ledger, Quotes, Store};
use testkit::contents::Contents;
use testkit::tables::Tables;

use super::SqlLab;
use super::snapshot::snapshot;
use crate::before::statements;

/// The step that copies.
const PORTIONS: i64 = 8;

/// Ten hours of three coins in two currencies, some of which the ledger does not know, and numbers and texts of all kinds; as the
/// version before has it.
async fn fill(lab: &impl SqlLab) -> Tables {
    for hour in 0..10 {
        let mut chunk = snapshot(hour * 3600, &["USD", "EUR"], 3);
        chunk.page.origin = if hour == 3 { Origin::Replay } else { Origin::Live };
        lab.store().load(&chunk).await.expect("loads");
    }
    let client = lab.client();
    client.back_to_step_6().await;
    let change = async |set: &str, coin: u32, currency: &str| {
        let sql =
            format!("UPDATE quotes_history SET {set} WHERE coin_id = {coin} AND currency = '{currency}'");
        client.execute(&sql).await;
    };
    change("batch_id = 'of no batch'", 1, "USD").await;
    change("batch_id = 'Of no batch', price = NULL, missing_fields = 'price,max_supply'", 1, "EUR").await;
    change("price = 5e-18, market_cap = 1.7976931348623157e308, max_supply = 0.1, cmc_rank = NULL", 2, "USD")
        .await;
    change("currency = 'usd'", 3, "USD").await;
    change("currency = 'usd '", 3, "EUR").await;
    client.tables().await
}

/// As the newest version has it, once opened; by several processes at once, of which each may do all, or a part.
async fn converted(lab: &impl SqlLab, before: &Tables) {
    let (store, ..) = tokio::join!(lab.beside(), lab.beside(), lab.beside());
    let client = lab.client();
    assert_eq!(&client.tables().await, before);
    assert_eq!(store.totals().await.expect("answers").quotes_history, before.history.len() as u64);
    let rows = async |sql: &str| client.found(sql, &["n"]).await;
    assert_eq!(rows("SELECT count(*) AS n FROM history").await, [before.history.len().to_string()]);
    assert_eq!(
        rows("SELECT count(*) AS n FROM batch_numbers").await,
        ["12"],
        "ten batches, and two that none knows"
    );
    for gone in ["quotes_history_before", "history_conversion"] {
        assert!(client.columns(gone).await.is_empty(), "{gone} is still there");
    }
}

/// Bit for bit, with the ledger; and loading goes on.
pub async fn what_the_version_before_left_is_converted<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    let before = fill(&lab).await;
    assert_eq!((before.history.len(), before.latest.len()), (60, 6));
    let columns = lab.client().columns("quotes_history").await;
    converted(&lab, &before).await;
    assert_eq!(lab.client().columns("quotes_history").await, columns);
    let store = lab.beside().await;
    let batches = store.batches(20).await.expect("answers");
    assert!(batches.len() == 10 && batches.iter().all(BatchRecord::is_complete), "{batches:#?}");
    assert_eq!(batches[6].page_replays.len(), 1);
    // A repeat adds only the two quotes whose currency is another one now; a new snapshot adds its own.
    for (hour, quotes) in [(9, 62), (10, 68)] {
        store.load(&snapshot(hour * 3600, &["USD", "EUR"], 3)).await.expect("loads");
        assert_eq!(lab.client().tables().await.history.len(), quotes);
    }
}

/// An empty database has nothing to convert, and neither has one without quotes.
pub async fn an_empty_history_is_converted<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    lab.client().back_to_step_6().await;
    let store = lab.beside().await;
    assert_eq!(lab.client().tables().await, Tables::default());
    store.load(&snapshot(0, &["USD"], 3)).await.expect("loads");
    assert_eq!(lab.client().tables().await.history.len(), 3);
}

/// Portions of a few quotes, so that there are many; killed after each, and in the middle of each. Meanwhile `quotes_history` shows
/// all quotes, and a loader of the version before cannot write into it.
pub async fn a_conversion_killed_after_any_portion_goes_on_there<L: SqlLab>(setup: impl AsyncFn() -> L) {
    let lab = setup().await;
    let client = lab.client();
    let before = fill(&lab).await;
    // Of at least two quotes, so of one instant each.
    let portion = client.step(PORTIONS).replace("200000", "1");
    assert_ne!(portion, client.step(PORTIONS));
    let statements = statements(&portion).join("; ");
    for portions in 0.. {
        client.migrate_to(PORTIONS - 1).await;
        for _ in 0..portions {
            client.execute(&format!("BEGIN; {statements}; COMMIT")).await;
            assert_eq!(client.tables().await, before, "after {portions} portions");
        }
        client.execute(&format!("BEGIN; {statements}; ROLLBACK")).await;
        assert_eq!(client.tables().await, before, "after {portions} portions");
        let is_refused =
            async || client.refusal("INSERT INTO quotes_history SELECT * FROM quotes_latest").await.is_some();
        assert!(is_refused().await);
        let all = "SELECT count(*) AS n FROM history_conversion WHERE ends > '9990-01-01'";
        let is_all = client.found(all, &["n"]).await == ["1"];
        converted(&lab, &before).await;
        assert!(is_refused().await);
        if is_all {
            assert_eq!(portions, 10);
            return;
        }
        client.back_to_step_6().await;
    }
}
